//! How fast a database is verified: `nunatak::verify` on real files that the page cache holds.
//! `cargo bench -p nunatak-bench --bench verify`.
//!
//! In bytes of files a second, over all cores: reading, checksums and digests, and decoding of every
//! chunk.
//!
//! - `verify/blocks`: blocks of a fleet of 20,000 series over 12 h, flushed and compacted.
//! - `verify/log`: the same fleet's last half hour in the log.
//!
//! The files are under `target/tmp`. With `NUNATAK_VERIFY_KEEP=DIR` the folder of the blocks is made
//! at DIR and kept, for a look with `nunatak verify`.
#![expect(clippy::expect_used, reason = "a bench may stop")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use nunatak::{Batch, Db, Durability, ManualClock, Options};
use nunatak_bench::workload::Fleet;
use tempfile::TempDir;

#[path = "support/fleet.rs"]
mod fleet;
#[path = "support/labels.rs"]
mod labels;

const SERIES: usize = 20_000;
const SCRAPES: usize = 12 * 60 * 4;

/// A stopped database at `path` with so many scrapes of the fleet.
fn fill(path: &Path, scrapes: usize, flush: bool) {
    let now = fleet::START_MS + scrapes as i64 * fleet::INTERVAL_MS;
    let options = Options::new(path)
        .clock(Arc::new(ManualClock::new(now)))
        .durability(Durability::Os)
        .threads(0);
    let db = Db::open(options).expect("a new database");
    let mut made = Fleet::new(fleet::options(SERIES));
    let sets: Vec<_> = made.series().iter().map(labels::labels_of).collect();
    for scrape in 0..scrapes {
        for host in 0..made.hosts() {
            let mut batch = Batch::new();
            made.scrape(host, scrape, |series, t, v| {
                let handle = batch.series(&sets[series]).expect("the fleet's labels are valid");
                batch.push(handle, t, v);
            });
            db.append(&batch).expect("the disk has room");
        }
    }
    if flush {
        db.flush().expect("the disk has room");
    }
    db.close().expect("the last sync");
}

fn folder() -> TempDir {
    TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder under target/tmp")
}

fn measure(c: &mut Criterion, name: &str, path: &Path) {
    let found = nunatak::verify(path, &|_, _| {}).expect("a database");
    assert!(found.is_clean(), "{found:?}");
    let mut group = c.benchmark_group("verify");
    group.sample_size(10).throughput(Throughput::Bytes(found.bytes));
    group.bench_function(name, |b| {
        b.iter(|| nunatak::verify(path, &|_, _| {}).expect("a database"));
    });
    group.finish();
}

fn blocks(c: &mut Criterion) {
    let temporary = folder();
    let kept = std::env::var_os("NUNATAK_VERIFY_KEEP").map(PathBuf::from);
    let path = kept.unwrap_or_else(|| temporary.path().to_owned());
    fill(&path, SCRAPES, true);
    measure(c, "blocks", &path);
}

fn log(c: &mut Criterion) {
    let temporary = folder();
    fill(temporary.path(), 120, false);
    measure(c, "log", temporary.path());
}

criterion_group!(benches, blocks, log);
criterion_main!(benches);
