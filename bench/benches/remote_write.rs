//! How fast remote-write requests are taken in. `cargo bench -p nunatak-bench --bench remote_write`.
//!
//! All in samples and in bytes of the unpacked message a second, over requests of 2,000 samples of
//! 20,000 series, as the comparison with the peers sends them.
//!
//! - `unpack`: the snappy block around the message.
//! - `decode/walk`: the message without its series: the reading of protobuf alone.
//! - `decode/parse`: every series' labels are parsed, as for series that nobody knows.
//! - `decode/known`: every series is found by its raw bytes in a database that knows them.
//! - `request/known`: the whole way of a steady request: unpack, decode, log, head (on files in
//!   memory, nothing in the background). Against `decode/known` it shows what storing costs.
//! - `request/new`: the same when every series is new.
//!
//! The writing of answers as JSON is private to the server and is not here.
#![expect(clippy::expect_used, reason = "a bench may stop")]

use std::hint::black_box;
use std::time::Duration;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use indicatif::ProgressBar;
use nunatak::{AppendSeries, Appender, Db, LabelsBuilder, RefusalReason};
use nunatak_bench::prepared::{FleetWork, Packing, Prepared};
use nunatak_bench::requests::Request;
use nunatak_server::remote_write::{FamilyMetadata, Scratch, Sink, decode, unpack};
use player::{Player, open_in_memory, timed};

#[path = "support/fleet.rs"]
mod fleet;
#[path = "support/player.rs"]
mod player;

const SERIES: usize = 20_000;
const REQUEST: usize = 2_000;
/// Requests of one scrape of everything.
const PRELUDE: usize = SERIES / REQUEST;
/// An hour.
const SCRAPES: usize = 240;
const LIMIT: usize = 128 << 20;
/// After everything that is sent.
const NOW: i64 = fleet::START_MS + (SCRAPES as i64 + 1) * fleet::INTERVAL_MS;

type Parsed = Result<(), (RefusalReason, String)>;

fn requests(scrapes: usize) -> Vec<Request> {
    let work = FleetWork { fleet: fleet::options(SERIES), scrapes, late: None };
    let packing = Packing { samples_per_request: REQUEST, connections: 1 };
    let requests = Prepared::fleet(&work, packing, &ProgressBar::hidden()).streams.swap_remove(0);
    assert!(requests.iter().all(|request| request.samples == REQUEST));
    requests
}

fn unpacked(request: &Request) -> Vec<u8> {
    unpack(&request.body, &mut Vec::new(), LIMIT).expect("a snappy block").to_vec()
}

fn throughput(request: &Request) -> Throughput {
    let bytes = unpacked(request).len() as u64;
    Throughput::ElementsAndBytes { elements: request.samples as u64, bytes }
}

/// Looks at samples and lets series be, or parses each.
#[derive(Default)]
struct Look {
    builder: Option<LabelsBuilder>,
    sum: f64,
}

impl Sink for Look {
    type Series = ();

    fn series(&mut self, raw: &[u8], parse: impl FnOnce(&mut LabelsBuilder) -> Parsed) {
        black_box(raw);
        if let Some(builder) = &mut self.builder {
            builder.clear();
            parse(builder).expect("valid labels");
            black_box(builder.build().expect("valid labels"));
        }
    }

    fn push(&mut self, (): (), t: i64, v: f64) {
        self.sum += black_box(t) as f64 + v;
    }

    fn refuse(&mut self, reason: RefusalReason, _: u64, _: String) {
        unreachable!("{reason:?}");
    }

    fn metadata(&mut self, _: &FamilyMetadata<'_>) {}
}

/// Stores, as the server's own sink does.
struct Store<'db>(Appender<'db>);

impl Sink for Store<'_> {
    type Series = AppendSeries;

    fn series(
        &mut self,
        raw: &[u8],
        parse: impl FnOnce(&mut LabelsBuilder) -> Parsed,
    ) -> AppendSeries {
        self.0.series(raw, parse)
    }

    fn push(&mut self, series: AppendSeries, t: i64, v: f64) {
        self.0.push(series, t, v);
    }

    fn refuse(&mut self, reason: RefusalReason, samples: u64, example: String) {
        self.0.refuse(reason, samples, example);
    }

    fn metadata(&mut self, _: &FamilyMetadata<'_>) {}
}

/// Memory that the server keeps from request to request.
#[derive(Default)]
struct Buffers {
    plain: Vec<u8>,
    scratch: Scratch,
}

fn store(db: &Db, request: &Request, buffers: &mut Buffers) -> u64 {
    let message = unpack(&request.body, &mut buffers.plain, LIMIT).expect("a snappy block");
    let mut store = Store(db.appender());
    decode(message, &mut buffers.scratch, &mut store).expect("a valid message");
    store.0.commit().expect("room").stored
}

fn unpacking(c: &mut Criterion) {
    let requests = requests(1);
    let mut buffer = Vec::new();
    let mut next = requests.iter().cycle();
    let mut group = c.benchmark_group("unpack");
    group.throughput(throughput(&requests[0]));
    group.bench_function("snappy", |b| {
        b.iter(|| {
            let request = next.next().expect("endless");
            unpack(black_box(&request.body), &mut buffer, LIMIT).expect("a snappy block").len()
        });
    });
}

fn decoding(c: &mut Criterion) {
    let requests = requests(1);
    let messages: Vec<_> = requests.iter().map(unpacked).collect();
    let mut next = messages.iter().cycle();
    let mut scratch = Scratch::default();
    let mut group = c.benchmark_group("decode");
    group.throughput(throughput(&requests[0]));
    for (name, builder) in [("walk", None), ("parse", Some(LabelsBuilder::default()))] {
        let mut look = Look { builder, sum: 0.0 };
        group.bench_function(name, |b| {
            b.iter(|| {
                let message = next.next().expect("endless");
                decode(message, &mut scratch, &mut look).expect("a valid message")
            });
        });
        assert!(look.sum > 0.0);
    }
    let db = open_in_memory(NOW);
    for request in &requests {
        store(&db, request, &mut Buffers::default());
    }
    group.bench_function("known", |b| {
        b.iter(|| {
            let mut store = Store(db.appender());
            let message = next.next().expect("endless");
            decode(message, &mut scratch, &mut store).expect("a valid message")
        });
    });
}

fn whole(c: &mut Criterion) {
    let requests = requests(SCRAPES);
    let mut buffers = Buffers::default();
    let mut group = c.benchmark_group("request");
    group.throughput(throughput(&requests[0]));
    let mut player = Player::new(NOW, requests.len(), PRELUDE, |db, number| {
        let (stored, took) = timed(|| store(db, &requests[number], &mut buffers));
        assert_eq!(stored, REQUEST as u64);
        took
    });
    group.bench_function("known", |b| b.iter_custom(|count| player.play(count)));
    drop(player);
    let (samples, bytes) = (SERIES, PRELUDE * unpacked(&requests[0]).len());
    let elements = samples as u64;
    group.throughput(Throughput::ElementsAndBytes { elements, bytes: bytes as u64 });
    group.sample_size(20).bench_function("new", |b| {
        b.iter_batched(
            || open_in_memory(NOW),
            |db| {
                let first = requests.iter().take(PRELUDE);
                let stored: u64 = first.map(|request| store(&db, request, &mut buffers)).sum();
                assert_eq!(stored, elements);
                db
            },
            BatchSize::PerIteration,
        );
    });
}

fn config() -> Criterion {
    Criterion::default()
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(3))
}

criterion_group! { name = benches; config = config(); targets = unpacking, decoding, whole }
criterion_main!(benches);
