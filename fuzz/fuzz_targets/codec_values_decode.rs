//! Any bytes, with and without padding behind them: every kernel returns the same bits of n values
//! or the same error and nothing; and folds and sums are the same as over the decoded values.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nunatak_codec::{
    Counter, Extremes, Fold, Kernel, PADDING, Sum, decode_values_with, fold_values_with,
    sum_values_with,
};

const STALE: u64 = 0x7ff0_0000_0000_0002;

type Folds = (Sum, (Extremes, Counter));

fn folds(kernel: Kernel) -> Folds {
    (Sum::with(kernel), (Extremes::new(), Counter::new()))
}

/// What folds say, in bits.
fn summary((sum, (extremes, counter)): &Folds) -> [Option<u64>; 7] {
    let floats = [extremes.min(), extremes.max(), counter.last(), counter.increase()];
    let [min, max, last, increase] = floats.map(|x| x.map(f64::to_bits));
    let (sum, resets) = (Some(sum.sum().to_bits()), Some(counter.resets()));
    [sum, min, max, last, increase, resets, Some(counter.count())]
}

fn check(bytes: &[u8], n: usize) {
    let mut values = vec![1.0];
    let result = decode_values_with(Kernel::Scalar, bytes, n, &mut values);
    assert_eq!(values.len(), if result.is_ok() { n + 1 } else { 1 });
    assert!(result.is_err() || result.is_ok_and(|used| used <= bytes.len()));
    let mut expected = folds(Kernel::Scalar);
    let kept: Vec<f64> =
        values[1..].iter().copied().filter(|value| value.to_bits() != STALE).collect();
    if !kept.is_empty() {
        expected.values(&kept);
    }
    for &kernel in Kernel::ALL {
        let mut others = vec![1.0];
        assert_eq!(decode_values_with(kernel, bytes, n, &mut others), result);
        assert!(others.iter().map(|v| v.to_bits()).eq(values.iter().map(|v| v.to_bits())));
        let mut folds = folds(kernel);
        assert_eq!(fold_values_with(kernel, bytes, n, 0..n, &mut folds), result);
        assert_eq!(summary(&folds), summary(&expected));
        let sum = sum_values_with(kernel, bytes, n).map(f64::to_bits);
        assert_eq!(sum, result.map(|_| expected.0.sum().to_bits()));
    }
}

fuzz_target!(|input: (u16, &[u8])| {
    let (n, bytes) = (usize::from(input.0) % 5000, input.1);
    check(bytes, n);
    check(&[bytes, &[0; PADDING]].concat(), n);
});
