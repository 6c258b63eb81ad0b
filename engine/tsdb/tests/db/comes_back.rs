//! What was lacking or unsure for a while, because a read failed in passing or a process was killed
//! at a bad moment, costs nothing when it comes back: no older value, no deleted sample, no loss.

use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use nunatak::storage::{Crash, FaultStorage};
use nunatak::{
    Db, Durability, ImportOptions, Labels, ManualClock, MatchOp, Matcher, Options, Selector,
    TimeRange, labels,
};

use crate::common::{self, NOW, append, read};
use crate::damage::files;

const T: i64 = NOW - 8 * 3_600_000;
const ROUND: Duration = Duration::from_secs(1);

fn set(name: &str) -> Labels {
    labels! { "__name__" => name }
}

fn options(storage: &FaultStorage) -> Options {
    common::options(storage).shards(1)
}

/// What happens before a block can't be read at one start.
#[derive(Debug, Clone, Copy)]
struct Before {
    /// Heads are saved in every round of maintenance.
    saves: bool,
    /// A start without a fault comes in between, and a sample of another series.
    goes_on: bool,
}

/// As after a loss of the log's end: the first value of a sample is in the log, the second one
/// in a block alone. `None` if there is no block.
fn second_value_in_block_alone(before: Before, step: u64, seed: u64) -> Option<FaultStorage> {
    let open = |storage: &FaultStorage| {
        let options = options(storage).durability(Durability::Os);
        Db::open(if before.saves { options.replay_target(Duration::ZERO) } else { options })
    };
    let storage = FaultStorage::new(seed);
    let db = open(&storage).unwrap();
    append(&db, &set("m"), &[(T, 1.0)]).unwrap();
    if before.saves {
        db.maintain(ROUND).unwrap();
    }
    db.close().unwrap();
    let db = open(&storage).unwrap();
    append(&db, &set("m"), &[(T, 2.0)]).unwrap();
    storage.crash_at(storage.operations() + step);
    let _ = db.flush();
    drop(db);
    let storage = storage.recover(Crash::PowerLoss, seed);
    let has_block = !files(&storage, "", "/manifest").is_empty();
    if before.goes_on {
        let db = open(&storage).unwrap();
        append(&db, &set("other"), &[(T + 1, 3.0)]).unwrap();
        db.close().unwrap();
    }
    has_block.then_some(storage)
}

/// Fails each read of a start in turn; what is written into blocks then, and whatever came before,
/// must look the same afterwards. Returns how often the older value was shown meanwhile.
fn fail_each_read_of_a_start(storage: &FaultStorage, what: &str) -> usize {
    let clean = Db::open(options(&storage.recover(Crash::Process, 0))).unwrap();
    let expected = read(&clean);
    if expected[&set("m")] != [(T, 2.0)] {
        return 0;
    }
    let mut older = 0;
    for read_number in 1.. {
        let storage = storage.recover(Crash::Process, 0);
        storage.fail_read_at(read_number, ErrorKind::Other);
        let opened = Db::open(options(&storage));
        if storage.reads() < read_number {
            break;
        }
        let Ok(db) = opened else { continue };
        older += usize::from(read(&db).get(&set("m")).is_some_and(|m| m[0].1 == 1.0));
        // It may fail: an equal block is there already.
        let _ = db.flush();
        drop(db);
        let db = Db::open(options(&storage)).unwrap();
        assert_eq!(read(&db), expected, "{what}, read {read_number}");
    }
    older
}

/// Seeds 102,234 (as it is), 6969 (with saved heads), 21,679 and 24,345 (more was written after the
/// loss) of the crash test.
#[test]
fn a_block_that_could_not_be_read_at_one_start_keeps_its_newer_values() {
    for (saves, goes_on) in [(false, false), (false, true), (true, false), (true, true)] {
        let before = Before { saves, goes_on };
        let mut older = 0;
        for step in 1..70 {
            for seed in 1..3 {
                let Some(storage) = second_value_in_block_alone(before, step, seed) else {
                    continue;
                };
                let what = format!("{before:?}, crash at {step}, seed {seed}");
                older += fail_each_read_of_a_start(&storage, &what);
            }
        }
        assert!(older > 0, "{before:?}: no start lacked the newer value");
    }
}

