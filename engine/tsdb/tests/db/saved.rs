//! Saved heads make starts short, and never cost a sample: not under writers, not by a crash at
//! any moment, not by damage.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use nunatak::storage::{Crash, FaultStorage, MemoryStorage, Storage};
use nunatak::{Batch, Db, Error, Labels, Limits, Options, StartProgress, labels};

use crate::common::{self, NOW, append, read};

type All = BTreeMap<Labels, Vec<(i64, f64)>>;

const ROUND: Duration = Duration::from_secs(1);
const START: i64 = NOW - 3_600_000;

/// Heads are saved in every round of maintenance.
fn options(storage: &FaultStorage) -> Options {
    common::options(storage).replay_target(Duration::ZERO).segment_bytes(64 * 1024)
}

fn set(number: i64) -> Labels {
    labels! { "__name__" => "m", "number" => &number.to_string(), "job" => "saved" }
}

/// Writes the samples number `rows` of 300 series, so that there is more than one page.
fn write(db: &Db, rows: std::ops::Range<i64>) {
    for row in rows {
        let mut batch = Batch::new();
        for number in 0..300 {
            let series = batch.series(&set(number)).unwrap();
            batch.push(series, START + row * 1000, (row * number) as f64 / 8.0);
        }
        assert_eq!(db.append(&batch).unwrap().stored, 300);
    }
}

fn maintain(db: &Db) {
    while db.maintain(ROUND).unwrap() {}
}

/// Files of the heads whose name contains `part`, sorted.
fn files(storage: &FaultStorage, folder: &str, part: &str) -> Vec<String> {
    let entries = storage.list(folder).unwrap_or_default();
    let names = entries.into_iter().filter(|e| e.name.contains(part) && !e.is_folder);
    names.map(|entry| format!("{folder}/{}", entry.name)).collect()
}

const HEADS: &str = "shard-00/default";

#[test]
fn a_start_replays_only_what_came_after() {
    let storage = FaultStorage::new(1);
    let db = Db::open(options(&storage)).unwrap();
    write(&db, 0..250);
    maintain(&db);
    write(&db, 250..260);
    let expected = read(&db);
    let created = db.stats().active_series;
    drop(db);

    let storage = storage.recover(Crash::PowerLoss, 7);
    let progress = StartProgress::new();
    let db = Db::open(options(&storage).start_progress(&progress)).unwrap();
    assert!(db.replay_report().frames <= 25, "{:?}", db.replay_report());
    assert_eq!((db.stats().active_series, created), (300, 300));
    assert_eq!((read(&db), progress.is_done()), (expected, true));
    // What is written now goes on where the head was.
    write(&db, 258..400);
    maintain(&db);
    let expected = read(&db);
    assert_eq!(expected[&set(7)].len(), 400);
    db.close().unwrap();
    assert_eq!(read(&Db::open(options(&storage)).unwrap()), expected);
}

#[test]
fn the_log_is_trimmed_and_full_chunks_leave_the_memory() {
    let storage = FaultStorage::new(1);
    let db = Db::open(options(&storage).shards(1)).unwrap();
    write(&db, 0..119);
    let (open, log) = (db.stats().head_bytes, files(&storage, "log", ".log"));
    for row in (119..600).step_by(37) {
        write(&db, row..row + 37);
        maintain(&db);
    }
    assert!(!files(&storage, "log", ".log").contains(&log[0]), "the log goes on for ever");
    assert_eq!(files(&storage, HEADS, "head-").len(), 2);
    assert_eq!(files(&storage, HEADS, "spill-").len(), 1);
    let full = db.stats().head_bytes;
    assert!(full < open * 3, "{open} bytes with one chunk each, {full} with five");
    assert_eq!(read(&db)[&set(3)].len(), 600);
    // What is in blocks needs no other file.
    db.flush().unwrap();
    assert_eq!(files(&storage, HEADS, "head-"), Vec::<String>::new());
    assert_eq!(files(&storage, HEADS, "spill-"), Vec::<String>::new());
    for row in 700..703 {
        write(&db, row..row + 1);
        maintain(&db);
    }
    assert_eq!(read(&db)[&set(3)].len(), 603);
}

#[test]
fn after_a_flush_either_checkpoint_has_the_definitions() {
    let (storage, _) = saved_twice();
    let db = Db::open(options(&storage)).unwrap();
    db.flush().unwrap();
    // These samples name their series by what a checkpoint says of them.
    write(&db, 310..315);
    let expected = read(&db);
    drop(db);
    let checkpoints = files(&storage, "log", "checkpoint");
    assert_eq!(checkpoints.len(), 2);
    for damaged in [None, Some(&checkpoints[0]), Some(&checkpoints[1])] {
        let storage = storage.recover(Crash::Process, 1);
        if let Some(path) = damaged {
            storage.flip_bit(path, 80, 1).unwrap();
        }
        let db = Db::open(options(&storage)).unwrap();
        assert_eq!(read(&db), expected, "{damaged:?} is damaged");
        assert_eq!(db.replay_report().orphans, 0);
    }
}

