//! A snapshot holds what was acknowledged before it, in all shards alike, and nothing torn; what
//! happens to the database afterwards does not reach it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nunatak::storage::{Crash, FaultStorage, MemoryStorage, Storage};
use nunatak::{
    Batch, Db, Durability, Error, Labels, ManualClock, MatchOp, Matcher, Options, Selector,
    TimeRange, labels, verify_storage,
};

use crate::common::{NOW, append, options, read};

/// The files below a folder, as a storage of their own.
fn copy_of(storage: &dyn Storage, folder: &str) -> MemoryStorage {
    let copy = MemoryStorage::new();
    copy_folder(storage, folder, &copy, "");
    copy
}

fn copy_folder(from: &dyn Storage, folder: &str, to: &MemoryStorage, into: &str) {
    let join = |a: &str, b: &str| if a.is_empty() { b.to_owned() } else { format!("{a}/{b}") };
    for entry in from.list(folder).unwrap() {
        let (old, new) = (join(folder, &entry.name), join(into, &entry.name));
        if entry.is_folder {
            to.create_folder(&new).unwrap();
            copy_folder(from, &old, to, &new);
        } else {
            let bytes = from.map(&old).unwrap();
            to.create(&new).unwrap().append((*bytes).as_ref()).unwrap();
        }
    }
}

fn open(storage: &MemoryStorage) -> nunatak::Result<Db> {
    let storage: Arc<dyn Storage> = Arc::new(storage.clone());
    let clock = Arc::new(ManualClock::new(NOW));
    Db::open(Options::new("copy").storage(storage).clock(clock).threads(0))
}

fn set(number: i64) -> Labels {
    labels! { "__name__" => "m", "instance" => &number.to_string() }
}

/// Appends `count` samples, one by one to series of many shards, and says which is acknowledged.
fn write(db: &Db, writer: i64, acknowledged: &AtomicI64, done: &AtomicBool) -> (i64, Duration) {
    let (mut next, mut longest) = (0, Duration::ZERO);
    while !done.load(Ordering::Relaxed) {
        let mut batch = Batch::new();
        let series = batch.series(&set(writer * 100 + next % 16)).unwrap();
        batch.push(series, NOW + next, next as f64);
        let begun = Instant::now();
        assert_eq!(db.append(&batch).unwrap().stored, 1);
        longest = longest.max(begun.elapsed());
        next += 1;
        acknowledged.store(next, Ordering::Release);
    }
    (next, longest)
}

#[test]
fn under_full_load_it_holds_what_was_acknowledged_and_nothing_torn() {
    const WRITERS: i64 = 3;
    let folder = tempfile::tempdir().unwrap();
    let options = Options::new(folder.path()).clock(Arc::new(ManualClock::new(NOW)));
    let db = Db::open(options.durability(Durability::Os).segment_bytes(64 * 1024)).unwrap();
    let done = AtomicBool::new(false);
    let acknowledged: Vec<_> = (0..WRITERS).map(|_| AtomicI64::new(0)).collect();
    let mut snapshots = Vec::new();
    let (sent, longest) = thread::scope(|scope| {
        let spawn = |(counter, writer)| {
            let (db, done) = (&db, &done);
            scope.spawn(move || write(db, writer, counter, done))
        };
        let writers: Vec<_> = acknowledged.iter().zip(0..).map(spawn).collect();
        for round in 0..5 {
            while acknowledged.iter().any(|a| a.load(Ordering::Acquire) < 200 * (round + 1)) {
                thread::sleep(Duration::from_millis(1));
            }
            let before: Vec<_> = acknowledged.iter().map(|a| a.load(Ordering::Acquire)).collect();
            let made = db.snapshot(&format!("round-{round}")).unwrap();
            if round == 2 {
                db.flush().unwrap();
            }
            snapshots.push((made, before));
        }
        done.store(true, Ordering::Relaxed);
        let ends = writers.into_iter().map(|writer| writer.join().unwrap());
        let (sent, longest): (Vec<_>, Vec<_>) = ends.unzip();
        (sent, longest.into_iter().max())
    });
    println!("the longest append beside five snapshots took {longest:?}");
    for (made, before) in snapshots {
        let path = folder.path().join(&made.path);
        let found = nunatak::verify(&path, &|_, _| {}).unwrap();
        assert_eq!((found.damage, found.notes), (Vec::new(), Vec::new()));
        // In place, while the database that it was made of is open.
        let copy = Db::open(Options::new(&path).clock(Arc::new(ManualClock::new(NOW)))).unwrap();
        assert_eq!(copy.stats().quarantined, Vec::<String>::new());
        let all = read(&copy);
        for (writer, (before, sent)) in (0..).zip(before.iter().zip(&sent)) {
            let own = (0..16).filter_map(|n| all.get(&set(writer * 100 + n)));
            let mut times: Vec<_> = own.flatten().map(|&(time, _)| time - NOW).collect();
            times.sort_unstable();
            let held = times.len() as i64;
            // One after the other was acknowledged: a hole would be a shard that lags behind.
            assert!(times.into_iter().eq(0..held), "writer {writer} of {}", made.name);
            assert!(*before <= held && held <= *sent, "{before} <= {held} <= {sent}");
        }
    }
}

