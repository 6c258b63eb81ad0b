//! Deletes hide what was written before them and nothing else, can be taken back until their bytes
//! are given back, and survive whatever the database does in between.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use nunatak::storage::{FaultStorage, Storage};
use nunatak::{
    Batch, Db, DeleteId, Error, Hints, Labels, Limits, ManualClock, MatchOp, Matcher, Options,
    Selector, Source, TimeRange, labels,
};
use proptest::prelude::*;

use crate::common::{NOW, append, options, read};

const HOUR: i64 = 3_600_000;

fn set(number: u8) -> Labels {
    let (metric, host) = (format!("m{}", number % 3), format!("h{}", number / 3));
    labels! { "__name__" => &metric, "host" => &host }
}

fn metric(pattern: &str, range: TimeRange) -> Selector {
    Selector::new(vec![Matcher::new("__name__", MatchOp::Regex, pattern).unwrap()], range)
}

fn is_selected(selector: &Selector, labels: &Labels, time: i64) -> bool {
    selector.range.contains(time)
        && selector.matchers.iter().all(|m| m.matches(labels.get(m.name()).unwrap_or("")))
}

fn unlimited() -> Limits {
    let mut limits = Limits::default();
    limits.out_of_order_ms = i64::MAX;
    limits
}

/// All upkeep that is due.
fn maintain(db: &Db) {
    for _ in 0..40 {
        while db.maintain(Duration::from_secs(10)).unwrap() {}
    }
}

#[test]
fn what_is_written_later_stays() {
    let storage = FaultStorage::new(1);
    let db = Db::open(options(&storage)).unwrap();
    let (a, b) = (set(0), set(1));
    append(&db, &a, &[(NOW - 2000, 1.0), (NOW - 1000, 2.0)]).unwrap();
    append(&db, &b, &[(NOW, 5.0)]).unwrap();
    db.delete(&metric("m0", TimeRange::ALL)).unwrap();
    assert!(!read(&db).contains_key(&a), "hidden at once");
    // The very same sample, an older time, a newer time.
    append(&db, &a, &[(NOW - 1000, 2.0), (NOW - 1500, 7.0), (NOW, 3.0)]).unwrap();
    let expected = [(NOW - 1500, 7.0), (NOW - 1000, 2.0), (NOW, 3.0)];
    assert_eq!(read(&db)[&a], expected);
    db.flush().unwrap();
    assert_eq!(read(&db)[&a], expected);
    db.clean_deletes().unwrap();
    assert_eq!(read(&db)[&a], expected);
    assert_eq!(read(&db)[&b], [(NOW, 5.0)]);
    assert_eq!(db.stats().block_samples, 4, "the bytes are gone");
    assert_eq!(db.deletes().unwrap(), []);
}

/// Seed 110,216 of the crash test: what a delete had hidden ranked by the block that it was merged
/// with, which was below an older delete.
#[test]
fn what_came_after_a_delete_and_was_hidden_by_another_is_not_merged_below_it() {
    let storage = FaultStorage::new(1);
    let db = Db::open(options(&storage).shards(1).limits(unlimited())).unwrap();
    let (a, b) = (set(0), set(1));
    // It is remembered, since it hides a sample of another day.
    append(&db, &a, &[(NOW - 48 * HOUR, 3.0)]).unwrap();
    append(&db, &b, &[(NOW, 5.0)]).unwrap();
    db.flush().unwrap();
    db.delete(&metric("m0", TimeRange::ALL)).unwrap();
    append(&db, &a, &[(NOW, 1.0)]).unwrap();
    let second = db.delete(&metric("m0", TimeRange::ALL)).unwrap();
    db.flush().unwrap();
    assert!(!read(&db).contains_key(&a));
    db.undelete(second).unwrap();
    maintain(&db);
    db.flush().unwrap();
    assert_eq!(read(&db)[&a], [(NOW, 1.0)]);
    db.clean_deletes().unwrap();
    maintain(&db);
    assert_eq!(read(&db)[&a], [(NOW, 1.0)]);
    assert_eq!(read(&db)[&b], [(NOW, 5.0)]);
}

#[test]
fn the_order_of_overwrites_comes_back_with_an_undo() {
    let storage = FaultStorage::new(1);
    let db = Db::open(options(&storage)).unwrap();
    let a = set(0);
    append(&db, &a, &[(NOW - HOUR, 1.0), (NOW, 1.0)]).unwrap();
    db.flush().unwrap();
    append(&db, &a, &[(NOW - HOUR, 2.0)]).unwrap();
    let first = db.delete(&metric("m0", TimeRange::ALL)).unwrap();
    append(&db, &a, &[(NOW, 9.0)]).unwrap();
    let second = db.delete(&metric("m0", TimeRange::new(NOW, NOW))).unwrap();
    db.flush().unwrap();
    maintain(&db);
    assert!(!read(&db).contains_key(&a));
    assert_eq!(db.deletes().unwrap().len(), 2);
    db.undelete(first).unwrap();
    assert_eq!(read(&db)[&a], [(NOW - HOUR, 2.0)], "the second is in force");
    db.undelete(second).unwrap();
    assert_eq!(read(&db)[&a], [(NOW - HOUR, 2.0), (NOW, 9.0)]);
    db.flush().unwrap();
    assert_eq!(read(&db)[&a], [(NOW - HOUR, 2.0), (NOW, 9.0)]);
    assert!(matches!(db.undelete(first), Err(Error::Invalid { .. })), "twice");
}

