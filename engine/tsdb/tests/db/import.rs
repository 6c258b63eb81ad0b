//! An import takes samples of any time, counts as written when it is committed, refuses by name, and
//! is continued by its id.

use std::collections::BTreeMap;
use std::time::Duration;

use nunatak::storage::FaultStorage;
use nunatak::{Db, Error, ImportOptions, ImportReport, Labels, Limits, RefusalReason, labels};

use crate::common::{NOW, append, options, read};

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;

fn host(number: i64) -> Labels {
    labels! { "__name__" => "m", "host" => &number.to_string() }
}

fn import(db: &Db, id: &str, samples: &[(i64, i64, f64)]) -> ImportReport {
    let mut importer = db.importer(ImportOptions::new(id)).unwrap();
    for &(number, t, v) in samples {
        let series = importer.series(&host(number));
        importer.push(series, &[t], &[v]).unwrap();
    }
    importer.finish().unwrap()
}

#[test]
fn any_time_is_taken_and_survives_a_restart() {
    let storage = FaultStorage::new(1);
    let db = Db::open(options(&storage)).unwrap();
    let times = [-3 * DAY, 0, NOW - 400 * DAY, NOW - HOUR, NOW, NOW + DAY];
    let samples: Vec<_> =
        (0..20).flat_map(|n| times.iter().rev().map(move |&t| (n, t, n as f64))).collect();
    let report = import(&db, "a", &samples);
    assert_eq!((report.samples, report.series, report.stored), (120, 20, 120));
    assert_eq!(report.refused, []);
    let found = read(&db);
    assert_eq!(found.len(), 20);
    for (number, host) in (0..20).map(|n| (n as f64, host(n))) {
        assert_eq!(found[&host], times.map(|t| (t, number)));
    }
    db.close().unwrap();
    let db = Db::open(options(&storage)).unwrap();
    assert_eq!(read(&db), found);
    append(&db, &host(1), &[(NOW + 1, 5.0)]).unwrap();
    db.flush().unwrap();
    assert_eq!(db.stats().block_samples, 121);
}

/// The same series and time, written before, by the import, and after it.
#[test]
fn the_later_write_wins_on_both_sides_of_an_import() {
    let storage = FaultStorage::new(1);
    let db = Db::open(options(&storage)).unwrap();
    let before = [(NOW - 2, 1.0), (NOW - 1, 1.0), (NOW, 1.0)];
    append(&db, &host(0), &before).unwrap();
    import(&db, "a", &[(0, NOW - 1, 9.0), (0, NOW, 2.0), (0, NOW - 1, 2.0)]);
    append(&db, &host(0), &[(NOW, 3.0)]).unwrap();
    let expected = [(NOW - 2, 1.0), (NOW - 1, 2.0), (NOW, 3.0)];
    assert_eq!(read(&db)[&host(0)], expected);
    db.flush().unwrap();
    assert_eq!(read(&db)[&host(0)], expected, "after a merge");
    assert_eq!(db.stats().block_samples, 3);
    db.close().unwrap();
    let db = Db::open(options(&storage)).unwrap();
    assert_eq!(read(&db)[&host(0)], expected, "after a start");
}

#[test]
fn the_same_data_again_doubles_nothing() {
    let storage = FaultStorage::new(1);
    let db = Db::open(options(&storage)).unwrap();
    let samples: Vec<_> =
        (0..2000).map(|i| (i % 7, NOW - DAY * 3 + i * 60_000, i as f64)).collect();
    import(&db, "a", &samples);
    let found = read(&db);
    import(&db, "b", &samples);
    assert_eq!(read(&db), found);
    db.flush().unwrap();
    assert_eq!((read(&db), db.stats().block_samples), (found, 2000));
    let done = db.importer(ImportOptions::new("a")).unwrap();
    assert!(done.is_done());
    assert_eq!(done.report().earlier_samples, 2000);
}