/// A window is cut, and would be merged with one of which the head has the second value of a sample;
/// then the log loses its end, so that what it still has came before the cut. `None` if the round in
/// which that happens has fewer steps.
fn block_beside_a_newer_value(step: u64) -> Option<FaultStorage> {
    const HOUR: i64 = 3_600_000;
    let storage = FaultStorage::new(step);
    let clock = Arc::new(ManualClock::new(NOW - 2 * HOUR));
    let with_clock = options(&storage).durability(Durability::Os).clock(clock.clone());
    let db = Db::open(with_clock).unwrap();
    let write = |name, time, value| append(&db, &set(name), &[(time, value)]).unwrap();
    // The second one lies in the next window of 8 h: the one before is over.
    write("m", T, 1.0);
    write("next", T + 2 * HOUR, 1.0);
    clock.set(NOW - HOUR);
    db.maintain(ROUND).unwrap();
    write("before", T - 5 * HOUR, 1.0);
    clock.set(NOW);
    write("m", T, 2.0);
    // Syncs the log so far.
    assert!(db.verify().unwrap().is_clean());
    write("lost", NOW, 1.0);
    storage.crash_at(storage.operations() + step);
    let _ = db.maintain(ROUND);
    drop(db);
    storage.is_crashed().then(|| storage.recover(Crash::PowerLoss, step))
}

/// Seed 214,009: the merged block could not be read at one start, what the log had of the window was
/// cut then, and ranked below the merged block when that came back.
#[test]
fn a_merged_block_ranks_above_nothing_that_the_head_had() {
    let mut met = 0;
    for storage in (1..).map_while(block_beside_a_newer_value) {
        let all = read(&Db::open(options(&storage.recover(Crash::Process, 0))).unwrap());
        assert_eq!(all[&set("m")], [(T, 2.0)]);
        if all.contains_key(&set("lost")) || files(&storage, "", "/manifest").len() < 3 {
            continue;
        }
        met += 1;
        fail_each_read_of_a_start(&storage, &format!("history {met}"));
    }
    assert!(met > 0, "no block outlived the end of the log");
}

/// Seed 104,830: a block's rename was not synced when its process was killed, and the log was let
/// go of in a later life, which wrote to another tenant's folder alone.
#[test]
fn the_log_is_not_let_go_of_for_a_rename_that_is_not_synced() {
    for step in 1.. {
        let storage = FaultStorage::new(step);
        let db = Db::open(options(&storage)).unwrap();
        append(&db, &set("m"), &[(T, 1.0)]).unwrap();
        storage.crash_at(storage.operations() + step);
        let flushed = db.flush();
        let is_over = !storage.is_crashed();
        drop((flushed, db));
        let storage = storage.recover(Crash::Process, step);
        let db = Db::open(options(&storage)).unwrap();
        let other = db.tenant("other").unwrap();
        for round in 0..4 {
            let mut batch = nunatak::Batch::new();
            let series = batch.series(&set("other")).unwrap();
            batch.push(series, T + round, 1.0);
            other.append(&batch).unwrap();
            db.flush().unwrap();
        }
        drop((other, db));
        for seed in 0..4 {
            let storage = storage.recover(Crash::PowerLoss, seed);
            let db = Db::open(options(&storage)).unwrap();
            assert_eq!(read(&db).len(), 1, "crash at {step}, seed {seed}");
        }
        if is_over {
            break;
        }
    }
}

/// Seed 1410: a look for a block that failed was taken for a block that upkeep had replaced.
#[test]
fn an_import_that_is_acknowledged_shows_all_of_its_blocks() {
    for read_number in 1.. {
        let storage = FaultStorage::new(read_number);
        let db = Db::open(options(&storage)).unwrap();
        storage.fail_read_at(storage.reads() + read_number, ErrorKind::Other);
        let import = || {
            let mut importer = db.importer(ImportOptions::new("a"))?;
            for day in 0..3 {
                let series = importer.series(&set("m"));
                importer.push(series, &[T - day * 86_400_000], &[1.0])?;
            }
            importer.finish()
        };
        let before = storage.reads();
        let imported = import();
        if storage.reads() < before + read_number {
            break;
        }
        if imported.is_ok() {
            assert_eq!(read(&db)[&set("m")].len(), 3, "read {read_number}");
        }
    }
}