#[test]
fn bytes_are_given_back_after_the_grace() {
    let storage = FaultStorage::new(1);
    let clock = Arc::new(ManualClock::new(NOW));
    let db = Db::open(options(&storage).clock(clock.clone())).unwrap();
    let hour = |i| (NOW - i * HOUR / 60, i as f64);
    append(&db, &set(0), &(0..60).rev().map(hour).collect::<Vec<_>>()).unwrap();
    append(&db, &set(1), &[(NOW, 1.0)]).unwrap();
    db.flush().unwrap();
    let id = db.delete(&metric("m0", TimeRange::new(NOW - HOUR / 2, NOW))).unwrap();
    let before = db.stats();
    clock.set(NOW + 24 * HOUR - 1);
    maintain(&db);
    assert!(db.deletes().unwrap()[0].is_undoable);
    assert_eq!(db.stats().block_samples, before.block_samples);
    clock.set(NOW + 24 * HOUR);
    assert!(!db.deletes().unwrap()[0].is_undoable);
    assert!(matches!(db.undelete(id), Err(Error::Invalid { .. })));
    maintain(&db);
    let after = db.stats();
    assert_eq!(before.block_samples - after.block_samples, 31);
    assert!(after.block_bytes < before.block_bytes);
    assert_eq!(db.deletes().unwrap(), [], "forgotten");
    assert_eq!(read(&db)[&set(0)].len(), 29);
}

#[test]
fn a_delete_outlives_the_log() {
    let storage = FaultStorage::new(1);
    let db = Db::open(options(&storage).segment_bytes(64 * 1024)).unwrap();
    append(&db, &set(0), &[(NOW, 1.0)]).unwrap();
    db.flush().unwrap();
    let id = db.delete(&metric("m0", TimeRange::ALL)).unwrap();
    // Three checkpoints: no segment has the record any more.
    for i in 0..3 {
        append(&db, &set(1), &[(NOW + i, 1.0)]).unwrap();
        db.flush().unwrap();
    }
    db.close().unwrap();
    let db = Db::open(options(&storage)).unwrap();
    assert_eq!(read(&db).len(), 1);
    let deletes = db.deletes().unwrap();
    assert_eq!((deletes[0].id, deletes[0].at_ms, deletes.len()), (id, NOW, 1));
    append(&db, &set(0), &[(NOW, 4.0)]).unwrap();
    db.close().unwrap();
    let db = Db::open(options(&storage)).unwrap();
    assert_eq!(read(&db)[&set(0)], [(NOW, 4.0)], "written after it");
    db.undelete(id).unwrap();
    assert_eq!(read(&db)[&set(0)], [(NOW, 4.0)]);
}

#[test]
fn a_series_without_samples_left_is_not_listed() {
    let storage = FaultStorage::new(1);
    let db = Db::open(options(&storage)).unwrap();
    append(&db, &set(0), &[(NOW - HOUR, 1.0), (NOW, 1.0)]).unwrap();
    let count = |range| {
        let hints = Hints { labels_only: true, ..Hints::default() };
        Source::select(&db, &metric(".*", range), &hints).unwrap().series.len()
    };
    db.delete(&metric("m0", TimeRange::new(NOW - HOUR, NOW - HOUR))).unwrap();
    for _ in 0..2 {
        assert_eq!(count(TimeRange::ALL), 1);
        assert_eq!(count(TimeRange::new(NOW - HOUR, NOW - HOUR)), 0);
        db.flush().unwrap();
    }
}

#[test]
fn a_delete_needs_a_matcher_and_a_tenant_has_its_own() {
    let storage = FaultStorage::new(1);
    let db = Db::open(options(&storage)).unwrap();
    let everything = Selector::new(Vec::new(), TimeRange::ALL);
    assert!(matches!(db.delete(&everything), Err(Error::Invalid { .. })));
    assert!(matches!(db.undelete(DeleteId(7)), Err(Error::Invalid { .. })));
    append(&db, &set(0), &[(NOW, 1.0)]).unwrap();
    let other = db.tenant("other").unwrap();
    assert_eq!(other.delete(&metric(".*", TimeRange::ALL)).unwrap(), DeleteId::NOTHING);
    assert_eq!((read(&db).len(), other.deletes().unwrap().len()), (1, 0), "nothing to hide");
}

