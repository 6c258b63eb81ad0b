//! Guards the promise that tiers change no answer: window functions give on buckets of five minutes
//! and of an hour what they give on samples, whatever is written late or deleted, and they do read
//! buckets.

#![expect(clippy::unwrap_used, reason = "helpers of a test")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use nunatak::storage::MemoryStorage;
use nunatak::{
    Batch, Db, Labels, Limits, ManualClock, MatchOp, Matcher, Options, SampleBatch, Selector,
    TimeRange, labels,
};
use nunatak_promql::{
    Engine, EngineOptions, MatrixSeries, MemorySource, ParserOptions, QueryResult, Value,
};

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
/// 2023-11-14 00:00 UTC.
const START: i64 = 1_699_920_000_000;
const END: i64 = START + 4 * DAY;
const STALE: u64 = 0x7ff0_0000_0000_0002;

/// What each series has, by time.
type Model = BTreeMap<Labels, BTreeMap<i64, f64>>;

/// Numbers that look random, and are the same each time (xorshift64*, Vigna 2014).
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % n
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }
}

/// What a series has at its next sample.
fn next(kind: u64, before: f64, dice: &mut Dice) -> f64 {
    match kind {
        // Counters: one that is seldom reset, one that often is, even to a value above zero.
        0 if dice.one_in(400) => 0.0,
        0 => before + dice.below(50) as f64,
        1 if dice.one_in(20) => dice.below(30) as f64,
        1 => before + dice.below(3) as f64 / 10.0,
        // Gauges: whole numbers, decimals, and what sums trip over.
        2 => dice.below(1000) as f64 - 500.0,
        3 => 20.0 + dice.below(2000) as f64 / 100.0,
        4 => match dice.below(60) {
            0 => f64::NAN,
            1 => f64::INFINITY,
            2 => 0.0,
            3 => -0.0,
            4 => f64::from_bits(STALE),
            n => n as f64,
        },
        5 if dice.one_in(30) => 1e308,
        5 => -0.5,
        // A series that is over now and then.
        _ if dice.one_in(7) => f64::from_bits(STALE),
        _ => 7.0,
    }
}

const KINDS: u64 = 7;

fn set(kind: u64) -> Labels {
    labels! { "__name__" => "m", "kind" => &kind.to_string() }
}

fn drawn(dice: &mut Dice) -> Model {
    (0..KINDS)
        .map(|kind| {
            let mut samples = BTreeMap::new();
            let (mut t, mut value) = (START + dice.below(HOUR as u64) as i64, 0.0);
            while t < END {
                value = next(kind, value, dice);
                samples.insert(t, value);
                // Many lie right on the grid, where buckets and blocks begin and end.
                t += if dice.one_in(150) { dice.below(9 * HOUR as u64) as i64 + 1 } else { MINUTE };
                t += if dice.one_in(9) { dice.below(1000) as i64 } else { -(t % 5000) };
            }
            (set(kind), samples)
        })
        .collect()
}

