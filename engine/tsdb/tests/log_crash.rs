//! Whenever the machine stops, every acknowledged frame is there afterwards, in order, once.
#![expect(clippy::unwrap_used, reason = "helpers of tests may panic")]

#[cfg(test)]
#[path = "support/log.rs"]
mod support;

use std::collections::BTreeSet;
use std::sync::Arc;

use nunatak::Durability;
use nunatak::log::{LocalWal, Position, WalOptions, WriteLog};
use nunatak::storage::{Crash, FaultStorage, Storage};
use support::{replay, write};

const FRAMES: u64 = 12;

/// What the outside knows when the machine stops.
#[derive(Debug, Default, Clone)]
struct Known {
    /// Acknowledged, or shown by a start: from then on they must stay.
    promised: BTreeSet<u64>,
    appended: u64,
    checkpoint: u64,
}

fn dynamic(storage: &FaultStorage) -> Arc<dyn Storage> {
    Arc::new(storage.clone())
}

fn options(durability: Durability) -> WalOptions {
    WalOptions::new().segment_bytes(450).durability(durability)
}

/// Writes until the crash; two frames a commit, a checkpoint now and then.
fn run(storage: &FaultStorage, durability: Durability, mut known: Known) -> Known {
    let Ok(log) = LocalWal::open(dynamic(storage), options(durability)) else { return known };
    let first = log.last().0 + 1;
    let shown = log.replay(Position(1), &mut |position, _| {
        known.promised.insert(position.0);
        Ok(())
    });
    if shown.is_err() {
        return known;
    }
    for n in first..first + FRAMES {
        let Ok(position) = log.append(&write(n)) else { return known };
        assert_eq!(position, Position(n));
        known.appended = known.appended.max(n);
        if n % 2 == 0 {
            if log.commit(position).is_err() {
                return known;
            }
            known.promised.extend(first..=n);
        }
        if n % 5 == 0 {
            let frames = (1..=n).map(write);
            if log.checkpoint(position, Position(n - 1), &mut { frames }).is_err() {
                return known;
            }
            known.promised.extend(first..=n);
            known.checkpoint = n;
        }
    }
    known
}

/// Opens what is left and compares it with what the outside knows.
fn check(storage: &FaultStorage, known: &Known, what: &str) {
    let log = LocalWal::open(dynamic(storage), options(Durability::Fsync)).unwrap();
    let (frames, report) = replay(&log, 1);
    let at = report.checkpoint.map_or(0, |at| at.0);
    assert!(at >= known.checkpoint, "{what}: {report:?}");
    let (from_checkpoint, rest) = frames.split_at(at as usize);
    assert!(
        from_checkpoint.iter().zip(1..).all(|((p, f), n)| *p == at && *f == write(n)),
        "{what}"
    );
    // Frames before the checkpoint's keep_from may or may not still be there.
    assert!(rest.is_sorted_by(|a, b| a.0 < b.0), "{what}: not in order, or twice");
    assert!(rest.iter().all(|(position, frame)| *frame == write(*position)), "{what}");
    let keep_from = if at == 0 { 1 } else { at - 1 };
    for n in known.promised.range(keep_from..) {
        assert!(rest.iter().any(|(position, _)| position == n), "{what}: {n} is lost");
    }
    assert!(rest.iter().all(|(position, _)| *position <= known.appended), "{what}");
    assert_eq!((report.quarantined, report.missing), (vec![], vec![]), "{what}");
    assert_eq!(report.bad_checkpoints, [], "{what}");
    let last = known.promised.last().copied().unwrap_or(0);
    assert!(log.last().0 >= last && log.last().0 <= known.appended, "{what}");
}

fn operations(durability: Durability) -> u64 {
    let storage = FaultStorage::new(0);
    assert_eq!(run(&storage, durability, Known::default()).appended, FRAMES);
    storage.operations()
}

#[test]
fn power_loss_at_every_operation() {
    for operation in 1..=operations(Durability::Fsync) {
        for seed in 0..12 {
            let storage = FaultStorage::new(seed);
            storage.crash_at(operation);
            let known = run(&storage, Durability::Fsync, Known::default());
            assert!(storage.is_crashed());
            let ruins = storage.recover(Crash::PowerLoss, seed * 1000 + operation);
            check(&ruins, &known, &format!("operation {operation}, seed {seed}"));
        }
    }
}

#[test]
fn a_killed_process_at_every_operation_with_every_durability() {
    for durability in [Durability::Os, Durability::Fsync] {
        for operation in 1..=operations(durability) {
            for seed in 0..3 {
                let storage = FaultStorage::new(seed);
                storage.crash_at(operation);
                let known = run(&storage, durability, Known::default());
                let ruins = storage.recover(Crash::Process, 1);
                check(&ruins, &known, &format!("{durability:?} {operation}, seed {seed}"));
            }
        }
    }
}

#[test]
fn a_second_crash_while_recovering_or_soon_after() {
    for operation in 1..=operations(Durability::Fsync) {
        for second in 1..40 {
            let seed = operation * 100 + second;
            let storage = FaultStorage::new(seed);
            storage.crash_at(operation);
            let known = run(&storage, Durability::Fsync, Known::default());
            let storage = storage.recover(Crash::PowerLoss, seed);
            storage.crash_at(second);
            let after = run(&storage, Durability::Fsync, known);
            let ruins = storage.recover(Crash::PowerLoss, seed + 1);
            check(&ruins, &after, &format!("operations {operation} and {second}"));
        }
    }
}