#[derive(Debug, Clone)]
enum Step {
    Append(Vec<(u8, i64, f64)>),
    Delete(&'static str, i64, i64),
    Undelete(prop::sample::Index),
    Flush,
    Maintain,
    Reopen,
    Clean,
    /// Hours go by.
    Wait(i64),
}

fn step() -> impl Strategy<Value = Step> {
    // Times over a day and a half, so that windows, late samples and compaction all come up.
    let sample = (0..9u8, 0..36 * 60i64, any::<f64>());
    let pattern = prop::sample::select(vec!["m0", "m[01]", ".*", "m2|none", "none"]);
    prop_oneof![
        8 => prop::collection::vec(sample, 1..60).prop_map(Step::Append),
        4 => (pattern, 0..36 * 60i64, 0..30 * 60i64)
            .prop_map(|(pattern, from, minutes)| Step::Delete(pattern, from, minutes)),
        2 => any::<prop::sample::Index>().prop_map(Step::Undelete),
        2 => Just(Step::Flush),
        2 => Just(Step::Maintain),
        2 => Just(Step::Reopen),
        1 => Just(Step::Clean),
        1 => (1..30i64).prop_map(Step::Wait),
    ]
}

/// What a delete hides: the last sample of a series and time, if it came before.
#[derive(Default)]
struct Model {
    samples: BTreeMap<(Labels, i64), (usize, u64)>,
    deletes: BTreeMap<DeleteId, (usize, Selector)>,
}

impl Model {
    fn shown(&self) -> BTreeMap<Labels, Vec<(i64, u64)>> {
        let mut shown: BTreeMap<Labels, Vec<(i64, u64)>> = BTreeMap::new();
        for ((labels, time), (written, bits)) in &self.samples {
            let hides = |(at, selector): &(usize, Selector)| {
                at > written && is_selected(selector, labels, *time)
            };
            if !self.deletes.values().any(hides) {
                shown.entry(labels.clone()).or_default().push((*time, *bits));
            }
        }
        shown
    }
}

fn found(db: &Db) -> BTreeMap<Labels, Vec<(i64, u64)>> {
    let bits = |samples: Vec<(i64, f64)>| samples.into_iter().map(|(t, v)| (t, v.to_bits()));
    let all = read(db).into_iter().map(|(labels, samples)| (labels, bits(samples).collect()));
    all.filter(|(_, samples): &(_, Vec<_>)| !samples.is_empty()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn answers_as_a_list_of_writes_and_deletes_would(steps in prop::collection::vec(step(), 1..24)) {
        let storage = FaultStorage::new(1);
        let clock = Arc::new(ManualClock::new(NOW));
        let open = || {
            let shared: Arc<dyn Storage> = Arc::new(storage.clone());
            let options = Options::new("test").storage(shared).clock(clock.clone());
            Db::open(options.threads(0).shards(2).limits(unlimited())).unwrap()
        };
        let (mut db, mut now, mut model) = (open(), NOW, Model::default());
        for (number, step) in steps.into_iter().enumerate() {
            match step {
                Step::Append(samples) => {
                    let mut batch = Batch::new();
                    for &(series, minute, value) in &samples {
                        let (labels, time) = (set(series), NOW - minute * 60_000);
                        let handle = batch.series(&labels).unwrap();
                        batch.push(handle, time, value);
                        model.samples.insert((labels, time), (number, value.to_bits()));
                    }
                    prop_assert_eq!(db.append(&batch).unwrap().stored, samples.len() as u64);
                }
                Step::Delete(pattern, from, minutes) => {
                    let start = NOW - (from + minutes) * 60_000;
                    let range = TimeRange::new(start, NOW - from * 60_000);
                    let selector = metric(pattern, range);
                    let id = db.delete(&selector).unwrap();
                    model.deletes.insert(id, (number, selector));
                }
                Step::Undelete(index) => {
                    let deletes = db.deletes().unwrap();
                    if deletes.is_empty() {
                        continue;
                    }
                    let delete = index.get(&deletes);
                    let undone = db.undelete(delete.id);
                    prop_assert_eq!(undone.is_ok(), delete.is_undoable, "{:?}", undone);
                    if undone.is_ok() {
                        model.deletes.remove(&delete.id);
                    }
                }
                Step::Flush => db.flush().unwrap(),
                Step::Maintain => maintain(&db),
                Step::Clean => db.clean_deletes().unwrap(),
                Step::Wait(hours) => {
                    now += hours * HOUR;
                    clock.set(now);
                }
                Step::Reopen => {
                    db.close().unwrap();
                    db = open();
                }
            }
            prop_assert_eq!(found(&db), model.shown(), "after step {}", number);
        }
        db.clean_deletes().unwrap();
        let shown = model.shown();
        prop_assert_eq!(found(&db), shown.clone());
        prop_assert_eq!(db.deletes().unwrap(), []);
        db.flush().unwrap();
        let hours: i64 = shown.values().map(|samples| samples.len() as i64).sum();
        prop_assert!(db.stats().block_samples >= hours as u64);
    }
}
