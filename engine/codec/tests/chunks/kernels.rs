//! Promise: every kernel returns the same bits and the same errors, whatever the bytes are and
//! whatever follows them; and a fold is what a plain loop over the decoded values is.

use crate::shapes::{bits, damage, times, values};
use nunatak_codec::{
    Counter, DecodeError, Extremes, Fold, Kernel, Sum, decode_times_with, decode_values_with,
    encode_times, encode_values, fold_values_with, sum_values_with,
};
use proptest::prelude::*;

const STALE: u64 = 0x7ff0_0000_0000_0002;

/// A decoded column by its bits, and how many bytes were used.
type Decoded = Result<(Vec<u64>, usize), DecodeError>;

fn decode_values(kernel: Kernel, bytes: &[u8], n: usize) -> Decoded {
    let mut out = vec![0.5; 3];
    let used = decode_values_with(kernel, bytes, n, &mut out);
    let decoded = used.map(|used| (bits(&out[3..]), used));
    assert_eq!(out.len(), 3 + decoded.as_ref().map_or(0, |_| n));
    decoded
}

fn decode_times(kernel: Kernel, bytes: &[u8], n: usize) -> Decoded {
    let mut out = vec![7; 2];
    let used = decode_times_with(kernel, bytes, n, &mut out);
    let decoded = used.map(|used| (out[2..].iter().map(|&time| time as u64).collect(), used));
    assert_eq!(out.len(), 2 + decoded.as_ref().map_or(0, |_| n));
    decoded
}

/// The sum without a column, by its bits.
fn sum(kernel: Kernel, bytes: &[u8], n: usize) -> Result<u64, DecodeError> {
    sum_values_with(kernel, bytes, n).map(f64::to_bits)
}

/// What a fold of each kind made of a range, and the bytes used.
fn fold(kernel: Kernel, bytes: &[u8], n: usize, range: std::ops::Range<usize>) -> Decoded {
    let mut folds = ((Sum::with(kernel), Extremes::new()), Counter::new());
    let used = fold_values_with(kernel, bytes, n, range, &mut folds)?;
    Ok((summary(&folds), used))
}

fn summary(folds: &((Sum, Extremes), Counter)) -> Vec<u64> {
    let ((sum, extremes), counter) = folds;
    let optional = [
        extremes.min(),
        extremes.max(),
        counter.first(),
        counter.last(),
        counter.increase(),
        sum.mean(),
    ];
    let mut summary: Vec<u64> = optional
        .into_iter()
        .flat_map(|x| [x.is_some().into(), x.map_or(0, f64::to_bits)])
        .collect();
    summary.extend([sum.sum().to_bits(), sum.count(), counter.count(), counter.resets()]);
    summary
}

fn without_stale_markers(decoded: &[u64]) -> Vec<f64> {
    decoded.iter().filter(|&&bits| bits != STALE).map(|&bits| f64::from_bits(bits)).collect()
}

/// The same by plain loops.
fn plain(decoded: &[u64]) -> Vec<u64> {
    let values = without_stale_markers(decoded);
    let mut folds = ((Sum::with(Kernel::Scalar), Extremes::new()), Counter::new());
    if !values.is_empty() {
        folds.values(&values);
    }
    assert_eq!(folds.0.0.sum().to_bits(), plain_sum(&values));
    let resets = values.windows(2).filter(|pair| pair[1] < pair[0]).count();
    assert_eq!(folds.1.resets(), resets as u64);
    summary(&folds)
}

fn plain_sum(values: &[f64]) -> u64 {
    let mut lanes = [0.0; 16];
    for (i, value) in values.iter().enumerate() {
        lanes[i % 16] += value;
    }
    for half in [8, 4, 2, 1] {
        for i in 0..half {
            lanes[i] += lanes[i + half];
        }
    }
    let sum = 0.0 + lanes[0];
    if sum.is_nan() { f64::NAN } else { sum }.to_bits()
}

fn with_padding(bytes: &[u8]) -> [Vec<u8>; 4] {
    [0, 1, 32, 200].map(|padding| [bytes, &vec![0xee; padding]].concat())
}

