//! `nunatak-bench slice`: ingest, disk, kill -9 and start, for nunatak and its peers.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::cli::{Peer, Slice};
use crate::client::Client;
use crate::load::Prepared;
use crate::measure::{Ingest, Stored, count_stored, folder_size, measure_ingest};
use crate::report::{self, Machine, Run, SliceReport};
use crate::target::{Nunatak, Prometheus, Server, Target, VictoriaMetrics, pin};
use crate::{Error, Result, output};

/// Quiet time between a start and the first measurement.
const WARM_UP: Duration = Duration::from_secs(2);

/// Runs `slice`.
///
/// # Errors
/// If a target can't be measured.
pub fn run(arguments: &Slice) -> Result<()> {
    make_folder(&arguments.work_dir)?;
    let machine = Machine::this(&arguments.work_dir);
    let server_cpu = place(arguments.cpu, machine.processors)?;
    let targets = targets(arguments)?;
    let prepared = Prepared::new(&arguments.workload);
    let mut runs = Vec::new();
    for repetition in 0..arguments.repeat.max(1) {
        for target in &targets {
            output::note(&format!(
                "run {} of {}: {}",
                repetition + 1,
                arguments.repeat,
                target.name()
            ));
            runs.push(measure(target.as_ref(), arguments, &prepared, server_cpu)?);
        }
    }
    let report = SliceReport {
        date: today(),
        command: command(),
        machine,
        server_cpu,
        workload: prepared.written,
        runs,
    };
    if arguments.dry_run {
        return output::result(&output::json(&report)?);
    }
    publish(&report, &arguments.docs)
}

/// Pins the generator away from the servers; `None` if there is one processor only.
fn place(cpu: usize, processors: usize) -> Result<Option<usize>> {
    if processors < 2 {
        return Ok(None);
    }
    pin((cpu + 1) % processors)?;
    Ok(Some(cpu))
}

fn targets(arguments: &Slice) -> Result<Vec<Box<dyn Target>>> {
    let mut targets: Vec<Box<dyn Target>> = Vec::new();
    let durabilities = if arguments.peers_only { &[][..] } else { &arguments.durability };
    for durability in durabilities {
        let program = arguments.server.clone();
        targets.push(Box::new(Nunatak { program, durability: durability.clone() }));
    }
    for peer in &arguments.peers {
        targets.push(match peer {
            Peer::Prometheus => Box::new(Prometheus::new()?),
            Peer::Victoria => Box::new(VictoriaMetrics::new()?),
        });
    }
    Ok(targets)
}

fn measure(
    target: &dyn Target,
    arguments: &Slice,
    prepared: &Prepared,
    cpu: Option<usize>,
) -> Result<Run> {
    let client = Client::default();
    let site = Site { target, arguments, prepared, cpu };
    let (server, folder) = site.start_empty()?;
    let start_empty_seconds = server.ready_after().as_secs_f64();
    let ingest = site.load(&server)?;
    let all = folder_size(&folder.data(), &|_| false)?;
    let log = target.log_size(&folder.data())?;
    server.kill()?;

    let server = Server::start(target, &folder.data(), cpu)?;
    let start_from_log_seconds = server.ready_after().as_secs_f64();
    let stored = site.stored(&client, &server, &ingest)?;

    // Who has lost what it acknowledged gets it once more: the rest is about disks and starts
    // with the whole data.
    let loaded_again = stored.found < stored.expected;
    let (server, folder) = if loaded_again {
        server.kill()?;
        let (server, folder) = site.start_empty()?;
        site.load(&server)?;
        (server, folder)
    } else {
        (server, folder)
    };
    let begun = Instant::now();
    let flushed = target.flush(&client, server.base(), &folder.data())?;
    let flush_seconds = begun.elapsed().as_secs_f64();
    server.kill()?;

    let server = Server::start(target, &folder.data(), cpu)?;
    let start_flushed_seconds = server.ready_after().as_secs_f64();
    let stored_flushed = site.stored(&client, &server, &ingest)?;
    server.kill()?;

    Ok(Run {
        target: target.name(),
        version: target.version()?,
        durability: target.durability(),
        start_empty_seconds,
        ingest,
        folder: all,
        log,
        start_from_log_seconds,
        stored,
        loaded_again,
        flush_seconds,
        flushed,
        start_flushed_seconds,
        stored_flushed,
    })
}

/// One target with the work that it gets.
struct Site<'a> {
    target: &'a dyn Target,
    arguments: &'a Slice,
    prepared: &'a Prepared,
    cpu: Option<usize>,
}

/// A folder that goes away when dropped; what a target prints is beside its data.
struct DataFolder(tempfile::TempDir);

impl DataFolder {
    fn data(&self) -> PathBuf {
        self.0.path().join("data")
    }
}

impl Site<'_> {
    fn start_empty(&self) -> Result<(Server, DataFolder)> {
        let folder = tempfile::tempdir_in(&self.arguments.work_dir);
        let folder = DataFolder(folder.map_err(Error::io("a data folder"))?);
        make_folder(&folder.data())?;
        let server = Server::start(self.target, &folder.data(), self.cpu)?;
        std::thread::sleep(WARM_UP);
        Ok((server, folder))
    }

    fn load(&self, server: &Server) -> Result<Ingest> {
        let progress = output::bar("writing", self.prepared.samples());
        let url = format!("{}{}", server.base(), self.target.write_path());
        let settle = Duration::from_secs(self.arguments.settle);
        let streams = &self.prepared.streams;
        let ingest = measure_ingest(&url, streams, server.process(), settle, &progress)?;
        progress.finish_and_clear();
        Ok(ingest)
    }

    fn stored(&self, client: &Client, server: &Server, ingest: &Ingest) -> Result<Stored> {
        let (from, to) = (self.prepared.written.start_ms, self.prepared.end_ms());
        count_stored(client, server.base(), &self.prepared.fleet, ingest.sent.samples, from, to)
    }
}

fn publish(report: &SliceReport, docs: &Path) -> Result<()> {
    let name = format!("slice-{}.json", report.date);
    make_folder(&docs.join("benchmarks"))?;
    write(&docs.join("benchmarks").join(&name), &format!("{}\n", output::json(report)?))?;
    let page = docs.join("benchmarks.md");
    let text = std::fs::read_to_string(&page).map_err(Error::io(page.display().to_string()))?;
    write(&page, &report::insert(&text, &report::section(report, &name)))?;
    output::result(&report::section(report, &name))
}

fn write(path: &Path, text: &str) -> Result<()> {
    std::fs::write(path, text).map_err(Error::io(path.display().to_string()))
}

fn make_folder(path: &Path) -> Result<()> {
    std::fs::create_dir_all(path).map_err(Error::io(path.display().to_string()))
}

fn command() -> String {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    format!("cargo run --release -p nunatak-bench -- {}", arguments.join(" "))
}

/// The day in UTC, `2026-01-31`.
fn today() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    let (year, month, day) = civil((now.as_secs() / 86_400).cast_signed());
    format!("{year}-{month:02}-{day:02}")
}

/// Year, month and day of the day so many days after 1970-01-01, after
/// <https://howardhinnant.github.io/date_algorithms.html>.
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::civil;

    #[test]
    fn days_have_their_dates() {
        assert_eq!(civil(0), (1970, 1, 1));
        assert_eq!(civil(11_016), (2000, 2, 29));
        assert_eq!(civil(20_454), (2026, 1, 1));
        assert_eq!(civil(-1), (1969, 12, 31));
    }
}
