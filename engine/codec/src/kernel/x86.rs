//! Reinterpretations that the x86 kernels share.
#![expect(unsafe_code, reason = "vectors and arrays are the same bytes, which only transmute says")]

use std::arch::x86_64::{__m128d, __m128i, __m256d, __m256i};
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
    bytes_16: [u8; 16] => __m128i;
    bytes_32: [u8; 32] => __m256i;
    halves_4: [u32; 4] => __m128i;
    halves_8: [u32; 8] => __m256i;
    words_2: [u64; 2] => __m128i;
    words_4: [u64; 4] => __m256i;
    to_halves_4: __m128i => [u32; 4];
    to_halves_8: __m256i => [u32; 8];
    to_words_2: __m128i => [u64; 2];
    to_words_4: __m256i => [u64; 4];
    to_words_8: [__m256i; 2] => [u64; 8];
    pairs_to_words_8: [__m128i; 4] => [u64; 8];
    to_times_4: __m256i => [i64; 4];
    to_times_8: [__m256i; 2] => [i64; 8];
    to_doubles_2: __m128d => [f64; 2];
    to_doubles_4: __m256d => [f64; 4];
    to_doubles_8: [__m256d; 2] => [f64; 8];
    to_doubles_16: [__m256d; 4] => [f64; 16];
    doubles_8: [f64; 8] => [__m256d; 2];
    doubles_16: [f64; 16] => [__m256d; 4];
    pairs_to_doubles_4: [__m128d; 2] => [f64; 4];
}
