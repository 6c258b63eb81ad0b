//! How fast queries evaluate. `cargo bench -p nunatak-bench --bench promql`.
//!
//! All in samples a second that are read from the source (a sample that twenty windows hold counts
//! once). Unless said otherwise the source is memory in which the samples lie ready, the query is
//! over 2 hours of about 1,000 series at 15 s, and has a step of 1 minute. So a group shows the
//! engine of PromQL alone; `read` is what it can't be faster than.
//!
//! - `read`: every sample through a cursor, without the engine.
//! - `window`: functions of ranges, with 5 minutes (20 samples a window) and 1 hour (240): most of
//!   what dashboards and alerts ask.
//! - `aggregate`: aggregations over plain series.
//! - `histogram`: quantiles of classic histograms, series by series and summed up.
//! - `join`: operators between two sides, one to one, many to one, and against a number.
//! - `stored`: the same query on a `Db`, from the head and from blocks: decoding is part of it.
#![expect(clippy::expect_used, reason = "a bench may stop")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use fleet::{INTERVAL_MS, START_MS};
use nunatak::storage::MemoryStorage;
use nunatak::{Batch, Db, Hints, Labels, ManualClock, MatchOp, Matcher, Options};
use nunatak::{SampleBatch, Selector, Source, TimeRange};
use nunatak_bench::workload::{Fleet, Random};
use nunatak_promql::{Engine, QueryResult, Value};
use shelf::{Series, Shelf};

#[path = "support/fleet.rs"]
mod fleet;
#[path = "support/labels.rs"]
mod labels;
#[path = "support/shelf.rs"]
mod shelf;

const SCRAPES: usize = 480;
const END_MS: i64 = START_MS + SCRAPES as i64 * INTERVAL_MS;
const STEP_MS: i64 = 60_000;

/// The counters and the histograms of some hosts of the fleet.
fn counters() -> Vec<Series> {
    const NAMES: [&str; 2] = ["node_cpu_seconds_total", "http_request_duration_seconds_bucket"];
    let mut fleet = Fleet::new(fleet::options(7_000));
    let empty = |labels| Series { labels, times: Vec::new(), values: Vec::new() };
    let mut series: Vec<_> = fleet.series().iter().map(labels::labels_of).map(empty).collect();
    for scrape in 0..SCRAPES {
        for host in 0..fleet.hosts() {
            fleet.scrape(host, scrape, |number, t, v| {
                series[number].times.push(t);
                series[number].values.push(v);
            });
        }
    }
    series.retain(|series| NAMES.contains(&series.labels.metric_name()));
    // Of the processors' counters only so many that they are about a thousand series.
    let is_kept = |labels: &Labels| labels.get("cpu").is_none_or(|cpu| cpu.len() == 2);
    series.retain(|series| is_kept(&series.labels));
    series
}

/// Temperatures of 10 sensors of 100 hosts, and what is known about each host.
fn gauges() -> Vec<Series> {
    let mut all = Vec::new();
    for host in 0..100 {
        let instance = format!("10.20.0.{host}:9100");
        for sensor in 0..10 {
            let name = "node_hwmon_temp_celsius";
            let sensor = format!("core_{sensor}");
            let pairs = [("__name__", name), ("instance", &*instance), ("sensor", &*sensor)];
            all.push(walk(&pairs, all.len() as u64));
        }
        let region = ["eu-west-1", "us-east-1"][host % 2];
        let pairs = [("__name__", "node_info"), ("instance", &*instance), ("region", region)];
        let mut info = walk(&pairs, 0);
        info.values.fill(1.0);
        all.push(info);
    }
    all
}

/// A random walk with one decimal.
fn walk(pairs: &[(&str, &str)], stream: u64) -> Series {
    let labels = Labels::from_pairs(pairs.iter().copied()).expect("valid labels");
    let mut random = Random::new(4, stream);
    let mut value = 500.0;
    let values = (0..SCRAPES).map(|_| {
        value += random.between(-8.0, 8.0).round();
        value / 10.0
    });
    let values = values.collect();
    let times = (0..SCRAPES as i64).map(|scrape| START_MS + scrape * INTERVAL_MS).collect();
    Series { labels, times, values }
}

fn shelf() -> Shelf {
    Shelf::new(counters().into_iter().chain(gauges()))
}

fn evaluate(source: &impl Source, query: &str) -> QueryResult {
    Engine::default().range(source, query, START_MS, END_MS, STEP_MS).expect("a valid query")
}

/// Measures queries in samples that they read, after a look at whether they answer at all.
fn bench(c: &mut Criterion, group: &str, source: &impl Source, queries: &[(&str, &str)]) {
    let mut group = c.benchmark_group(group);
    for (name, query) in queries {
        let result = evaluate(source, query);
        assert!(matches!(&result.value, Value::Matrix(series) if !series.is_empty()), "{query}");
        group.throughput(Throughput::Elements(result.stats.samples));
        group.bench_function(*name, |b| b.iter(|| evaluate(source, black_box(query))));
    }
}

fn read(c: &mut Criterion) {
    let shelf = shelf();
    let name = Matcher::new("__name__", MatchOp::Equal, "node_cpu_seconds_total").expect("valid");
    let selector = Selector::new(vec![name], TimeRange::ALL);
    let samples = read_all(&shelf, &selector);
    let mut group = c.benchmark_group("read");
    group.throughput(Throughput::Elements(samples as u64));
    group.bench_function("ready", |b| b.iter(|| read_all(&shelf, black_box(&selector))));
}

