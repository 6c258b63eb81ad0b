//! How fast chunks are appended to, sealed and decoded, beside ports of Prometheus' decoders.
//! `cargo bench -p nunatak-bench --bench codec`.
#![expect(clippy::expect_used, reason = "a benchmark may panic")]

use std::hint::black_box;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};
use nunatak_bench::reference::{ReferenceError, xor, xor2};
use nunatak_bench::workload::Random;
use nunatak_codec::{
    CHUNK_SAMPLES, Counter, Extremes, Kernel, OpenChunk, PADDING, decode_times_with,
    decode_values_with, encode_times, encode_values, fold_values, sum_values_with,
};

const N: usize = CHUNK_SAMPLES;

/// Time and value of a sample in memory.
const SAMPLE_BYTES: u64 = 16;

/// Columns as monitoring makes them, each with its name.
fn shapes() -> Vec<(&'static str, Vec<f64>)> {
    let mut random = Random::new(1, 0);
    let mut sums = |first: f64, most: u64, unit: f64| -> Vec<f64> {
        let mut sum = first;
        let mut next = || {
            sum += random.below(most) as f64 / unit;
            sum
        };
        (0..N).map(|_| next()).collect()
    };
    let counter = sums(1e6, 1_000, 1.0);
    let accumulated = sums(12.0, 5_000, 1e3);
    let gauge = (0..N).map(|_| random.below(10_000) as f64 / 100.0).collect();
    let rare = (0..N).map(|i| (i / 12 * 7) as f64).collect();
    let ratio = (0..N).map(|_| random.unit()).collect();
    vec![
        ("constant", vec![1.0; N]),
        ("counter", counter),
        ("accumulated", accumulated),
        ("gauge", gauge),
        ("rare", rare),
        ("ratio", ratio),
    ]
}

/// Scrape times with some jitter.
fn times() -> Vec<i64> {
    (0..N as i64).map(|i| 1_700_000_000_000 + i * 15_000 + i64::from(i % 17 == 0) * 3).collect()
}

fn kernels() -> impl Iterator<Item = Kernel> {
    Kernel::ALL.iter().copied().filter(|kernel| kernel.is_available())
}

fn filled(times: &[i64], values: &[f64]) -> OpenChunk {
    let mut chunk = OpenChunk::new();
    for (&time, &value) in times.iter().zip(values) {
        chunk.append(time, value).expect("times ascend");
    }
    chunk
}

/// Samples a second.
fn samples<'a>(criterion: &'a mut Criterion, name: &str) -> BenchmarkGroup<'a, WallTime> {
    let mut group = criterion.benchmark_group(name);
    group.throughput(Throughput::Elements(N as u64));
    group
}

fn append(criterion: &mut Criterion) {
    let times = times();
    let mut group = samples(criterion, "append");
    for (name, values) in shapes() {
        group.bench_function(name, |bencher| {
            bencher.iter(|| filled(black_box(&times), black_box(&values)));
        });
    }
}

/// What a cut does to a chunk: decodes the open one and encodes the sealed one; beside it, the
/// encoders of the ports.
fn seal(criterion: &mut Criterion) {
    let times = times();
    let mut group = samples(criterion, "seal");
    let (mut to_times, mut to_values, mut out) = (Vec::new(), Vec::new(), Vec::new());
    for (name, values) in shapes() {
        let open = filled(&times, &values);
        group.bench_function(format!("{name}/sealed"), |bencher| {
            bencher.iter(|| {
                to_times.clear();
                to_values.clear();
                out.clear();
                black_box(&open).decode_into(&mut to_times, &mut to_values).expect("it decodes");
                encode_times(&to_times, &mut out).expect("it encodes");
                encode_values(&to_values, &mut out).expect("it encodes");
            });
        });
        for (port, encode) in
            [("prometheus_xor", xor::encode as Encode), ("prometheus_xor2", xor2::encode)]
        {
            group.bench_function(format!("{name}/{port}"), |bencher| {
                bencher.iter(|| {
                    out.clear();
                    encode(black_box(&times), black_box(&values), &mut out).expect("it encodes");
                });
            });
        }
    }
}

type Encode = fn(&[i64], &[f64], &mut Vec<u8>) -> Result<(), ReferenceError>;

