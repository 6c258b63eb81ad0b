//! Who makes the series: what is largest, who grows, which label explodes, since when, from where.

use std::sync::Arc;
use std::time::Duration;

use nunatak::storage::FaultStorage;
use nunatak::{
    Batch, Db, GlobalLimits, LimitRules, Limits, ManualClock, RankBy, RefusalReason, labels,
};

use crate::common::{NOW, options};

const MINUTE: i64 = 60_000;

/// A database whose clock the test sets.
fn open(storage: &FaultStorage) -> (Db, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::new(NOW));
    (Db::open(options(storage).shards(4).clock(clock.clone())).unwrap(), clock)
}

/// One sample of each of `count` series from `from` on: a calm metric has `host`, a flood has `id`.
fn write(db: &Db, now: i64, metric: &str, label: &str, from: usize, count: usize) {
    let new = append(db, now, metric, label, from..from + count);
    assert_eq!(new, count as u64);
}

/// A further sample of each of the first `count` series.
fn write_again(db: &Db, now: i64, metric: &str, label: &str, count: usize) {
    assert_eq!(append(db, now, metric, label, 0..count), 0);
}

/// Returns how many series are new.
fn append(db: &Db, now: i64, metric: &str, label: &str, numbers: std::ops::Range<usize>) -> u64 {
    let mut batch = Batch::new();
    for number in numbers {
        let own = number.to_string();
        let instance = format!("host-{}", number % 3);
        let set = labels! {
            "__name__" => metric, "job" => "shop", "instance" => &instance, label => &own
        };
        let series = batch.series(&set).unwrap();
        batch.push(series, now, 1.0);
    }
    db.append(&batch).unwrap().new_series
}

/// An hour of calm, then ten minutes in which a metric grows by 200 series each.
fn flooded(storage: &FaultStorage) -> (Db, i64) {
    let (db, clock) = open(storage);
    write(&db, NOW, "calm", "number", 0, 500);
    write(&db, NOW, "flood", "id", 0, 300);
    let mut now = NOW;
    for minute in 0..=70 {
        now = NOW + minute * MINUTE;
        clock.set(now);
        if minute % 5 == 4 {
            // Else they would be idle, and leave the memory.
            write_again(&db, now, "calm", "number", 500);
            write_again(&db, now, "flood", "id", 300);
        }
        if minute > 60 {
            write(&db, now, "flood", "id", 300 + (minute as usize - 61) * 200, 200);
        }
        db.maintain(Duration::from_secs(1)).unwrap();
    }
    (db, now)
}

#[test]
fn the_metric_that_grows_comes_first_by_growth() {
    let storage = FaultStorage::new(1);
    let (db, now) = flooded(&storage);
    let growth = db.growth(3, RankBy::Growth(0));
    assert_eq!(growth.since_ms[0], Some(now - 5 * MINUTE));
    assert_eq!((growth.series.count, growth.series.growth), (2800, [1000, 2000, 2000]));
    let first = &growth.metrics[0];
    assert_eq!((&*first.name, first.count, first.growth), ("flood", 2300, [1000, 2000, 2000]));
    assert_eq!((&*growth.metrics[1].name, growth.metrics[1].growth), ("calm", [0, 0, 0]));
    assert_eq!(growth.labels[0].name, "id");
    assert!(growth.pairs.iter().any(|pair| pair.name == "__name__=flood"), "{growth:?}");
    let calm = db.growth(1, RankBy::Count);
    assert_eq!(calm.pairs[0].name, "job=shop");
}

#[test]
fn a_metric_tells_its_label_its_time_and_its_source() {
    let storage = FaultStorage::new(1);
    let (db, _) = flooded(&storage);
    let flood = db.metric_cardinality("flood", 2);
    assert_eq!((flood.series.count, flood.new_series), (2300, 2000));
    assert_eq!(flood.rising_since_ms, Some(NOW + 60 * MINUTE));
    assert_eq!(flood.new_since_ms, flood.rising_since_ms);
    let label = &flood.labels[0];
    assert_eq!((&*label.name, label.values, label.new_values), ("id", 2300, 2000));
    let others: Vec<_> = flood.labels[1..].iter().map(|l| (&*l.name, l.new_values)).collect();
    assert_eq!(others, [("instance", 3), ("job", 1)]);
    assert_eq!(flood.labels[2].top, [("shop".to_owned(), 2000)]);
    assert_eq!((&*flood.sources[0].job, flood.sources.len()), ("shop", 2));
    assert!(flood.history.first().is_some_and(|&(time, series)| time >= NOW && series == 300));
    let calm = db.metric_cardinality("calm", 2);
    assert_eq!((calm.rising_since_ms, calm.new_series, calm.series.count), (None, 0, 500));
    assert_eq!(calm.labels[0].top.len(), 2, "without new series all are told of");
    assert_eq!(db.metric_cardinality("none", 2).series.count, 0);
}

