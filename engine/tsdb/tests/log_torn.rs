//! A torn end is cut at the last whole frame, wherever it was torn, and reported.
#![expect(clippy::unwrap_used, reason = "helpers of tests may panic")]

#[cfg(test)]
#[path = "support/log.rs"]
mod support;

use std::sync::Arc;

use nunatak::log::{Position, WalOptions, WriteLog};
use nunatak::storage::{FaultStorage, MemoryStorage, Storage};
use support::{commit, open, positions, read};

const SEGMENT: &str = "log/00000000000000000001.log";

fn copy(bytes: &[u8]) -> Arc<dyn Storage> {
    let storage = MemoryStorage::new();
    storage.create_folder("log").unwrap();
    storage.create(SEGMENT).unwrap().append(bytes).unwrap();
    Arc::new(storage)
}

/// The bytes of a segment with `count` frames, and where each frame ends.
fn segment(count: u64) -> (Vec<u8>, Vec<usize>) {
    let storage: Arc<dyn Storage> = Arc::new(MemoryStorage::new());
    let log = open(&storage, WalOptions::new());
    let mut ends = vec![40];
    for n in 1..=count {
        commit(&log, n, n);
        ends.push(read(&*storage, SEGMENT).len());
    }
    (read(&*storage, SEGMENT), ends)
}

#[test]
fn torn_at_every_byte() {
    let (bytes, ends) = segment(4);
    for len in 0..bytes.len() {
        let storage = copy(&bytes[..len]);
        let log = open(&storage, WalOptions::new());
        let whole = ends.iter().filter(|end| **end <= len).count().saturating_sub(1) as u64;
        let (found, report) = positions(&log);
        assert_eq!(found, (1..=whole).collect::<Vec<_>>(), "cut at {len}");
        assert_eq!((report.quarantined.len(), report.missing.len()), (0, 0));
        let kept = if whole == 0 { 0 } else { ends[whole as usize] };
        let torn = len > kept && !(whole == 0 && len == 40);
        let expected = torn.then(|| (SEGMENT.to_owned(), kept as u64, (len - kept) as u64));
        assert_eq!(report.torn, expected, "cut at {len}");

        // The log goes on, and the next open finds nothing torn.
        commit(&log, whole + 1, whole + 3);
        let (found, report) = positions(&open(&storage, WalOptions::new()));
        assert_eq!(found, (1..=whole + 3).collect::<Vec<_>>(), "cut at {len}");
        assert_eq!((report.torn, report.missing), (None, vec![]));
    }
}

#[test]
fn rubbish_and_zeros_behind_the_end_are_cut() {
    let (bytes, _) = segment(3);
    for tail in [vec![0; 100], vec![0xF5; 70_000], b"\xF5NF\xF5 almost a frame".to_vec()] {
        let storage = copy(&[&bytes[..], &tail].concat());
        let log = open(&storage, WalOptions::new());
        let (found, report) = positions(&log);
        assert_eq!(found, [1, 2, 3]);
        assert_eq!(report.torn, Some((SEGMENT.into(), bytes.len() as u64, tail.len() as u64)));
        assert_eq!(read(&*storage, SEGMENT), bytes);
    }
}

#[test]
fn a_damaged_frame_that_was_synced_is_not_cut_with_the_torn_end() {
    let (bytes, ends) = segment(4);
    // Frame 4's header says that frame 3 was synced; frame 4 itself is torn.
    let mut bytes = bytes[..bytes.len() - 1].to_vec();
    bytes[ends[2] + 40] ^= 1;
    let log = open(&copy(&bytes), WalOptions::new());
    let (found, report) = positions(&log);
    assert_eq!(found, [1, 2]);
    let stretch = (SEGMENT.to_owned(), ends[2] as u64, (ends[3] - ends[2]) as u64);
    assert_eq!(report.quarantined, [stretch]);
    assert_eq!(report.torn.map(|torn| torn.1), Some(ends[3] as u64));
    assert_eq!(log.append(&support::write(4)).unwrap(), Position(4));
}

#[test]
fn what_a_reader_saw_after_a_crash_stays() {
    // Written, not synced, the process killed: the next open shows it, so it must sync it.
    let fault = FaultStorage::new(3);
    let storage: Arc<dyn Storage> = Arc::new(fault.clone());
    let options = WalOptions::new().durability(nunatak::Durability::Os);
    commit(&open(&storage, options.clone()), 1, 5);
    let killed = fault.recover(nunatak::storage::Crash::Process, 1);
    let storage: Arc<dyn Storage> = Arc::new(killed.clone());
    assert_eq!(positions(&open(&storage, options.clone())).0, [1, 2, 3, 4, 5]);
    for seed in 0..50 {
        let storage = killed.recover(nunatak::storage::Crash::PowerLoss, seed);
        let storage: Arc<dyn Storage> = Arc::new(storage);
        assert_eq!(positions(&open(&storage, options.clone())).0, [1, 2, 3, 4, 5]);
    }
}
