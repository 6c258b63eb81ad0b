//! How fast the log takes frames: `WriteLog::append` and `commit`, through the public log alone.
//! `cargo bench -p nunatak-bench --bench log`.
//!
//! All in samples and in bytes of log a second. A frame is what one shard gets of a request: 250
//! samples when a request of 2,000 goes to 8 shards, 2,000 when there is one.
//!
//! - `encode`: a frame to bytes; what the log costs a core when the disk costs nothing.
//! - `commit/memory`: append and commit on files in memory: encoding, checksum and copies.
//! - `commit/os`: on real files without a sync, as `Durability::Os` does.
//! - `commit/fsync`: one writer that waits for the disk each time: the disk's latency, not the
//!   log's.
//! - `commit/fsync, 8 writers`: eight at once; how much of the disk's latency the common sync hides.
//!
//! The real files are under `target/tmp`: what is measured is the disk that the build is on.
#![expect(clippy::expect_used, reason = "a bench may stop")]

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use nunatak::log::{Definition, EncodeScratch, Frame, LocalWal, Record, Samples, WalOptions};
use nunatak::log::{Position, WriteLog};
use nunatak::storage::{MemoryStorage, OsStorage, Storage};
use nunatak::{Durability, Labels};
use nunatak_bench::workload::Fleet;
use tempfile::TempDir;

#[path = "support/fleet.rs"]
mod fleet;
#[path = "support/labels.rs"]
mod labels;

/// Sizes of frames, in samples.
const SIZES: [usize; 2] = [250, 2_000];
/// A log is thrown away when it has so many bytes.
const LOG_BYTES: u64 = 256 << 20;

fn frame(definitions: Vec<Definition>, samples: Samples) -> Frame {
    let record = Record::Write { definitions, samples };
    Frame { shard: 0, tenant: "".into(), stamp: fleet::START_MS, record }
}

/// 32 consecutive scrapes of the first `size` series.
fn frames(fleet: &mut Fleet, size: usize) -> Vec<Frame> {
    let one = |scrape| {
        let mut samples = Samples::default();
        for host in 0..fleet.hosts() {
            fleet.scrape(host, scrape, |series, t, v| {
                if series < size {
                    samples.references.push(series as u64 + 1);
                    samples.times.push(t);
                    samples.values.push(v);
                }
            });
        }
        frame(Vec::new(), samples)
    };
    (0..32).map(one).collect()
}

/// One sample each of new series.
fn definitions(fleet: &mut Fleet, size: usize) -> Frame {
    let labels: Vec<Labels> = fleet.series().iter().take(size).map(labels::labels_of).collect();
    let definitions =
        (1..).zip(labels).map(|(reference, labels)| Definition { reference, labels }).collect();
    match frames(fleet, size).swap_remove(0).record {
        Record::Write { samples, .. } => frame(definitions, samples),
        other => unreachable!("{other:?}"),
    }
}

/// Mean bytes of a frame in the log.
fn mean_bytes(frames: &[Frame]) -> u64 {
    let (mut scratch, mut out) = (EncodeScratch::default(), Vec::new());
    for frame in frames {
        frame.encode(&mut scratch, &mut out).expect("valid");
    }
    (out.len() / frames.len()) as u64
}

fn throughput(frames: &[Frame], size: usize) -> Throughput {
    Throughput::ElementsAndBytes { elements: size as u64, bytes: mean_bytes(frames) }
}

fn encode(c: &mut Criterion) {
    let mut group = c.benchmark_group("encode");
    for size in SIZES {
        let samples = frames(&mut Fleet::new(fleet::options(2_000)), size);
        let definitions = vec![definitions(&mut Fleet::new(fleet::options(2_000)), size)];
        for (name, frames) in [("samples", samples), ("new series", definitions)] {
            group.throughput(throughput(&frames, size));
            let (mut scratch, mut out) = (EncodeScratch::default(), Vec::new());
            let mut next = frames.iter().cycle();
            group.bench_function(BenchmarkId::new(name, size), |b| {
                b.iter(|| {
                    out.clear();
                    let frame = next.next().expect("endless");
                    black_box(frame).encode(&mut scratch, &mut out).expect("valid");
                    black_box(&out);
                });
            });
        }
    }
}

/// Where a log is.
#[derive(Clone, Copy)]
enum Place {
    Memory,
    Disk,
}

/// A log that is thrown away when it is large.
struct Rig {
    place: Place,
    durability: Durability,
    log: Option<(LocalWal, Option<TempDir>)>,
}

impl Rig {
    fn new(place: Place, durability: Durability) -> Self {
        Self { place, durability, log: None }
    }

    fn open(&self) -> (LocalWal, Option<TempDir>) {
        let folder = match self.place {
            Place::Memory => None,
            Place::Disk => Some(tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a disk")),
        };
        let storage: Arc<dyn Storage> = match &folder {
            None => Arc::new(MemoryStorage::new()),
            Some(folder) => Arc::new(OsStorage::new(folder.path()).expect("a folder")),
        };
        let options = WalOptions::new().durability(self.durability);
        (LocalWal::open(storage, options).expect("nothing is there yet"), folder)
    }

    /// The log, a new one if the old one is large.
    fn log(&mut self) -> &LocalWal {
        if self.log.as_ref().is_some_and(|(log, _)| log.written_bytes() > LOG_BYTES) {
            self.log = None;
        }
        if self.log.is_none() {
            self.log = Some(self.open());
        }
        self.log.as_ref().map(|(log, _)| log).expect("opened above")
    }

    /// The time of `count` frames that are committed one by one.
    fn write(&mut self, frames: &[Frame], count: u64) -> Duration {
        let write = |number: u64| {
            let log = self.log();
            let frame = &frames[number as usize % frames.len()];
            let start = Instant::now();
            append(log, frame);
            start.elapsed()
        };
        (0..count).map(write).sum()
    }

    /// The same by so many threads at once.
    fn write_by(&mut self, threads: usize, frames: &[Frame], count: u64) -> Duration {
        let log = self.log();
        let next = AtomicU64::new(0);
        let start = Instant::now();
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    loop {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        if number >= count {
                            break;
                        }
                        append(log, &frames[number as usize % frames.len()]);
                    }
                });
            }
        });
        start.elapsed()
    }
}

fn append(log: &LocalWal, frame: &Frame) -> Position {
    let position = log.append(frame).expect("room");
    log.commit(position).expect("the disk works");
    position
}

fn commit(c: &mut Criterion) {
    let mut group = c.benchmark_group("commit");
    for size in SIZES {
        let frames = frames(&mut Fleet::new(fleet::options(2_000)), size);
        group.throughput(throughput(&frames, size));
        let places = [
            ("memory", Place::Memory, Durability::Os),
            ("os", Place::Disk, Durability::Os),
            ("fsync", Place::Disk, Durability::Fsync),
        ];
        for (name, place, durability) in places {
            let mut rig = Rig::new(place, durability);
            group.bench_function(BenchmarkId::new(name, size), |b| {
                b.iter_custom(|count| rig.write(&frames, count));
            });
        }
        let mut rig = Rig::new(Place::Disk, Durability::Fsync);
        group.bench_function(BenchmarkId::new("fsync, 8 writers", size), |b| {
            b.iter_custom(|count| rig.write_by(8, &frames, count));
        });
    }
}

fn config() -> Criterion {
    Criterion::default()
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(3))
}

criterion_group! { name = benches; config = config(); targets = encode, commit }
criterion_main!(benches);