struct World {
    db: Db,
    model: Model,
    dice: Dice,
    seed: u64,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let model = drawn(&mut dice);
        let mut limits = Limits::default();
        limits.out_of_order_ms = i64::MAX;
        let options = Options::new("db")
            .storage(Arc::new(MemoryStorage::new()))
            .clock(Arc::new(ManualClock::new(END)))
            .threads(0)
            .shards(2)
            .limits(limits)
            .downsample_after(Some(Duration::from_hours(6)));
        let db = Db::open(options).unwrap();
        let mut world = Self { db, model: Model::new(), dice, seed };
        for (labels, samples) in &model {
            world.write(labels, samples);
        }
        world
    }

    fn write(&mut self, labels: &Labels, samples: &BTreeMap<i64, f64>) {
        let mut batch = Batch::new();
        let series = batch.series(labels).unwrap();
        for (&t, &v) in samples {
            batch.push(series, t, v);
        }
        assert_eq!(self.db.append(&batch).unwrap().refused_samples(), 0);
        self.model.entry(labels.clone()).or_default().extend(samples);
    }

    /// Samples that come late, some of them in the place of others.
    fn write_late(&mut self) {
        for _ in 0..3 {
            let labels = set(self.dice.below(KINDS));
            let mut late = BTreeMap::new();
            for _ in 0..=self.dice.below(20) {
                let known = self.model[&labels].keys().copied().collect::<Vec<_>>();
                let t = known[self.dice.below(known.len() as u64) as usize];
                let t = if self.dice.one_in(2) { t } else { t + 1 + self.dice.below(4000) as i64 };
                late.insert(t, self.dice.below(100) as f64);
            }
            self.write(&labels, &late);
        }
    }

    fn check(&mut self, when: &str) -> u64 {
        let memory = self.memory();
        let before = self.db.stats().tier_scans;
        for _ in 0..60 {
            let asked = Asked::draw(&mut self.dice);
            let (found, wanted) = (asked.answer(&self.db), asked.answer(&memory));
            asked.compare(&found, &wanted).unwrap_or_else(|what| {
                panic!("seed {}, {when}, {asked:?}: {what}", self.seed);
            });
        }
        self.db.stats().tier_scans - before
    }

    fn memory(&self) -> MemorySource {
        let mut source = MemorySource::default();
        for (labels, samples) in &self.model {
            for (&t, &v) in samples {
                source.push(labels, t, v);
            }
        }
        source
    }
}

/// A query, instant if there is no step.
#[derive(Debug)]
struct Asked {
    text: String,
    is_sum: bool,
    start: i64,
    end: i64,
    step: i64,
}

