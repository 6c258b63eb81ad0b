//! Memory stays within its budget: samples go to disk early, and only new series are refused.

use std::time::Duration;

use nunatak::storage::FaultStorage;
use nunatak::{Batch, Db, Durability, RefusalReason, labels};

use crate::common::{NOW, append, options, read};

const BUDGET: u64 = 16 << 20;

/// Writes `count` new series with one sample each; returns how many samples were refused.
fn flood(db: &Db, round: u32, count: u32) -> u64 {
    let mut batch = Batch::new();
    for number in 0..count {
        let id = format!("{round}-{number}-{}", "x".repeat(80));
        let set = labels! { "__name__" => "flood", "id" => &id };
        if let Ok(series) = batch.series(&set) {
            batch.push(series, NOW + i64::from(round) * 120_000 % 500_000, 1.0);
        }
    }
    let outcome = db.append(&batch).unwrap();
    assert!(outcome.refused.iter().all(|r| r.reason == RefusalReason::MemoryBudget));
    outcome.refused_samples()
}

#[test]
fn without_upkeep_only_new_series_are_refused() {
    let storage = FaultStorage::new(1);
    let db = Db::open(options(&storage).memory_budget(BUDGET)).unwrap();
    let steady = labels! { "__name__" => "steady" };
    append(&db, &steady, &[(NOW, 1.0)]).unwrap();
    let mut refused = 0;
    for round in 0..20 {
        refused += flood(&db, round, 5000);
        // Nothing can be moved, as on a stuck disk.
        storage.set_capacity(Some(storage.used()));
        drop(db.maintain(Duration::from_secs(1)));
        storage.set_capacity(None);
        std::thread::sleep(Duration::from_millis(120));
        let time = NOW + i64::from(round) + 1;
        assert_eq!(append(&db, &steady, &[(time, 1.0)]).unwrap().refused, [], "round {round}");
    }
    let head = db.stats().head_bytes;
    assert!(refused > 0 && head < BUDGET * 5 / 4, "refused {refused}, head {head}");
}

#[test]
fn a_flood_goes_to_disk_and_nothing_is_refused() {
    let storage = FaultStorage::new(1);
    let db = Db::open(options(&storage).memory_budget(BUDGET)).unwrap();
    let steady = labels! { "__name__" => "steady" };
    append(&db, &steady, &[(NOW - 15_000, 1.0), (NOW, 1.0)]).unwrap();
    for round in 0..40 {
        assert_eq!(flood(&db, round, 2000), 0, "round {round}");
        while db.maintain(Duration::from_secs(1)).unwrap() {}
        let bytes = db.stats().head_bytes;
        assert!(bytes < BUDGET / 2, "round {round}: {bytes} bytes");
    }
    assert_eq!(read(&db).len(), 80_001);
    let (blocks, limit) = (db.stats().blocks, 9 * 2);
    assert!(blocks <= limit, "{blocks} blocks in two shards");
    drop(db);
    let db = Db::open(options(&storage).memory_budget(BUDGET)).unwrap();
    assert_eq!((read(&db).len(), db.replay_report().orphans), (80_001, 0), "after a start");
}

#[test]
fn on_a_slow_disk_only_new_series_are_refused() {
    let storage = FaultStorage::new(1);
    let slow = options(&storage).memory_budget(BUDGET).threads(1).durability(Durability::Os);
    let db = Db::open(slow.append_deadline(Duration::from_millis(1))).unwrap();
    let steady = labels! { "__name__" => "steady" };
    append(&db, &steady, &[(NOW, 1.0)]).unwrap();
    storage.slow_syncs(Duration::from_millis(200));
    let (mut refused, mut sent) = (0, 0);
    for round in 0..60 {
        refused += flood(&db, round, 2000);
        sent += 2000;
        let time = NOW + i64::from(round) + 1;
        assert_eq!(append(&db, &steady, &[(time, 1.0)]).unwrap().refused, [], "round {round}");
    }
    storage.slow_syncs(Duration::ZERO);
    assert!(refused > 0 && refused < sent, "refused {refused} of {sent}");
    assert_eq!(db.stats().refused_samples, [(RefusalReason::MemoryBudget, refused)]);
    let all = read(&db);
    assert_eq!((all.len() as u64, all[&steady].len()), (sent - refused + 1, 61));
}

#[test]
fn after_a_start_with_a_full_head_the_series_of_before_are_known() {
    let storage = FaultStorage::new(1);
    let open = || Db::open(options(&storage).memory_budget(BUDGET)).unwrap();
    let db = open();
    let steady = labels! { "__name__" => "steady" };
    append(&db, &steady, &[(NOW, 1.0)]).unwrap();
    let refused = (0..60).map(|round| flood(&db, round, 2000)).sum::<u64>();
    assert!(refused > 0);
    drop(db);
    let db = open();
    let refused = (60..90).map(|round| flood(&db, round, 2000)).sum::<u64>();
    assert!(refused > 0, "there is no room for others");
    assert_eq!(append(&db, &steady, &[(NOW + 1, 2.0)]).unwrap().refused, []);
    assert_eq!(read(&db)[&steady].len(), 2);
}

#[test]
fn samples_that_fill_the_head_go_to_disk_before_their_window_ends() {
    let storage = FaultStorage::new(1);
    let db = Db::open(options(&storage).memory_budget(BUDGET)).unwrap();
    let mut batch = Batch::new();
    let series: Vec<_> = (0..200)
        .map(|number| {
            let number = number.to_string();
            batch.series(&labels! { "__name__" => "wide", "number" => &number }).unwrap()
        })
        .collect();
    for second in 0..6000_u32 {
        for (number, &series) in series.iter().enumerate() {
            let value = (f64::from(second) + number as f64).sqrt();
            batch.push(series, NOW - 6_000_000 + i64::from(second) * 1000, value);
        }
        if second % 500 == 499 {
            assert_eq!(db.append(&batch).unwrap().refused, []);
            batch.clear_samples();
            while db.maintain(Duration::from_secs(1)).unwrap() {}
        }
    }
    let stats = db.stats();
    assert!(stats.blocks > 0 && stats.head_bytes < BUDGET / 4 * 3, "{stats:?}");
    let all = read(&db);
    assert!(all.len() == 200 && all.values().all(|samples| samples.len() == 6000));
}
