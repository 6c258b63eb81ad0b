//! A full disk clears itself, keeps the order, and loses nothing; a failed sync ends the writing.

#[cfg(test)]
#[path = "support/log.rs"]
mod support;

use std::io::ErrorKind;
use std::sync::Arc;

use nunatak::Error;
use nunatak::log::{Position, WalOptions, WriteLog};
use nunatak::storage::{Crash, FaultStorage, Storage};
use support::{commit, open, positions, write};

fn dynamic(storage: &FaultStorage) -> Arc<dyn Storage> {
    Arc::new(storage.clone())
}

#[test]
fn a_full_disk_is_retried_with_the_same_frames() {
    for room in 0..500 {
        let storage = FaultStorage::new(room);
        let log = open(&dynamic(&storage), WalOptions::new().segment_bytes(400));
        commit(&log, 1, 2);
        storage.set_capacity(Some(storage.used() + room));
        let mut acknowledged = 2;
        let error = loop {
            let position = log.append(&write(acknowledged + 1)).unwrap();
            match log.commit(position) {
                Ok(()) => acknowledged += 1,
                Err(error) => break error,
            }
        };
        assert!(matches!(error, Error::DiskFull { .. }) && error.is_retryable(), "{error}");
        assert!(matches!(log.append(&write(99)), Err(Error::DiskFull { .. })));
        assert!(matches!(log.sync(), Err(Error::DiskFull { .. })));
        assert_eq!(log.last(), Position(acknowledged + 1));
        assert!(log.pending_bytes() > 0);

        // A crash now: what was acknowledged is there.
        let ruins = storage.recover(Crash::PowerLoss, room);
        let (found, _) = positions(&open(&dynamic(&ruins), WalOptions::new()));
        assert_eq!(found, (1..=acknowledged).collect::<Vec<_>>(), "room {room}");

        storage.set_capacity(None);
        log.commit(Position(acknowledged + 1)).unwrap();
        assert_eq!(log.pending_bytes(), 0);
        commit(&log, acknowledged + 2, acknowledged + 4);
        let ruins = storage.recover(Crash::PowerLoss, room);
        let (found, report) = positions(&open(&dynamic(&ruins), WalOptions::new()));
        assert_eq!(found, (1..=acknowledged + 4).collect::<Vec<_>>(), "room {room}");
        assert_eq!((report.torn, report.quarantined, report.missing), (None, vec![], vec![]));
    }
}

#[test]
fn a_failed_write_is_retried_wherever_it_fails() {
    for operation in 1..40 {
        let storage = FaultStorage::new(operation);
        let log = open(&dynamic(&storage), WalOptions::new().segment_bytes(300));
        storage.fail_at(storage.operations() + operation, ErrorKind::Other);
        let mut poisoned = false;
        let mut acknowledged = 0;
        for n in 1..=8 {
            let result = log.append(&write(n)).and_then(|position| log.commit(position));
            match result {
                Ok(()) => acknowledged = n,
                Err(Error::Poisoned { .. }) => {
                    poisoned = true;
                    break;
                }
                Err(error) => assert!(error.is_retryable(), "{error}"),
            }
        }
        assert!(poisoned || log.commit(Position(8)).is_ok());
        let ruins = storage.recover(Crash::PowerLoss, operation);
        let (found, _) = positions(&open(&dynamic(&ruins), WalOptions::new()));
        let expected: Vec<u64> = (1..=acknowledged).collect();
        assert_eq!(found.get(..expected.len()), Some(&expected[..]), "operation {operation}");
    }
}

#[test]
fn a_failed_sync_poisons_until_the_log_is_opened_again() {
    let storage = FaultStorage::new(9);
    let log = open(&dynamic(&storage), WalOptions::new());
    commit(&log, 1, 3);
    storage.fail_sync_at(storage.syncs() + 1, ErrorKind::Other);
    let position = log.append(&write(4)).unwrap();
    assert!(matches!(log.commit(position), Err(Error::Poisoned { .. })));
    assert!(matches!(log.append(&write(5)), Err(Error::Poisoned { .. })));
    assert!(matches!(log.sync(), Err(Error::Poisoned { .. })));
    assert!(matches!(log.commit(position), Err(Error::Poisoned { .. })));
    log.commit(Position(3)).unwrap();
    drop(log);
    let log = open(&dynamic(&storage), WalOptions::new());
    let last = log.last().0;
    commit(&log, last + 1, last + 2);
    let ruins = storage.recover(Crash::PowerLoss, 1);
    let (found, _) = positions(&open(&dynamic(&ruins), WalOptions::new()));
    assert!(found.starts_with(&[1, 2, 3]) && found.ends_with(&[last + 1, last + 2]), "{found:?}");
}

#[test]
fn waiting_bytes_are_bounded_even_if_nobody_commits() {
    const LIMIT: u64 = 1000;
    let storage = FaultStorage::new(1);
    let log = open(&dynamic(&storage), WalOptions::new().pending_bytes(LIMIT));
    let frame = write(1);
    for _ in 0..200 {
        log.append(&frame).unwrap();
        assert!(log.pending_bytes() < 2 * LIMIT, "{} bytes wait", log.pending_bytes());
    }
    storage.set_capacity(Some(storage.used()));
    let refused = (0..200).find_map(|_| log.append(&frame).err()).unwrap();
    assert!(matches!(refused, Error::DiskFull { .. }), "{refused}");
    assert!(log.pending_bytes() < 2 * LIMIT, "{} bytes wait", log.pending_bytes());
}
