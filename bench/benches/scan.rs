//! How many samples a second a query over much data gets through, on one core.
//! `cargo bench -p nunatak-bench --bench scan`.
//!
//! 10,000 counters with 24 h of samples at 15 s in blocks on disk (57.6 million samples, in the page
//! cache of the operating system but larger than the engine's own), the query at a step of 60 s. In
//! samples a second that are read, each once.
//!
//! - `scan/sum by rate`: the query as a dashboard asks it.
//! - `scan/decode`: the same samples through the same cursors and nothing done with them: what the
//!   engine of PromQL can't be faster than.
//! - `scan/memory`: eight bytes a sample added up from memory: what the bandwidth of the memory would
//!   allow if samples were not compressed.
//!
//! The database is made once, under `target/tmp/scan`.
#![expect(clippy::expect_used, reason = "a bench may stop")]

use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use nunatak::{
    Db, Gathered, Hints, ImportOptions, Labels, ManualClock, MatchOp, Matcher, Options, Selector,
    Source, TimeRange,
};
use nunatak_bench::workload::Random;
use nunatak_promql::{Engine, EngineOptions};

const DAY_MS: i64 = 86_400_000;
/// 2026-10-01 00:00.
const START_MS: i64 = 1_790_812_800_000;
const END_MS: i64 = START_MS + DAY_MS;
const SERIES: usize = 10_000;
const SCRAPES: i64 = 5_760;
const INTERVAL_MS: i64 = 15_000;
const QUERY: &str = "sum by (mode) (rate(cpu_seconds_total[5m]))";

fn open(path: &Path) -> Db {
    // Two days later, so that nothing is still to be written.
    let clock = Arc::new(ManualClock::new(END_MS + 2 * DAY_MS));
    Db::open(Options::new(path).clock(clock).threads(0)).expect("a folder of this bench")
}

/// The database; made if it is not there.
fn database() -> Db {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("scan");
    let db = open(&path);
    let mut importer = db.importer(ImportOptions::new("scan")).expect("nobody else imports");
    if !importer.is_done() {
        for number in 0..SERIES {
            let series = importer.series(&labels(number));
            let (times, values) = samples(number);
            importer.push(series, &times, &values).expect("the disk has room");
        }
        importer.finish().expect("the disk has room");
    }
    db
}

/// Eight modes of eight processors of some hosts.
fn labels(number: usize) -> Labels {
    const MODES: [&str; 8] =
        ["idle", "iowait", "irq", "nice", "softirq", "steal", "system", "user"];
    let instance = format!("10.20.{}.{}:9100", number / 64 / 250, number / 64 % 250);
    let cpu = (number / 8 % 8).to_string();
    let pairs = [
        ("__name__", "cpu_seconds_total"),
        ("cpu", &cpu),
        ("instance", &instance),
        ("job", "node-exporter"),
        ("mode", MODES[number % 8]),
        ("region", "eu-west-1"),
    ];
    Labels::from_pairs(pairs).expect("no name twice")
}

/// Seconds of a processor with two decimals.
fn samples(number: usize) -> (Vec<i64>, Vec<f64>) {
    let mut random = Random::new(7, number as u64);
    // Hosts are scraped at moments of their own.
    let offset = (number / 64) as i64 * 97 % INTERVAL_MS;
    let busy = random.between(1.0, 400.0);
    let mut hundredths = random.between(0.0, 1e7).round();
    let value = |_| {
        hundredths += (busy * random.between(0.5, 1.5)).round();
        hundredths / 100.0
    };
    let values = (0..SCRAPES).map(value).collect();
    ((0..SCRAPES).map(|scrape| START_MS + offset + scrape * INTERVAL_MS).collect(), values)
}

fn selector() -> Selector {
    let name = Matcher::new("__name__", MatchOp::Equal, "cpu_seconds_total").expect("a name");
    Selector::new(vec![name], TimeRange::new(START_MS, END_MS))
}

/// How many samples the cursors have.
fn decode(db: &Db) -> u64 {
    let (mut gathered, mut samples) = (Gathered::default(), 0);
    let hints = Hints { labels: Some(vec!["mode".to_owned()]), ..Hints::default() };
    let mut read = |_: Labels, cursor: &mut dyn nunatak::Cursor| {
        gathered.begin();
        while cursor.gather(&mut gathered).expect("sound blocks") {}
        gathered.end();
        samples += black_box(gathered.values()).len() as u64;
        true
    };
    db.scan(&selector(), &hints, &mut read).expect("sound blocks");
    samples
}

fn query(db: &Db) -> u64 {
    let engine = Engine::new(EngineOptions::default().max_samples(u64::MAX));
    let result = engine.range(db, QUERY, START_MS, END_MS, 60_000).expect("a valid query");
    black_box(&result).stats.samples
}

fn scan(c: &mut Criterion) {
    let db = database();
    let mut group = c.benchmark_group("scan");
    group.sample_size(10).measurement_time(Duration::from_secs(5));
    group.throughput(Throughput::Elements(query(&db)));
    group.bench_function("sum by rate", |b| b.iter(|| query(&db)));
    group.throughput(Throughput::Elements(decode(&db)));
    group.bench_function("decode", |b| b.iter(|| decode(&db)));
    let plain: Vec<f64> = (0..SERIES * SCRAPES as usize).map(|i| i as f64).collect();
    group.throughput(Throughput::Elements(plain.len() as u64));
    group.bench_function("memory", |b| b.iter(|| add_up(black_box(&plain))));
}

/// The sum, in as many additions at a time as it takes to wait for the memory alone.
fn add_up(values: &[f64]) -> f64 {
    let mut lanes = [0.0; 16];
    let (pieces, _) = values.as_chunks::<16>();
    for piece in pieces {
        lanes.iter_mut().zip(piece).for_each(|(lane, value)| *lane += value);
    }
    lanes.iter().sum()
}

criterion_group! { name = benches; config = Criterion::default(); targets = scan }
criterion_main!(benches);