#[test]
fn what_was_deleted_stays_deleted_in_the_copy_and_can_come_back_there() {
    let storage = FaultStorage::new(1);
    let db = Db::open(options(&storage).segment_bytes(64 * 1024)).unwrap();
    append(&db, &set(1), &[(NOW - 10_000_000, 1.0)]).unwrap();
    db.flush().unwrap();
    let matcher = Matcher::new("instance", MatchOp::Equal, "1").unwrap();
    let id = db.delete(&Selector::new(vec![matcher], TimeRange::ALL)).unwrap();
    // Three checkpoints: the log has not got the record any more.
    for i in 0..3 {
        append(&db, &set(2), &[(NOW + i, 2.0)]).unwrap();
        db.flush().unwrap();
    }
    let made = db.snapshot("later").unwrap();
    db.undelete(id).unwrap();
    let copy = open(&copy_of(&storage, made.path.to_str().unwrap())).unwrap();
    assert_eq!(read(&copy).into_keys().collect::<Vec<_>>(), [set(2)]);
    copy.undelete(id).unwrap();
    assert_eq!(read(&copy)[&set(1)], [(NOW - 10_000_000, 1.0)]);
}

#[test]
fn what_happens_later_does_not_reach_it() {
    let storage = FaultStorage::new(1);
    let db = Db::open(options(&storage)).unwrap();
    append(&db, &set(1), &[(NOW - 10_000_000, 1.0)]).unwrap();
    db.flush().unwrap();
    append(&db, &set(2), &[(NOW, 2.0)]).unwrap();
    db.tenant("other").unwrap().append(&Batch::new()).unwrap();
    let made = db.snapshot("a").unwrap();
    assert!(made.files >= 6 && made.bytes > 0, "{made:?}");
    for round in 0..4 {
        append(&db, &set(1), &[(NOW - 10_000_000, 9.0), (NOW + round, 3.0)]).unwrap();
        db.flush().unwrap();
    }
    db.close().unwrap();
    let copy = open(&copy_of(&storage, "snapshots/a")).unwrap();
    let all = read(&copy);
    assert_eq!(all[&set(1)], [(NOW - 10_000_000, 1.0)]);
    assert_eq!(all[&set(2)], [(NOW, 2.0)]);
    // It is a database like any other, and the one that it was made of goes on, too.
    append(&copy, &set(3), &[(NOW, 3.0)]).unwrap();
    copy.flush().unwrap();
    assert_eq!(read(&copy).len(), 3);
    let db = Db::open(options(&storage)).unwrap();
    assert_eq!(read(&db)[&set(1)].len(), 5);
    assert!(db.verify().unwrap().is_clean());
}

#[test]
fn names_that_are_taken_or_no_names_are_refused() {
    let storage = FaultStorage::new(1);
    let db = Db::open(options(&storage)).unwrap();
    let long = "x".repeat(101);
    for name in ["", ".", "..", "a/b", "tmp-a", "ä", ".hidden", &long] {
        let error = db.snapshot(name).unwrap_err();
        assert!(matches!(error, Error::Invalid { .. }), "{name:?}: {error}");
    }
    db.snapshot("twice").unwrap();
    let error = db.snapshot("twice").unwrap_err();
    assert!(error.to_string().contains("already there"), "{error}");
}

