//! Where groups of eight values go: into a column, or into the lanes of their sum, which stay in
//! registers. A function that is compiled for AVX must call this, or it would not be inlined.

use std::arch::x86_64::{__m256d, _mm256_add_pd};

use super::super::blocks::LANES;
use super::super::sink::Sink;
use super::super::x86::{doubles_16, to_doubles_8, to_doubles_16};

/// Takes groups of eight values.
pub(super) trait Values {
    /// Takes `count` values, group i being what `group(i)` returns; of the last one only those that
    /// are left.
    fn groups(&mut self, count: usize, group: impl FnMut(usize) -> [__m256d; 2]);
}

impl Values for Sink<'_, f64> {
    #[inline]
    fn groups(&mut self, count: usize, mut group: impl FnMut(usize) -> [__m256d; 2]) {
        Sink::groups(self, count, |i| to_doubles_8(group(i)));
    }
}

impl Values for [f64; LANES] {
    #[inline]
    fn groups(&mut self, count: usize, mut group: impl FnMut(usize) -> [__m256d; 2]) {
        let whole = count / 8;
        // The lanes of the next group are in front, and go to the end with their new sums.
        let [mut a, mut b, mut c, mut d] = doubles_16(*self);
        for i in 0..whole {
            let [low, high] = group(i);
            // SAFETY: only functions with AVX call this; their groups are made with it.
            let sums = unsafe { [_mm256_add_pd(a, low), _mm256_add_pd(b, high)] };
            (a, b, c, d) = (c, d, sums[0], sums[1]);
        }
        let mut lanes = to_doubles_16([a, b, c, d]);
        if !count.is_multiple_of(8) {
            let values = to_doubles_8(group(whole));
            for (lane, value) in lanes.iter_mut().zip(values).take(count % 8) {
                *lane += value;
            }
        }
        let [first, second] = lanes.as_chunks_mut::<8>().0 else { return };
        if !whole.is_multiple_of(2) {
            first.swap_with_slice(second);
        }
        *self = lanes;
    }
}
