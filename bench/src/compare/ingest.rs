//! A fleet of hosts: what it costs to take its samples in, what they take on disk, what a kill -9
//! leaves, and how long starts take.

use std::time::{Duration, Instant};

use super::bench::{Bench, DataFolder, INTERVAL_MS};
use super::parts::{OnDisk, parts_table};
use super::table::{Row, table};
use crate::measure::{FolderSize, Ingest, Parts, drop_from_cache};
use crate::prepared::{FleetWork, Prepared};
use crate::question::{Question, wide};
use crate::report::model::{Section, Table, Unit};
use crate::target::{Server, Target};
use crate::workload::{FleetOptions, start_ms};
use crate::{Error, Result};

/// What the targets hold at the end, to be asked.
#[derive(Debug)]
pub(super) struct Data {
    pub(super) work: Prepared,
    /// The folder of each target's last repetition, by its name.
    pub(super) folders: Vec<(String, DataFolder)>,
}

/// One target, once.
struct Run {
    series: usize,
    samples: u64,
    start_empty: Duration,
    ingest: Ingest,
    log: FolderSize,
    start_from_log: Duration,
    found: u64,
    flush: Duration,
    flushed: FolderSize,
    parts: Option<Parts>,
    cold_start: Duration,
    cold_query: Duration,
    found_flushed: u64,
}

impl Run {
    /// Whether everything that was acknowledged was there after kill -9.
    fn is_whole(&self) -> bool {
        self.found >= self.samples
    }

    fn on_disk(&self) -> OnDisk {
        OnDisk { samples: self.samples, all: self.flushed, parts: self.parts }
    }
}

/// Measures all targets; also gives what they hold.
pub(super) fn run(bench: &Bench) -> Result<(Section, Data)> {
    let work = prepare(bench);
    let mut folders = Vec::new();
    let runs = bench.in_turns("ingest", |target| {
        let (run, folder) = measure(bench, target, &work)?;
        keep(&mut folders, target.name(), folder);
        Ok(run)
    })?;
    let section = Section {
        id: "ingest".to_owned(),
        title: "A fleet: ingest, disk, kill -9, starts".to_owned(),
        method: method(bench, &work),
        tables: tables(&runs),
        curves: Vec::new(),
        notes: notes(&runs),
    };
    Ok((section, Data { work, folders }))
}

/// A folder takes the place of the one that the target left before.
pub(super) fn keep(folders: &mut Vec<(String, DataFolder)>, name: String, folder: DataFolder) {
    folders.retain(|(other, _)| *other != name);
    folders.push((name, folder));
}

