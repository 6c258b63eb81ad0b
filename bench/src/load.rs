//! `nunatak-bench load`: writes a fleet into a server that runs already.

use std::time::Duration;

use serde::Serialize;

use crate::cli::{Load, WorkloadArgs};
use crate::measure::{Ingest, Process, SendReport, measure_ingest, send};
use crate::prepared::{Extent, FleetWork, Packing, Prepared};
use crate::workload::{FleetOptions, start_ms};
use crate::{Result, output};

/// What `load` prints.
#[derive(Debug, Serialize)]
struct LoadReport {
    workload: Extent,
    samples_per_second: f64,
    sent: SendReport,
    #[serde(skip_serializing_if = "Option::is_none")]
    server: Option<ServerReport>,
}

#[derive(Debug, Serialize)]
struct ServerReport {
    cpu_seconds_per_million_samples: f64,
    rss_bytes: u64,
    rss_per_series: f64,
    rss_growth_per_series: f64,
    rss_peak_bytes: u64,
    written_bytes_per_sample: f64,
    disk_bytes_per_sample: f64,
    ingest: Ingest,
}

/// Runs `load`.
///
/// # Errors
/// If the server can't be reached, or the process can't be observed.
pub fn run(arguments: &Load) -> Result<()> {
    let prepared = prepare(&arguments.workload);
    let progress = output::bar("writing", prepared.extent.samples);
    let (sent, server) = match arguments.pid {
        None => (send(&arguments.url, &prepared.streams, &progress)?, None),
        Some(pid) => {
            let ingest = measure_ingest(
                &arguments.url,
                &prepared.streams,
                Process::new(pid),
                Duration::from_secs(arguments.settle),
                &progress,
            )?;
            (ingest.sent.clone(), Some(server_report(ingest, prepared.extent.series)))
        }
    };
    progress.finish_and_clear();
    let samples_per_second = sent.samples_per_second();
    let report = LoadReport { workload: prepared.extent, samples_per_second, sent, server };
    output::result(&output::json(&report)?)
}

fn prepare(arguments: &WorkloadArgs) -> Prepared {
    let interval_ms = i64::from(arguments.interval.max(1)) * 1_000;
    let work = FleetWork {
        fleet: FleetOptions {
            series: arguments.series,
            seed: arguments.seed,
            start_ms: start_ms(arguments.start, arguments.scrapes, interval_ms),
            interval_ms,
            jitter_ms: arguments.jitter,
        },
        scrapes: arguments.scrapes,
        late: None,
    };
    let packing = Packing {
        samples_per_request: arguments.samples_per_request,
        connections: arguments.connections,
    };
    Prepared::fleet(&work, packing, &output::bar("encoding", 0))
}

fn server_report(ingest: Ingest, series: usize) -> ServerReport {
    ServerReport {
        cpu_seconds_per_million_samples: ingest.cpu_seconds_per_million(),
        rss_bytes: ingest.after.rss_bytes,
        rss_per_series: ingest.rss_per_series(series),
        rss_growth_per_series: ingest.rss_growth_per_series(series),
        rss_peak_bytes: ingest.after.rss_peak_bytes,
        written_bytes_per_sample: ingest.written_bytes_per_sample(),
        disk_bytes_per_sample: ingest.disk_bytes_per_sample(),
        ingest,
    }
}
