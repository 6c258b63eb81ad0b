//! A running target: started on a port of its own, pinned to a processor, ended when dropped.

use std::fs::{File, OpenOptions};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sched::{CpuSet, sched_setaffinity};
use nix::sys::signal::{self, Signal};
use nix::unistd::Pid;

use super::Target;
use crate::measure::{Process, wait_until_ready};
use crate::{Error, Result};

/// How long a start may take.
const START_LIMIT: Duration = Duration::from_mins(10);

/// A server that runs.
#[derive(Debug)]
pub struct Server {
    child: Child,
    base: String,
    ready_after: Duration,
}

impl Server {
    /// Starts `target` on the folder `data`, made if it is missing, bound to the processors `cpus`
    /// (none: to no one), and waits until it is ready. What it prints goes to a file beside `data`.
    ///
    /// # Errors
    /// If it can't be started or ends before it is ready; the end of what it printed is in the
    /// text.
    pub fn start(target: &dyn Target, data: &Path, cpus: &[usize]) -> Result<Self> {
        let port = free_port()?;
        let mut command = target.command(data, port)?;
        let log = data.with_extension("log");
        let (out, err) = open_log(&log)?;
        command.stdin(Stdio::null()).stdout(out).stderr(err);
        let begun = Instant::now();
        let mut child = spawn_pinned(command, cpus)?;
        let base = format!("http://127.0.0.1:{port}");
        let url = format!("{base}{}", target.ready_path());
        let ready = wait_until_ready(&url, begun, START_LIMIT, || match child.try_wait() {
            Ok(None) => Ok(()),
            ended => Err(Error::Target(format!(
                "{} ended before it was ready ({ended:?}):\n{}",
                target.name(),
                tail(&log)
            ))),
        });
        match ready {
            Ok(ready_after) => Ok(Self { child, base, ready_after }),
            Err(error) => {
                let _ = child.kill();
                let _ = child.wait();
                Err(error)
            }
        }
    }

    /// `http://host:port`, without a slash at the end.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Time from the start of the process until it was ready.
    #[must_use]
    pub fn ready_after(&self) -> Duration {
        self.ready_after
    }

    /// The process, to observe it.
    #[must_use]
    pub fn process(&self) -> Process {
        Process::new(self.child.id())
    }

    /// Ends it with SIGTERM and waits until it is gone.
    ///
    /// # Errors
    /// If that is not possible.
    pub fn stop(mut self) -> Result<()> {
        let pid = Pid::from_raw(self.child.id().cast_signed());
        signal::kill(pid, Signal::SIGTERM).map_err(|error| Error::io("SIGTERM")(error.into()))?;
        self.child.wait().map(drop).map_err(Error::io("wait"))
    }

    /// Ends it with SIGKILL.
    ///
    /// # Errors
    /// If that is not possible.
    pub fn kill(mut self) -> Result<()> {
        self.child.kill().map_err(Error::io("kill"))?;
        self.child.wait().map(drop).map_err(Error::io("wait"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already; there is nothing to do about a failure here.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Binds the calling thread, and what it starts from now on, to these processors.
///
/// # Errors
/// If there are no such processors.
pub fn pin(cpus: &[usize]) -> Result<()> {
    let failed =
        |error: nix::Error| Error::io(format!("pinning to processors {cpus:?}"))(error.into());
    let mut set = CpuSet::new();
    cpus.iter().try_for_each(|&cpu| set.set(cpu)).map_err(failed)?;
    sched_setaffinity(Pid::from_raw(0), &set).map_err(failed)
}

/// A child inherits the processors of the thread that starts it, so none of its threads ever runs
/// elsewhere.
fn spawn_pinned(mut command: Command, cpus: &[usize]) -> Result<Child> {
    let program = command.get_program().to_string_lossy().into_owned();
    thread::scope(|scope| {
        scope
            .spawn(|| {
                if !cpus.is_empty() {
                    pin(cpus)?;
                }
                command.spawn().map_err(Error::io(program))
            })
            .join()
            .unwrap_or_else(|_| Err(Error::Target("the starting thread died".to_owned())))
    })
}

fn free_port() -> Result<u16> {
    TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(Error::io("looking for a free port"))
}

fn open_log(path: &PathBuf) -> Result<(File, File)> {
    let open = || {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        Ok((file.try_clone()?, file))
    };
    open().map_err(Error::io(path.display().to_string()))
}

fn tail(path: &Path) -> String {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(15)..].join("\n")
}