/// Seed 3655: a block that could not be opened after its rename was in no list, and the delete
/// that hid its samples was forgotten.
#[test]
fn a_delete_is_kept_for_a_block_that_could_not_be_opened() {
    let by_name = Matcher::new("__name__", MatchOp::Equal, "m").unwrap();
    let selector = Selector::new(vec![by_name], TimeRange::ALL);
    for read_number in 1.. {
        let storage = FaultStorage::new(read_number);
        let db = Db::open(options(&storage)).unwrap();
        append(&db, &set("m"), &[(T, 1.0)]).unwrap();
        db.delete(&selector).unwrap();
        let before = storage.reads();
        storage.fail_read_at(before + read_number, ErrorKind::Other);
        let _ = db.flush();
        let is_over = storage.reads() < before + read_number;
        // What is final and done goes when the log has let go of it.
        for round in 0..4 {
            append(&db, &set("other"), &[(T + round, 1.0)]).unwrap();
            let _ = db.clean_deletes().and_then(|()| db.flush());
            // It ends a segment of the log, too.
            db.verify().unwrap();
        }
        drop(db);
        let db = Db::open(options(&storage)).unwrap();
        assert_eq!(read(&db).get(&set("m")), None, "read {read_number}");
        if is_over {
            break;
        }
    }
}

/// A saved head whose removal failed was forgotten though the next start reads it. So the delete that
/// hid its samples was forgotten when the log had let go of it, and they came back.
#[test]
fn a_delete_is_kept_for_a_saved_head_that_could_not_be_removed() {
    let by_name = Matcher::new("__name__", MatchOp::Equal, "m").unwrap();
    let selector = Selector::new(vec![by_name], TimeRange::ALL);
    let saving = |storage: &FaultStorage| options(storage).replay_target(Duration::ZERO);
    let mut met = 0;
    for step in 1.. {
        let storage = FaultStorage::new(step);
        let db = Db::open(saving(&storage)).unwrap();
        for round in 0..2 {
            append(&db, &set("m"), &[(T + round, 1.0)]).unwrap();
            db.maintain(ROUND).unwrap();
        }
        db.delete(&selector).unwrap();
        db.clean_deletes().unwrap();
        let last = storage.operations() + step;
        storage.fail_at(last, ErrorKind::Other);
        let is_saved = db.flush().is_err() && !files(&storage, "", "/head-").is_empty();
        met += usize::from(is_saved);
        if storage.operations() < last {
            break;
        }
        // In a window before, so that no block stands for that of the delete. The log lets go of it.
        for round in 0..4 {
            let time = T - 5 * 3_600_000 + round;
            // Fails after a failed sync: then nothing is let go of.
            let flushed = append(&db, &set("other"), &[(time, 1.0)]).and_then(|_| db.flush());
            // It ends a segment of the log, too.
            let _ = flushed.and_then(|()| db.verify());
        }
        drop(db);
        let db = Db::open(saving(&storage)).unwrap();
        assert_eq!(read(&db).get(&set("m")), None, "step {step}");
    }
    assert!(met > 0, "no saved head outlived the flush");
}

/// Seed 106,957: the log had been let go of for saved heads that are all damaged.
#[test]
fn answers_warn_when_all_saved_heads_are_damaged() {
    let storage = FaultStorage::new(1);
    let saving = || options(&storage).replay_target(Duration::ZERO).segment_bytes(64 * 1024);
    // Each start begins a segment; the log keeps what is behind the older of two heads.
    for round in 0..4 {
        let db = Db::open(saving()).unwrap();
        append(&db, &set(&format!("m{round}")), &[(T, 1.0)]).unwrap();
        db.maintain(ROUND).unwrap();
        db.close().unwrap();
    }
    let heads = files(&storage, "shard-00", "/head-");
    assert_eq!(heads.len(), 2);
    for head in heads {
        storage.flip_bit(&head, 20, 1).unwrap();
    }
    let db = Db::open(saving()).unwrap();
    let selector = Selector::new(Vec::new(), TimeRange::ALL);
    let selection = db.select(&selector).unwrap();
    assert!(selection.series.len() < 4, "the log has let go of something");
    assert!(!selection.warnings.is_empty());
}