#[test]
fn a_copy_that_is_not_whole_is_refused_and_named() {
    let storage = FaultStorage::new(1);
    let db = Db::open(options(&storage).shards(1)).unwrap();
    append(&db, &set(1), &[(NOW, 1.0)]).unwrap();
    db.flush().unwrap();
    db.snapshot("a").unwrap();
    let whole = copy_of(&storage, "snapshots/a");
    let index = crate::damage::files(&storage, "snapshots/a/shard-00", "/index")[0].clone();
    let index = index.strip_prefix("snapshots/a/").unwrap();
    for path in [index, "DATABASE"] {
        let copy = copy_of(&whole, "");
        copy.remove(path).unwrap();
        let error = open(&copy).unwrap_err();
        assert!(error.to_string().contains(path), "{error}");
        if path == index {
            let copy: Arc<dyn Storage> = Arc::new(copy);
            let found = verify_storage(&copy, &|_, _| {}).unwrap();
            assert!(found.damage.iter().any(|d| d.path == index), "{found:?}");
        }
    }
    open(&whole).unwrap().close().unwrap();
    // After its first start it is no snapshot any more.
    whole.remove(index).unwrap();
    assert_eq!(open(&whole).unwrap().stats().quarantined.len(), 1);
}

#[test]
fn a_crash_leaves_the_whole_snapshot_or_none() {
    let (mut none, mut whole) = (0, 0);
    for step in 1.. {
        let storage = FaultStorage::new(step);
        let db = Db::open(options(&storage).shards(1)).unwrap();
        append(&db, &set(1), &[(NOW, 1.0)]).unwrap();
        db.flush().unwrap();
        append(&db, &set(2), &[(NOW, 2.0)]).unwrap();
        let before = storage.operations();
        storage.crash_at(before + step);
        let made = db.snapshot("a");
        let crash = if step % 2 == 0 { Crash::Process } else { Crash::PowerLoss };
        let ended = !storage.is_crashed();
        drop(db);
        let storage = storage.recover(crash, step);
        let db = Db::open(options(&storage)).unwrap();
        assert_eq!(read(&db).len(), 2, "after a crash at {step}");
        let names: Vec<_> = match storage.list("snapshots") {
            Ok(entries) => entries.into_iter().map(|entry| entry.name).collect(),
            Err(_) => Vec::new(),
        };
        assert!(made.is_err() || names == ["a"], "{step}: it was acknowledged, found {names:?}");
        match names.as_slice() {
            [] => none += 1,
            [name] if name == "a" => {
                whole += 1;
                let copy = open(&copy_of(&storage, "snapshots/a")).unwrap();
                assert_eq!(read(&copy).len(), 2, "the copy after a crash at {step}");
            }
            other => panic!("after a crash at {step}: {other:?}"),
        }
        if ended {
            break;
        }
    }
    assert!(none > 10 && whole > 1, "{none} without, {whole} with a snapshot");
}

#[test]
fn a_snapshot_that_fails_can_be_repeated() {
    let up = set(1);
    for step in 1.. {
        let storage = FaultStorage::new(step);
        let db = Db::open(options(&storage).shards(1)).unwrap();
        append(&db, &up, &[(NOW, 1.0)]).unwrap();
        let last = storage.operations();
        storage.fail_at(last + step, std::io::ErrorKind::Other);
        let first = db.snapshot("a");
        if storage.operations() < last + step {
            break;
        }
        match (first, db.snapshot("b")) {
            // A failed sync of the log needs a reopen.
            (Err(_), Err(Error::Poisoned { .. })) => {}
            (_, second) => {
                second.unwrap_or_else(|error| panic!("after a failure at {step}: {error}"));
                let copy = open(&copy_of(&storage, "snapshots/b")).unwrap();
                assert_eq!(read(&copy)[&up], [(NOW, 1.0)]);
            }
        }
    }
}

