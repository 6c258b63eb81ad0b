//! What a process has used so far, by its id.

use std::time::Duration;

use nix::time::{clock_getcpuclockid, clock_gettime};
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// A process of this machine, observed from outside. To see the bytes it wrote needs the same
/// user or root.
#[derive(Debug, Clone, Copy)]
pub struct Process {
    pid: i32,
}

/// Use at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Usage {
    /// Processor time of all threads, those that ended included, seconds.
    pub cpu_seconds: f64,
    /// Resident memory, bytes: anonymous, of files and shared.
    pub rss_bytes: u64,
    /// The anonymous part of it.
    pub rss_anonymous_bytes: u64,
    /// The highest resident memory so far.
    pub rss_peak_bytes: u64,
    /// Bytes handed to write calls, to files and pipes.
    pub written_bytes: u64,
    /// Bytes of pages made dirty, as the kernel accounts them to the process: what goes to the
    /// disk. A page that is written again after a sync counts again.
    pub disk_bytes: u64,
}

impl Process {
    /// The process with this id.
    #[must_use]
    pub fn new(pid: u32) -> Self {
        Self { pid: pid.cast_signed() }
    }

    /// What it has used until now.
    ///
    /// # Errors
    /// If there is no such process or it is another user's.
    pub fn usage(self) -> Result<Usage> {
        let status = self.read("status")?;
        let io = self.read("io")?;
        Ok(Usage {
            cpu_seconds: self.cpu()?.as_secs_f64(),
            rss_bytes: field(&status, "VmRSS:") * 1024,
            rss_anonymous_bytes: field(&status, "RssAnon:") * 1024,
            rss_peak_bytes: field(&status, "VmHWM:") * 1024,
            written_bytes: field(&io, "wchar:"),
            disk_bytes: field(&io, "write_bytes:"),
        })
    }

    /// Processor time from the scheduler's own sum, in ns as in /proc/PID/schedstat. The clock of
    /// the process is asked and not that file of each thread, because threads that have ended
    /// (a pool that shrinks) would be missing there.
    ///
    /// # Errors
    /// If there is no such process.
    pub fn cpu(self) -> Result<Duration> {
        let gone = |error: nix::Error| {
            Error::io(format!("processor time of process {}", self.pid))(error.into())
        };
        let clock = clock_getcpuclockid(Pid::from_raw(self.pid)).map_err(gone)?;
        Ok(clock_gettime(clock).map_err(gone)?.into())
    }

    fn read(self, file: &str) -> Result<String> {
        let path = format!("/proc/{}/{file}", self.pid);
        std::fs::read_to_string(&path).map_err(Error::io(path))
    }
}

fn field(text: &str, name: &str) -> u64 {
    text.lines()
        .find_map(|line| line.strip_prefix(name))
        .and_then(|rest| rest.split_whitespace().next())
        .and_then(|number| number.parse().ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_uses_something() {
        let this = Process::new(std::process::id());
        let before = this.usage().unwrap();
        assert!(before.cpu_seconds > 0.0);
        assert!(before.rss_bytes > 0 && before.rss_bytes <= before.rss_peak_bytes);
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), vec![1; 100_000]).unwrap();
        assert!(this.usage().unwrap().written_bytes >= before.written_bytes + 100_000);
    }

    #[test]
    fn a_process_that_is_not_there_is_an_error() {
        assert!(Process::new(i32::MAX as u32).usage().is_err());
    }
}
