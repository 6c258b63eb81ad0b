//! Series that nobody writes any more leave memory, stay queryable, and a fleet whose members are
//! replaced all the time needs no more memory in its second hour than in its first.

use std::sync::Arc;
use std::time::Duration;

use nunatak::storage::FaultStorage;
use nunatak::{Batch, Db, ManualClock, labels};

use crate::common::{NOW, append, options, read};

const SECOND: i64 = 1000;
const MINUTE: i64 = 60 * SECOND;

fn open(storage: &FaultStorage, clock: &Arc<ManualClock>) -> Db {
    Db::open(options(storage).clock(clock.clone())).unwrap()
}

fn maintain(db: &Db, clock: &ManualClock, now: i64) {
    clock.set(now);
    while db.maintain(Duration::from_secs(1)).unwrap() {}
}

#[test]
fn a_rolling_deploy_holds_memory_flat() {
    const SERIES: i64 = 1000;
    let (storage, clock) = (FaultStorage::new(1), Arc::new(ManualClock::new(NOW)));
    let db = open(&storage, &clock);
    let (mut halves, mut course) = ([0, 0], Vec::new());
    for minute in 0..120 {
        let mut batch = Batch::new();
        for place in 0..SERIES {
            // Each minute another tenth of the series is replaced.
            let version = (minute + 10 - place * 10 / SERIES) / 10;
            let pod = format!("app-{place}-{version}-{}", "x".repeat(30));
            let set = labels! { "__name__" => "requests_total", "pod" => &pod, "zone" => "a" };
            let series = batch.series(&set).unwrap();
            for quarter in 0..4 {
                let time = NOW + minute * MINUTE + quarter * 15 * SECOND;
                batch.push(series, time, (minute * 4 + quarter) as f64);
            }
        }
        clock.set(NOW + minute * MINUTE + 45 * SECOND);
        assert_eq!(db.append(&batch).unwrap().refused, []);
        maintain(&db, &clock, NOW + (minute + 1) * MINUTE);
        if minute % 10 == 9 {
            course.push((db.stats().active_series, db.stats().memory));
        }
        let half = &mut halves[minute as usize / 60];
        *half = db.stats().head_bytes.max(*half);
    }
    assert!(halves[1] * 10 <= halves[0] * 11, "{halves:?}, {course:?}");
    let all = read(&db);
    assert!(all.len() > 12_000, "{} series", all.len());
    assert_eq!(all.values().map(Vec::len).sum::<usize>(), 120 * 4 * SERIES as usize);
    let blocks = db.stats().blocks;
    assert!(blocks <= 8 * 2 * 2, "{blocks} blocks in two windows of two shards");
}

#[test]
fn idle_series_leave_by_their_own_rhythm_and_come_back() {
    let (storage, clock) = (FaultStorage::new(1), Arc::new(ManualClock::new(NOW)));
    let db = open(&storage, &clock);
    let name = |name: &str| labels! { "__name__" => "same", "which" => name, "job" => "a" };
    let stale = f64::from_bits(0x7ff0_0000_0000_0002);
    let rows: [(&str, &[(i64, f64)]); 4] = [
        ("quick", &[(NOW - 15 * SECOND, 1.0), (NOW, 2.0)]),
        ("slow", &[(NOW - 20 * MINUTE, 1.0), (NOW, 2.0)]),
        ("ended", &[(NOW - 15 * SECOND, 1.0), (NOW, stale)]),
        ("steady", &[(NOW, 1.0)]),
    ];
    for (which, samples) in rows {
        append(&db, &name(which), samples).unwrap();
    }
    let before = read(&db);
    let mut counts = Vec::new();
    for minutes in [1, 6, 11, 16, 21, 39, 46] {
        let now = NOW + minutes * MINUTE;
        clock.set(now);
        append(&db, &name("steady"), &[(now, 1.0)]).unwrap();
        // All are in one shard or two: the newest sample of each counts.
        maintain(&db, &clock, now);
        counts.push(db.stats().active_series);
    }
    assert_eq!(counts, [4, 3, 3, 2, 2, 2, 1]);
    let after = read(&db);
    for which in ["quick", "slow", "ended"] {
        let bits =
            |all: &[(i64, f64)]| -> Vec<_> { all.iter().map(|(t, v)| (*t, v.to_bits())).collect() };
        assert_eq!(bits(&after[&name(which)]), bits(&before[&name(which)]), "{which}");
    }
    let now = NOW + 46 * MINUTE;
    append(&db, &name("quick"), &[(now, 3.0)]).unwrap();
    assert_eq!(db.stats().active_series, 2);
    assert_eq!(read(&db)[&name("quick")].len(), 3);
    drop(db);
    let db = open(&storage, &clock);
    assert_eq!(read(&db)[&name("quick")].len(), 3, "after a start");
}
