//! Promise: an open chunk gives back every sample bit for bit, at every moment, and refuses what
//! it can't hold.

use crate::shapes::{bits, damage, times, values};
use nunatak_codec::{AppendError, DecodeError, FrozenChunk, MAX_SAMPLES, OpenChunk, decode_open};
use proptest::prelude::*;

fn filled(samples: impl IntoIterator<Item = (i64, f64)>) -> OpenChunk {
    let mut chunk = OpenChunk::new();
    for (time, value) in samples {
        chunk.append(time, value).unwrap();
    }
    chunk
}

fn decoded(chunk: &OpenChunk) -> (Vec<i64>, Vec<f64>) {
    let (mut times, mut values) = (Vec::new(), Vec::new());
    chunk.decode_into(&mut times, &mut values).unwrap();
    (times, values)
}

proptest! {
    #[test]
    fn samples_come_back(times in times(300), values in values(300)) {
        let n = times.len().min(values.len());
        let (times, values) = (&times[..n], &values[..n]);
        let mut chunk = OpenChunk::new();
        for (i, (&time, &value)) in times.iter().zip(values).enumerate() {
            chunk.append(time, value).unwrap();
            prop_assert_eq!(chunk.len(), i + 1);
            prop_assert_eq!(chunk.last(), Some((time, value.to_bits())));
        }
        prop_assert_eq!(chunk.first_time(), times.first().copied());
        let (got_times, got_values) = decoded(&chunk);
        prop_assert_eq!(&got_times, times);
        prop_assert_eq!(bits(&got_values), bits(values));

        let one_by_one: Result<Vec<(i64, f64)>, DecodeError> = chunk.iter().collect();
        let (got_times, got_values): (Vec<i64>, Vec<f64>) = one_by_one.unwrap().into_iter().unzip();
        prop_assert_eq!(&got_times, times);
        prop_assert_eq!(bits(&got_values), bits(values));

        let frozen = chunk.snapshot().unwrap();
        prop_assert_eq!(frozen.bytes(), chunk.bytes());
        prop_assert_eq!((frozen.first_time(), frozen.last_time()), (times[0], times[n - 1]));
        prop_assert_eq!(&FrozenChunk::from_bytes(frozen.bytes(), n).unwrap(), &frozen);
        prop_assert_eq!(chunk.freeze().unwrap(), frozen);
    }

    #[test]
    fn a_restored_chunk_goes_on_as_if_nothing_had_happened(
        times in times(200),
        values in values(200),
        at in any::<prop::sample::Index>(),
    ) {
        let n = times.len().min(values.len());
        let samples: Vec<(i64, f64)> = times.into_iter().zip(values).take(n).collect();
        let (before, after) = samples.split_at(at.index(n) + 1);
        let mut whole = filled(before.iter().copied());
        let mut restored = OpenChunk::from_bytes(whole.bytes(), whole.len()).unwrap();
        prop_assert_eq!(restored.last(), whole.last());
        for &(time, value) in after {
            whole.append(time, value).unwrap();
            restored.append(time, value).unwrap();
        }
        prop_assert_eq!(restored.bytes(), whole.bytes());
    }

    #[test]
    fn damaged_bytes_never_panic(
        times in times(200),
        values in values(200),
        damage in damage(),
        n in 0usize..5000,
        n_is_right in any::<bool>(),
    ) {
        let samples: Vec<(i64, f64)> = times.into_iter().zip(values).collect();
        let mut bytes = filled(samples.iter().copied()).bytes().to_vec();
        damage.apply(&mut bytes);
        let n = if n_is_right { samples.len() } else { n };
        let (mut times, mut values) = (vec![7], vec![7.0]);
        let result = decode_open(&bytes, n, &mut times, &mut values);
        let expected = if result.is_ok() { n + 1 } else { 1 };
        prop_assert_eq!((times.len(), values.len()), (expected, expected));
        prop_assert!(times[1..].is_sorted_by(|a, b| a < b));
        if let Ok(restored) = OpenChunk::from_bytes(&bytes, n) {
            prop_assert_eq!(decoded(&restored).0, &times[1..]);
            prop_assert!(OpenChunk::from_bytes(restored.bytes(), n).is_ok());
        }
    }

    #[test]
    fn any_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), n in 0usize..300) {
        let (mut times, mut values) = (Vec::new(), Vec::new());
        let is_ok = decode_open(&bytes, n, &mut times, &mut values).is_ok();
        prop_assert_eq!(times.len(), if is_ok { n } else { 0 });
        prop_assert_eq!(values.len(), times.len());
    }
}

#[test]
fn times_that_do_not_ascend_are_refused() {
    let mut chunk = filled([(10, 1.0), (20, 2.0)]);
    for time in [20, 19, i64::MIN] {
        let refused = Err(AppendError::NotAfterLast { time, last: 20 });
        assert_eq!(chunk.append(time, 3.0), refused);
    }
    assert_eq!(decoded(&chunk), (vec![10, 20], vec![1.0, 2.0]));
    chunk.append(21, 3.0).unwrap();
    assert_eq!(chunk.len(), 3);
}

#[test]
fn a_full_chunk_refuses_more() {
    let mut chunk = filled((0..MAX_SAMPLES as i64).map(|i| (i * i, (i as f64).sqrt())));
    assert!(chunk.is_full());
    let before = chunk.bytes().to_vec();
    assert_eq!(chunk.append(i64::MAX, 0.0), Err(AppendError::Full));
    assert_eq!(chunk.bytes(), before);
    assert_eq!(decoded(&chunk).1.len(), MAX_SAMPLES);
}

#[test]
fn an_empty_chunk_has_nothing_and_costs_nothing() {
    let chunk = OpenChunk::new();
    assert_eq!((chunk.len(), chunk.heap_bytes(), chunk.bytes()), (0, 0, &[][..]));
    assert_eq!((chunk.first_time(), chunk.last()), (None, None));
    assert_eq!(chunk.iter().count(), 0);
    assert_eq!(decoded(&chunk), (vec![], vec![]));
    assert!(chunk.snapshot().is_none());
    assert!(chunk.freeze().is_none());
}

#[test]
fn state_and_bytes_are_small() {
    assert!(size_of::<OpenChunk>() <= 48);
    assert!(size_of::<FrozenChunk>() <= 40);
    let chunk = filled((0..120).map(|i| (i * 15_000, 42.0)));
    assert!(chunk.heap_bytes() <= 48, "{}", chunk.heap_bytes());
    let two = filled([(0, 0.0), (15_000, 0.0)]);
    assert_eq!(two.heap_bytes(), 32);
}

#[test]
fn bytes_behind_the_last_sample_are_refused() {
    let chunk = filled([(10, 1.0), (20, 2.0)]);
    let mut bytes = chunk.bytes().to_vec();
    bytes.push(0);
    let found = bytes.len();
    let end = found - 1;
    assert_eq!(OpenChunk::from_bytes(&bytes, 2).unwrap_err(), DecodeError::Trailing { end, found });
}
