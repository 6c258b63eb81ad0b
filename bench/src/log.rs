//! `nunatak-bench log`: what an acknowledgement costs with each durability.
//!
//! The real server, remote write, several connections that each wait for their answer before the
//! next request. The durabilities take turns within every round, so that a machine that others
//! use as well slows all of them alike; each round is a fresh server on an empty folder. Beside it
//! stands what one bare `fdatasync` of a request's bytes takes on the same disk.

mod report;
mod sync;

use std::path::Path;
use std::thread;
use std::time::Duration;

use crate::cli::Log;
use crate::measure::measure_ingest;
use crate::output::{self, Steps};
use crate::prepared::{FleetWork, Packing, Prepared};
use crate::target::{Nunatak, Server, Target};
use crate::workload::{FleetOptions, start_ms};
use crate::{Error, Result};
use report::{Report, Run};

/// Quiet time between a start and the first request.
const WARM_UP: Duration = Duration::from_millis(500);
const INTERVAL_MS: i64 = 15_000;

/// Runs `log`.
///
/// # Errors
/// If a server can't be started or does not take a request.
pub fn run(arguments: &Log) -> Result<()> {
    std::fs::create_dir_all(&arguments.work_dir).map_err(Error::io("the work folder"))?;
    let mut report = Report::new(sync::measure(&arguments.work_dir)?);
    let steps = Steps::new();
    for &connections in &arguments.connections {
        let work = prepare(arguments, connections);
        for round in 1..=arguments.repeat.max(1) {
            for durability in &arguments.durability {
                steps.begin(&format!("{connections} connections, {durability}, round {round}"));
                report.add(connections, durability, measure(arguments, durability, &work)?);
            }
        }
    }
    let text = if arguments.json { output::json(&report.rows())? } else { report.table() };
    output::result(&text)
}

/// Each connection has series of its own and sends the same number of samples in all.
fn prepare(arguments: &Log, connections: usize) -> Prepared {
    let scrapes = (arguments.samples / arguments.series.max(1)).max(1);
    let work = FleetWork {
        fleet: FleetOptions {
            series: arguments.series,
            seed: 1,
            start_ms: start_ms(None, scrapes, INTERVAL_MS),
            interval_ms: INTERVAL_MS,
            jitter_ms: 0,
        },
        scrapes,
        late: None,
    };
    let packing = Packing { samples_per_request: arguments.samples_per_request, connections };
    Prepared::fleet(&work, packing, &output::bar("encoding", 0))
}

fn measure(arguments: &Log, durability: &str, work: &Prepared) -> Result<Run> {
    let target = Nunatak { program: arguments.server.clone(), durability: durability.to_owned() };
    let folder = tempfile::tempdir_in(&arguments.work_dir).map_err(Error::io("a data folder"))?;
    let server = Server::start(&target, &data(folder.path()), &[])?;
    thread::sleep(WARM_UP);
    let url = format!("{}{}", server.base(), target.write_path());
    let bar = output::bar("writing", work.extent.samples);
    let ingest = measure_ingest(&url, &work.streams, server.process(), Duration::ZERO, &bar)?;
    bar.finish_and_clear();
    server.stop()?;
    if let Some(trouble) = ingest.sent.trouble(durability) {
        return Err(Error::Target(trouble));
    }
    Ok(Run {
        samples_per_second: ingest.sent.samples_per_second(),
        p50_ms: ingest.sent.latency_p50_ms,
        p99_ms: ingest.sent.latency_p99_ms,
        cpu_per_million: ingest.cpu_seconds_per_million(),
    })
}

fn data(folder: &Path) -> std::path::PathBuf {
    folder.join("data")
}
