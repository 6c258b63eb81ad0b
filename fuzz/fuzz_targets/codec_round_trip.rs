//! Any samples come back bit for bit from the open and the sealed chunk, and what a stream's first
//! bytes rule out is not in it. The first byte chooses how the values are made of the input, so that
//! every class is reached.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nunatak_codec::{
    Kernel, MAX_SAMPLES, OpenChunk, decode_times_with, decode_values_with, encode_times,
    encode_values, may_be_stale, may_fall,
};

/// Values of the shapes that the encoder tells apart.
fn shape(kind: u8, raw: &[u8]) -> Vec<f64> {
    let power = 10f64.powi(i32::from(kind >> 3) % 18);
    let mut sum = 0i64;
    let mut float_sum = 0.0;
    let words = raw.chunks_exact(8).map(|word| u64::from_le_bytes(word.try_into().unwrap()));
    let value = |byte: &u8| {
        sum += i64::from(*byte);
        float_sum += f64::from(*byte) / power;
        match kind & 7 {
            0 => f64::from(*byte) / power,
            1 => sum as f64 / power,
            2 => float_sum,
            3 => f64::from(*byte & 1) / power,
            4 => [0.0, -0.0, f64::NAN, f64::INFINITY][usize::from(*byte & 3)],
            _ => (sum / 256) as f64 / power,
        }
    };
    if kind & 7 >= 6 { words.map(f64::from_bits).collect() } else { raw.iter().map(value).collect() }
}

fuzz_target!(|input: (u8, Vec<i64>, &[u8])| {
    let (kind, mut times, raw) = input;
    let mut values = shape(kind, raw);
    values.truncate(MAX_SAMPLES);
    if kind & 1 == 0 {
        times.sort_unstable();
        times.dedup();
    } else {
        let step = i64::from(kind) * 100 + 1;
        let jitter = |i: usize| i64::from(raw[i] & 1);
        times = (0..values.len()).map(|i| i as i64 * step + jitter(i)).collect();
    }
    times.truncate(MAX_SAMPLES);
    let n = times.len().min(values.len());

    let mut open = OpenChunk::new();
    for (&time, &value) in times.iter().zip(&values) {
        open.append(time, value).expect("times ascend");
    }
    let (mut got_times, mut got_values) = (Vec::new(), Vec::new());
    open.decode_into(&mut got_times, &mut got_values).expect("an open chunk decodes");
    assert_eq!(got_times, times[..n]);
    assert!(got_values.iter().map(|v| v.to_bits()).eq(values[..n].iter().map(|v| v.to_bits())));

    for &kernel in Kernel::ALL {
        if !times.is_empty() {
            let (mut bytes, mut back) = (Vec::new(), Vec::new());
            encode_times(&times, &mut bytes).expect("ascending times encode");
            let used = decode_times_with(kernel, &bytes, times.len(), &mut back);
            assert_eq!(used, Ok(bytes.len()));
            assert_eq!(back, times);
        }
        if !values.is_empty() {
            let (mut bytes, mut back) = (Vec::new(), Vec::new());
            encode_values(&values, &mut bytes).expect("values encode");
            let used = decode_values_with(kernel, &bytes, values.len(), &mut back);
            assert_eq!(used, Ok(bytes.len()));
            assert!(may_fall(&bytes) || values.is_sorted_by(|a, b| a <= b));
            assert!(may_be_stale(&bytes) || !values.iter().any(|v| v.is_nan()));
            assert!(back.iter().map(|v| v.to_bits()).eq(values.iter().map(|v| v.to_bits())));
        }
    }
});
