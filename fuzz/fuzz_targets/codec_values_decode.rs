//! Any bytes: every kernel returns the same bits of n values, or the same error and nothing.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nunatak_codec::{Kernel, decode_values_with};

fuzz_target!(|input: (u16, &[u8])| {
    let (n, bytes) = (usize::from(input.0) % 5000, input.1);
    let mut values = vec![1.0];
    let result = decode_values_with(Kernel::Scalar, bytes, n, &mut values);
    assert_eq!(values.len(), if result.is_ok() { n + 1 } else { 1 });
    assert!(result.is_err() || result.is_ok_and(|used| used <= bytes.len()));
    for &kernel in Kernel::ALL {
        let mut others = vec![1.0];
        assert_eq!(decode_values_with(kernel, bytes, n, &mut others), result);
        assert!(others.iter().map(|v| v.to_bits()).eq(values.iter().map(|v| v.to_bits())));
    }
});
