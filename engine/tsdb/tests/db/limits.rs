//! Limits on series refuse new ones only, name the culprit, and can be changed at any time.

use std::collections::BTreeSet;
use std::sync::Arc;

use nunatak::storage::FaultStorage;
use nunatak::{
    Batch, Db, GlobalLimits, Labels, LimitRules, Limits, ManualClock, Outcome, RefusalReason,
    Tenant, labels,
};

use crate::common::{NOW, options, read};

fn open(storage: &FaultStorage, change: impl FnOnce(&mut Limits)) -> Db {
    Db::open(options(storage).shards(4).limits(limits(change))).unwrap()
}

fn limits(change: impl FnOnce(&mut Limits)) -> Limits {
    let mut limits = Limits::default();
    change(&mut limits);
    limits
}

fn set(metric: &str, id: usize) -> Labels {
    labels! { "__name__" => metric, "job" => "node", "id" => &id.to_string() }
}

fn append(tenant: &Tenant, sets: impl IntoIterator<Item = Labels>) -> Outcome {
    let mut batch = Batch::new();
    for set in sets {
        let series = batch.series(&set).unwrap();
        batch.push(series, NOW, 1.0);
    }
    tenant.append(&batch).unwrap()
}

/// Stored samples, and those refused for the one reason that there is.
fn counts(outcome: &Outcome, reason: RefusalReason) -> (u64, u64) {
    assert!(outcome.refused.iter().all(|r| r.reason == reason), "{outcome:?}");
    (outcome.stored, outcome.refused_samples())
}

#[test]
fn a_metric_has_so_many_series_and_others_go_on() {
    let storage = FaultStorage::new(1);
    let db = open(&storage, |limits| limits.series_per_metric = Some(5));
    let main = db.tenant("default").unwrap();
    let reason = RefusalReason::TooManySeriesOfMetric;
    let outcome = append(&main, (0..4).map(|id| set("flood", id)));
    assert_eq!(outcome.stored, 4);
    let mixed = (0..20).map(|id| set("flood", id)).chain([set("calm", 1)]);
    let outcome = append(&main, mixed);
    assert_eq!(counts(&outcome, reason), (6, 15), "four known, one more, and the calm one");
    let text = &outcome.refused[0].example;
    assert!(text.contains("metric flood has its limit of 5 series (series_per_metric)"), "{text}");
    // Those that are there go on, over a start, too.
    drop((main, db));
    let db = open(&storage, |limits| limits.series_per_metric = Some(3));
    let outcome = append(&db.tenant("default").unwrap(), (0..20).map(|id| set("flood", id)));
    assert_eq!(counts(&outcome, reason), (5, 15));
    assert_eq!(read(&db).len(), 6);
    assert_eq!(db.stats().refused_samples, [(reason, 15)]);
}

#[test]
fn a_label_has_so_many_values() {
    let storage = FaultStorage::new(1);
    let db = open(&storage, |limits| limits.values_per_label = Some(10));
    let main = db.tenant("default").unwrap();
    let reason = RefusalReason::TooManyLabelValues;
    let outcome = append(&main, (0..30).map(|id| set("a", id)));
    assert_eq!(counts(&outcome, reason), (10, 20));
    let text = &outcome.refused[0].example;
    assert!(text.contains("label id has its limit of 10 values (values_per_label)"), "{text}");
    let ids = || -> BTreeSet<String> {
        read(&db).keys().filter_map(|set| set.get("id").map(str::to_owned)).collect()
    };
    let there = ids();
    // Any series with the values that are there, in other shards, too.
    let wider = |id| labels! { "__name__" => "b", "id" => &usize::to_string(&id), "more" => "x" };
    let outcome = append(&main, (0..30).map(wider));
    assert_eq!(counts(&outcome, reason), (10, 20));
    assert_eq!(ids(), there);
    assert_eq!(append(&main, [labels! { "__name__" => "c", "id" => "31" }]).stored, 0);
}

#[test]
fn tenants_and_all_together_have_so_many_series() {
    let storage = FaultStorage::new(1);
    let mut global = GlobalLimits::default();
    global.active_series = Some(12);
    let rules = LimitRules::from(limits(|l| l.active_series = Some(8)))
        .tenant("small", limits(|l| l.active_series = Some(2)))
        .global(global);
    let db = Db::open(options(&storage).limits(rules)).unwrap();
    let [main, small, other] = ["default", "small", "other"].map(|name| db.tenant(name).unwrap());
    let own = RefusalReason::TooManySeries;
    let flood = || (0..20).map(|id| set("flood", id));
    assert_eq!(counts(&append(&small, flood()), own), (2, 18));
    assert_eq!(counts(&append(&main, flood()), own), (8, 12));
    let all = RefusalReason::TooManySeriesGlobally;
    assert_eq!(counts(&append(&other, flood()), all), (2, 18));
    // More room at once, for some.
    db.set_limits(LimitRules::default().tenant("small", limits(|l| l.active_series = Some(3))));
    assert_eq!(counts(&append(&small, flood()), own), (3, 17));
    assert_eq!(append(&other, flood()).refused, []);
}

#[test]
fn new_series_come_at_a_rate_of_the_clock_that_is_passed_in() {
    let storage = FaultStorage::new(1);
    let clock = Arc::new(ManualClock::new(NOW));
    let slow = limits(|limits| limits.new_series_per_second = Some(2));
    let db = Db::open(options(&storage).clock(clock.clone()).limits(slow)).unwrap();
    let main = db.tenant("default").unwrap();
    let flood = || (0..100).map(|id| set("flood", id));
    let reason = RefusalReason::NewSeriesTooFast;
    assert_eq!(counts(&append(&main, flood()), reason), (20, 80), "ten seconds at once");
    assert_eq!(counts(&append(&main, flood()), reason), (20, 80), "known ones are free");
    clock.set(NOW + 3000);
    assert_eq!(counts(&append(&main, flood()), reason), (26, 74));
    let mut global = GlobalLimits::default();
    global.new_series_per_second = Some(1);
    db.set_limits(LimitRules::default().global(global));
    let all = RefusalReason::NewSeriesTooFastGlobally;
    assert_eq!(counts(&append(&main, flood()), all), (36, 64));
}