#[test]
fn an_import_that_was_dropped_is_continued_behind_its_last_part() {
    let storage = FaultStorage::new(1);
    let db = Db::open(options(&storage)).unwrap();
    let mut importer = db.importer(ImportOptions::new("a").part_samples(2)).unwrap();
    assert_eq!((importer.mark(), importer.is_full()), (&b""[..], false));
    let series = importer.series(&host(1));
    importer.push(series, &[1, 2], &[1.0, 2.0]).unwrap();
    assert!(importer.is_full());
    importer.commit(b"first").unwrap();
    assert_eq!(read(&db)[&host(1)], [(1, 1.0), (2, 2.0)], "visible at once");
    let lost = importer.series(&host(2));
    importer.push(lost, &[3], &[3.0]).unwrap();
    let error = db.importer(ImportOptions::new("a")).unwrap_err();
    assert!(matches!(error, Error::Option { option: "id", .. }), "two at once: {error}");
    drop(importer);

    let importer = db.importer(ImportOptions::new("a")).unwrap();
    assert_eq!((importer.mark(), importer.is_done()), (&b"first"[..], false));
    importer.finish().unwrap();
    assert_eq!(read(&db).len(), 1);
    assert!(db.importer(ImportOptions::new("a")).unwrap().is_done());
    let other = db.tenant("other").unwrap();
    assert!(
        !other.importer(ImportOptions::new("a")).unwrap().is_done(),
        "a tenant has its own ids"
    );
}

#[test]
fn refusals_are_counted_with_an_example() {
    let storage = FaultStorage::new(1);
    let mut limits = Limits::default();
    limits.labels_per_series = 2;
    let keep = Duration::from_millis(DAY as u64);
    let db = Db::open(options(&storage).limits(limits).retention(keep)).unwrap();
    append(&db, &host(0), &[(NOW, 1.0)]).unwrap();
    let mut importer = db.importer(ImportOptions::new("a")).unwrap();
    let wide = importer.series(&labels! { "a" => "1", "b" => "2", "c" => "3" });
    importer.push(wide, &[NOW, NOW + 1], &[1.0, 2.0]).unwrap();
    let none = importer.series(&Labels::empty());
    importer.push(none, &[NOW], &[1.0]).unwrap();
    let old = importer.series(&host(1));
    importer.push(old, &[NOW - 2 * DAY, NOW], &[1.0, 2.0]).unwrap();
    let report = importer.finish().unwrap();
    let refused: BTreeMap<_, _> = report.refused.iter().map(|r| (r.reason, r.samples)).collect();
    let expected = [
        (RefusalReason::InvalidLabels, 1),
        (RefusalReason::TooManyLabels, 2),
        (RefusalReason::BeyondRetention, 1),
    ];
    assert_eq!(refused, expected.into());
    assert!(report.refused.iter().all(|refusal| !refusal.example.is_empty()), "{report:?}");
    assert_eq!((report.stored, read(&db)[&host(1)].len()), (1, 1));
}

#[test]
fn misuse_is_an_error_and_series_end_with_their_generation() {
    let storage = FaultStorage::new(1);
    let db = Db::open(options(&storage)).unwrap();
    for id in ["", "a/b", "a.b", &"x".repeat(65)] {
        assert!(db.importer(ImportOptions::new(id)).is_err(), "{id:?}");
    }
    let mut importer = db.importer(ImportOptions::new("a").memory(64 << 10)).unwrap();
    let first = importer.series(&host(0));
    assert!(importer.push(first, &[1], &[]).is_err());
    for number in 0..1000 {
        let series = importer.series(&host(number));
        importer.push(series, &[number], &[1.0]).unwrap();
    }
    assert!(importer.is_full(), "by its series");
    let generation = importer.generation();
    importer.commit(b"").unwrap();
    assert_ne!(importer.generation(), generation);
    assert!(importer.push(first, &[1], &[1.0]).is_err(), "of the generation before");
    let again = importer.series(&host(0));
    importer.push(again, &[2000], &[1.0]).unwrap();
    let report = importer.finish().unwrap();
    assert_eq!((report.stored, read(&db).len()), (1001, 1000));
}