/// Whole samples: sealed chunks by every kernel, open chunks, and the ports.
fn decode(criterion: &mut Criterion) {
    let times = times();
    let mut group = criterion.benchmark_group("decode");
    group.throughput(Throughput::ElementsAndBytes {
        elements: N as u64,
        bytes: N as u64 * SAMPLE_BYTES,
    });
    for (name, values) in shapes() {
        let mut sealed = Vec::new();
        encode_times(&times, &mut sealed).expect("it encodes");
        encode_values(&values, &mut sealed).expect("it encodes");
        sealed.resize(sealed.len() + PADDING, 0);
        for kernel in kernels() {
            bench_decode(&mut group, &format!("{name}/{}", kernel.name()), |times, values| {
                let bytes = black_box(&sealed);
                let at = decode_times_with(kernel, bytes, N, times).expect("it decodes");
                decode_values_with(kernel, &bytes[at..], N, values).expect("it decodes");
            });
        }
        let open = filled(&times, &values);
        bench_decode(&mut group, &format!("{name}/open"), |times, values| {
            black_box(&open).decode_into(times, values).expect("it decodes");
        });
        let (mut chunk, mut chunk2) = (Vec::new(), Vec::new());
        xor::encode(&times, &values, &mut chunk).expect("it encodes");
        xor2::encode(&times, &values, &mut chunk2).expect("it encodes");
        bench_decode(&mut group, &format!("{name}/prometheus_xor"), |times, values| {
            xor::decode(black_box(&chunk), times, values).expect("it decodes");
        });
        bench_decode(&mut group, &format!("{name}/prometheus_xor2"), |times, values| {
            xor2::decode(black_box(&chunk2), times, values).expect("it decodes");
        });
    }
}

fn bench_decode(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
    mut decode: impl FnMut(&mut Vec<i64>, &mut Vec<f64>),
) {
    let (mut times, mut values) = (Vec::new(), Vec::new());
    group.bench_function(name, |bencher| {
        bencher.iter(|| {
            times.clear();
            values.clear();
            decode(&mut times, &mut values);
            black_box((&times, &values));
        });
    });
}

/// Value streams alone: into a column, and summed without one.
fn values_only(criterion: &mut Criterion) {
    let mut group = samples(criterion, "values");
    for (name, values) in shapes() {
        let mut bytes = Vec::new();
        encode_values(&values, &mut bytes).expect("it encodes");
        bytes.resize(bytes.len() + PADDING, 0);
        let mut out = Vec::new();
        for kernel in kernels() {
            group.bench_function(format!("{name}/decode/{}", kernel.name()), |bencher| {
                bencher.iter(|| {
                    out.clear();
                    decode_values_with(kernel, black_box(&bytes), N, &mut out).expect("it decodes")
                });
            });
            group.bench_function(format!("{name}/sum/{}", kernel.name()), |bencher| {
                bencher.iter(|| sum_values_with(kernel, black_box(&bytes), N).expect("it decodes"));
            });
        }
    }
}

/// Folds of another kind than the sum, over a chunk and over a part of it.
fn folds(criterion: &mut Criterion) {
    let mut group = samples(criterion, "fold");
    for (name, values) in shapes() {
        let mut bytes = Vec::new();
        encode_values(&values, &mut bytes).expect("it encodes");
        bytes.resize(bytes.len() + PADDING, 0);
        group.bench_function(format!("{name}/extremes"), |bencher| {
            bencher.iter(|| {
                let mut extremes = Extremes::new();
                fold_values(black_box(&bytes), N, 0..N, &mut extremes).expect("it decodes");
                extremes.max()
            });
        });
        group.bench_function(format!("{name}/counter"), |bencher| {
            bencher.iter(|| {
                let mut counter = Counter::new();
                fold_values(black_box(&bytes), N, 20..N, &mut counter).expect("it decodes");
                counter.increase()
            });
        });
    }
}

fn times_only(criterion: &mut Criterion) {
    let times = times();
    let mut group = samples(criterion, "times");
    let mut bytes = Vec::new();
    group.bench_function("encode", |bencher| {
        bencher.iter(|| {
            bytes.clear();
            encode_times(black_box(&times), &mut bytes).expect("it encodes");
        });
    });
    bytes.resize(bytes.len() + PADDING, 0);
    let mut out = Vec::new();
    for kernel in kernels() {
        group.bench_function(format!("decode/{}", kernel.name()), |bencher| {
            bencher.iter(|| {
                out.clear();
                decode_times_with(kernel, black_box(&bytes), N, &mut out).expect("it decodes")
            });
        });
    }
}

criterion_group!(benches, append, seal, decode, values_only, folds, times_only);
criterion_main!(benches);
