//! A query says what it is going to read of the disk before it reads any of it, of all blocks and
//! shards at once; of what is in memory it asks the disk nothing.

use std::collections::HashMap;
use std::ops::Range;

use nunatak::storage::{FaultStorage, Reading};
use nunatak::{
    Batch, Db, Gathered, Hints, MatchOp, Matcher, SampleBatch, Selector, Source, TimeRange, labels,
};

use crate::common::{NOW, options};

const HOUR: i64 = 3_600_000;
/// The directory of a block has several pages.
const SERIES: i64 = 5000;

fn write(db: &Db, from: i64, series: i64) {
    let mut batch = Batch::new();
    for number in 0..series {
        let set = labels! { "__name__" => "m", "number" => &format!("{number:04}") };
        let of = batch.series(&set).unwrap();
        for sample in 0..12 {
            // Values that take many bytes, times of several streams.
            let value = (number * 12 + sample) as f64 / 7.0;
            batch.push(of, from + sample * 60_000 + number % 3, value);
        }
    }
    assert_eq!(db.append(&batch).unwrap().stored, 12 * series as u64);
}

/// Blocks of two shards and three days.
fn blocks() -> FaultStorage {
    let storage = FaultStorage::new(1);
    let db = Db::open(options(&storage)).unwrap();
    for days in [3, 2, 1] {
        write(&db, NOW - days * 24 * HOUR, SERIES);
        db.flush().unwrap();
    }
    assert_eq!(db.stats().blocks, 6);
    db.close().unwrap();
    storage
}

fn select(db: &Db, selector: &Selector) -> usize {
    let mut samples = 0;
    let mut batch = SampleBatch::default();
    for mut series in Source::select(db, selector, &Hints::default()).unwrap().series {
        while series.cursor.next_batch(&mut batch).unwrap() {
            samples += batch.times.len();
        }
    }
    samples
}

fn scan(db: &Db, selector: &Selector) -> usize {
    let mut samples = 0;
    let mut gathered = Gathered::default();
    let scanned = Source::scan(db, selector, &Hints::default(), &mut |_, cursor| {
        gathered.begin();
        while cursor.gather(&mut gathered).unwrap() {}
        gathered.end();
        samples += gathered.times().len();
        true
    });
    scanned.unwrap();
    samples
}

fn selector(numbers: &str, range: TimeRange) -> Selector {
    Selector::new(vec![Matcher::new("number", MatchOp::Regex, numbers).unwrap()], range)
}

type Asked = HashMap<u64, Vec<Range<u64>>>;

fn is_asked(asked: &Asked, read: &Reading) -> bool {
    let asked = asked.get(&read.file).into_iter().flatten();
    asked.into_iter().any(|bytes| bytes.start <= read.bytes.start && read.bytes.end <= bytes.end)
}

fn asked(readings: &[Reading]) -> Asked {
    let mut asked = Asked::new();
    for reading in readings.iter().filter(|reading| reading.is_ahead) {
        asked.entry(reading.file).or_default().push(reading.bytes.clone());
    }
    asked
}

/// All is asked for in two rounds: what says where values are, of all blocks, before anything is read;
/// the values of all blocks before any of these.
fn is_all_asked_in_two_rounds(readings: &[Reading], files: usize, what: &str) {
    let first_read = readings.iter().position(|reading| !reading.is_ahead).unwrap();
    let last_ahead = readings.iter().rposition(|reading| reading.is_ahead).unwrap();
    let (places, all) = (asked(&readings[..first_read]), asked(readings));
    assert_eq!(places.len(), files, "{what}: files that are asked before the first read");
    assert!(last_ahead > first_read, "{what}: no value was asked for");
    for (i, read) in readings.iter().enumerate().filter(|(_, reading)| !reading.is_ahead) {
        let asked = if i < last_ahead { &places } else { &all };
        assert!(is_asked(asked, read), "{what}: {read:?} is not asked for, number {i}");
    }
}

#[test]
fn a_query_asks_for_all_that_it_reads() {
    let storage = blocks();
    let some_hours = TimeRange::new(NOW - 48 * HOUR + 150_000, NOW - 48 * HOUR + 400_000);
    for numbers in [".*", "1234", "0000|4999", "1..0"] {
        for (range, blocks) in [(TimeRange::ALL, 6), (some_hours, 2)] {
            for (how, query) in [("select", select as fn(&Db, &Selector) -> usize), ("scan", scan)]
            {
                // What was read before is remembered: each of them starts anew.
                let db = Db::open(options(&storage)).unwrap();
                storage.take_readings();
                assert!(query(&db, &selector(numbers, range)) > 0);
                let what = format!("{how} of {numbers} in {range:?}");
                // One series is in one shard.
                let files = if numbers == "1234" { blocks / 2 } else { blocks };
                is_all_asked_in_two_rounds(&storage.take_readings(), files, &what);
            }
        }
    }
}

#[test]
fn the_disk_is_asked_nothing_for_what_is_in_memory() {
    let storage = FaultStorage::new(1);
    let db = Db::open(options(&storage)).unwrap();
    write(&db, NOW - 72 * HOUR, 10);
    db.flush().unwrap();
    write(&db, NOW - HOUR, 10);
    storage.take_readings();
    let of_head = selector(".*", TimeRange::new(NOW - 2 * HOUR, NOW));
    assert_eq!((select(&db, &of_head), scan(&db, &of_head)), (120, 120));
    assert_eq!(storage.take_readings(), []);
    // Labels come from the index, which is mapped.
    let everything = selector(".*", TimeRange::ALL);
    let labels = Hints { labels_only: true, ..Hints::default() };
    assert_eq!(Source::select(&db, &everything, &labels).unwrap().series.len(), 10);
    assert_eq!(storage.take_readings(), []);
}