fn prepare(bench: &Bench) -> Prepared {
    let (series, scrapes) = bench.plan.wide;
    let work = FleetWork {
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
    bench.prepare("a fleet", |packing, bar| Prepared::fleet(&work, packing, bar))
}

fn measure(bench: &Bench, target: &dyn Target, work: &Prepared) -> Result<(Run, DataFolder)> {
    let client = &bench.client;
    let (server, folder) = bench.start_empty(target)?;
    let start_empty = server.ready_after();
    let ingest = bench.load(target, &server, work)?;
    let log = target.log_size(&folder.data())?;
    server.kill()?;

    let server = bench.start(target, &folder)?;
    let start_from_log = server.ready_after();
    let found = target.count(client, server.base(), work)?;

    // Who has lost what it acknowledged gets it once more: the rest is about disks and starts
    // with the whole data.
    let (server, folder) = if found < ingest.sent.samples {
        server.kill()?;
        let (server, folder) = bench.start_empty(target)?;
        bench.load(target, &server, work)?;
        (server, folder)
    } else {
        (server, folder)
    };
    let begun = Instant::now();
    let flushed = target.flush(client, server.base(), &folder.data())?;
    let flush = begun.elapsed();
    server.stop()?;
    let parts = target.parts(&folder.data())?;

    drop_from_cache(&folder.data())?;
    let server = bench.start(target, &folder)?;
    let cold_start = server.ready_after();
    let cold_query = first_query(bench, target, &server, work)?;
    let found_flushed = target.count(client, server.base(), work)?;
    server.stop()?;
    let run = Run {
        series: work.extent.series,
        samples: ingest.sent.samples,
        start_empty,
        ingest,
        log,
        start_from_log,
        found,
        flush,
        flushed,
        parts,
        cold_start,
        cold_query,
        found_flushed,
    };
    Ok((run, folder))
}

/// The question whose first answer is timed after a cold start.
const COLD_QUESTION: &str = "cpu_by_mode_range";

fn first_query(
    bench: &Bench,
    target: &dyn Target,
    server: &Server,
    work: &Prepared,
) -> Result<Duration> {
    let questions = wide(&work.extent);
    let question = questions.iter().find(|question| question.id == COLD_QUESTION);
    let path = question.and_then(|question: &Question| target.ask_path(question));
    let path = path.ok_or_else(|| Error::Target(format!("{COLD_QUESTION} is not asked")))?;
    let begun = Instant::now();
    let answer = bench.client.get(&format!("{}{path}", server.base()))?;
    if answer.is_ok() {
        Ok(begun.elapsed())
    } else {
        Err(Error::Target(format!("{COLD_QUESTION} of {}: {answer}", target.name())))
    }
}

fn tables(runs: &[(String, Run)]) -> Vec<Table> {
    [
        Some(table("Processor and memory", true, cost_rows(), runs)),
        Some(table("On disk", true, disk_rows(), runs)),
        parts_table(runs, Run::on_disk),
        Some(table("Kill -9 and starts", false, start_rows(), runs)),
        Some(table("Further", false, further_rows(), runs)),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn cost_rows() -> Vec<Row<Run>> {
    vec![
        Row::less("cpu_per_million", "server CPU seconds per million samples", Unit::Number, {
            |run: &Run| run.ingest.cpu_seconds_per_million()
        })
        .headline(),
        Row::less("rss_per_series", "RSS per series, whole process", Unit::Bytes, {
            |run: &Run| run.ingest.rss_per_series(run.series)
        })
        .headline(),
        Row::less("rss_growth_per_series", "RSS growth per series", Unit::Bytes, {
            |run: &Run| run.ingest.rss_growth_per_series(run.series)
        }),
    ]
}

fn disk_rows() -> Vec<Row<Run>> {
    let per_sample = |bytes: u64, run: &Run| bytes as f64 / run.samples as f64;
    vec![
        Row::less("disk_per_sample", "bytes per sample, flushed, log apart", Unit::Number, {
            move |run: &Run| per_sample(run.flushed.bytes, run)
        })
        .headline(),
        Row::less("written_per_sample", "bytes written per sample while loading", Unit::Number, {
            |run: &Run| run.ingest.written_bytes_per_sample()
        }),
        Row::less("sent_per_sample", "the same, as sent to the disk in pages", Unit::Number, {
            |run: &Run| run.ingest.disk_bytes_per_sample()
        }),
    ]
}

fn start_rows() -> Vec<Row<Run>> {
    vec![
        Row::plain("acknowledged", "samples acknowledged", Unit::Count, |run: &Run| {
            run.samples as f64
        }),
        Row::less("lost", "of them lost after kill -9", Unit::Count, |run: &Run| {
            run.samples.saturating_sub(run.found) as f64
        }),
        Row::less("start_from_log", "kill -9 → ready, from the log", Unit::Seconds, {
            // A start that leaves out what was acknowledged is not a start with the data.
            |run: &Run| if run.is_whole() { run.start_from_log.as_secs_f64() } else { f64::NAN }
        })
        .headline(),
        Row::less("lost_flushed", "lost after flush and stop", Unit::Count, |run: &Run| {
            run.samples.saturating_sub(run.found_flushed) as f64
        }),
        Row::less("start_cold", "cold start, flushed", Unit::Seconds, |run: &Run| {
            run.cold_start.as_secs_f64()
        }),
        Row::less("query_cold", "first query after it", Unit::Milliseconds, |run: &Run| {
            run.cold_query.as_secs_f64() * 1e3
        }),
        Row::less("start_empty", "start on an empty folder", Unit::Seconds, {
            |run: &Run| run.start_empty.as_secs_f64()
        }),
    ]
}

fn further_rows() -> Vec<Row<Run>> {
    vec![
        Row::less("rss_peak", "peak RSS", Unit::Mebibytes, |run: &Run| {
            run.ingest.after.rss_peak_bytes as f64 / 1_048_576.0
        }),
        Row::more("samples_per_second", "samples/s, at one connection's pace", Unit::Count, {
            |run: &Run| run.ingest.sent.samples_per_second()
        }),
        Row::less("request_p50", "request latency p50", Unit::Milliseconds, |run: &Run| {
            run.ingest.sent.latency_p50_ms
        }),
        Row::less("request_p99", "request latency p99", Unit::Milliseconds, |run: &Run| {
            run.ingest.sent.latency_p99_ms
        }),
        Row::plain("log_per_sample", "log per sample after loading", Unit::Number, {
            |run: &Run| run.log.bytes as f64 / run.samples as f64
        }),
        Row::less("flush", "flush", Unit::Seconds, |run: &Run| run.flush.as_secs_f64()),
    ]
}

fn method(bench: &Bench, work: &Prepared) -> String {
    let extent = &work.extent;
    format!(
        "{} series of {} hosts × {} scrapes every {} s, each series with {:.1} labels of {:.0} \
         bytes in all (means), by remote write 1.0 in requests of 2,000 samples over one \
         connection. Processor time counts from before the first request until {} s after the \
         last answer; memory is looked at then. Then the process is killed with SIGKILL, started \
         again, and every sample is asked for; then it flushes, is stopped with SIGTERM, its \
         files are dropped from the page cache, and it is started cold. The first query after that is \
         `sum by (mode) (rate(node_cpu_seconds_total[5m]))` over 25 minutes (InfluxDB: the nearest \
         words of InfluxQL).",
        extent.series,
        work.parts.len(),
        extent.samples / extent.series.max(1) as u64,
        INTERVAL_MS / 1_000,
        extent.labels_per_series,
        extent.label_bytes_per_series,
        bench.plan.settle.as_secs(),
    )
}

/// Says plainly what went wrong.
fn notes(runs: &[(String, Run)]) -> Vec<String> {
    let mut notes: Vec<String> =
        runs.iter().filter_map(|(target, run)| run.ingest.sent.trouble(target)).collect();
    notes.extend(runs.iter().filter(|(_, run)| !run.is_whole()).map(|(target, run)| {
        format!(
            "{target} was ready {:.3} s after kill -9, but without {} of the {} samples that it had \
             acknowledged; such a start does not count. The load was repeated there, unmeasured, \
             before flush and cold start.",
            run.start_from_log.as_secs_f64(),
            run.samples.saturating_sub(run.found),
            run.samples
        )
    }));
    notes
}
