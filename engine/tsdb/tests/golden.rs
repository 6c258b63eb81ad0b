//! Databases of earlier builds are read: the folder `golden/v0` is checked in, and every sample in it
//! is known. Writing the same samples again gives the same bytes of blocks, so a format can't change
//! unnoticed.
//!
//! After a wanted change of a format (docs/format/README.md says what else that takes):
//! `cargo test -p nunatak --test golden -- --ignored` writes the folder of the current version anew.
#![expect(clippy::unwrap_used, reason = "a test that can't go on has failed")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use nunatak::{
    Batch, Db, Labels, ManualClock, MatchOp, Matcher, Options, SampleBatch, Selector, Source,
    TimeRange, labels,
};

/// 2023-11-14 22:00 UTC, where a window of blocks begins.
const START: i64 = 1_699_999_200_000;
const HOUR: i64 = 3_600_000;
/// The clock stands here.
const NOW: i64 = START + 5 * HOUR;
const STALE: u64 = 0x7ff0_0000_0000_0002;

const SERIES: i64 = 9;

type Model = BTreeMap<Labels, Vec<(i64, u64)>>;

/// Every kind of value that the codec tells apart.
fn value(series: i64, i: i64) -> f64 {
    match series {
        0 => i as f64 * 15.0,
        1 => 20.0 + (i % 17) as f64 / 10.0,
        2 => (i as f64).sqrt(),
        3 => f64::from(i % 50 == 0),
        4 if i % 40 == 7 => f64::from_bits(STALE),
        4 => -0.0,
        5 if i % 30 == 3 => f64::INFINITY,
        5 => f64::from_bits(0x7ff8_0000_0000_0000 + i as u64),
        6 => ((i * 7919) % 1009) as f64 * 1e9,
        // Two buckets of a histogram, which differ little.
        7 => (i * 40 + (i * 7919) % 31) as f64,
        _ => (i * 40 + (i * 7919) % 31 - i % 5) as f64,
    }
}

fn set(series: i64) -> Labels {
    if series > 6 {
        let bound = if series == 7 { "+Inf" } else { "1" };
        return labels! { "__name__" => "latency_bucket", "job" => "gölden", "le" => bound };
    }
    let (instance, metric) =
        (format!("host-{}:9100", series % 3), format!("metric_{}", series / 2));
    labels! { "__name__" => &metric, "instance" => &instance, "job" => "gölden" }
}

