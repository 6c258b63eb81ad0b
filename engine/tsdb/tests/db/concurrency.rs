//! Writers, readers and background work at the same time: nothing is lost, nothing comes twice.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use nunatak::storage::MemoryStorage;
use nunatak::{Batch, Db, Limits, Options, labels};

use crate::common::read;

const WRITERS: i64 = 4;
const ROUNDS: i64 = 60;
const SERIES: i64 = 20;

#[test]
fn writers_readers_and_flushes_do_not_disturb_each_other() {
    let mut limits = Limits::default();
    limits.out_of_order_ms = i64::MAX;
    let options = Options::new("x").storage(Arc::new(MemoryStorage::new())).limits(limits);
    let db = Db::open(options).unwrap();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                scope.spawn({
                    let db = &db;
                    move || write(db, writer)
                })
            })
            .collect();
        let reader = scope.spawn(|| {
            let mut seen = 0;
            while !done.load(Ordering::Relaxed) {
                let now: usize = read(&db).values().map(Vec::len).sum();
                assert!(now >= seen, "{now} samples after {seen}");
                seen = now;
            }
        });
        let flusher = scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                db.flush().unwrap();
            }
        });
        for writer in writers {
            writer.join().unwrap();
        }
        done.store(true, Ordering::Relaxed);
        reader.join().unwrap();
        flusher.join().unwrap();
    });
    let all = read(&db);
    assert_eq!(all.len() as i64, WRITERS * SERIES);
    for (labels, samples) in all {
        let expected: Vec<_> = (0..ROUNDS).map(|t| (t * 60_000, t as f64)).collect();
        assert_eq!(samples, expected, "{labels}");
    }
}

fn write(db: &Db, writer: i64) {
    for round in 0..ROUNDS {
        let mut batch = Batch::new();
        for number in 0..SERIES {
            let (writer, number) = (writer.to_string(), number.to_string());
            let set = labels! { "__name__" => "m", "writer" => &writer, "number" => &number };
            let series = batch.series(&set).unwrap();
            batch.push(series, round * 60_000, round as f64);
        }
        assert_eq!(db.append(&batch).unwrap().stored, SERIES as u64);
    }
}
