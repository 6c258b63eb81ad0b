//! How fast a bulk import is. `cargo bench -p nunatak-bench --bench import`.
//!
//! All in samples a second, over a fleet of 1,000 series that is scraped every 15 s for 24 hours
//! (5.76 million samples), or a part of it. The demand is a million samples a second on two cores.
//!
//! - `parse/influx`: lines of the line protocol, ten fields each, up to borrowed fields.
//! - `parse/openmetrics`: lines of OpenMetrics, up to a borrowed series, value and time.
//! - `parse/xor`: Prometheus' chunks of 120 samples.
//! - `engine/memory`: samples one by one in the order of scrapes into blocks on files; all of them fit
//!   the memory of the import.
//! - `engine/runs`: the same with 16 MiB of memory: six temporary runs are written and merged.
//! - `engine/series`: series after series in pieces of 120, as a block of Prometheus gives them.
#![expect(clippy::expect_used, reason = "a bench may stop")]

use std::fmt::Write as _;
use std::hint::black_box;
use std::time::Duration;

use criterion::measurement::WallTime;
use criterion::{
    BatchSize, BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main,
};
use nunatak::{Db, ImportOptions, Labels, Options};
use nunatak_bench::reference::xor;
use nunatak_bench::workload::Fleet;
use nunatak_server::import::openmetrics::{Dialect, parse_line as parse_text};
use nunatak_server::import::{line_protocol, prometheus};

#[path = "support/fleet.rs"]
mod fleet;

const SERIES: usize = 1_000;
/// 24 hours.
const SCRAPES: usize = 5_760;
/// Samples that a block's chunk has.
const CHUNK: usize = 120;

/// All samples, scrape by scrape: number of the series, time, value.
struct Samples {
    labels: Vec<Labels>,
    rows: Vec<(usize, i64, f64)>,
}

fn samples(scrapes: usize) -> Samples {
    let mut fleet = Fleet::new(fleet::options(SERIES));
    let labels = fleet.series().iter().map(|series| {
        Labels::from_pairs(series.labels.iter().map(|(n, v)| (n, v))).expect("labels")
    });
    let labels = labels.collect();
    let mut rows = Vec::with_capacity(SERIES * scrapes);
    for scrape in 0..scrapes {
        for host in 0..fleet.hosts() {
            fleet.scrape(host, scrape, |series, t, v| rows.push((series, t, v)));
        }
    }
    Samples { labels, rows }
}

fn open() -> (tempfile::TempDir, Db) {
    let folder = tempfile::tempdir().expect("a folder");
    let db = Db::open(Options::new(folder.path())).expect("a database");
    (folder, db)
}

fn import(db: &Db, samples: &Samples, options: ImportOptions) {
    let mut importer = db.importer(options).expect("an importer");
    let series: Vec<_> = samples.labels.iter().map(|labels| importer.series(labels)).collect();
    for &(number, t, v) in &samples.rows {
        importer.push(series[number], &[t], &[v]).expect("room");
    }
    let report = importer.finish().expect("blocks");
    assert_eq!(report.stored, samples.rows.len() as u64);
}

fn import_series(db: &Db, labels: &[Labels], columns: &[(Vec<i64>, Vec<f64>)]) {
    let mut importer = db.importer(ImportOptions::new("bench")).expect("an importer");
    for (labels, (times, values)) in labels.iter().zip(columns) {
        let series = importer.series(labels);
        for (times, values) in times.chunks(CHUNK).zip(values.chunks(CHUNK)) {
            importer.push(series, times, values).expect("room");
        }
    }
    importer.finish().expect("blocks");
}

fn columns(samples: &Samples) -> Vec<(Vec<i64>, Vec<f64>)> {
    let mut columns = vec![(Vec::new(), Vec::new()); samples.labels.len()];
    for &(number, t, v) in &samples.rows {
        columns[number].0.push(t);
        columns[number].1.push(v);
    }
    columns
}

fn engine(c: &mut Criterion) {
    let samples = samples(SCRAPES);
    let columns = columns(&samples);
    let mut group = c.benchmark_group("engine");
    group.sample_size(10).measurement_time(Duration::from_secs(20));
    group.throughput(Throughput::Elements(samples.rows.len() as u64));
    let mut run = |name: &str, work: &dyn Fn(&Db)| {
        group.bench_function(name, |b| {
            b.iter_batched_ref(open, |(_, db)| work(db), BatchSize::PerIteration);
        });
    };
    run("memory", &|db| import(db, &samples, ImportOptions::new("bench")));
    run("runs", &|db| import(db, &samples, ImportOptions::new("bench").memory(16 << 20)));
    run("series", &|db| import_series(db, &samples.labels, &columns));
    group.finish();
}

fn parse(c: &mut Criterion) {
    let samples = samples(10);
    let mut group = c.benchmark_group("parse");
    influx(&mut group, &samples);
    openmetrics(&mut group, &samples);
    chunks(&mut group, &samples);
    group.finish();
}

fn influx(group: &mut BenchmarkGroup<'_, WallTime>, samples: &Samples) {
    let mut text = String::new();
    for rows in samples.rows.chunks(10) {
        let fields: Vec<_> = rows.iter().map(|(n, _, v)| format!("field_{}={v}", n % 10)).collect();
        let time = rows[0].1 * 1_000_000;
        let host = rows[0].0 % 7;
        let tags =
            format!("host=server-{host:02}.example.com,datacenter=eu-west-1,rack=42,service=6");
        writeln!(text, "cpu,{tags} {} {time}", fields.join(",")).expect("a string");
    }
    group.throughput(Throughput::Elements(samples.rows.len() as u64));
    group.bench_function("influx", |b| {
        let mut fields = Vec::new();
        b.iter(|| {
            for line in text.lines() {
                black_box(line_protocol::parse_line(line, &mut fields).expect("a line"));
            }
        });
    });
}

fn openmetrics(group: &mut BenchmarkGroup<'_, WallTime>, samples: &Samples) {
    let mut text = String::new();
    for &(number, t, v) in &samples.rows {
        let labels = &samples.labels[number];
        let pairs: Vec<_> = labels
            .iter()
            .filter(|(name, _)| *name != "__name__")
            .map(|(name, value)| format!("{name}={value:?}"))
            .collect();
        let (s, ms) = (t / 1000, t % 1000);
        writeln!(text, "{}{{{}}} {v} {s}.{ms:03}", labels.metric_name(), pairs.join(","))
            .expect("a string");
    }
    group.throughput(Throughput::Elements(samples.rows.len() as u64));
    group.bench_function("openmetrics", |b| {
        b.iter(|| {
            for line in text.lines() {
                black_box(parse_text(line, Dialect::OpenMetrics).expect("a line"));
            }
        });
    });
}

fn chunks(group: &mut BenchmarkGroup<'_, WallTime>, samples: &Samples) {
    let chunks: Vec<Vec<u8>> = columns(samples)
        .iter()
        .map(|(times, values)| {
            let mut bytes = Vec::new();
            xor::encode(times, values, &mut bytes).expect("a chunk");
            bytes
        })
        .collect();
    group.throughput(Throughput::Elements(samples.rows.len() as u64));
    group.bench_function("xor", |b| {
        let (mut times, mut values) = (Vec::new(), Vec::new());
        b.iter(|| {
            for chunk in &chunks {
                times.clear();
                values.clear();
                prometheus::decode_xor(chunk, &mut times, &mut values).expect("a chunk");
                black_box((&times, &values));
            }
        });
    });
}

criterion_group!(benches, parse, engine);
criterion_main!(benches);
