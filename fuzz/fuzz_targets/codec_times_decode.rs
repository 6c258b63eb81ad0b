//! Any bytes, with and without padding behind them: every kernel returns the same n ascending
//! times, or the same error and nothing; what a regular stream is told by is what it decodes to.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nunatak_codec::{Kernel, PADDING, decode_times_with, regular_times};

fn check(bytes: &[u8], n: usize) {
    let mut times = vec![1];
    let result = decode_times_with(Kernel::Scalar, bytes, n, &mut times);
    assert_eq!(times.len(), if result.is_ok() { n + 1 } else { 1 });
    assert!(times[1..].is_sorted_by(|a, b| a < b));
    assert!(result.is_err() || result.is_ok_and(|used| used <= bytes.len()));
    if let Some((first, step, used)) = regular_times(bytes, n) {
        assert_eq!(result, Ok(used));
        assert!(times[1..].iter().enumerate().all(|(i, &time)| time == first + i as i64 * step));
    }
    for &kernel in Kernel::ALL {
        let mut others = vec![1];
        assert_eq!(decode_times_with(kernel, bytes, n, &mut others), result);
        assert_eq!(others, times);
    }
}

fuzz_target!(|input: (u16, &[u8])| {
    let (n, bytes) = (usize::from(input.0) % 5000, input.1);
    check(bytes, n);
    check(&[bytes, &[0; PADDING]].concat(), n);
});
