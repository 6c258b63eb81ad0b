//! The online scrub finds what the disk has changed under an open database, puts it aside and lets
//! queries say what they lack.

use std::sync::Arc;
use std::time::Duration;

use nunatak::storage::FaultStorage;
use nunatak::{Db, Hints, ManualClock, Options, Selector, Source, TimeRange, labels};

use crate::common::{NOW, append, options, read};
use crate::damage::files;

const HOUR: i64 = 3_600_000;

/// Three blocks days apart in one shard, and the clock of their database.
fn database(storage: &FaultStorage) -> (Db, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::new(NOW));
    let options = options(storage).shards(1).clock(clock.clone());
    let db = Db::open(options.scrub_every(Some(Duration::from_secs(1)))).unwrap();
    for day in 0..3 {
        let at = NOW - (10 - 3 * day) * 24 * HOUR;
        let samples: Vec<_> = (0..2000).map(|i| (at + i, (i as f64).sqrt())).collect();
        append(&db, &labels! { "__name__" => "m", "day" => &day.to_string() }, &samples).unwrap();
        db.flush().unwrap();
    }
    assert_eq!(db.stats().blocks, 3);
    (db, clock)
}

fn round(db: &Db, clock: &ManualClock, now: &mut i64, ms: i64) {
    *now += ms;
    clock.set(*now);
    db.maintain(Duration::from_secs(1)).unwrap();
}

#[test]
fn every_byte_is_read_once_in_the_time_that_was_set() {
    let storage = FaultStorage::new(1);
    let (db, clock) = database(&storage);
    let mut now = NOW;
    round(&db, &clock, &mut now, 0);
    assert_eq!(db.stats().scrubbed_bytes, 0, "nothing is due yet");
    round(&db, &clock, &mut now, 200);
    let part = db.stats().scrubbed_bytes;
    assert!(part > 0 && part < db.stats().block_bytes / 2, "{part} of {}", db.stats().block_bytes);
    while db.stats().scrub_passes == 0 {
        round(&db, &clock, &mut now, 200);
    }
    assert!(now - NOW <= 1400, "a pass took {} ms", now - NOW);
    let stats = db.stats();
    assert_eq!(stats.scrubbed_bytes, stats.block_bytes);
    assert_eq!((stats.scrub_damaged, stats.quarantined.len()), (0, 0));
    round(&db, &clock, &mut now, 200);
    assert!(db.stats().scrubbed_bytes > stats.scrubbed_bytes, "and from the start again");
}

#[test]
fn a_damaged_block_is_put_aside_and_queries_say_so() {
    let storage = FaultStorage::new(1);
    let (db, clock) = database(&storage);
    let paths = files(&storage, "shard-00", "/data");
    storage.flip_bit(&paths[1], 3000, 2).unwrap();
    let mut now = NOW;
    while db.stats().scrub_passes == 0 {
        round(&db, &clock, &mut now, 300);
    }
    let stats = db.stats();
    assert_eq!((stats.blocks, stats.quarantined.len(), stats.scrub_damaged), (2, 1, 1));
    assert!(stats.quarantined[0].contains("digest"), "{:?}", stats.quarantined);
    assert_eq!(read(&db).len(), 2, "the rest serves");
    let everything = Selector::new(Vec::new(), TimeRange::ALL);
    let warnings = Source::select(&db, &everything, &Hints::default()).unwrap().warnings;
    assert!(warnings.len() == 1 && warnings[0].contains("shard 0"), "{warnings:?}");
    assert_eq!(files(&storage, "shard-00", "quarantine-").len(), 3);
    drop(db);
    let db = Db::open(options(&storage)).unwrap();
    assert_eq!((db.stats().blocks, db.stats().quarantined.len()), (2, 1));
}

#[test]
fn blocks_that_are_merged_under_it_are_no_damage_and_off_is_off() {
    let storage = FaultStorage::new(1);
    let (db, clock) = database(&storage);
    let mut now = NOW;
    round(&db, &clock, &mut now, 0);
    round(&db, &clock, &mut now, 100);
    // Another part of the day that is being read: the two are merged.
    let at = NOW - 10 * 24 * HOUR;
    append(&db, &labels! { "__name__" => "m", "day" => "x" }, &[(at, 1.0)]).unwrap();
    db.flush().unwrap();
    for _ in 0..20 {
        round(&db, &clock, &mut now, 200);
    }
    assert!(db.stats().scrub_passes > 0);
    assert_eq!(db.stats().quarantined, Vec::<String>::new());
    drop(db);
    let off: Options = options(&storage).scrub_every(None);
    let db = Db::open(off.clock(clock.clone())).unwrap();
    round(&db, &clock, &mut now, 0);
    round(&db, &clock, &mut now, 10_000);
    assert_eq!(db.stats().scrubbed_bytes, 0);
}
