//! Who is measured: how a server is started, where it takes samples, how it is made to flush.

mod nunatak;
mod prometheus;
mod server;
mod victoria_metrics;

use std::path::{Path, PathBuf};
use std::process::Command;

pub use nunatak::Nunatak;
pub use prometheus::Prometheus;
pub use server::{Server, pin};
pub use victoria_metrics::VictoriaMetrics;

use crate::client::Client;
use crate::measure::FolderSize;
use crate::{Error, Result};

/// A program that takes remote write and answers PromQL.
pub trait Target: std::fmt::Debug {
    /// Its name in reports.
    fn name(&self) -> String;

    /// Its version, as it or its package says.
    ///
    /// # Errors
    /// If it can't be told.
    fn version(&self) -> Result<String>;

    /// What a write means to it when it is acknowledged.
    fn durability(&self) -> String;

    /// The command that starts it on loopback with its data in `data`.
    ///
    /// # Errors
    /// If something that it needs can't be prepared.
    fn command(&self, data: &Path, port: u16) -> Result<Command>;

    /// Path of a page that answers 200 as soon as queries and writes are served.
    fn ready_path(&self) -> &'static str {
        "/-/ready"
    }

    /// Path that takes remote write.
    fn write_path(&self) -> &'static str {
        "/api/v1/write"
    }

    /// Brings everything into the final format and gives the size of that on disk.
    ///
    /// # Errors
    /// If the target refuses.
    fn flush(&self, client: &Client, base: &str, data: &Path) -> Result<FolderSize>;

    /// Bytes of the log in `data`.
    ///
    /// # Errors
    /// If the folder can't be read.
    fn log_size(&self, data: &Path) -> Result<FolderSize>;
}

/// Fetches a peer with the project's script and gives its path.
fn fetch(name: &str) -> Result<PathBuf> {
    let script = "scripts/peer.sh";
    let output = Command::new(script).arg(name).output().map_err(Error::io(script))?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(Error::Target(format!("{script} {name}: {text}")));
    }
    Ok(PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()))
}

/// The version that the script noted when it unpacked the package of `program`.
fn package_version(program: &Path) -> Result<String> {
    let note = program.ancestors().nth(3).map(|folder| folder.join("VERSION"));
    match note.filter(|note| note.exists()) {
        Some(note) => std::fs::read_to_string(&note)
            .map(|text| text.trim().to_owned())
            .map_err(Error::io(note.display().to_string())),
        None => first_line(program, "--version"),
    }
}

fn first_line(program: &Path, argument: &str) -> Result<String> {
    let shown = program.display().to_string();
    let output = Command::new(program).arg(argument).output().map_err(Error::io(shown))?;
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

fn ask(client: &Client, url: &str) -> Result<String> {
    let answer = client.post(url)?;
    if answer.is_ok() { Ok(answer.text) } else { Err(Error::Target(format!("{url}: {answer}"))) }
}
