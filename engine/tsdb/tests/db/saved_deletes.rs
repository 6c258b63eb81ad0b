//! Deletes and saved heads know of each other: whichever comes first, and whichever file a start
//! reads, what is hidden stays hidden, what was written later stays, and an undo brings all back.

use std::sync::Arc;
use std::time::Duration;

use nunatak::storage::{Crash, FaultStorage, Storage};
use nunatak::{Db, Labels, ManualClock, MatchOp, Matcher, Options, Selector, TimeRange, labels};

use crate::common::{self, NOW, append, read};

const FOLDER: &str = "shard-00/default";
const HOUR: i64 = 3_600_000;

/// Heads are saved in every round of maintenance.
fn options(storage: &FaultStorage) -> Options {
    common::options(storage).shards(1).replay_target(Duration::ZERO)
}

fn set(name: &str) -> Labels {
    labels! { "__name__" => name }
}

fn named(name: &str) -> Selector {
    Selector::new(vec![Matcher::new("__name__", MatchOp::Equal, name).unwrap()], TimeRange::ALL)
}

fn maintain(db: &Db) {
    while db.maintain(Duration::from_secs(10)).unwrap() {}
}

/// The saved heads, the oldest first.
fn heads(storage: &FaultStorage) -> Vec<String> {
    let names = storage.list(FOLDER).unwrap().into_iter().map(|entry| entry.name);
    let mut heads: Vec<String> = names.filter(|name| name.starts_with("head-")).collect();
    heads.sort();
    heads
}

/// A kill, after which the newest saved head may be lost, and a start.
fn kill(db: Db, storage: &FaultStorage, loses_newest: bool) -> (Db, FaultStorage) {
    std::mem::forget(db);
    let storage = storage.recover(Crash::Process, 1);
    if loses_newest {
        let heads = heads(&storage);
        assert_eq!(heads.len(), 2);
        storage.remove(&format!("{FOLDER}/{}", heads[1])).unwrap();
    }
    (Db::open(options(&storage)).unwrap(), storage)
}

#[test]
fn deletes_survive_a_start_from_a_saved_head() {
    for loses_newest in [false, true] {
        let storage = FaultStorage::new(1);
        let db = Db::open(options(&storage)).unwrap();
        let (a, b, c) = (set("a"), set("b"), set("c"));
        for set in [&a, &b, &c] {
            append(&db, set, &[(NOW - 3000, 1.0), (NOW - 2000, 2.0)]).unwrap();
        }
        let first = db.delete(&named("a")).unwrap();
        maintain(&db);
        append(&db, &a, &[(NOW - 3000, 1.0), (NOW - 1500, 3.0)]).unwrap();
        append(&db, &b, &[(NOW - 1500, 3.0)]).unwrap();
        let second = db.delete(&named("b")).unwrap();
        append(&db, &b, &[(NOW - 2000, 2.0), (NOW - 1000, 4.0)]).unwrap();
        let undone = db.delete(&named("c")).unwrap();
        maintain(&db);
        append(&db, &c, &[(NOW - 1000, 4.0)]).unwrap();
        db.undelete(undone).unwrap();
        let third = db.delete(&named("c")).unwrap();
        append(&db, &c, &[(NOW, 5.0)]).unwrap();

        let (db, storage) = kill(db, &storage, loses_newest);
        let hidden = |db: &Db| {
            let all = read(db);
            assert_eq!(all[&a], [(NOW - 3000, 1.0), (NOW - 1500, 3.0)], "{loses_newest}");
            assert_eq!(all[&b], [(NOW - 2000, 2.0), (NOW - 1000, 4.0)], "{loses_newest}");
            assert_eq!(all[&c], [(NOW, 5.0)], "{loses_newest}");
        };
        hidden(&db);
        // Saved once more, from a head that was read from a file.
        append(&db, &set("d"), &[(NOW, 1.0)]).unwrap();
        maintain(&db);
        let (db, _storage) = kill(db, &storage, false);
        hidden(&db);
        for id in [first, second, third] {
            db.undelete(id).unwrap();
        }
        let check = |db: &Db| {
            let all = read(db);
            assert_eq!(all[&a], [(NOW - 3000, 1.0), (NOW - 2000, 2.0), (NOW - 1500, 3.0)]);
            let b_all =
                [(NOW - 3000, 1.0), (NOW - 2000, 2.0), (NOW - 1500, 3.0), (NOW - 1000, 4.0)];
            assert_eq!(all[&b], b_all);
            let c_all = [(NOW - 3000, 1.0), (NOW - 2000, 2.0), (NOW - 1000, 4.0), (NOW, 5.0)];
            assert_eq!(all[&c], c_all);
        };
        check(&db);
        db.flush().unwrap();
        check(&db);
    }
}

#[test]
fn a_cut_of_hidden_samples_takes_no_others_from_an_older_saved_head() {
    let storage = FaultStorage::new(1);
    let clock = Arc::new(ManualClock::new(NOW));
    let db = Db::open(options(&storage).clock(clock.clone())).unwrap();
    let (a, b) = (set("a"), set("b"));
    append(&db, &a, &[(NOW - 3 * HOUR, 1.0), (NOW, 2.0)]).unwrap();
    append(&db, &b, &[(NOW - 3 * HOUR, 3.0), (NOW, 4.0)]).unwrap();
    maintain(&db);
    let id = db.delete(&named("a")).unwrap();
    clock.set(NOW + HOUR / 2);
    append(&db, &b, &[(NOW + 1, 5.0)]).unwrap();
    maintain(&db);
    assert_eq!(db.stats().blocks, 2, "what is shown, and what may come back");
    let (db, _storage) = kill(db, &storage, true);
    assert_eq!(read(&db).get(&a), None);
    assert_eq!(read(&db)[&b], [(NOW - 3 * HOUR, 3.0), (NOW, 4.0), (NOW + 1, 5.0)]);
    db.undelete(id).unwrap();
    assert_eq!(read(&db)[&a], [(NOW - 3 * HOUR, 1.0), (NOW, 2.0)]);
}

#[test]
fn what_is_given_back_does_not_come_back_from_an_older_saved_head() {
    let storage = FaultStorage::new(1);
    let db = Db::open(options(&storage)).unwrap();
    let (a, b) = (set("a"), set("b"));
    append(&db, &a, &[(NOW, 1.0)]).unwrap();
    maintain(&db);
    append(&db, &a, &[(NOW + 1, 2.0)]).unwrap();
    maintain(&db);
    db.delete(&named("a")).unwrap();
    for _ in 0..3 {
        db.clean_deletes().unwrap();
    }
    append(&db, &b, &[(NOW, 1.0)]).unwrap();
    let (db, _storage) = kill(db, &storage, true);
    assert_eq!(read(&db).get(&a), None);
    assert_eq!(read(&db)[&b], [(NOW, 1.0)]);
}
