//! Promise: a timestamp stream gives back every time, and bytes that are none are an error.

use crate::shapes::{damage, times};
use nunatak_codec::{
    DecodeError, EncodeError, Kernel, MAX_SAMPLES, decode_times, decode_times_with, encode_times,
    regular_times,
};
use proptest::prelude::*;

fn encoded(times: &[i64]) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_times(times, &mut bytes).unwrap();
    bytes
}

proptest! {
    #[test]
    fn times_come_back(times in times(600)) {
        let mut bytes = vec![9];
        encode_times(&times, &mut bytes).unwrap();
        let len = bytes.len() - 1;
        for padding in [0, 1, 64] {
            bytes.resize(1 + len + padding, 0xff);
            for &kernel in Kernel::ALL {
                let mut back = vec![5];
                let used = decode_times_with(kernel, &bytes[1..], times.len(), &mut back);
                prop_assert_eq!(used, Ok(len));
                prop_assert_eq!(&back[1..], &times);
            }
        }
    }

    #[test]
    fn a_rule_is_the_times_that_it_stands_for(times in times(600), damage in damage()) {
        let mut bytes = encoded(&times);
        let steps: Vec<_> = times.windows(2).map(|pair| i128::from(pair[1]) - i128::from(pair[0])).collect();
        let is_regular = steps.windows(2).all(|pair| pair[0] == pair[1])
            && steps.first().is_none_or(|&step| i64::try_from(step).is_ok());
        prop_assert_eq!(regular_times(&bytes, times.len()).is_some(), is_regular);
        for is_damaged in [false, true] {
            if is_damaged {
                damage.apply(&mut bytes);
            }
            if let Some((first, step, used)) = regular_times(&bytes, times.len()) {
                let mut back = Vec::new();
                prop_assert_eq!(decode_times(&bytes, times.len(), &mut back), Ok(used));
                let rule = (0..times.len() as i64).map(|i| first + step * i);
                prop_assert_eq!(rule.collect::<Vec<_>>(), back);
            }
        }
    }

    #[test]
    fn damaged_bytes_never_panic(times in times(600), damage in damage(), other in 0usize..5000) {
        let mut bytes = encoded(&times);
        damage.apply(&mut bytes);
        for n in [times.len(), other] {
            let mut back = vec![5];
            let result = decode_times(&bytes, n, &mut back);
            prop_assert_eq!(back.len(), if result.is_ok() { n + 1 } else { 1 });
            prop_assert!(back[1..].is_sorted_by(|a, b| a < b));
            prop_assert!(result.is_ok_and(|used| used <= bytes.len()) || back.len() == 1);
        }
    }

    #[test]
    fn a_stream_cut_anywhere_is_refused(times in times(300), at in any::<prop::sample::Index>()) {
        let bytes = encoded(&times);
        let cut = at.index(bytes.len());
        let result = decode_times(&bytes[..cut], times.len(), &mut Vec::new());
        prop_assert_eq!(result, Err(DecodeError::Truncated { at: cut }));
    }
}

#[test]
fn the_longest_column_comes_back() {
    let times: Vec<i64> = (0..MAX_SAMPLES as i64).map(|i| i * 1000 + i % 7).collect();
    let mut back = Vec::new();
    decode_times(&encoded(&times), times.len(), &mut back).unwrap();
    assert_eq!(back, times);
}

#[test]
fn regular_times_take_a_few_bytes() {
    let times: Vec<i64> = (0..480).map(|i| 1_700_000_000_000 + i * 15_000).collect();
    assert_eq!(encoded(&times).len(), 9);
}

#[test]
fn what_is_no_column_of_times_is_refused() {
    let mut out = vec![1];
    assert_eq!(encode_times(&[], &mut out), Err(EncodeError::Count { found: 0 }));
    let many: Vec<i64> = (0..=MAX_SAMPLES as i64).collect();
    assert_eq!(encode_times(&many, &mut out), Err(EncodeError::Count { found: many.len() }));
    let error = Err(EncodeError::NotAscending { index: 2 });
    assert_eq!(encode_times(&[1, 3, 3], &mut out), error);
    assert_eq!(encode_times(&[1, 3, 2], &mut out), error);
    assert_eq!(out, [1]);
}

#[test]
fn counts_that_no_chunk_has_are_refused() {
    let bytes = encoded(&[1, 2, 3]);
    for found in [0, MAX_SAMPLES + 1, usize::MAX] {
        let result = decode_times(&bytes, found, &mut Vec::new());
        assert_eq!(result, Err(DecodeError::Count { found }));
    }
}

#[test]
fn regular_times_may_not_leave_the_range_of_time() {
    let near_end = encoded(&[i64::MAX - 5, i64::MAX - 3]);
    let mut out = Vec::new();
    assert!(decode_times(&near_end, 3, &mut out).is_ok());
    let result = decode_times(&near_end, 4, &mut out);
    assert_eq!(result, Err(DecodeError::NotAscending { index: 3 }));
    assert_eq!(out.len(), 3);
}

/// Found by fuzzing: a kernel that adds high parts and one that ors them differ.
#[test]
fn a_number_that_is_patched_twice_is_refused() {
    // Grid of 1000; width 0; two patches of one byte.
    let stream = |first, second| [2, 0, 0xe8, 0x07, 0, 0x80, 1, first, 1, second, 1];
    for &kernel in Kernel::ALL {
        let decode = |bytes: &[u8]| decode_times_with(kernel, bytes, 4, &mut Vec::new());
        assert_eq!(decode(&stream(0, 1)), Ok(11));
        for (first, second, found) in [(1, 1, 1), (2, 1, 1), (1, 4, 4)] {
            let error = DecodeError::Field { field: "PFOR patch position", found, at: 11 };
            assert_eq!(decode(&stream(first, second)), Err(error));
        }
    }
}