/// How many samples there are, each copied into a batch once.
fn read_all(source: &impl Source, selector: &Selector) -> usize {
    let mut samples = 0;
    let mut batch = SampleBatch::default();
    for mut series in source.select(selector, &Hints::default()).expect("readable").series {
        while series.cursor.next_batch(&mut batch).expect("readable") {
            samples += black_box(&batch).len();
        }
    }
    samples
}

fn window(c: &mut Criterion) {
    let shelf = shelf();
    let functions = [
        ("rate", "node_cpu_seconds_total"),
        ("increase", "node_cpu_seconds_total"),
        ("avg_over_time", "node_hwmon_temp_celsius"),
        ("max_over_time", "node_hwmon_temp_celsius"),
        ("sum_over_time", "node_hwmon_temp_celsius"),
        ("stddev_over_time", "node_hwmon_temp_celsius"),
        ("quantile_over_time", "node_hwmon_temp_celsius"),
    ];
    for (function, metric) in functions {
        for range in ["5m", "1h"] {
            let first = if function == "quantile_over_time" { "0.9, " } else { "" };
            let query = format!("{function}({first}{metric}[{range}])");
            bench(c, "window", &shelf, &[(&format!("{function}/{range}"), &query)]);
        }
    }
}

fn aggregate(c: &mut Criterion) {
    let queries = [
        ("none", "node_hwmon_temp_celsius"),
        ("sum", "sum(node_hwmon_temp_celsius)"),
        ("sum by", "sum by (instance) (node_hwmon_temp_celsius)"),
        ("avg by", "avg by (instance) (node_hwmon_temp_celsius)"),
        ("max without", "max without (sensor) (node_hwmon_temp_celsius)"),
        ("topk", "topk(5, node_hwmon_temp_celsius)"),
        ("quantile", "quantile(0.9, node_hwmon_temp_celsius)"),
        ("quantile by", "quantile by (instance) (0.9, node_hwmon_temp_celsius)"),
        ("count_values", r#"count_values("t", round(node_hwmon_temp_celsius))"#),
        ("sum by of rate", "sum by (mode) (rate(node_cpu_seconds_total[5m]))"),
    ];
    bench(c, "aggregate", &shelf(), &queries);
}

fn histogram(c: &mut Criterion) {
    let rate = "rate(http_request_duration_seconds_bucket[5m])";
    let each = format!("histogram_quantile(0.99, {rate})");
    let summed = format!("histogram_quantile(0.99, sum by (le, handler) ({rate}))");
    let queries = [("rate alone", rate), ("each", &each), ("summed", &summed)];
    bench(c, "histogram", &shelf(), &queries);
}

fn join(c: &mut Criterion) {
    let temperature = "node_hwmon_temp_celsius";
    let one_to_one = format!("{temperature} - {temperature} offset 5m");
    let many_to_one = format!("{temperature} * on (instance) group_left (region) node_info");
    let share = format!(
        "{temperature} / ignoring (sensor) group_left sum without (sensor) ({temperature})"
    );
    let and = format!("{temperature} and on (instance) node_info");
    let number = format!("{temperature} * 1.8 + 32");
    let filter = format!("{temperature} > 50");
    let queries = [
        ("one to one", &*one_to_one),
        ("many to one", &*many_to_one),
        ("share of the sum", &*share),
        ("and", &*and),
        ("number", &*number),
        ("filter", &*filter),
    ];
    bench(c, "join", &shelf(), &queries);
}

/// The series of the shelf in a database on files in memory.
fn database(shelf: &Shelf) -> Db {
    let options = Options::new("bench")
        .storage(Arc::new(MemoryStorage::new()))
        .clock(Arc::new(ManualClock::new(END_MS)))
        .threads(0);
    let db = Db::open(options).expect("nothing is there yet");
    let mut batch = Batch::new();
    let series: Vec<_> =
        shelf.series().map(|s| (batch.series(&s.labels).expect("not empty"), s)).collect();
    for scrape in 0..SCRAPES {
        batch.clear_samples();
        for (id, s) in &series {
            batch.push(*id, s.times[scrape], s.values[scrape]);
        }
        assert_eq!(db.append(&batch).expect("room").refused_samples(), 0);
    }
    db
}

fn stored(c: &mut Criterion) {
    let shelf = shelf();
    let queries = [
        ("sum by of rate", "sum by (mode) (rate(node_cpu_seconds_total[5m]))"),
        ("avg by", "avg by (instance) (node_hwmon_temp_celsius)"),
    ];
    let head = database(&shelf);
    let blocks = database(&shelf);
    blocks.flush().expect("files in memory");
    for (name, query) in queries {
        let name = |place| format!("{name}/{place}");
        bench(c, "stored", &shelf, &[(&name("ready"), query)]);
        bench(c, "stored", &head, &[(&name("head"), query)]);
        bench(c, "stored", &blocks, &[(&name("blocks"), query)]);
    }
}

fn config() -> Criterion {
    Criterion::default()
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(2))
}

criterion_group! { name = benches; config = config(); targets = read, window, aggregate, histogram, join, stored }
criterion_main!(benches);
