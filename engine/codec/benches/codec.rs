//! How fast chunks are appended to, sealed and decoded. `cargo bench -p nunatak-codec`.
#![expect(clippy::expect_used, reason = "a benchmark may panic")]

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use nunatak_codec::{
    CHUNK_SAMPLES, Counter, Extremes, Kernel, OpenChunk, decode_times_with, decode_values_with,
    encode_times, encode_values, fold_values, sum_values_with,
};

const N: usize = CHUNK_SAMPLES;

/// Columns as monitoring makes them, each with its name.
fn shapes() -> Vec<(&'static str, Vec<f64>)> {
    let mut state = 1u64;
    let mut random = move || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state >> 33
    };
    let mut total = 1e6;
    let counter = (0..N).map(|_| {
        total += (random() % 1000) as f64;
        total
    });
    let counter = counter.collect();
    let mut seconds = 12.0;
    let accumulated = (0..N).map(|_| {
        seconds += (random() % 5000) as f64 / 1e3;
        seconds
    });
    let accumulated = accumulated.collect();
    let gauge = (0..N).map(|_| (random() % 10_000) as f64 / 100.0).collect();
    let rare = (0..N).map(|i| (i / 12 * 7) as f64).collect();
    let ratio = (0..N).map(|_| random() as f64 / 2f64.powi(31)).collect();
    vec![
        ("constant", vec![1.0; N]),
        ("counter", counter),
        ("accumulated", accumulated),
        ("gauge", gauge),
        ("rare", rare),
        ("ratio", ratio),
    ]
}

/// Folds of another kind than the sum, over a chunk and over a part of it.
fn folds(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("fold");
    for (name, values) in shapes() {
        let mut bytes = Vec::new();
        encode_values(&values, &mut bytes).expect("it encodes");
        bytes.resize(bytes.len() + nunatak_codec::PADDING, 0);
        group.throughput(Throughput::Elements(N as u64));
        group.bench_function(format!("extremes/{name}"), |bencher| {
            bencher.iter(|| {
                let mut extremes = Extremes::new();
                fold_values(black_box(&bytes), N, 0..N, &mut extremes).expect("it decodes");
                extremes.max()
            });
        });
        group.bench_function(format!("counter/{name}"), |bencher| {
            bencher.iter(|| {
                let mut counter = Counter::new();
                fold_values(black_box(&bytes), N, 20..N, &mut counter).expect("it decodes");
                counter.increase()
            });
        });
    }
}

/// Scrape times with some jitter.
fn times() -> Vec<i64> {
    (0..N as i64).map(|i| 1_700_000_000_000 + i * 15_000 + i64::from(i % 17 == 0) * 3).collect()
}

fn filled(times: &[i64], values: &[f64]) -> OpenChunk {
    let mut chunk = OpenChunk::new();
    for (&time, &value) in times.iter().zip(values) {
        chunk.append(time, value).expect("times ascend");
    }
    chunk
}

fn open(criterion: &mut Criterion) {
    let times = times();
    let mut group = criterion.benchmark_group("open");
    group.throughput(Throughput::Elements(N as u64));
    for (name, values) in shapes() {
        group.bench_function(format!("append/{name}"), |bencher| {
            bencher.iter_batched(
                || (),
                |()| filled(black_box(&times), black_box(&values)),
                BatchSize::SmallInput,
            );
        });
        let chunk = filled(&times, &values);
        let (mut to_times, mut to_values) = (Vec::new(), Vec::new());
        group.bench_function(format!("decode/{name}"), |bencher| {
            bencher.iter(|| {
                to_times.clear();
                to_values.clear();
                black_box(&chunk).decode_into(&mut to_times, &mut to_values).expect("it decodes");
            });
        });
    }
}

fn sealed(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("sealed");
    group.throughput(Throughput::Elements(N as u64));
    for (name, values) in shapes() {
        let mut bytes = Vec::new();
        group.bench_function(format!("encode/{name}"), |bencher| {
            bencher.iter(|| {
                bytes.clear();
                encode_values(black_box(&values), &mut bytes).expect("it encodes");
            });
        });
        bytes.resize(bytes.len() + nunatak_codec::PADDING, 0);
        let mut out = Vec::new();
        for &kernel in Kernel::ALL.iter().filter(|kernel| kernel.is_available()) {
            group.bench_function(format!("decode/{name}/{}", kernel.name()), |bencher| {
                bencher.iter(|| {
                    out.clear();
                    decode_values_with(kernel, black_box(&bytes), N, &mut out).expect("it decodes")
                });
            });
            group.bench_function(format!("sum/{name}/{}", kernel.name()), |bencher| {
                bencher.iter(|| sum_values_with(kernel, black_box(&bytes), N).expect("it decodes"));
            });
        }
    }
}

fn sealed_times(criterion: &mut Criterion) {
    let times = times();
    let mut group = criterion.benchmark_group("times");
    group.throughput(Throughput::Elements(N as u64));
    let mut bytes = Vec::new();
    group.bench_function("encode", |bencher| {
        bencher.iter(|| {
            bytes.clear();
            encode_times(black_box(&times), &mut bytes).expect("it encodes");
        });
    });
    bytes.resize(bytes.len() + nunatak_codec::PADDING, 0);
    let mut out = Vec::new();
    for &kernel in Kernel::ALL.iter().filter(|kernel| kernel.is_available()) {
        group.bench_function(format!("decode/{}", kernel.name()), |bencher| {
            bencher.iter(|| {
                out.clear();
                decode_times_with(kernel, black_box(&bytes), N, &mut out).expect("it decodes")
            });
        });
    }
}

criterion_group!(benches, open, sealed, folds, sealed_times);
criterion_main!(benches);
