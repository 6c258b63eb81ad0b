//! Any bytes: the open chunk's decoder returns all samples in order, or an error and nothing; a
//! chunk that can be restored can be appended to.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nunatak_codec::{FrozenChunk, OpenChunk, decode_open};

fuzz_target!(|input: (u16, &[u8])| {
    let (n, bytes) = (usize::from(input.0) % 5000, input.1);
    let (mut times, mut values) = (vec![1], vec![1.0]);
    let result = decode_open(bytes, n, &mut times, &mut values);
    let expected = if result.is_ok() { n + 1 } else { 1 };
    assert_eq!((times.len(), values.len()), (expected, expected));
    assert!(times[1..].is_sorted_by(|a, b| a < b));

    let Ok(mut chunk) = OpenChunk::from_bytes(bytes, n) else {
        assert!(FrozenChunk::from_bytes(bytes, n).is_err());
        return;
    };
    let samples: Result<Vec<(i64, f64)>, _> = chunk.iter().collect();
    let samples = samples.expect("a restored chunk decodes");
    assert!(samples.iter().map(|sample| sample.0).eq(times[1..].iter().copied()));
    assert!(samples.iter().zip(&values[1..]).all(|(a, b)| a.1.to_bits() == b.to_bits()));
    if let Some(time) = times[n].checked_add(1)
        && chunk.append(time, 4.25).is_ok()
    {
        assert_eq!(chunk.iter().last(), Some(Ok((time, 4.25))));
    }
});
