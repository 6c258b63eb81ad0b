//! Many writers share a sync, and each one's frames are durable when it is told so.

#[cfg(test)]
#[path = "support/log.rs"]
mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use nunatak::log::{WalOptions, WriteLog};
use nunatak::storage::{Crash, FaultStorage, Storage};
use nunatak::{Durability, Error};
use support::{open, positions, replay, write};

#[test]
fn concurrent_writers_are_durable_in_the_order_of_their_positions() {
    let fault = FaultStorage::new(1);
    let storage: Arc<dyn Storage> = Arc::new(fault.clone());
    let log = open(&storage, WalOptions::new().segment_bytes(4000));
    let before = fault.syncs();
    std::thread::scope(|scope| {
        for writer in 0..8 {
            let log = &log;
            scope.spawn(move || {
                for n in 0..100 {
                    let first = log.append(&write(1000 * writer + n)).unwrap();
                    let second = log.append(&write(1000 * writer + n + 500)).unwrap();
                    assert!(second > first);
                    log.commit(second).unwrap();
                }
            });
        }
    });
    assert!(fault.syncs() - before <= 800 * 3);
    let storage: Arc<dyn Storage> = Arc::new(fault.recover(Crash::PowerLoss, 1));
    let (frames, report) = replay(&open(&storage, WalOptions::new()), 1);
    assert_eq!((frames.len(), report.torn), (1600, None));
    assert!(frames.iter().zip(1..).all(|((position, _), n)| *position == n));
    let mut all: Vec<i64> = frames.iter().map(|(_, frame)| frame.stamp).collect();
    for writer in 0..8 {
        let own = all.iter().filter(|stamp| **stamp / 1000 == writer && **stamp % 1000 < 500);
        assert!(own.is_sorted());
    }
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), 1600);
}

#[test]
fn one_sync_serves_everything_that_was_appended() {
    let fault = FaultStorage::new(1);
    let storage: Arc<dyn Storage> = Arc::new(fault.clone());
    let log = open(&storage, WalOptions::new());
    support::commit(&log, 1, 1);
    let before = fault.syncs();
    let positions: Vec<_> = (2..500).map(|n| log.append(&write(n)).unwrap()).collect();
    for position in positions.iter().rev() {
        log.commit(*position).unwrap();
    }
    assert_eq!(fault.syncs() - before, 1);
}

#[test]
fn without_fsync_a_commit_writes_and_a_sync_syncs() {
    let hour = std::time::Duration::from_hours(1);
    for durability in [Durability::Os, Durability::Interval(hour)] {
        let fault = FaultStorage::new(1);
        let storage: Arc<dyn Storage> = Arc::new(fault.clone());
        let log = open(&storage, WalOptions::new().durability(durability));
        support::commit(&log, 1, 3);
        let before = fault.syncs();
        support::commit(&log, 4, 9);
        assert_eq!((fault.syncs(), log.pending_bytes()), (before, 0));
        let killed: Arc<dyn Storage> = Arc::new(fault.recover(Crash::Process, 1));
        assert_eq!(positions(&open(&killed, WalOptions::new())).0.len(), 9);
        log.sync().unwrap();
        log.sync().unwrap();
        assert_eq!(fault.syncs(), before + 1);
        for seed in 0..20 {
            let lost: Arc<dyn Storage> = Arc::new(fault.recover(Crash::PowerLoss, seed));
            assert_eq!(positions(&open(&lost, WalOptions::new())).0.len(), 9);
        }
    }
    let fault = FaultStorage::new(1);
    let storage: Arc<dyn Storage> = Arc::new(fault.clone());
    let nanosecond = Durability::Interval(std::time::Duration::from_nanos(1));
    let log = open(&storage, WalOptions::new().durability(nanosecond));
    support::commit(&log, 1, 3);
    let before = fault.syncs();
    support::commit(&log, 4, 5);
    assert_eq!(fault.syncs(), before + 2);
}

#[test]
fn writers_that_race_with_a_full_disk_lose_nothing() {
    let fault = FaultStorage::new(2);
    let storage: Arc<dyn Storage> = Arc::new(fault.clone());
    let log = open(&storage, WalOptions::new());
    let refusals = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let (log, refusals, fault) = (&log, &refusals, &fault);
            scope.spawn(move || {
                for n in 0..50 {
                    if writer == 0 {
                        fault.set_capacity((n % 2 == 0).then(|| fault.used() + 10));
                    }
                    loop {
                        let appended = log.append(&write(1000 * writer + n));
                        match appended.and_then(|position| log.commit(position)) {
                            Ok(()) => break,
                            Err(Error::DiskFull { .. }) => {
                                refusals.fetch_add(1, Ordering::Relaxed);
                                fault.set_capacity(None);
                            }
                            Err(other) => panic!("{other}"),
                        }
                    }
                }
            });
        }
    });
    assert!(refusals.load(Ordering::Relaxed) > 0);
    let storage: Arc<dyn Storage> = Arc::new(fault.recover(Crash::PowerLoss, 1));
    let (frames, report) = replay(&open(&storage, WalOptions::new()), 1);
    assert!(frames.iter().zip(1..).all(|((position, _), n)| *position == n));
    assert_eq!((report.torn, report.missing), (None, vec![]));
    for writer in 0..4 {
        for n in 0..50 {
            assert!(frames.iter().any(|(_, frame)| *frame == write(1000 * writer + n)));
        }
    }
}
