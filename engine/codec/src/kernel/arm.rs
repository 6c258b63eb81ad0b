//! Reinterpretations that the NEON kernel uses.
#![expect(unsafe_code, reason = "vectors and arrays are the same bytes, which only transmute says")]

use std::arch::aarch64::{float64x2_t, int32x4_t, int64x2_t, uint8x16_t, uint32x4_t, uint64x2_t};
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
    bytes_16: [u8; 16] => uint8x16_t;
    halves_4: [u32; 4] => uint32x4_t;
    shifts_4: [i32; 4] => int32x4_t;
    words_2: [u64; 2] => uint64x2_t;
    shifts_2: [i64; 2] => int64x2_t;
    word_bytes: [u64; 2] => uint8x16_t;
    half_bytes: [u32; 4] => uint8x16_t;
    doubles_2: [f64; 2] => float64x2_t;
    to_halves_4: uint32x4_t => [u32; 4];
    to_words_2: uint64x2_t => [u64; 2];
    to_words_8: [uint64x2_t; 4] => [u64; 8];
    to_doubles_2: float64x2_t => [f64; 2];
    to_doubles_4: [float64x2_t; 2] => [f64; 4];
}