proptest! {
    #[test]
    fn values_are_the_same_and_so_are_folds_of_them(
        values in values(1500),
        ends in any::<(prop::sample::Index, prop::sample::Index)>(),
    ) {
        let n = values.len();
        let mut encoded = Vec::new();
        encode_values(&values, &mut encoded).unwrap();
        let (a, b) = (ends.0.index(n + 1), ends.1.index(n + 1));
        for bytes in with_padding(&encoded) {
            for &kernel in Kernel::ALL {
                let expected = bits(&values);
                prop_assert_eq!(decode_values(kernel, &bytes, n), Ok((expected.clone(), encoded.len())));
                let total = plain_sum(&without_stale_markers(&expected));
                prop_assert_eq!(sum(kernel, &bytes, n), Ok(total));
                for range in [0..n, a.min(b)..a.max(b), a..n + 7, n..n] {
                    let part = plain(expected.get(range.start..range.end.min(n)).unwrap_or_default());
                    prop_assert_eq!(fold(kernel, &bytes, n, range), Ok((part, encoded.len())));
                }
            }
        }
    }

    #[test]
    fn damaged_values_are_the_same_or_the_same_error(
        values in values(700),
        damage in damage(),
        other in 0usize..5000,
    ) {
        let mut encoded = Vec::new();
        encode_values(&values, &mut encoded).unwrap();
        damage.apply(&mut encoded);
        for (bytes, n) in with_padding(&encoded).iter().flat_map(|b| [(b, values.len()), (b, other)]) {
            let expected = decode_values(Kernel::Scalar, bytes, n);
            let folded = expected.clone().map(|(decoded, used)| (plain(&decoded), used));
            let total = expected
                .clone()
                .map(|(decoded, _)| plain_sum(&without_stale_markers(&decoded)));
            for &kernel in Kernel::ALL {
                prop_assert_eq!(decode_values(kernel, bytes, n), expected.clone());
                prop_assert_eq!(fold(kernel, bytes, n, 0..n), folded.clone());
                prop_assert_eq!(sum(kernel, bytes, n), total);
            }
        }
    }

    #[test]
    fn any_body_is_the_same_or_the_same_error(
        kind in prop::sample::select((0u8..64).chain(128..192).collect::<Vec<u8>>()),
        mut bytes in prop::collection::vec(prop_oneof![0u8..4, 0x80u8..0x8c, any::<u8>()], 0..600),
        n in 1usize..700,
    ) {
        bytes.insert(0, kind);
        let expected = decode_values(Kernel::Scalar, &bytes, n);
        let total =
            expected.clone().map(|(decoded, _)| plain_sum(&without_stale_markers(&decoded)));
        for &kernel in Kernel::ALL {
            prop_assert_eq!(decode_values(kernel, &bytes, n), expected.clone());
            prop_assert_eq!(sum(kernel, &bytes, n), total);
        }
    }

    #[test]
    fn times_are_the_same(times in times(1500), damage in damage(), other in 0usize..5000) {
        let mut encoded = Vec::new();
        encode_times(&times, &mut encoded).unwrap();
        let expected = times.iter().map(|&time| time as u64).collect::<Vec<_>>();
        for &kernel in Kernel::ALL {
            let decoded = decode_times(kernel, &encoded, times.len());
            prop_assert_eq!(decoded, Ok((expected.clone(), encoded.len())));
        }
        damage.apply(&mut encoded);
        for (bytes, n) in with_padding(&encoded).iter().flat_map(|b| [(b, times.len()), (b, other)]) {
            let expected = decode_times(Kernel::Scalar, bytes, n);
            for &kernel in Kernel::ALL {
                prop_assert_eq!(decode_times(kernel, bytes, n), expected.clone());
            }
        }
    }
}

#[test]
fn folds_go_on_from_chunk_to_chunk() {
    let pieces = [vec![3.0; 20], (0..100).map(f64::from).collect(), vec![f64::from_bits(STALE); 4]];
    for &kernel in Kernel::ALL {
        let mut folds = (Sum::with(kernel), Counter::new());
        for piece in &pieces {
            let mut bytes = Vec::new();
            encode_values(piece, &mut bytes).unwrap();
            fold_values_with(kernel, &bytes, piece.len(), 0..piece.len(), &mut folds).unwrap();
        }
        assert_eq!((folds.0.sum(), folds.0.count()), (60.0 + 4950.0, 120));
        assert_eq!((folds.1.resets(), folds.1.increase()), (1, Some(99.0 - 3.0 + 3.0)));
    }
}

#[test]
fn kernels_have_names_and_the_detected_one_is_available() {
    assert!(Kernel::detect().is_available());
    assert_eq!(Kernel::Neon.is_available(), cfg!(target_arch = "aarch64"));
    assert_eq!(Kernel::ALL.last(), Some(&Kernel::Scalar));
    let names = [Kernel::Scalar, Kernel::Sse41, Kernel::Avx2, Kernel::Neon].map(Kernel::name);
    assert_eq!(names, ["scalar", "sse41", "avx2", "neon"]);
}
