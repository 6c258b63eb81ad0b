//! How fast samples get into the head: `Db::append` and `Appender`, on files in memory, with
//! nothing in the background. `cargo bench -p nunatak-bench --bench head`.
//!
//! All in samples a second, in requests of about 2,000 samples as Prometheus sends them, over
//! 20,000 series of a fleet for an hour; log, refusals and routing to 8 shards are part of it.
//!
//! - `known/raw`: series that the database knows, named by the raw bytes of a protocol: the steady
//!   state of a server. Its speed is how many samples a core takes. (`--quick` sees only the first
//!   minutes of it, in which chunks are short.)
//! - `known/labels`: the same by label set, as a program that embeds the database does it.
//! - `known/labels late`: ten minutes of scrapes that arrive shuffled within 5 minutes, so most
//!   samples are not the newest of their series. Always all of them, because what came late before
//!   makes what comes late dearer.
//! - `new`: every sample begins a series (a spike, or a start): series a second.
#![expect(clippy::expect_used, reason = "a bench may stop")]

use std::time::Duration;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use nunatak::{Batch, BatchSeries, Db, Labels};
use nunatak_bench::workload::{Fleet, Random};
use player::{Player, open_in_memory, timed};

#[path = "support/fleet.rs"]
mod fleet;
#[path = "support/labels.rs"]
mod labels;
#[path = "support/player.rs"]
mod player;

const SERIES: usize = 20_000;
const SCRAPES: usize = 240;
const REQUEST: usize = 2_000;

/// An hour of the fleet: for each scrape the samples of all series, in the order of the series.
struct Hour {
    labels: Vec<Labels>,
    scrapes: Vec<Vec<(i64, f64)>>,
}

impl Hour {
    fn new() -> Self {
        let mut fleet = Fleet::new(fleet::options(SERIES));
        let labels = fleet.series().iter().map(labels::labels_of).collect();
        let scrape = |number| {
            let mut samples = Vec::with_capacity(SERIES);
            for host in 0..fleet.hosts() {
                fleet.scrape(host, number, |_, t, v| samples.push((t, v)));
            }
            samples
        };
        Self { labels, scrapes: (0..SCRAPES).map(scrape).collect() }
    }

    /// The clock when all has arrived.
    fn end(&self) -> i64 {
        self.scrapes.iter().flatten().map(|(t, _)| *t).max().expect("there are samples")
    }

    /// Shuffles the scrapes within every 20.
    fn shuffle(&mut self) {
        let mut random = Random::new(3, 0);
        for scrapes in self.scrapes.chunks_mut(20) {
            for i in (1..scrapes.len()).rev() {
                scrapes.swap(i, random.below(i as u64 + 1) as usize);
            }
        }
    }

    /// The number of the first series of a request, and its samples.
    fn request(&self, number: usize) -> (usize, &[(i64, f64)]) {
        let each = SERIES / REQUEST;
        let from = number % each * REQUEST;
        (from, &self.scrapes[number / each][from..from + REQUEST])
    }

    /// One batch for each part of the series, without samples, and its series.
    fn batches(&self) -> Vec<(Batch, Vec<BatchSeries>)> {
        let batch = |labels: &[Labels]| {
            let mut batch = Batch::new();
            let series = labels.iter().map(|l| batch.series(l).expect("not empty")).collect();
            (batch, series)
        };
        self.labels.chunks(REQUEST).map(batch).collect()
    }
}

const REQUESTS: usize = SCRAPES * SERIES / REQUEST;
/// Requests that arrive shuffled.
const LATE_REQUESTS: usize = 40 * SERIES / REQUEST;
/// One scrape of everything, so that all series are known.
const PRELUDE: usize = SERIES / REQUEST;

fn player_of_batches(hour: &Hour, requests: usize) -> Player<impl FnMut(&Db, usize) -> Duration> {
    let mut batches = hour.batches();
    Player::new(hour.end(), requests, PRELUDE, move |db, number| {
        let (_, samples) = hour.request(number);
        let (batch, series) = &mut batches[number % PRELUDE];
        batch.clear_samples();
        series.iter().zip(samples).for_each(|(&series, &(t, v))| batch.push(series, t, v));
        let (outcome, took) = timed(|| db.append(batch).expect("room"));
        assert_eq!(outcome.stored, REQUEST as u64);
        took
    })
}

/// Names and values one after the other, about as long as a protocol's bytes.
fn raw(labels: &Labels) -> Vec<u8> {
    let mut raw = Vec::new();
    for (name, value) in labels.iter() {
        for text in [name, value] {
            raw.extend_from_slice(&[0x0a, text.len() as u8]);
            raw.extend_from_slice(text.as_bytes());
        }
    }
    raw
}

fn player_of_raw(hour: &Hour) -> Player<impl FnMut(&Db, usize) -> Duration> {
    let raw: Vec<_> = hour.labels.iter().map(raw).collect();
    Player::new(hour.end(), REQUESTS, PRELUDE, move |db, number| {
        let (from, samples) = hour.request(number);
        let series = raw[from..].iter().zip(&hour.labels[from..]);
        let (stored, took) = timed(|| append_raw(db, series, samples));
        assert_eq!(stored, REQUEST as u64);
        took
    })
}

fn append_raw<'a>(
    db: &Db,
    series: impl Iterator<Item = (&'a Vec<u8>, &'a Labels)>,
    samples: &[(i64, f64)],
) -> u64 {
    let mut appender = db.appender();
    for ((raw, labels), &(t, v)) in series.zip(samples) {
        let series = appender.series(raw, |builder| {
            labels.iter().for_each(|(name, value)| builder.push(name, value));
            Ok(())
        });
        appender.push(series, t, v);
    }
    appender.commit().expect("room").stored
}

fn known(c: &mut Criterion) {
    let mut hour = Hour::new();
    let mut group = c.benchmark_group("known");
    group.throughput(Throughput::Elements(REQUEST as u64));
    let mut player = player_of_raw(&hour);
    group.bench_function("raw", |b| b.iter_custom(|count| player.play(count)));
    drop(player);
    let mut player = player_of_batches(&hour, REQUESTS);
    group.bench_function("labels", |b| b.iter_custom(|count| player.play(count)));
    drop(player);
    hour.shuffle();
    let mut player = player_of_batches(&hour, LATE_REQUESTS);
    let each = (LATE_REQUESTS - PRELUDE) as u64;
    group.sample_size(10).throughput(Throughput::Elements(each * REQUEST as u64));
    group.bench_function("labels late", |b| b.iter_custom(|count| player.play(count * each)));
}

fn new(c: &mut Criterion) {
    let hour = Hour::new();
    let mut batches = hour.batches();
    for (part, (batch, series)) in batches.iter_mut().enumerate() {
        let (_, samples) = hour.request(part);
        series.iter().zip(samples).for_each(|(&series, &(t, v))| batch.push(series, t, v));
    }
    let mut group = c.benchmark_group("new");
    group.sample_size(20).throughput(Throughput::Elements(SERIES as u64));
    group.bench_function("series", |b| {
        b.iter_batched(
            || open_in_memory(hour.end()),
            |db| {
                for (batch, _) in &batches {
                    assert_eq!(db.append(batch).expect("room").stored, REQUEST as u64);
                }
                db
            },
            BatchSize::PerIteration,
        );
    });
}

fn config() -> Criterion {
    Criterion::default()
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(3))
}

criterion_group! { name = benches; config = config(); targets = known, new }
criterion_main!(benches);
