//! After a crash at any operation of an import each of its parts is there whole or not at all, the
//! mark says which, and an import that is continued loses and doubles nothing.
#![expect(clippy::unwrap_used, reason = "a test that can't go on has failed")]

use std::collections::BTreeMap;
use std::sync::Arc;

use nunatak::storage::{Crash, FaultStorage, Storage};
use nunatak::{
    Batch, Db, ImportOptions, Labels, ManualClock, Options, Result, SampleBatch, Selector,
    TimeRange, labels,
};

const NOW: i64 = 1_700_000_000_000;
/// Parts of the import and samples of each: more than fit its memory, so that there are runs.
const PARTS: i64 = 2;
const PART: i64 = 1_500;
/// Series of the import.
const SERIES: i64 = 7;

type Samples = BTreeMap<(Labels, i64), u64>;

fn series(number: i64) -> Labels {
    labels! { "__name__" => "m", "host" => &number.to_string() }
}

/// The import's sample number `i`: over two days, not in order.
fn sample(i: i64) -> (Labels, i64, f64) {
    let shuffled = (i * 7919) % (PARTS * PART);
    (series(i % SERIES), NOW - 20 * 3_600_000 - shuffled * 43_000, i as f64)
}

/// A sample whose series and time the part has too.
fn conflict(part: i64, v: f64) -> (Labels, i64, f64) {
    let (labels, t, _) = sample((part + 1) * PART - 1);
    (labels, t, v)
}

fn open(storage: &FaultStorage) -> Result<Db> {
    let storage: Arc<dyn Storage> = Arc::new(storage.clone());
    let clock = Arc::new(ManualClock::new(NOW));
    Db::open(Options::new("test").storage(storage).clock(clock).threads(0).shards(2))
}

fn append(db: &Db, samples: &[(Labels, i64, f64)]) -> Result<()> {
    let mut batch = Batch::new();
    for (labels, t, v) in samples {
        let series = batch.series(labels)?;
        batch.push(series, *t, *v);
    }
    db.append(&batch).map(drop)
}

/// Runs the import from its mark on.
fn import(db: &Db) -> Result<u64> {
    let options = ImportOptions::new("a").memory(16 << 10);
    let mut importer = db.importer(options)?;
    let first = importer.mark().first().map_or(0, |&part| i64::from(part));
    for part in first..PARTS {
        for (labels, t, v) in (part * PART..(part + 1) * PART).map(sample) {
            let series = importer.series(&labels);
            importer.push(series, &[t], &[v])?;
        }
        importer.commit(&[part as u8 + 1])?;
    }
    let report = importer.finish()?;
    Ok(report.earlier_samples + report.stored)
}

/// The whole story; the late conflict is told only when the import is done.
fn story(storage: &FaultStorage) -> Result<()> {
    let db = open(storage)?;
    append(&db, &[conflict(0, -1.0), conflict(1, -1.0)])?;
    import(&db)?;
    append(&db, &[conflict(0, -2.0)])?;
    db.close()
}

fn read(db: &Db) -> Samples {
    let mut found = Samples::new();
    let mut batch = SampleBatch::default();
    for mut series in db.select(&Selector::new(Vec::new(), TimeRange::ALL)).unwrap().series {
        while series.cursor.next_batch(&mut batch).unwrap() {
            for (&t, v) in batch.times.iter().zip(&batch.values) {
                let twice = found.insert((series.labels.clone(), t), v.to_bits());
                assert_eq!(twice, None, "{} at {t}", series.labels);
            }
        }
    }
    found
}

/// What is there when the first `parts` parts count.
fn expected(parts: i64) -> Samples {
    let place = |(labels, t, v): (Labels, i64, f64)| ((labels, t), v.to_bits());
    let mut model: Samples = (0..PARTS).map(|part| place(conflict(part, -1.0))).collect();
    model.extend((0..parts * PART).map(|i| place(sample(i))));
    model
}

fn set(model: &mut Samples, (labels, t, v): (Labels, i64, f64)) {
    model.insert((labels, t), v.to_bits());
}

/// What a start finds, what is written then, and what the continued import makes of it.
fn check_and_continue(storage: &FaultStorage, what: &str) {
    let db = open(storage).unwrap_or_else(|error| panic!("{what}: {error}"));
    let importer = db.importer(ImportOptions::new("a")).unwrap();
    let parts = importer.mark().first().map_or(0, |&part| i64::from(part));
    drop(importer);
    let found = read(&db);
    let mut model = expected(parts);
    if found.len() >= model.len() {
        // The last write of the story may have come through before the crash.
        let (labels, t, v) = conflict(0, -2.0);
        if found.get(&(labels, t)) == Some(&v.to_bits()) {
            set(&mut model, conflict(0, -2.0));
        }
        assert!(found == model, "{what}: {} samples with {parts} parts", found.len());
    } else {
        assert_eq!(parts, 0, "{what}: samples are missing");
        assert!(found.len() <= PARTS as usize, "{what}: half a part");
    }

    append(&db, &[conflict(0, -3.0), conflict(1, -3.0)]).unwrap();
    let stored = import(&db).unwrap_or_else(|error| panic!("{what}: {error}"));
    assert_eq!(stored, (PARTS * PART) as u64, "{what}");
    let mut model = expected(PARTS);
    for part in 0..parts {
        set(&mut model, conflict(part, -3.0));
    }
    assert!(read(&db) == model, "{what}: after the import was continued");
    db.flush().unwrap();
    assert!(read(&db) == model, "{what}: after a merge");
    assert_eq!(db.stats().block_samples, model.len() as u64, "{what}");
    assert_eq!(db.stats().quarantined, Vec::<String>::new(), "{what}");
}

#[test]
fn a_crash_at_any_operation_leaves_whole_parts() {
    let calm = FaultStorage::new(0);
    story(&calm).unwrap();
    let operations = calm.operations();
    assert!(operations > 200, "{operations}");
    for operation in 1..=operations {
        for crash in [Crash::PowerLoss, Crash::Process] {
            let storage = FaultStorage::new(operation);
            storage.crash_at(operation);
            let _ = story(&storage);
            assert!(storage.is_crashed(), "operation {operation}");
            let what = format!("operation {operation} of {operations}, {crash:?}");
            check_and_continue(&storage.recover(crash, operation), &what);
        }
    }
}

/// The same process goes on after an operation that failed.
#[test]
fn a_failed_operation_leaves_whole_parts() {
    let calm = FaultStorage::new(0);
    story(&calm).unwrap();
    for operation in (1..=calm.operations()).step_by(3) {
        let storage = FaultStorage::new(operation);
        storage.fail_at(operation, std::io::ErrorKind::StorageFull);
        let Ok(db) = open(&storage) else { continue };
        if append(&db, &[conflict(0, -1.0), conflict(1, -1.0)]).is_err() {
            continue;
        }
        let stored = import(&db).or_else(|_| import(&db)).unwrap();
        assert_eq!(stored, (PARTS * PART) as u64, "operation {operation}");
        assert!(read(&db) == expected(PARTS), "operation {operation}");
        drop(db);
        let db = open(&storage).unwrap();
        assert!(read(&db) == expected(PARTS), "operation {operation}, after a start");
    }
}
