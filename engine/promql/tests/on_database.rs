//! Guards the promise that the engine gives the same on a database as on a source in memory, bit
//! for bit: over the head, a block, and both at once.

#![expect(clippy::unwrap_used, reason = "helpers of a test")]

use std::sync::Arc;

use nunatak::storage::MemoryStorage;
use nunatak::{Batch, Db, ManualClock, Options, Source};
use nunatak_index::{Labels, labels};
use nunatak_promql::{
    Engine, EngineOptions, MatrixSeries, MemorySource, ParserOptions, QueryResult, Value,
    VectorSample,
};

const START: i64 = 1_700_000_000_000;
const STEP: i64 = 15_000;
const SAMPLES: i64 = 240;
/// The NaN that ends a series in Prometheus.
const STALE: u64 = 0x7ff0_0000_0000_0002;

const QUERIES: &[&str] = &[
    "up",
    "up == 0",
    "requests_total",
    r#"requests_total{job="api"}"#,
    r#"requests_total{job!="api"}"#,
    r#"requests_total{job=~"a.*|nothing"}"#,
    r#"{__name__=~"req.*|up",instance!~"[02]"}"#,
    r#"requests_total{zone=""}"#,
    r#"{job=~".+",zone!=""}"#,
    "nothing",
    "absent(nothing{a=\"b\"})",
    "absent_over_time(up{instance=\"1\"}[30s])",
    "rate(requests_total[5m])",
    "irate(requests_total[1m])",
    "increase(requests_total[17m30s])",
    "delta(temperature[4m])",
    "deriv(temperature[10m])",
    "predict_linear(temperature[10m], 3600)",
    "resets(requests_total[30m])",
    "changes(temperature[20m])",
    "sum(rate(requests_total[5m]))",
    "sum by (job) (rate(requests_total[5m]))",
    "avg without (instance) (temperature)",
    "stddev by (job) (temperature)",
    "quantile by (job) (0.9, temperature)",
    "count_values(\"v\", up)",
    "topk(2, requests_total)",
    "bottomk by (job) (1, temperature)",
    "group by (zone) (up)",
    "max_over_time(temperature[7m]) - min_over_time(temperature[7m])",
    "quantile_over_time(0.3, temperature[9m])",
    "sum_over_time(temperature[3m] offset 11m)",
    "count_over_time(up[1h])",
    "last_over_time(up[90s])",
    "present_over_time(up[45s])",
    "requests_total offset -2m",
    "temperature @ start() + temperature @ end()",
    "max_over_time(rate(requests_total[2m])[20m:90s])",
    "avg_over_time((temperature * 2)[10m:1m] offset 3m)",
    "requests_total / on (job, instance) temperature",
    "temperature * on (job, instance) group_left (zone) up",
    "requests_total and on (instance) (up == 1)",
    "up or temperature",
    "temperature unless on (instance) (up == 1)",
    "histogram_quantile(0.9, sum by (le) (rate(latency_bucket[10m])))",
    "histogram_quantile(0.5, latency_bucket)",
    r#"label_replace(up, "short", "$1", "instance", "(\\d)")"#,
    r#"label_join(up, "both", "/", "job", "instance")"#,
    "sort_desc(temperature)",
    "timestamp(up)",
    "clamp(temperature, -5, 5) > bool 0",
    "scalar(sum(up)) + time()",
    "hour(timestamp(up))",
];

/// A series and its samples.
type Written = (Labels, Vec<(i64, f64)>);

