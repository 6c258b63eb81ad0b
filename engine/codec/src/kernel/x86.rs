//! Loads and reinterpretations that the x86 kernels share.
#![expect(unsafe_code, reason = "vectors and arrays are the same bytes, which only transmute says")]

use std::arch::x86_64::{__m256d, __m256i};
use std::mem::transmute;

/// Functions that give the same bytes another type.
macro_rules! reinterpret {
    ($($name:ident: $from:ty => $to:ty;)*) => {$(
        #[inline]
        pub(super) fn $name(from: $from) -> $to {
            // SAFETY: both have the same size, which the compiler checks, and no padding, and any
            // bits are a valid integer, float or vector.
            unsafe { transmute::<$from, $to>(from) }
        }
    )*};
}

reinterpret! {
    four_words: [u64; 4] => __m256i;
    eight_halves: [u32; 8] => __m256i;
    all_bytes: [u8; 32] => __m256i;
    to_words_4: __m256i => [u64; 4];
    to_times_4: __m256i => [i64; 4];
    to_times_8: [__m256i; 2] => [i64; 8];
    to_words_8: [__m256i; 2] => [u64; 8];
    to_halves_8: __m256i => [u32; 8];
    to_doubles_4: __m256d => [f64; 4];
    to_doubles_8: [__m256d; 2] => [f64; 8];
}
