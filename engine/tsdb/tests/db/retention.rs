//! Retention counts from the newest sample: older ones are not answered, not taken, and leave. Bytes
//! and rules end samples, too; whichever comes first.

use std::time::Duration;

use nunatak::storage::FaultStorage;
use nunatak::{Db, Error, MatchOp, Matcher, RefusalReason, RetentionRule, labels};

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

fn maintain(db: &Db) {
    for _ in 0..10 {
        while db.maintain(Duration::from_secs(10)).unwrap() {}
    }
}

#[test]
fn the_oldest_blocks_make_room() {
    let storage = FaultStorage::new(1);
    let hosts: Vec<_> =
        (0..20).map(|n| labels! { "__name__" => "m", "host" => &n.to_string() }).collect();
    let db = Db::open(options(&storage)).unwrap();
    for day in (0..6).rev() {
        for host in &hosts {
            append(&db, host, &[(NOW - day * DAY, 1.0), (NOW - day * DAY + 1, 2.0)]).unwrap();
        }
        db.flush().unwrap();
    }
    let before = db.stats();
    db.close().unwrap();
    let limit = before.block_bytes / 2;
    let db = Db::open(options(&storage).retention_bytes(limit)).unwrap();
    maintain(&db);
    let after = db.stats();
    assert!(after.block_bytes <= limit && after.blocks > 0, "{after:?}");
    let left = read(&db);
    for samples in left.values() {
        assert_eq!(samples.last(), Some(&(NOW + 1, 2.0)), "the newest stay");
        assert!(samples[0].0 > NOW - 4 * DAY, "the oldest are gone, in all shards");
    }
    db.close().unwrap();
    let db = Db::open(options(&storage).retention_bytes(limit)).unwrap();
    assert_eq!(read(&db), left, "the log does not bring them back");
}

#[test]
fn a_rule_ends_its_series_sooner() {
    let storage = FaultStorage::new(1);
    let keep = Duration::from_millis(DAY as u64);
    let dev = Matcher::new("env", MatchOp::Equal, "dev").unwrap();
    let rules = vec![RetentionRule::new(vec![dev], keep)];
    let db = Db::open(options(&storage).retention_rules(rules)).unwrap();
    let (dev, prod) = (labels! { "a" => "b", "env" => "dev" }, labels! { "a" => "b" });
    let times = [(NOW - 3 * DAY, 1.0), (NOW - DAY - 1, 2.0), (NOW - DAY, 3.0), (NOW, 4.0)];
    for set in [&dev, &prod] {
        append(&db, set, &times).unwrap();
    }
    for _ in 0..2 {
        assert_eq!(read(&db)[&dev], times[2..]);
        assert_eq!(read(&db)[&prod], times);
        db.flush().unwrap();
    }
    maintain(&db);
    assert_eq!(db.stats().block_samples, 7, "of the block that has ended wholly");
    assert_eq!((read(&db)[&dev].len(), read(&db)[&prod].len()), (2, 4));
}

#[test]
fn a_rule_without_matchers_is_refused() {
    let rules = vec![RetentionRule::new(Vec::new(), Duration::from_hours(1))];
    let opened = Db::open(options(&FaultStorage::new(1)).retention_rules(rules));
    assert!(matches!(opened, Err(Error::Option { option: "retention_rules", .. })));
}
