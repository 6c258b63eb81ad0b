//! What can't be stored is refused with the reason; the rest of the call is stored.

use nunatak::storage::FaultStorage;
use nunatak::{Batch, Db, Limits, RefusalReason, labels};

use crate::common::{NOW, append, options, read};

const HOUR: i64 = 3_600_000;

#[test]
fn times_out_of_bounds_are_refused_and_the_rest_is_stored() {
    let storage = FaultStorage::new(1);
    let db = Db::open(options(&storage)).unwrap();
    let up = labels! { "__name__" => "up" };
    append(&db, &up, &[(NOW, 1.0)]).unwrap();
    let mixed = [(NOW + 11 * 60_000, 2.0), (NOW - 2 * HOUR, 3.0), (NOW - HOUR / 2, 4.0)];
    let outcome = append(&db, &up, &mixed).unwrap();
    assert_eq!(outcome.stored, 1);
    let reasons: Vec<_> = outcome.refused.iter().map(|r| (r.reason, r.samples)).collect();
    assert_eq!(reasons, [(RefusalReason::TooFarAhead, 1), (RefusalReason::TooOld, 1)]);
    assert!(outcome.refused[1].example.contains("up"), "{}", outcome.refused[1].example);
    assert_eq!(read(&db)[&up], [(NOW - HOUR / 2, 4.0), (NOW, 1.0)]);
    assert_eq!(db.stats().refused_samples.len(), 2);
}

#[test]
fn a_series_that_is_not_in_memory_takes_any_time() {
    let storage = FaultStorage::new(1);
    let db = Db::open(options(&storage)).unwrap();
    let old = labels! { "__name__" => "old" };
    assert_eq!(append(&db, &old, &[(NOW - 1000 * HOUR, 1.0)]).unwrap().stored, 1);
}

#[test]
fn label_sets_are_held_against_the_limits() {
    let storage = FaultStorage::new(1);
    let mut limits = Limits::default();
    limits.labels_per_series = 2;
    limits.label_name_bytes = 10;
    limits.label_value_bytes = 5;
    let db = Db::open(options(&storage).limits(limits)).unwrap();
    let mut batch = Batch::new();
    for set in [
        labels! { "a" => "1" },
        labels! { "a" => "1", "b" => "2", "c" => "3" },
        labels! { "a_very_long_name" => "1" },
        labels! { "a" => "a long value" },
    ] {
        let series = batch.series(&set).unwrap();
        batch.push(series, NOW, 1.0);
        batch.push(series, NOW + 1, 1.0);
    }
    let outcome = db.append(&batch).unwrap();
    let reasons: Vec<_> = outcome.refused.iter().map(|r| (r.reason, r.samples)).collect();
    assert_eq!(outcome.stored, 2);
    let expected = [
        (RefusalReason::TooManyLabels, 2),
        (RefusalReason::LabelNameTooLong, 2),
        (RefusalReason::LabelValueTooLong, 2),
    ];
    assert_eq!(reasons, expected);
}

#[test]
fn a_decoder_may_refuse_a_series_and_its_samples_are_counted() {
    let storage = FaultStorage::new(1);
    let db = Db::open(options(&storage)).unwrap();
    let mut appender = db.appender();
    let bad =
        appender.series(b"bad", |_| Err((RefusalReason::InvalidLabels, "no UTF-8".to_owned())));
    let twice = appender.series(b"twice", |builder| {
        builder.push("a", "1");
        builder.push("a", "2");
        Ok(())
    });
    let good = appender.series(b"good", |builder| {
        builder.push("a", "1");
        Ok(())
    });
    for series in [bad, twice, good] {
        appender.push(series, NOW, 1.0);
    }
    let outcome = appender.commit().unwrap();
    assert_eq!((outcome.stored, outcome.refused_samples()), (1, 2));
    assert_eq!(outcome.refused[0].example, "no UTF-8");
    assert_eq!(read(&db).keys().cloned().collect::<Vec<_>>(), [labels! { "a" => "1" }]);
}

#[test]
fn the_same_sample_again_is_one_and_another_value_wins() {
    let storage = FaultStorage::new(1);
    let db = Db::open(options(&storage)).unwrap();
    let up = labels! { "__name__" => "up" };
    for value in [1.0, 1.0, 2.0, 1.0] {
        assert_eq!(append(&db, &up, &[(NOW, value)]).unwrap().stored, 1);
        assert_eq!(read(&db)[&up], [(NOW, value)]);
    }
    db.flush().unwrap();
    append(&db, &up, &[(NOW, 5.0)]).unwrap();
    assert_eq!(read(&db)[&up], [(NOW, 5.0)], "the head counts above blocks");
    db.flush().unwrap();
    assert_eq!(read(&db)[&up], [(NOW, 5.0)], "the later block counts above the earlier");
}
