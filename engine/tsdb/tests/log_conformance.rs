//! Every log keeps the same promises, whatever it is kept in.
#![expect(clippy::unwrap_used, reason = "helpers of tests may panic")]

#[cfg(test)]
#[path = "support/log.rs"]
mod support;

use std::sync::Arc;

use nunatak::Durability;
use nunatak::log::{Frame, LocalWal, MemoryLog, Position, Record, Samples, WalOptions, WriteLog};
use nunatak::storage::{FaultStorage, MemoryStorage, OsStorage, Storage};
use support::{commit, frame, positions, replay, write};

fn check(log: &dyn WriteLog) {
    assert_eq!((log.last(), log.pending_bytes()), (Position(0), 0));
    assert_eq!(log.first().unwrap(), Position(1));
    assert_eq!(positions(log).0, []);
    commit(log, 1, 10);
    assert_eq!((log.last(), log.pending_bytes()), (Position(10), 0));
    assert_eq!(positions(log).0, (1..=10).collect::<Vec<_>>());
    assert_eq!(log.first().unwrap(), Position(1));
    // Without a checkpoint the frames before the start are visited for their definitions.
    let (frames, _) = replay(log, 8);
    assert_eq!(frames.len(), 10);
    assert_eq!(frames[7..], [(8, write(8)), (9, write(9)), (10, write(10))]);
    assert!(log.commit(Position(11)).is_err());

    let other = [
        frame(2, 11, Record::Cut { before: -5 }),
        frame(3, 12, Record::State { next_reference: 99 }),
    ];
    for frame in &other {
        log.append(frame).unwrap();
    }
    log.sync().unwrap();
    let last: Vec<Frame> = replay(log, 11).0.into_iter().rev().take(2).map(|f| f.1).collect();
    assert_eq!(last, [other[1].clone(), other[0].clone()]);

    let definitions = [write(100), write(101)];
    log.checkpoint(Position(8), Position(9), &mut definitions.clone().into_iter()).unwrap();
    let (frames, report) = replay(log, 9);
    let seen: Vec<u64> = frames.iter().map(|(position, _)| *position).collect();
    assert_eq!(seen, [8, 8, 9, 10, 11, 12]);
    assert_eq!([&frames[0].1, &frames[1].1], [&definitions[0], &definitions[1]]);
    assert_eq!((report.frames, report.checkpoint), (6, Some(Position(8))));

    // Behind the checkpoint and before the start: what makes series known, and nothing else.
    let (frames, _) = replay(log, 12);
    let seen: Vec<u64> = frames.iter().map(|(position, _)| *position).collect();
    assert_eq!(seen, [8, 8, 9, 10, 12]);
    let Record::Write { samples, definitions } = &frames[2].1.record else { panic!() };
    assert_eq!((samples, definitions.len()), (&Samples::default(), 1));
    assert!(log.checkpoint(Position(13), Position(1), &mut std::iter::empty()).is_err());
    commit_other(log);
}

fn commit_other(log: &dyn WriteLog) {
    let position = log.append(&write(13)).unwrap();
    assert_eq!(position, Position(13));
    log.commit(position).unwrap();
}

fn check_local(storage: &Arc<dyn Storage>, options: &WalOptions) {
    check(&LocalWal::open(Arc::clone(storage), options.clone()).unwrap());
    let again = LocalWal::open(Arc::clone(storage), options.clone()).unwrap();
    assert_eq!(again.last(), Position(13));
    let seen: Vec<u64> = replay(&again, 9).0.into_iter().map(|(position, _)| position).collect();
    assert_eq!(seen, [8, 8, 9, 10, 11, 12, 13]);
    assert_eq!(again.append(&write(14)).unwrap(), Position(14));
}

#[test]
fn memory_log() {
    check(&MemoryLog::new());
}

#[test]
fn local_log_on_every_storage_with_every_durability() {
    let interval = Durability::Interval(std::time::Duration::from_hours(1));
    for durability in [Durability::Fsync, Durability::Os, interval] {
        for segment_bytes in [1, 500, 1 << 20] {
            let options = WalOptions::new().durability(durability).segment_bytes(segment_bytes);
            let folder = tempfile::tempdir().unwrap();
            let os: Arc<dyn Storage> = Arc::new(OsStorage::new(folder.path()).unwrap());
            check_local(&os, &options);
            let memory: Arc<dyn Storage> = Arc::new(MemoryStorage::new());
            check_local(&memory, &options);
            let fault: Arc<dyn Storage> = Arc::new(FaultStorage::new(1));
            check_local(&fault, &options);
        }
    }
}
