//! Whatever is in a segment or checkpoint, opening, replaying and going on work, and a second open
//! finds what the first one found.
#![no_main]

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use nunatak::Error;
use nunatak::log::{Frame, LocalWal, Position, Record, WalOptions, WriteLog};
use nunatak::storage::{MemoryStorage, Storage};

fn put(storage: &dyn Storage, path: &str, bytes: &[u8]) {
    storage.create(path).and_then(|file| file.append(bytes)).expect("memory has room");
}

fn positions(log: &LocalWal) -> Option<Vec<u64>> {
    let mut found = Vec::new();
    let report = log.replay(Position(1), &mut |position, _| {
        found.push(position.0);
        Ok(())
    });
    match report {
        Ok(_) => Some(found),
        Err(Error::Version { .. } | Error::Corrupt { .. }) => None,
        Err(other) => panic!("{other}"),
    }
}

// The first byte chooses the files: where one segment ends and the next begins, or a checkpoint.
fuzz_target!(|bytes: &[u8]| {
    let Some((&choice, bytes)) = bytes.split_first() else { return };
    let storage: Arc<dyn Storage> = Arc::new(MemoryStorage::new());
    storage.create_folder("log").expect("memory has room");
    let (one, two) = bytes.split_at(bytes.len() * usize::from(choice & 15) / 16);
    put(&*storage, "log/00000000000000000001.log", one);
    if choice & 16 != 0 {
        put(&*storage, "log/00000000000000000005.log", two);
    } else if choice & 32 != 0 {
        put(&*storage, "log/checkpoint-00000000000000000002", two);
    }
    let log = match LocalWal::open(Arc::clone(&storage), WalOptions::new()) {
        Ok(log) => log,
        Err(Error::Version { .. }) => return,
        Err(other) => panic!("{other}"),
    };
    let Some(mut before) = positions(&log) else { return };
    let record = Record::Cut { before: 1 };
    let frame = Frame { shard: 0, tenant: "".into(), stamp: 0, record };
    // The highest position of all can be in hostile bytes; nothing can follow it.
    let Ok(position) = log.append(&frame) else { return };
    log.commit(position).expect("memory has room");
    before.push(position.0);
    let log = LocalWal::open(storage, WalOptions::new()).expect("it could be opened before");
    assert_eq!(positions(&log).expect("it could be replayed before"), before);
});
