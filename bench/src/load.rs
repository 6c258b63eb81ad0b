//! `nunatak-bench load`: writes a fleet into a server that runs already.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::cli::{Load, WorkloadArgs};
use crate::measure::{Ingest, Process, SendReport, measure_ingest, send};
use crate::requests::{self, Stream};
use crate::workload::{Fleet, FleetOptions};
use crate::{Result, output};

/// What was written, in words for a report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Written {
    /// Series.
    pub series: usize,
    /// Scrapes of each.
    pub scrapes: usize,
    /// Hosts that the series belong to.
    pub hosts: usize,
    /// Between two scrapes, ms.
    pub interval_ms: i64,
    /// Time of the first scrape, ms since the epoch.
    pub start_ms: i64,
    /// Samples in one request.
    pub samples_per_request: usize,
    /// Connections.
    pub connections: usize,
    /// The seed.
    pub seed: u64,
    /// Labels of a series, mean.
    pub labels_per_series: f64,
    /// Bytes of names and values of a series' labels, mean.
    pub label_bytes_per_series: f64,
}

/// A workload, ready to be sent.
#[derive(Debug)]
pub struct Prepared {
    /// Its description.
    pub written: Written,
    /// The fleet after its last scrape.
    pub fleet: Fleet,
    /// The requests by connection.
    pub streams: Vec<Stream>,
}

impl Prepared {
    /// Makes and encodes everything.
    #[must_use]
    pub fn new(arguments: &WorkloadArgs) -> Self {
        let interval_ms = i64::from(arguments.interval.max(1)) * 1_000;
        let start_ms = start_ms(arguments, interval_ms);
        let mut fleet = Fleet::new(FleetOptions {
            series: arguments.series,
            seed: arguments.seed,
            start_ms,
            interval_ms,
        });
        let series = fleet.series();
        let mean = |sum: usize| sum as f64 / series.len().max(1) as f64;
        let written = Written {
            series: series.len(),
            scrapes: arguments.scrapes,
            hosts: fleet.hosts(),
            interval_ms,
            start_ms,
            samples_per_request: arguments.samples_per_request,
            connections: arguments.connections,
            seed: arguments.seed,
            labels_per_series: mean(series.iter().map(|one| one.labels.len()).sum()),
            label_bytes_per_series: mean(
                series.iter().map(crate::workload::Series::label_bytes).sum(),
            ),
        };
        let progress = output::bar("encoding the scrapes", arguments.scrapes as u64);
        let streams = requests::encode(
            &mut fleet,
            arguments.scrapes,
            arguments.samples_per_request,
            arguments.connections,
            &progress,
        );
        Self { written, fleet, streams }
    }

    /// Samples in all requests.
    #[must_use]
    pub fn samples(&self) -> u64 {
        (self.written.series * self.written.scrapes) as u64
    }

    /// Time after the last sample, ms since the epoch.
    #[must_use]
    pub fn end_ms(&self) -> i64 {
        self.written.start_ms + self.written.scrapes as i64 * self.written.interval_ms
    }
}

/// The given start, or one that lets the last scrape end now; on the grid of the scrapes.
fn start_ms(arguments: &WorkloadArgs, interval_ms: i64) -> i64 {
    arguments.start.map_or_else(
        || {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
            let start = now.as_millis() as i64 - arguments.scrapes as i64 * interval_ms;
            start.div_euclid(interval_ms) * interval_ms
        },
        |seconds| seconds * 1_000,
    )
}

/// What `load` prints.
#[derive(Debug, Serialize)]
struct LoadReport {
    workload: Written,
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
    let prepared = Prepared::new(&arguments.workload);
    let progress = output::bar("writing", prepared.samples());
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
            (ingest.sent.clone(), Some(server_report(ingest, prepared.written.series)))
        }
    };
    progress.finish_and_clear();
    let samples_per_second = sent.samples_per_second();
    let report = LoadReport { workload: prepared.written, samples_per_second, sent, server };
    output::result(&output::json(&report)?)
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
