//! Reading one chunk out of many.

use std::hint::black_box;
use std::time::{Duration, Instant};

use nunatak_codec::Kernel;
use serde::Serialize;

use super::decode::{Buffers, Forms};
use crate::Result;
use crate::workload::Random;

/// Microseconds to decode one chunk, times and values, by the fastest kernel. Chunks are read in a
/// random order; the best of several reads of each counts.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct SingleChunks {
    /// Mean of all chunks.
    pub mean: f64,
    /// All but one in a hundred are faster.
    pub p99: f64,
    /// The slowest chunk.
    pub slowest: f64,
}

impl SingleChunks {
    pub(super) fn of(forms: &Forms, rounds: usize) -> Result<Self> {
        let kernel = Kernel::detect();
        let mut buffers = Buffers::default();
        let mut best = vec![Duration::MAX; forms.sealed.count()];
        for _ in 0..rounds {
            for index in order(best.len()) {
                let begun = Instant::now();
                let (bytes, n) = forms.sealed.open_ended(index);
                buffers.sealed(kernel, black_box(bytes), n)?;
                black_box(&buffers);
                best[index] = best[index].min(begun.elapsed());
            }
        }
        Ok(Self::of_times(best))
    }

    fn of_times(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        let us = |time: Option<&Duration>| time.map_or(0.0, |time| time.as_secs_f64() * 1e6);
        let mean = times.iter().map(|time| us(Some(time))).sum::<f64>() / times.len() as f64;
        Self { mean, p99: us(times.get(times.len() * 99 / 100)), slowest: us(times.last()) }
    }
}

/// The numbers below `n` in a random order, the same each time (Fisher, Yates).
fn order(n: usize) -> Vec<usize> {
    let mut random = Random::new(1, 0);
    let mut order: Vec<usize> = (0..n).collect();
    for last in (1..n).rev() {
        order.swap(last, random.below(last as u64 + 1) as usize);
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_chunk_is_read_once() {
        let mut order = order(1000);
        assert!(!order.is_sorted());
        order.sort_unstable();
        assert_eq!(order, (0..1000).collect::<Vec<_>>());
    }

    #[test]
    fn the_slowest_ones_are_told() {
        let times = (1..=200).map(Duration::from_micros).collect();
        let single = SingleChunks::of_times(times);
        assert!((single.mean - 100.5).abs() < 1e-9);
        assert!((single.p99 - 199.0).abs() < 1e-9);
        assert!((single.slowest - 200.0).abs() < 1e-9);
    }
}