#[test]
fn a_label_that_shards_share_counts_its_values_once() {
    let storage = FaultStorage::new(1);
    let (db, _) = open(&storage);
    // Each of 1,000 users has four series, which are in several shards.
    for part in ["a", "b", "c", "d"] {
        write(&db, NOW, part, "user", 0, 1000);
    }
    let mut batch = Batch::new();
    for user in 0..1000 {
        let set = labels! { "__name__" => "e", "user" => &user.to_string(), "more" => "x" };
        let series = batch.series(&set).unwrap();
        batch.push(series, NOW, 1.0);
    }
    db.append(&batch).unwrap();
    let found = db.cardinality(2);
    let (name, users) = &found.values_by_label[0];
    assert!(name == "user" && (950..=1050).contains(users), "{users}");
    assert_eq!(db.largest_values("instance", 1), [("host-0".to_owned(), 4 * 334)]);
}

#[test]
fn blocks_are_told_by_window() {
    let storage = FaultStorage::new(1);
    let (db, clock) = open(&storage);
    write(&db, NOW, "calm", "number", 0, 50);
    db.flush().unwrap();
    clock.set(NOW + 180 * MINUTE);
    write(&db, NOW + 180 * MINUTE - 1, "flood", "id", 0, 9);
    assert_eq!(db.cardinality(1).series, 59, "series stay in memory for a while");
    let blocks = db.block_cardinality(1).unwrap();
    assert_eq!((blocks.len(), blocks[0].series), (1, 50));
    assert_eq!(blocks[0].series_by_metric, [("calm".to_owned(), 50)]);
    assert_eq!(blocks[0].values_by_label, [("number".to_owned(), 50)]);
}

#[test]
fn usage_of_limits_names_who_is_nearest_and_refusals_name_who_was_refused() {
    let storage = FaultStorage::new(1);
    let (db, clock) = open(&storage);
    let mut limits = Limits::default();
    limits.series_per_metric = Some(100);
    limits.values_per_label = Some(1000);
    let mut global = GlobalLimits::default();
    global.active_series = Some(1000);
    db.set_limits(LimitRules::from(limits).global(global));
    write(&db, NOW, "calm", "number", 0, 10);
    write(&db, NOW, "flood", "id", 0, 90);
    db.maintain(Duration::from_secs(1)).unwrap();
    let usage = db.limit_usage();
    let of = |name: &str| usage.iter().find(|usage| usage.limit == name).unwrap();
    let metric = of("series_per_metric");
    assert_eq!((&*metric.culprit, metric.used, metric.tenant.as_deref()), ("flood", 90, Some("")));
    assert!((metric.ratio() - 0.9).abs() < 1e-9);
    assert_eq!((&*of("values_per_label").culprit, of("values_per_label").used), ("id", 90));
    assert_eq!((of("active_series").used, of("active_series").tenant.clone()), (100, None));
    assert!(of("memory_budget").used < of("memory_budget").allowed);
    assert_eq!(db.stats().limit_usage.len(), usage.len());
    clock.set(NOW + MINUTE);
    let mut batch = Batch::new();
    for number in 0..100 {
        let set = labels! { "__name__" => "flood", "other" => &number.to_string() };
        let series = batch.series(&set).unwrap();
        batch.push(series, NOW, 1.0);
    }
    db.append(&batch).unwrap();
    let refused = db.refused_series();
    assert_eq!((&*refused[0].metric, refused[0].samples, refused.len()), ("flood", 90, 1));
    assert_eq!(refused[0].reason, RefusalReason::TooManySeriesOfMetric);
    assert_eq!(refused[0].last_ms, NOW + MINUTE);
}
