//! Retention counts from the newest sample: older ones are not answered, not taken, and leave.

use std::time::Duration;

use nunatak::storage::FaultStorage;
use nunatak::{Db, RefusalReason, labels};

use crate::common::{NOW, append, options, read};

const DAY: i64 = 24 * 3_600_000;

#[test]
fn what_is_too_old_is_gone() {
    let storage = FaultStorage::new(1);
    let up = labels! { "__name__" => "up", "job" => "a" };
    let db = Db::open(options(&storage)).unwrap();
    let old = [(NOW - 10 * DAY, 1.0), (NOW - 9 * DAY, 2.0)];
    append(&db, &labels! { "__name__" => "old" }, &old).unwrap();
    append(&db, &up, &[(NOW - DAY / 2, 3.0), (NOW, 4.0)]).unwrap();
    db.flush().unwrap();
    let blocks = db.stats().blocks;
    db.close().unwrap();

    let keep = Duration::from_millis(DAY as u64);
    let db = Db::open(options(&storage).retention(keep)).unwrap();
    assert_eq!(read(&db).len(), 1, "not answered");
    let refused = append(&db, &labels! { "a" => "b" }, &[(NOW - 2 * DAY, 1.0)]).unwrap();
    assert_eq!(refused.refused[0].reason, RefusalReason::BeyondRetention);
    while db.maintain(Duration::from_secs(1)).unwrap() {}
    assert!(db.stats().blocks < blocks, "its blocks have left");
    assert_eq!(read(&db)[&up].len(), 2);
}

#[test]
fn everything_is_kept_by_default() {
    let storage = FaultStorage::new(1);
    let db = Db::open(options(&storage)).unwrap();
    let old = labels! { "__name__" => "old" };
    append(&db, &old, &[(0, 1.0)]).unwrap();
    append(&db, &labels! { "__name__" => "new" }, &[(NOW, 1.0)]).unwrap();
    db.flush().unwrap();
    while db.maintain(Duration::from_secs(1)).unwrap() {}
    assert_eq!(read(&db)[&old], [(0, 1.0)]);
}
