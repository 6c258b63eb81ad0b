//! Who is measured: how a server is started, where it takes samples, how it is asked and flushed.

mod influxdb;
mod nunatak;
mod prometheus;
mod server;
mod victoria_metrics;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

pub use influxdb::InfluxDb;
pub use nunatak::Nunatak;
pub use prometheus::Prometheus;
pub use server::{Server, pin};
pub use victoria_metrics::VictoriaMetrics;

use crate::client::Client;
use crate::measure::{FolderSize, Parts, folder_size};
use crate::prepared::Prepared;
use crate::question::Question;
use crate::report::model::TargetNote;
use crate::{Error, Result};

/// A program that takes remote write and answers questions about what it has taken.
pub trait Target: std::fmt::Debug + Sync {
    /// Its name in reports.
    fn name(&self) -> String;

    /// Whether it is nunatak, not a peer.
    fn is_ours(&self) -> bool {
        false
    }

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

    /// What must be done once after the first start.
    ///
    /// # Errors
    /// If the target refuses.
    fn set_up(&self, _client: &Client, _base: &str) -> Result<()> {
        Ok(())
    }

    /// Path that takes remote write.
    fn write_path(&self) -> &'static str {
        "/api/v1/write"
    }

    /// Path and query that ask `question`; nothing if it has no language for it.
    fn ask_path(&self, question: &Question) -> Option<String> {
        Some(question.prometheus_path())
    }

    /// Whether answers have Prometheus' form, and can be compared with Prometheus' own.
    fn answers_promql(&self) -> bool {
        true
    }

    /// Makes what was written visible to queries, if that takes some doing.
    ///
    /// # Errors
    /// If the target refuses.
    fn make_visible(&self, _client: &Client, _base: &str) -> Result<()> {
        Ok(())
    }

    /// Counts the samples that it has of a workload, part by part.
    ///
    /// # Errors
    /// If it can't be asked.
    fn count(&self, client: &Client, base: &str, work: &Prepared) -> Result<u64> {
        count_by_promql(client, base, work)
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

    /// What the bytes in `data` are for, if that can be told.
    ///
    /// # Errors
    /// If the folder can't be read or is damaged.
    fn parts(&self, _data: &Path) -> Result<Option<Parts>> {
        Ok(None)
    }

    /// What a report says of it.
    ///
    /// # Errors
    /// If its version can't be told.
    fn note(&self) -> Result<TargetNote> {
        Ok(TargetNote {
            name: self.name(),
            is_ours: self.is_ours(),
            version: self.version()?,
            durability: self.durability(),
        })
    }
}

/// Asks for the plain samples of each part: a function over them would drop the metric's name,
/// and two metrics of a host with otherwise equal labels are an error then.
fn count_by_promql(client: &Client, base: &str, work: &Prepared) -> Result<u64> {
    // A range does not hold its left end.
    let range = work.extent.to_ms - work.extent.from_ms + 1;
    let mut found = 0;
    for part in &work.parts {
        let query = format!("{part}[{range}ms]");
        let result = client.query(base, &query, work.extent.to_ms as f64 / 1e3)?;
        let series = result.as_array().map_or(&[][..], Vec::as_slice);
        found += series
            .iter()
            .filter_map(|one| one.get("values")?.as_array())
            .map(|values| values.len() as u64)
            .sum::<u64>();
    }
    Ok(found)
}

/// Waits until the size of a folder has stood still for `quiet`, and gives it.
fn size_at_rest(data: &Path, quiet: Duration, skip: &dyn Fn(&Path) -> bool) -> Result<FolderSize> {
    let mut last = folder_size(data, skip)?;
    loop {
        std::thread::sleep(quiet);
        let now = folder_size(data, skip)?;
        if now == last {
            return Ok(now);
        }
        last = now;
    }
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

/// The version that the script noted when it unpacked the package of `program`; `argument` makes
/// a program from elsewhere tell its own.
fn package_version(program: &Path, argument: &str) -> Result<String> {
    let note = program.ancestors().nth(3).map(|folder| folder.join("VERSION"));
    match note.filter(|note| note.exists()) {
        Some(note) => std::fs::read_to_string(&note)
            .map(|text| text.trim().to_owned())
            .map_err(Error::io(note.display().to_string())),
        None => first_line(program, argument),
    }
}

fn first_line(program: &Path, argument: &str) -> Result<String> {
    let shown = program.display().to_string();
    let output = Command::new(program).arg(argument).output().map_err(Error::io(shown))?;
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

fn fetch_page(client: &Client, url: &str) -> Result<String> {
    let answer = client.get(url)?;
    if answer.is_ok() { Ok(answer.text) } else { Err(Error::Target(format!("{url}: {answer}"))) }
}

fn ask(client: &Client, url: &str) -> Result<String> {
    let answer = client.post(url)?;
    if answer.is_ok() { Ok(answer.text) } else { Err(Error::Target(format!("{url}: {answer}"))) }
}
