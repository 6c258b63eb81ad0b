//! What is appended can be queried at once, and is durable when its commit returns.

use std::time::Duration;

use nunatak::storage::{Crash, FaultStorage};
use nunatak::{Db, Error, Labels, Result, Uncommitted, labels};

use crate::common::{NOW, options, read};

fn series(number: u8) -> Labels {
    labels! { "__name__" => "m", "i" => &number.to_string() }
}

fn append_one(db: &Db, number: u8) -> Uncommitted {
    let mut appender = db.appender();
    let series = appender.labels(&series(number));
    appender.push(series, NOW, f64::from(number));
    appender.append().unwrap()
}

#[test]
fn one_sync_serves_all_that_were_appended_before_it() {
    let storage = FaultStorage::new(1);
    let db = Db::open(options(&storage)).unwrap();
    append_one(&db, 0).commit().unwrap();
    let syncs = storage.syncs();
    let appended: Vec<Uncommitted> = (1..20).map(|number| append_one(&db, number)).collect();
    assert_eq!((storage.syncs(), read(&db).len()), (syncs, 20));
    for one in appended {
        assert_eq!(one.commit().unwrap().stored, 1);
    }
    assert_eq!(storage.syncs(), syncs + 1);
    assert_eq!(db.stats().stored_samples, 20);

    let left = storage.recover(Crash::PowerLoss, 1);
    let db = Db::open(options(&left)).unwrap();
    let all: Vec<f64> = read(&db).values().map(|samples| samples[0].1).collect();
    assert_eq!(all.len(), 20);
}

#[test]
fn a_power_loss_takes_what_was_not_committed() {
    let storage = FaultStorage::new(1);
    let db = Db::open(options(&storage)).unwrap();
    append_one(&db, 0).commit().unwrap();
    drop(append_one(&db, 1));
    assert_eq!(read(&db).len(), 2);
    let left = storage.recover(Crash::PowerLoss, 1);
    assert!(read(&Db::open(options(&left)).unwrap()).keys().eq([&series(0)]));
    // The next commit takes it along.
    append_one(&db, 2).commit().unwrap();
    let left = storage.recover(Crash::PowerLoss, 1);
    assert_eq!(read(&Db::open(options(&left)).unwrap()).len(), 3);
}

#[test]
fn a_commit_may_come_after_the_close_and_from_another_thread() {
    let storage = FaultStorage::new(1);
    let db = Db::open(options(&storage)).unwrap();
    let appended = append_one(&db, 1);
    db.close().unwrap();
    let committed = std::thread::spawn(|| appended.commit()).join().unwrap();
    assert_eq!(committed.unwrap().stored, 1);
    assert_eq!(read(&Db::open(options(&storage)).unwrap())[&series(1)], [(NOW, 1.0)]);
}

#[test]
fn what_is_not_committed_takes_room_in_the_queue() {
    let storage = FaultStorage::new(1);
    let db = Db::open(options(&storage).memory_budget(16 << 20).append_deadline(Duration::ZERO));
    let db = db.unwrap();
    // Two of them are more than the 4 MiB of the queue.
    let append = |begin: i64| -> Result<Uncommitted> {
        let mut appender = db.appender();
        let series = appender.labels(&series(0));
        (0..100_000).for_each(|i| appender.push(series, NOW - 1_000_000 + begin + i, 1.0));
        appender.append()
    };
    let first = append(0).unwrap();
    let refused = append(200_000).unwrap_err();
    assert!(matches!(refused, Error::Overloaded { .. }), "{refused}");
    first.commit().unwrap();
    assert_eq!(append(200_000).unwrap().commit().unwrap().stored, 100_000);
}
