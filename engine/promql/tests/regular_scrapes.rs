//! Guards the promise that what is computed once for all series with the same times is right for
//! each of them: regular scrapes in blocks, over several chunks, against the same samples in memory,
//! bit for bit.

#![expect(clippy::unwrap_used, reason = "helpers of a test")]

use std::sync::Arc;

use nunatak::storage::MemoryStorage;
use nunatak::{Batch, Db, ManualClock, Options, Source};
use nunatak_index::{Labels, labels};
use nunatak_promql::{Engine, MemorySource, Value};

const START: i64 = 1_700_000_000_000;
const INTERVAL: i64 = 15_000;
/// More than two chunks.
const SAMPLES: i64 = 1_100;
/// The NaN that ends a series in Prometheus.
const STALE: u64 = 0x7ff0_0000_0000_0002;

const QUERIES: &[&str] = &[
    "rate(m[5m])",
    "increase(m[5m])",
    "delta(m[5m])",
    "rate(m[47s])",
    "irate(m[5m])",
    "sum by (kind) (rate(m[5m]))",
    "sum(rate(m[1h]))",
    "count by (kind) (m)",
    "sum by (kind) (m)",
    "max by (kind) (m)",
    "resets(m[10m])",
    "changes(m[10m])",
    "deriv(m[10m])",
    "max_over_time(m[7m])",
    "sum_over_time(m[7m])",
    "last_over_time(m[1m])",
    "timestamp(m)",
    "rate(m[5m] @ end())",
    "rate(m[5m] offset 1h)",
    "sum(rate(m[5m])) by (kind) / sum(count_over_time(m[5m])) by (kind)",
    "max_over_time(rate(m[2m])[20m:1m])",
];

type Written = (Labels, Vec<(i64, f64)>);

/// Targets scraped at moments of their own; series of each that are all there is to counters: going
/// on, reset, idle, beginning at zero, with gaps, ends and beginnings, and no counters at all.
fn written() -> Vec<Written> {
    const KINDS: [&str; 8] = ["rising", "reset", "idle", "young", "gap", "stale", "gauge", "nan"];
    let mut all = Vec::new();
    for target in 0..5 {
        // The last one has a time that is not the rule's.
        let jitter = |i: i64| if target == 4 && i == 700 { 3 } else { 0 };
        let time = |i: i64| START + target * 2_297 + i * INTERVAL + jitter(i);
        for kind in KINDS {
            let value = |i: i64| match kind {
                "rising" => Some((i * (5 + target) + i * i % 7 + 1_000_000) as f64 / 100.0),
                // One reset is between two chunks.
                "reset" => Some((i % 480 * 3 + i % 2) as f64 / 10.0),
                "idle" => Some(42.5),
                "young" => (i > 500).then_some((i - 500) as f64),
                "gap" => (!(200..230).contains(&i)).then_some(i as f64),
                "stale" if i % 300 == 299 => Some(f64::from_bits(STALE)),
                "stale" => (i % 300 < 280).then_some((i * 2) as f64),
                "gauge" => Some(((i * 13) as f64).sin() * 1e3),
                _ if i % 97 == 5 => Some(f64::NAN),
                _ => Some(i as f64),
            };
            let samples = (0..SAMPLES).filter_map(|i| Some((time(i), value(i)?)));
            let target = target.to_string();
            let labels = labels! { "__name__" => "m", "target" => &target, "kind" => kind };
            all.push((labels, samples.collect()));
        }
    }
    all
}

fn memory(all: &[Written]) -> MemorySource {
    let mut source = MemorySource::new();
    for (labels, samples) in all {
        for &(t, v) in samples {
            source.push(labels, t, v);
        }
    }
    source
}

fn open() -> Db {
    let clock = Arc::new(ManualClock::new(START + SAMPLES * INTERVAL));
    let options = Options::new("/db").storage(Arc::new(MemoryStorage::new())).clock(clock);
    Db::open(options.threads(0).shards(2)).unwrap()
}

/// Writes the samples that are wanted, and makes blocks of them.
fn add(db: &Db, all: &[Written], wanted: impl Fn(i64) -> bool) {
    let mut batch = Batch::new();
    for (labels, samples) in all {
        let series = batch.series(labels).unwrap();
        for &(t, v) in samples.iter().filter(|(t, _)| wanted(*t)) {
            batch.push(series, t, v);
        }
    }
    assert_eq!(db.append(&batch).unwrap().refused_samples(), 0);
    db.flush().unwrap();
}

fn answers(source: &dyn Source) -> Vec<String> {
    let end = START + SAMPLES * INTERVAL;
    let grids = [
        (START, end, 60_000),
        (START - 60_000, end + 400_000, 15_000),
        (START + 1, end, 30_000),
        (START + 480 * INTERVAL, start_of_hour(end), 3_600_000),
        (START, end, 47_000),
    ];
    let mut answers = Vec::new();
    for query in QUERIES {
        for (from, to, step) in grids {
            let result = Engine::default().range(source, query, from, to, step).unwrap();
            let Value::Matrix(series) = result.value else { panic!("{query}") };
            let rows = series.iter().map(|s| {
                let bits: Vec<_> = s.values.iter().map(|v| v.to_bits()).collect();
                format!("{} {:?} {bits:x?}", s.labels, s.times)
            });
            answers.push(format!("{query} by {step}: {:#?}", rows.collect::<Vec<_>>()));
        }
    }
    answers
}

fn start_of_hour(t: i64) -> i64 {
    t - t % 3_600_000
}

fn assert_answers(db: &Db, wanted: &[String]) {
    for (found, wanted) in answers(db).iter().zip(wanted) {
        assert!(found == wanted, "{found}\ninstead of\n{wanted}");
    }
}

#[test]
fn blocks_answer_like_memory() {
    let all = written();
    let wanted = answers(&memory(&all));
    assert!(wanted.iter().filter(|answer| answer.contains("kind")).count() > wanted.len() * 3 / 4);
    let db = open();
    add(&db, &all, |_| true);
    assert_answers(&db, &wanted);
}

#[test]
fn blocks_behind_and_over_each_other_answer_like_memory() {
    let all = written();
    let wanted = answers(&memory(&all));
    let db = open();
    // The last hour comes in two parts, so that two blocks are merged.
    let late = |t: i64| t >= START + (SAMPLES - 220) * INTERVAL && t / INTERVAL % 3 == 0;
    add(&db, &all, |t| t < START + 620 * INTERVAL);
    add(&db, &all, |t| t >= START + 620 * INTERVAL && !late(t));
    add(&db, &all, late);
    assert_answers(&db, &wanted);
}