/// Samples of the part of the data that is in blocks, of that which is in the log, and of a tenant.
fn parts() -> [(&'static str, i64, i64); 3] {
    [("default", 0, 900), ("default", 960, 1000), ("team-a", 0, 40)]
}

fn samples(tenant: &str) -> Model {
    let mut model = Model::new();
    for (_, from, to) in parts().into_iter().filter(|(name, ..)| *name == tenant) {
        for series in 0..SERIES {
            let own = model.entry(set(series)).or_default();
            // Half of the series are scraped a little later.
            let at = |i: i64| START + i * 15_000 + series.min(7) % 2 * 250;
            own.extend((from..to).map(|i| (at(i), value(series, i).to_bits())));
        }
    }
    model
}

/// A series that is deleted, and can come back.
fn deleted() -> Labels {
    labels! { "__name__" => "deleted", "instance" => "host-0:9100", "job" => "gölden" }
}

fn delete(db: &Db) {
    let mut batch = Batch::new();
    let handle = batch.series(&deleted()).unwrap();
    (0..5).for_each(|i| batch.push(handle, START + i * 15_000, 1.0));
    db.append(&batch).unwrap();
    let matcher = Matcher::new("__name__", MatchOp::Regex, "del.+").unwrap();
    db.delete(&Selector::new(vec![matcher], TimeRange::new(START, NOW))).unwrap();
}

fn options(path: &Path) -> Options {
    let clock = Arc::new(ManualClock::new(NOW));
    Options::new(path).clock(clock).threads(0).downsample_after(Some(Duration::from_hours(1)))
}

/// Writes the database: two cut windows and a flushed part in blocks, with a delete; the rest in
/// the log.
fn write(path: &Path) {
    let db = Db::open(options(path).shards(2)).unwrap();
    for (part, (tenant, from, to)) in parts().into_iter().enumerate() {
        let tenant = db.tenant(tenant).unwrap();
        for i in from..to {
            let mut batch = Batch::new();
            for series in 0..SERIES {
                let handle = batch.series(&set(series)).unwrap();
                let at = START + i * 15_000 + series.min(7) % 2 * 250;
                batch.push(handle, at, value(series, i));
            }
            assert_eq!(tenant.append(&batch).unwrap().stored, SERIES as u64);
        }
        if part == 0 {
            delete(&db);
            db.flush().unwrap();
        }
    }
    db.close().unwrap();
}

fn read(source: &impl Source) -> Model {
    let everything = Selector::new(Vec::new(), TimeRange::ALL);
    let selection = source.select(&everything, &nunatak::Hints::default()).unwrap();
    assert_eq!(selection.warnings, Vec::<String>::new());
    let (mut model, mut batch) = (Model::new(), SampleBatch::default());
    for mut series in selection.series {
        let own: &mut Vec<_> = model.entry(series.labels).or_default();
        while series.cursor.next_batch(&mut batch).unwrap() {
            let bits = batch.values.iter().map(|value| value.to_bits());
            own.extend(batch.times.iter().copied().zip(bits));
        }
    }
    model
}

fn check(path: &Path) {
    let db = Db::open(options(path)).unwrap();
    assert_eq!(db.stats().quarantined, Vec::<String>::new());
    assert!(db.stats().blocks > 0 && db.stats().tiers > 0);
    for tenant in ["default", "team-a"] {
        assert_eq!(read(&db.tenant(tenant).unwrap()), samples(tenant), "tenant {tenant}");
    }
    let deletes = db.deletes().unwrap();
    assert_eq!(deletes.len(), 1);
    db.undelete(deletes[0].id).unwrap();
    assert_eq!(read(&db.tenant("default").unwrap())[&deleted()].len(), 5);
}

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/v0")
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Relative path and bytes of the files of all blocks.
fn block_files(root: &Path, below: &Path, found: &mut BTreeMap<PathBuf, Vec<u8>>) {
    for entry in fs::read_dir(root.join(below)).unwrap() {
        let entry = entry.unwrap();
        let path = below.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            block_files(root, &path, found);
        } else if path.starts_with("shard-00") || path.starts_with("shard-01") {
            found.insert(path.clone(), fs::read(root.join(&path)).unwrap());
        }
    }
}

#[test]
fn the_checked_in_database_has_every_sample() {
    let folder = tempfile::tempdir().unwrap();
    // A start changes the folder.
    copy(&golden(), folder.path());
    let found = nunatak::verify(folder.path(), &|_, _| {}).unwrap();
    assert_eq!((found.damage, found.notes), (Vec::new(), Vec::new()));
    check(folder.path());
}

#[test]
fn the_same_samples_give_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path());
    let (mut made, mut kept) = (BTreeMap::new(), BTreeMap::new());
    block_files(folder.path(), Path::new(""), &mut made);
    block_files(&golden(), Path::new(""), &mut kept);
    let names = |files: &BTreeMap<PathBuf, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&made), names(&kept), "names hold the hash of the content");
    for (path, bytes) in made {
        assert!(bytes == kept[&path], "{} has other bytes", path.display());
    }
    check(folder.path());
}

#[test]
#[ignore = "writes the golden folder of the current version anew"]
fn regenerate() {
    let golden = golden();
    if golden.exists() {
        fs::remove_dir_all(&golden).unwrap();
    }
    write(&golden);
    fs::remove_file(golden.join("LOCK")).unwrap();
}
