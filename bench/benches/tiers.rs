//! What tiers save. `cargo bench -p nunatak-bench --bench tiers`.
//!
//! Thirty days of 60 counters and 60 gauges at 15 s, in blocks in memory. Each query is asked of a
//! database without tiers (`samples`) and of one with them (`tiers`); throughput is in samples that
//! the windows hold, read or not. `on-grid`: windows of an hour or a day that begin at full hours;
//! `off-grid`: windows of a day that begin at any time. Before anything is measured the bytes of
//! blocks and tiers are printed.
#![expect(clippy::expect_used, reason = "a bench may stop")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use nunatak::storage::MemoryStorage;
use nunatak::{Batch, Db, Durability, ManualClock, Options, labels};
use nunatak_bench::workload::Random;
use nunatak_promql::Engine;

const START_MS: i64 = 1_699_920_000_000;
const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;
const DAYS: i64 = 30;
const INTERVAL_MS: i64 = 15_000;
const SERIES: usize = 60;

/// Stores what all have at one scrape after the other.
fn fill(db: &Db) {
    let name = |kind: &str, n: usize| {
        labels! { "__name__" => kind, "instance" => &format!("host-{n}:9100") }
    };
    let mut random = Random::new(1, 0);
    let mut counters = [0.0; SERIES];
    let scrapes = DAYS * DAY_MS / INTERVAL_MS;
    for first in (0..scrapes).step_by(240) {
        let mut batch = Batch::new();
        let series: Vec<_> = (0..SERIES)
            .map(|n| {
                let counter = batch.series(&name("requests_total", n)).expect("sound labels");
                (counter, batch.series(&name("temperature", n)).expect("sound labels"))
            })
            .collect();
        for scrape in first..first + 240 {
            let t = START_MS + scrape * INTERVAL_MS;
            for (n, (counter, gauge)) in series.iter().enumerate() {
                counters[n] += random.below(40) as f64;
                batch.push(*counter, t, counters[n]);
                batch.push(*gauge, t, 20.0 + random.below(300) as f64 / 10.0);
            }
        }
        db.append(&batch).expect("memory does not fail");
    }
    db.flush().expect("memory does not fail");
}

fn database(downsample_after: Option<Duration>) -> Db {
    let options = Options::new("bench")
        .storage(Arc::new(MemoryStorage::new()))
        .clock(Arc::new(ManualClock::new(START_MS + DAYS * DAY_MS)))
        .durability(Durability::Os)
        .threads(0)
        .downsample_after(downsample_after);
    let db = Db::open(options).expect("nothing is there yet");
    fill(&db);
    db
}

#[expect(clippy::print_stdout, reason = "bytes are a result, too")]
fn print_bytes(db: &Db) {
    let stats = db.stats();
    let per_sample = |bytes: u64| bytes as f64 / stats.block_samples as f64;
    println!(
        "{} samples, {:.3} bytes each in blocks, {:.3} in {} tiers",
        stats.block_samples,
        per_sample(stats.block_bytes),
        per_sample(stats.tier_bytes),
        stats.tiers
    );
}

fn tiers(c: &mut Criterion) {
    let with = database(Some(Duration::from_hours(1)));
    let without = database(None);
    print_bytes(&with);
    let queries = [
        ("on-grid/increase-1d", "sum(increase(requests_total[1d]))", DAY_MS, DAY_MS, 0),
        ("on-grid/rate-1h", "sum(rate(requests_total[1h]))", HOUR_MS, HOUR_MS, 0),
        ("on-grid/max-1h", "max(max_over_time(temperature[1h]))", HOUR_MS, HOUR_MS, 0),
        ("on-grid/avg-1d", "avg(avg_over_time(temperature[1d]))", DAY_MS, DAY_MS, 0),
        ("off-grid/increase-1d", "sum(increase(requests_total[1d]))", DAY_MS, DAY_MS, 1_234_567),
        ("off-grid/avg-1d", "avg(avg_over_time(temperature[1d]))", DAY_MS, DAY_MS, 1_234_567),
    ];
    let engine = Engine::default();
    let mut group = c.benchmark_group("tiers");
    group.sample_size(10);
    for (name, query, range, step, shift) in queries {
        let (start, end) = (START_MS + range + shift, START_MS + (DAYS - 1) * DAY_MS + shift);
        let steps = (end - start) / step + 1;
        let held = steps * range / INTERVAL_MS * SERIES as i64;
        group.throughput(Throughput::Elements(held as u64));
        for (source, db) in [("samples", &without), ("tiers", &with)] {
            group.bench_function(format!("{name}/{source}"), |b| {
                b.iter(|| {
                    black_box(engine.range(db, query, start, end, step).expect("it is sound"))
                });
            });
        }
    }
    group.finish();
    assert!(with.stats().tier_scans > 0 && without.stats().tier_scans == 0);
}

criterion_group!(benches, tiers);
criterion_main!(benches);
