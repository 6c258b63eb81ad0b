//! What samples take on disk: few series for a day, and samples captured from the real world.

use std::time::{Duration, Instant};

use super::bench::{Bench, DataFolder, INTERVAL_MS};
use super::ingest::{Data, keep};
use super::parts::{OnDisk, parts_table};
use super::table::{Row, table};
use crate::Result;
use crate::measure::{FolderSize, Ingest, Parts};
use crate::prepared::{FleetWork, Prepared};
use crate::report::model::{Section, Unit};
use crate::target::Target;
use crate::workload::{Capture, FleetOptions, start_ms};

/// One target, once.
struct Run {
    ingest: Ingest,
    flush: Duration,
    flushed: FolderSize,
    parts: Option<Parts>,
    found: u64,
}

impl Run {
    fn on_disk(&self) -> OnDisk {
        OnDisk { samples: self.ingest.sent.samples, all: self.flushed, parts: self.parts }
    }
}

/// Few series for a day; also gives what the targets hold.
pub(super) fn long(bench: &Bench) -> Result<(Section, Data)> {
    let (series, scrapes) = bench.plan.long;
    let options = FleetWork {
        fleet: FleetOptions {
            series,
            seed: bench.seed,
            start_ms: start_ms(bench.start, scrapes, INTERVAL_MS),
            interval_ms: INTERVAL_MS,
            jitter_ms: bench.jitter_ms,
        },
        scrapes,
        late: None,
    };
    let work = bench.prepare("a long time", |packing, bar| Prepared::fleet(&options, packing, bar));
    let mut folders = Vec::new();
    let runs = bench.in_turns("long", |target| {
        let (run, folder) = measure(bench, target, &work)?;
        keep(&mut folders, target.name(), folder);
        Ok(run)
    })?;
    let method = format!(
        "{series} series of one host × {scrapes} scrapes every {} s ({:.0} h), with the fleet's \
         mix of signals.",
        INTERVAL_MS / 1_000,
        scrapes as f64 * INTERVAL_MS as f64 / 3_600_000.0
    );
    let section = section("long", "Few series, long", method, &work, &runs);
    Ok((section, Data { work, folders }))
}

/// The captured samples.
pub(super) fn capture(bench: &Bench) -> Result<Section> {
    let every = bench.plan.capture_every;
    let capture = Capture::read(&bench.capture)?.every(every);
    let start = start_ms(bench.start, capture.seconds() as usize, 1_000);
    let work = bench
        .prepare("the capture", |packing, bar| Prepared::capture(&capture, start, packing, bar));
    let runs = bench.in_turns("capture", |target| Ok(measure(bench, target, &work)?.0))?;
    let which = if every == 1 { String::new() } else { format!(" (every {every}th sample)") };
    let method = format!(
        "{} series of a real node exporter and a real Prometheus, scraped every second for {:.0} \
         minutes: {} samples{which}. See [bench/data](../bench/data/node_exporter_capture/README.md).",
        work.extent.series,
        capture.seconds() / 60.0,
        work.extent.samples,
    );
    Ok(section("capture", "Captured samples", method, &work, &runs))
}

fn measure(bench: &Bench, target: &dyn Target, work: &Prepared) -> Result<(Run, DataFolder)> {
    let (server, folder) = bench.start_empty(target)?;
    let ingest = bench.load(target, &server, work)?;
    let begun = Instant::now();
    let flushed = target.flush(&bench.client, server.base(), &folder.data())?;
    let flush = begun.elapsed();
    let found = target.count(&bench.client, server.base(), work)?;
    server.stop()?;
    let parts = target.parts(&folder.data())?;
    Ok((Run { ingest, flush, flushed, parts, found }, folder))
}

fn section(
    id: &str,
    title: &str,
    method: String,
    work: &Prepared,
    runs: &[(String, Run)],
) -> Section {
    let mut notes: Vec<String> =
        runs.iter().filter_map(|(target, run)| run.ingest.sent.trouble(target)).collect();
    if work.extent.not_numbers > 0 {
        notes.push(format!(
            "{} of the samples are NaN, which VictoriaMetrics and InfluxDB do not keep.",
            work.extent.not_numbers
        ));
    }
    Section {
        id: id.to_owned(),
        title: title.to_owned(),
        method,
        tables: [
            Some(table("", true, disk_rows(), runs)),
            parts_table(runs, Run::on_disk),
            Some(table("Further", false, further_rows(), runs)),
        ]
        .into_iter()
        .flatten()
        .collect(),
        curves: Vec::new(),
        notes,
    }
}

fn disk_rows() -> Vec<Row<Run>> {
    vec![
        Row::less("disk_per_sample", "bytes per sample, flushed, log apart", Unit::Number, {
            |run: &Run| run.flushed.bytes as f64 / run.ingest.sent.samples as f64
        })
        .headline(),
        Row::less("written_per_sample", "bytes written per sample while loading", Unit::Number, {
            |run: &Run| run.ingest.written_bytes_per_sample()
        }),
    ]
}

fn further_rows() -> Vec<Row<Run>> {
    vec![
        Row::less("cpu_per_million", "server CPU seconds per million samples", Unit::Number, {
            |run: &Run| run.ingest.cpu_seconds_per_million()
        }),
        Row::less("rss_peak", "peak RSS", Unit::Mebibytes, |run: &Run| {
            run.ingest.after.rss_peak_bytes as f64 / 1_048_576.0
        }),
        Row::less("flush", "flush", Unit::Seconds, |run: &Run| run.flush.as_secs_f64()),
        Row::plain("acknowledged", "samples acknowledged", Unit::Count, |run: &Run| {
            run.ingest.sent.samples as f64
        }),
        Row::more("found", "found after the flush", Unit::Count, |run: &Run| run.found as f64),
    ]
}