/// Counters that are reset, gauges with gaps, series that end, start late and begin anew.
fn written() -> Vec<Written> {
    let mut all = Vec::new();
    for (at, job) in ["api", "api", "node", "db"].into_iter().enumerate() {
        let (n, instance) = (at as i64, at.to_string());
        let series =
            |name: &str| labels! { "__name__" => name, "job" => job, "instance" => &instance };
        let time = |i: i64| START + i * STEP + (i * 7919 * (n + 1)) % 900;
        let counter = |i: i64| ((i % (90 + 31 * n)) * (3 + n)) as f64 + 0.1 * n as f64;
        let gauge = |i: i64| ((i * (n + 1)) as f64 / 9.7).sin() * 10f64.powi(at as i32);
        let gap = |i: i64| (100..100 + 12 * n).contains(&i);
        let steps = || (0..SAMPLES).filter(|&i| !gap(i));
        all.push((series("requests_total"), (0..SAMPLES).map(|i| (time(i), counter(i))).collect()));
        all.push((series("temperature"), steps().map(|i| (time(i), gauge(i))).collect()));
        let mut up = labels! { "__name__" => "up", "job" => job, "instance" => &instance };
        if at % 2 == 0 {
            up = labels! {
                "__name__" => "up", "job" => job, "instance" => &instance, "zone" => "z"
            };
        }
        let alive =
            |i: i64| if i % 50 == 49 { f64::from_bits(STALE) } else { f64::from(i % 9 != 3) };
        all.push((
            up,
            steps().filter(|i| i % 50 < 45 || i % 50 == 49).map(|i| (time(i), alive(i))).collect(),
        ));
    }
    for (at, le) in ["0.1", "1", "10", "+Inf"].into_iter().enumerate() {
        let labels = labels! { "__name__" => "latency_bucket", "job" => "api", "le" => le };
        let value = |i: i64| (i * (1 + at as i64 * 2)) as f64;
        all.push((labels, (0..SAMPLES).map(|i| (START + i * STEP, value(i))).collect()));
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

/// Samples before `flush_at` are in blocks, the others in the head.
fn database(all: &[Written], flush_at: i64) -> Db {
    let options = Options::new("/db")
        .storage(Arc::new(MemoryStorage::new()))
        .clock(Arc::new(ManualClock::new(START + SAMPLES * STEP)))
        .threads(0)
        .shards(2);
    let db = Db::open(options).unwrap();
    let append = |keep: &dyn Fn(i64) -> bool| {
        let mut batch = Batch::new();
        let mut expected = 0;
        for (labels, samples) in all {
            let series = batch.series(labels).unwrap();
            for &(t, v) in samples.iter().filter(|(t, _)| keep(*t)) {
                batch.push(series, t, v);
                expected += 1;
            }
        }
        assert_eq!(db.append(&batch).unwrap().stored, expected);
    };
    append(&|t| t < flush_at);
    db.flush().unwrap();
    append(&|t| t >= flush_at);
    db
}

/// Everything that a client sees; NaNs by their bits.
fn shown(result: &QueryResult) -> String {
    let sample = |s: &VectorSample| format!("{} {} {:016x}", s.labels, s.t, s.v.to_bits());
    let row = |s: &MatrixSeries| {
        let bits: Vec<_> = s.values.iter().map(|v| format!("{:016x}", v.to_bits())).collect();
        format!("{} {:?} {bits:?}", s.labels, s.times)
    };
    let lines: Vec<_> = match &result.value {
        Value::Scalar { t, v } => vec![format!("{t} {:016x}", v.to_bits())],
        Value::String { t, s } => vec![format!("{t} {s}")],
        Value::Vector(samples) => samples.iter().map(sample).collect(),
        Value::Matrix(series) => series.iter().map(row).collect(),
        other => panic!("unknown {other:?}"),
    };
    format!("{lines:#?}\n{:?}\n{:?}", result.warnings, result.infos)
}

fn engine() -> Engine {
    Engine::new(EngineOptions::default().parser(ParserOptions::all_features()))
}

fn answers(source: &dyn Source) -> Vec<String> {
    let end = START + SAMPLES * STEP;
    let mut answers = Vec::new();
    for query in QUERIES {
        for at in [START + 7_000, START + 101 * STEP + 3, START + 149 * STEP, end + 100_000] {
            let result = engine().instant(source, query, at);
            answers.push(format!("{query} at {at}: {}", shown(&result.unwrap())));
        }
        for (from, to, step) in [(START - 60_000, end + 400_000, 47_000), (START, end, 600_000)] {
            let result = engine().range(source, query, from, to, step);
            answers.push(format!("{query} by {step}: {}", shown(&result.unwrap())));
        }
    }
    answers
}

#[test]
fn a_database_answers_like_memory() {
    let all = written();
    let wanted = answers(&memory(&all));
    let full = wanted.iter().filter(|answer| !answer.contains(": []\n")).count();
    assert!(full > wanted.len() * 2 / 3, "{full} of {} say something", wanted.len());
    let end = START + SAMPLES * STEP;
    for flush_at in [START, START + 110 * STEP, end + STEP] {
        let db = database(&all, flush_at);
        let in_blocks = all.iter().flat_map(|(_, s)| s).filter(|(t, _)| *t < flush_at).count();
        assert_eq!(db.stats().block_samples, in_blocks as u64);
        for (found, wanted) in answers(&db).iter().zip(&wanted) {
            assert_eq!(found, wanted, "flushed at {flush_at}");
        }
    }
}