#[test]
fn what_an_import_prepares_is_not_in_it_and_what_it_has_stored_is() {
    let storage = FaultStorage::new(1);
    let db = Db::open(options(&storage)).unwrap();
    let mut import = db.importer(nunatak::ImportOptions::new("dump")).unwrap();
    let first = import.series(&set(1));
    import.push(first, &[NOW - 9_000_000], &[1.0]).unwrap();
    import.commit(b"one").unwrap();
    let again = import.series(&set(1));
    import.push(again, &[NOW - 5_000_000], &[2.0]).unwrap();
    // A run that still grows, as a part has them in the middle.
    storage.create("import/default.dump/run-0").unwrap().append(b"half").unwrap();
    db.snapshot("a").unwrap();
    assert_eq!(crate::damage::files(&storage, "snapshots/a/import", "").len(), 1, "the state");
    let copy = open(&copy_of(&storage, "snapshots/a")).unwrap();
    assert_eq!(read(&copy)[&set(1)], [(NOW - 9_000_000, 1.0)]);
    assert!(copy.verify().unwrap().is_clean());
}

#[test]
fn saved_heads_and_the_chunks_that_they_refer_to_are_in_it() {
    let storage = FaultStorage::new(3);
    let db = Db::open(options(&storage).replay_target(Duration::ZERO)).unwrap();
    let write = |rows: std::ops::Range<i64>| {
        for row in rows {
            append(&db, &set(1), &[(NOW - 600_000 + row * 1000, row as f64)]).unwrap();
        }
        while db.maintain(Duration::from_secs(1)).unwrap() {}
    };
    write(0..300);
    let expected = read(&db);
    db.snapshot("a").unwrap();
    // More full chunks go to disk, into a file that the snapshot does not share.
    write(300..600);
    db.close().unwrap();

    let copy = copy_of(&storage, "snapshots/a");
    let verify = |storage: &MemoryStorage| {
        let storage: Arc<dyn Storage> = Arc::new(storage.clone());
        verify_storage(&storage, &|_, _| {}).unwrap()
    };
    let found = verify(&copy);
    assert!(found.is_clean() && found.notes.is_empty(), "{found:?}");
    assert_eq!(read(&open(&copy).unwrap()), expected);

    let copy = copy_of(&storage, "snapshots/a");
    let folders = ["shard-00/default", "shard-01/default"];
    let spill = folders.iter().find_map(|folder| {
        let entries = copy.list(folder).unwrap_or_default();
        let entry = entries.iter().find(|entry| entry.name.starts_with("spill-"))?;
        Some(format!("{folder}/{}", entry.name))
    });
    let spill = spill.unwrap();
    let mut bytes = (*copy.map(&spill).unwrap()).as_ref().to_vec();
    *bytes.last_mut().unwrap() ^= 1;
    copy.remove(&spill).unwrap();
    copy.create(&spill).unwrap().append(&bytes).unwrap();
    let found = verify(&copy);
    assert!(found.damage.iter().any(|damage| damage.path == spill), "{found:?}");
}

/// A database whose heads are saved in every round, in small segments.
fn saving(storage: &FaultStorage) -> Db {
    let options = options(storage).shards(1).replay_target(Duration::ZERO);
    Db::open(options.segment_bytes(64 * 1024)).unwrap()
}

/// Two full chunks of two series, and some more.
fn fill_chunks(db: &Db, rows: std::ops::Range<i64>) {
    for number in 0..2 {
        let samples: Vec<_> = rows.clone().map(|row| (NOW - 900_000 + row, row as f64)).collect();
        append(db, &set(number), &samples).unwrap();
    }
}

#[test]
fn what_a_failed_saving_of_heads_leaves_is_not_in_it() {
    for saved_before in [false, true] {
        for step in 1.. {
            let storage = FaultStorage::new(step);
            let db = saving(&storage);
            if saved_before {
                fill_chunks(&db, 0..250);
                db.maintain(Duration::from_secs(1)).unwrap();
            }
            fill_chunks(&db, 250..500);
            let expected = read(&db);
            let last = storage.operations();
            storage.fail_at(last + step, std::io::ErrorKind::Other);
            // What fails is repeated in the next round.
            let _ = db.maintain(Duration::from_secs(1));
            if storage.operations() < last + step {
                break;
            }
            // A failed sync of the log needs a reopen.
            let Ok(made) = db.snapshot("a") else { continue };
            let after = storage.recover(Crash::PowerLoss, step);
            let copy = copy_of(&after, made.path.to_str().unwrap());
            let name = format!("failed at {step}, saved before: {saved_before}");
            let copy = open(&copy).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(read(&copy), expected, "{name}");
            assert_eq!(copy.stats().quarantined, Vec::<String>::new(), "{name}");
        }
    }
}