/// Crashes at each operation of a flush in turn.
#[test]
fn a_crash_while_a_flush_drops_saved_heads_loses_nothing() {
    let (saved, expected) = saved_twice();
    let (mut at, mut is_over) = (1, false);
    while !is_over {
        let storage = saved.recover(Crash::Process, at);
        let db = Db::open(options(&storage)).unwrap();
        storage.crash_at(storage.operations() + at);
        is_over = db.flush().is_ok();
        drop(db);
        for crash in [Crash::Process, Crash::PowerLoss] {
            let after = storage.recover(crash, at);
            let db = Db::open(options(&after)).unwrap();
            assert_eq!(read(&db), expected, "crash {crash:?} at operation {at}");
            write(&db, 310..312);
            let expected = read(&db);
            drop(db);
            let db = Db::open(options(&after)).unwrap();
            assert_eq!(read(&db), expected, "after crash {crash:?} at operation {at}");
            assert_eq!(db.replay_report().orphans, 0);
        }
        at += 1;
    }
    assert!(at > 20, "{at}");
}

/// A database whose log has been trimmed by two saved heads, and what is in it.
fn saved_twice() -> (FaultStorage, All) {
    let storage = FaultStorage::new(1);
    let db = Db::open(options(&storage).shards(1)).unwrap();
    for row in (0..300).step_by(50) {
        write(&db, row..row + 50);
        maintain(&db);
    }
    write(&db, 300..310);
    let expected = read(&db);
    drop(db);
    (storage.recover(Crash::Process, 1), expected)
}

#[test]
fn a_damaged_head_is_replaced_by_the_one_before_and_the_log() {
    let (whole, expected) = saved_twice();
    let newest = files(&whole, HEADS, "head-")[1].clone();
    let len = whole.open(&newest).unwrap().len().unwrap();
    for damage in 0..40 {
        let storage = whole.recover(Crash::Process, 1);
        match damage % 8 {
            7 => storage.open(&newest).unwrap().truncate(len * damage / 40).unwrap(),
            bit => storage.flip_bit(&newest, len * damage / 40, bit as u8).unwrap(),
        }
        for round in 0..2 {
            let db = Db::open(options(&storage)).unwrap();
            assert_eq!(read(&db), expected, "damage {damage}, start {round}");
            assert_eq!(db.stats().quarantined.len(), 1 - round, "it is named when it is found");
            db.close().unwrap();
        }
        // Two new ones, and the damaged one goes.
        let db = Db::open(options(&storage)).unwrap();
        for row in 310..313 {
            write(&db, row..row + 1);
            maintain(&db);
        }
        assert_eq!(files(&storage, HEADS, "head-").len(), 2);
        db.close().unwrap();
        assert_eq!(read(&Db::open(options(&storage)).unwrap())[&set(1)].len(), 313);
    }
}

#[test]
fn a_lost_spill_file_is_named_and_a_damaged_chunk_stops_no_flush() {
    let (storage, expected) = saved_twice();
    let spill = files(&storage, HEADS, "spill-")[0].clone();
    storage.flip_bit(&spill, 60, 1).unwrap();
    let db = Db::open(options(&storage)).unwrap();
    let all = nunatak::Selector::new(Vec::new(), nunatak::TimeRange::ALL);
    let mut batch = nunatak::SampleBatch::default();
    let mut damaged = 0;
    for mut series in db.select(&all).unwrap().series {
        loop {
            match series.cursor.next_batch(&mut batch) {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => {
                    let named = matches!(&error, Error::Corrupt { path, .. } if path.ends_with(spill.rsplit('/').next().unwrap()));
                    assert!(named, "{error}");
                    damaged += 1;
                    break;
                }
            }
        }
    }
    assert_eq!(damaged, 1, "one chunk of one series");
    db.flush().unwrap();
    assert_eq!(db.stats().quarantined.len(), 1, "{:?}", db.stats().quarantined);
    let lost: usize = expected.values().map(Vec::len).sum::<usize>()
        - read(&db).values().map(Vec::len).sum::<usize>();
    assert_eq!(lost, 120);
    drop(db);

    let (storage, _) = saved_twice();
    storage.remove(&files(&storage, HEADS, "spill-")[0]).unwrap();
    let db = Db::open(options(&storage)).unwrap();
    assert!(db.stats().quarantined.len() >= 2, "both heads need it");
}

