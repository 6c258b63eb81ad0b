//! Frames and replays for the tests of the log.
#![allow(dead_code, unreachable_pub, reason = "each test uses a part of it")]

use std::sync::Arc;

use nunatak::Labels;
use nunatak::log::{
    Definition, Frame, LocalWal, Position, Record, ReplayReport, Samples, WalOptions, WriteLog,
};
use nunatak::storage::Storage;

pub fn frame(shard: u16, stamp: i64, record: Record) -> Frame {
    Frame { shard, tenant: Arc::from("t"), stamp, record }
}

/// A frame that can be told from all others.
pub fn write(n: u64) -> Frame {
    let labels = Labels::from_pairs([("__name__", "m"), ("n", &n.to_string())]).unwrap();
    let samples = Samples {
        references: vec![n; 5],
        times: (0..5).map(|i| 1_000 * n as i64 + i).collect(),
        values: (0..5).map(|i| n as f64 * 0.1 + f64::from(i)).collect(),
    };
    let definitions = vec![Definition { reference: n, labels }];
    frame((n % 8) as u16, n as i64, Record::Write { definitions, samples })
}

pub fn open(storage: &Arc<dyn Storage>, options: WalOptions) -> LocalWal {
    LocalWal::open(Arc::clone(storage), options).unwrap()
}

/// Appends and commits frames `from..=to`, each one made of its own position.
pub fn commit(log: &dyn WriteLog, from: u64, to: u64) {
    for n in from..=to {
        assert_eq!(log.append(&write(n)).unwrap(), Position(n));
        log.commit(Position(n)).unwrap();
    }
}

pub fn replay(log: &dyn WriteLog, from: u64) -> (Vec<(u64, Frame)>, ReplayReport) {
    let mut frames = Vec::new();
    let report = log.replay(Position(from), &mut |position, frame| {
        frames.push((position.0, frame));
        Ok(())
    });
    (frames, report.unwrap())
}

/// What a replay from the start gives, which must be frames as `commit` makes them.
pub fn positions(log: &dyn WriteLog) -> (Vec<u64>, ReplayReport) {
    let (frames, report) = replay(log, 1);
    for (position, frame) in &frames {
        assert_eq!(*frame, write(*position));
    }
    (frames.into_iter().map(|(position, _)| position).collect(), report)
}

pub fn read(storage: &dyn Storage, path: &str) -> Vec<u8> {
    (*storage.map(path).unwrap()).as_ref().to_vec()
}

pub fn names(storage: &dyn Storage) -> Vec<String> {
    storage.list("log").unwrap().into_iter().map(|entry| entry.name).collect()
}