impl Asked {
    fn draw(dice: &mut Dice) -> Self {
        let pick =
            |dice: &mut Dice, all: &[&'static str]| all[dice.below(all.len() as u64) as usize];
        let function = pick(
            dice,
            &[
                "rate",
                "increase",
                "delta",
                "min_over_time",
                "max_over_time",
                "sum_over_time",
                "count_over_time",
                "avg_over_time",
                "last_over_time",
                "first_over_time",
                "present_over_time",
            ],
        );
        let range = pick(dice, &["5m", "15m", "1h", "90m", "6h", "1d", "25h17m3s", "3d"]);
        let offset = pick(dice, &["", "", " offset 1h", " offset 7m", " offset 13ms"]);
        let step = [0, 5 * MINUTE, HOUR, 4 * HOUR, DAY, 7 * HOUR + 1][dice.below(6) as usize];
        let grid = [1, MINUTE, 5 * MINUTE, HOUR, DAY][dice.below(5) as usize];
        let start = START + dice.below((3 * DAY) as u64) as i64;
        let start = start - start % grid;
        let end = start + dice.below((2 * DAY) as u64) as i64;
        let is_sum = matches!(function, "sum_over_time" | "avg_over_time");
        let plain = format!("{function}(m[{range}]{offset})");
        let text = match dice.below(4) {
            0 => format!("max by (kind) ({plain})"),
            1 => format!("sum without (other) ({plain})"),
            _ => plain,
        };
        Self { text, is_sum, start, end, step }
    }

    fn answer(&self, source: &dyn nunatak::Source) -> QueryResult {
        let engine = Engine::new(EngineOptions::default().parser(ParserOptions::all_features()));
        match self.step {
            0 => engine.instant(source, &self.text, self.start),
            step => engine.range(source, &self.text, self.start, self.end, step),
        }
        .unwrap()
    }

    fn compare(&self, found: &QueryResult, wanted: &QueryResult) -> Result<(), String> {
        let (found, wanted) = (matrix(found), matrix(wanted));
        let names = |all: &[MatrixSeries]| -> Vec<(Labels, Vec<i64>)> {
            all.iter().map(|series| (series.labels.clone(), series.times.clone())).collect()
        };
        if names(&found) != names(&wanted) {
            return Err(format!("{:?} but not {:?}", names(&found), names(&wanted)));
        }
        for (found, wanted) in found.iter().zip(&wanted) {
            for (at, (a, b)) in found.values.iter().zip(&wanted.values).enumerate() {
                if !self.is_same(*a, *b, &found.labels) {
                    let t = found.times[at];
                    return Err(format!("{} at {t}: {a:?}, not {b:?}", found.labels));
                }
            }
        }
        Ok(())
    }

    /// By their bits; sums of what are no whole numbers may be rounded once more.
    fn is_same(&self, a: f64, b: f64, labels: &Labels) -> bool {
        if a.is_nan() && b.is_nan() || a.to_bits() == b.to_bits() {
            return true;
        }
        let is_rounded = self.is_sum && !matches!(labels.get("kind"), Some("0" | "2"));
        // A mean whose sum overflows is carried forward, and rounded at every sample.
        let tolerance = if labels.get("kind") == Some("5") { 1e-12 } else { 4e-16 };
        is_rounded && (a - b).abs() <= tolerance * a.abs().max(b.abs())
    }
}

fn matrix(result: &QueryResult) -> Vec<MatrixSeries> {
    match &result.value {
        Value::Matrix(series) => series.clone(),
        Value::Vector(samples) => samples
            .iter()
            .map(|s| MatrixSeries {
                labels: s.labels.clone(),
                times: vec![s.t],
                values: vec![s.v],
                histograms: Vec::new(),
            })
            .collect(),
        other => panic!("{other:?}"),
    }
}

fn kind(kind: u64, range: TimeRange) -> Selector {
    Selector::new(vec![Matcher::new("kind", MatchOp::Equal, &kind.to_string()).unwrap()], range)
}

#[test]
fn tiers_change_no_answer() {
    let mut scans = 0;
    for seed in 0..12 {
        let mut world = World::new(seed);
        world.db.flush().unwrap();
        let stats = world.db.stats();
        assert!(stats.tiers > 0 && stats.tier_bytes > 0, "{stats:?}");
        scans += world.check("all flushed");
        world.write_late();
        world.check("late samples in the head");
        world.db.flush().unwrap();
        scans += world.check("late samples in blocks");
        let deleted = world.dice.below(KINDS);
        let from = START + world.dice.below(DAY as u64) as i64;
        let range = TimeRange::new(from, from + world.dice.below((2 * DAY) as u64) as i64);
        let id = world.db.delete(&kind(deleted, range)).unwrap();
        let before = world.model.clone();
        world.model.entry(set(deleted)).or_default().retain(|t, _| !range.contains(*t));
        scans += world.check("deleted");
        if world.dice.one_in(2) {
            world.db.undelete(id).unwrap();
            world.model = before;
            scans += world.check("no more deleted");
        } else {
            world.db.clean_deletes().unwrap();
            world.check("cleaned");
            world.db.flush().unwrap();
            scans += world.check("cleaned and flushed");
        }
        world.db.close().unwrap();
    }
    assert!(scans > 300, "only {scans} queries read buckets");
}

#[test]
fn a_selector_shows_samples_and_no_buckets() {
    let world = World::new(99);
    world.db.flush().unwrap();
    let mut batch = SampleBatch::default();
    let all = Selector::new(Vec::new(), TimeRange::ALL);
    for mut series in world.db.select(&all).unwrap().series {
        let (mut times, mut bits) = (Vec::new(), Vec::new());
        while series.cursor.next_batch(&mut batch).unwrap() {
            times.extend_from_slice(&batch.times);
            bits.extend(batch.values.iter().map(|value| value.to_bits()));
        }
        let wanted = &world.model[&series.labels];
        assert!(times.iter().eq(wanted.keys()), "{}", series.labels);
        assert!(bits.into_iter().eq(wanted.values().map(|v| v.to_bits())), "{}", series.labels);
    }
}