#[test]
fn what_went_into_blocks_since_does_not_come_back() {
    let storage = FaultStorage::new(1);
    let mut limits = Limits::default();
    limits.out_of_order_ms = i64::MAX;
    let options = || options(&storage).limits(limits.clone());
    let db = Db::open(options()).unwrap();
    append(&db, &set(1), &[(START, 1.0), (START + 1, 1.0)]).unwrap();
    append(&db, &set(2), &[(START, 1.0)]).unwrap();
    maintain(&db);
    // The saved heads know neither the other value nor the flush; they stay, as after a crash.
    let saved: Vec<String> = (0..8)
        .flat_map(|shard| files(&storage, &format!("shard-{shard:02}/default"), "head-"))
        .collect();
    assert!(!saved.is_empty());
    storage.create_folder("kept").unwrap();
    let kept = |path: &str| format!("kept/{}", path.replace('/', "-"));
    for path in &saved {
        storage.link(path, &kept(path)).unwrap();
    }
    append(&db, &set(1), &[(START, 2.0)]).unwrap();
    db.flush().unwrap();
    for path in &saved {
        storage.link(&kept(path), path).unwrap();
    }
    append(&db, &set(3), &[(START, 3.0)]).unwrap();
    let mut expected = read(&db);
    db.close().unwrap();
    for start in 1..4 {
        let db = Db::open(options()).unwrap();
        assert_eq!(read(&db), expected, "start {start}");
        maintain(&db);
        // The same sample again and again, as of a sender that got no answer.
        append(&db, &set(2), &[(START + 9, 4.0)]).unwrap();
        expected.insert(set(2), vec![(START, 1.0), (START + 9, 4.0)]);
        assert_eq!(read(&db), expected, "start {start}");
        db.close().unwrap();
    }
}

/// Crashes at each operation of saving in turn, and again while it is saved after that.
#[test]
fn a_crash_at_any_operation_loses_nothing() {
    let (mut at, mut crashes) = (1, 0);
    loop {
        let storage = FaultStorage::new(at);
        let db = Db::open(options(&storage)).unwrap();
        for row in (0..390).step_by(130) {
            write(&db, row..row + 130);
            if row < 260 {
                maintain(&db);
            }
        }
        let expected = read(&db);
        storage.crash_at(storage.operations() + at);
        let is_over = db.maintain(ROUND).is_ok();
        drop(db);
        for crash in [Crash::Process, Crash::PowerLoss] {
            let after = storage.recover(crash, at);
            let db = Db::open(options(&after)).unwrap();
            assert_eq!(read(&db), expected, "crash {crash:?} at operation {at}");
            assert_eq!(db.stats().quarantined, Vec::<String>::new(), "at operation {at}");
            maintain(&db);
            drop(db);
            let db = Db::open(options(&after.recover(crash, at))).unwrap();
            assert_eq!(read(&db), expected, "second crash {crash:?} at operation {at}");
        }
        if is_over {
            break;
        }
        (at, crashes) = (at + 1, crashes + 1);
    }
    assert!(crashes > 20, "{crashes}");
}

#[test]
fn writers_go_on_while_heads_are_saved() {
    let mut limits = Limits::default();
    limits.out_of_order_ms = i64::MAX;
    let memory: Arc<dyn Storage> = Arc::new(MemoryStorage::new());
    let options = || {
        let options = Options::new("x").storage(Arc::clone(&memory)).threads(0).shards(2);
        options.replay_target(Duration::ZERO).limits(limits.clone())
    };
    for life in 0..4i64 {
        let db = Db::open(options()).unwrap();
        thread::scope(|scope| {
            let writers: Vec<_> = (0..3i64)
                .map(|writer| {
                    let db = &db;
                    scope.spawn(move || {
                        for row in life * 200..(life + 1) * 200 {
                            let mut batch = Batch::new();
                            // The number of series grows, so pages come while others are written.
                            for number in 0..100 + row {
                                let series = batch.series(&set(number * 3 + writer)).unwrap();
                                batch.push(series, row * 1000, row as f64);
                                batch.push(series, (row - row % 7) * 1000, row as f64);
                            }
                            db.append(&batch).unwrap();
                        }
                    })
                })
                .collect();
            while writers.iter().any(|writer| !writer.is_finished()) {
                db.maintain(ROUND).unwrap();
            }
        });
        let expected = read(&db);
        db.close().unwrap();
        let db = Db::open(options()).unwrap();
        assert!(read(&db) == expected, "life {life}: a restart gives other answers");
        assert_eq!(db.replay_report().orphans, 0);
        db.close().unwrap();
    }
}
