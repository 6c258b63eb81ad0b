//! Bytes per sample.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use nunatak_codec::{encode_times, encode_values};
use serde::Serialize;

use super::data::{Chunk, samples};
use super::failed;
use crate::{Error, Result};

/// A page of value streams is closed when the next stream would make it longer.
const PAGE: usize = 64 * 1024;

const ZSTD_LEVEL: i32 = 1;

/// Bytes per sample of sealed chunks. Directories, page headers and checksums are not in it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Sizes {
    /// The value streams.
    pub values: f64,
    /// The same in pages of 64 KiB, each compressed by zstd at level 1 if that makes it smaller.
    pub values_zstd: f64,
    /// A time stream for each chunk.
    pub timestamps_own: f64,
    /// Each distinct time stream once, and for each chunk the number of its stream (in the order in
    /// which they first come) as a varint of 7 bits a byte.
    pub timestamps_interned: f64,
    /// `values` + `timestamps_own`.
    pub total_own: f64,
    /// `values` + `timestamps_interned`.
    pub total_interned: f64,
    /// `values_zstd` + `timestamps_interned`.
    pub total_interned_zstd: f64,
}

impl Sizes {
    /// Of the sealed form of `chunks`; none if there are no chunks.
    pub(super) fn of(chunks: &[Chunk<'_>]) -> Result<Option<Self>> {
        if chunks.is_empty() {
            return Ok(None);
        }
        let per_sample = |bytes: usize| bytes as f64 / samples(chunks) as f64;
        let values = values(chunks)?;
        let times = Times::of(chunks)?;
        Ok(Some(Self {
            values: per_sample(values.raw),
            values_zstd: per_sample(values.packed),
            timestamps_own: per_sample(times.own),
            timestamps_interned: per_sample(times.interned),
            total_own: per_sample(values.raw + times.own),
            total_interned: per_sample(values.raw + times.interned),
            total_interned_zstd: per_sample(values.packed + times.interned),
        }))
    }
}

/// Bytes of value streams.
#[derive(Debug, Default)]
struct Pages {
    raw: usize,
    packed: usize,
}

impl Pages {
    /// Counts a page.
    fn close(&mut self, page: &[u8]) -> Result<()> {
        let packed = zstd::bulk::compress(page, ZSTD_LEVEL).map_err(Error::io("zstd"))?;
        self.raw += page.len();
        self.packed += packed.len().min(page.len());
        Ok(())
    }
}

fn values(chunks: &[Chunk<'_>]) -> Result<Pages> {
    let mut pages = Pages::default();
    let mut page = Vec::new();
    for chunk in chunks {
        let begin = page.len();
        encode_values(chunk.values, &mut page).map_err(failed)?;
        if page.len() > PAGE && begin > 0 {
            let next = page.split_off(begin);
            pages.close(&page)?;
            page = next;
        }
    }
    pages.close(&page)?;
    Ok(pages)
}

/// Bytes of time streams.
#[derive(Debug, Default, PartialEq, Eq)]
struct Times {
    own: usize,
    interned: usize,
}

impl Times {
    fn of(chunks: &[Chunk<'_>]) -> Result<Self> {
        let mut times = Self::default();
        // The number and the length of each distinct stream.
        let mut known: HashMap<&[i64], (usize, usize)> = HashMap::new();
        let mut stream = Vec::new();
        for chunk in chunks {
            let number = known.len();
            let (number, len) = match known.entry(chunk.times) {
                Entry::Occupied(entry) => *entry.get(),
                Entry::Vacant(entry) => {
                    stream.clear();
                    encode_times(chunk.times, &mut stream).map_err(failed)?;
                    times.interned += stream.len();
                    *entry.insert((number, stream.len()))
                }
            };
            times.own += len;
            times.interned += varint_len(number);
        }
        Ok(times)
    }
}

fn varint_len(x: usize) -> usize {
    (usize::BITS - (x | 1).leading_zeros()).div_ceil(7) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shared_times_are_counted_once_and_a_reference_for_each_chunk() {
        let (regular, late) = ([0, 10, 20, 30], [5, 15, 25, 35]);
        let values = [1.0; 4];
        let chunk = |times| Chunk { times, values: &values };
        let chunks = [chunk(&regular), chunk(&late), chunk(&regular)];
        let mut stream = Vec::new();
        encode_times(&regular, &mut stream).unwrap();
        let one = stream.len();
        assert_eq!(Times::of(&chunks).unwrap(), Times { own: 3 * one, interned: 2 * one + 3 });
        assert_eq!([0, 127, 128, 16_384].map(varint_len), [1, 1, 2, 3]);
    }

    #[test]
    fn the_totals_are_sums() {
        let times: Vec<i64> = (0..4_000).collect();
        let values: Vec<f64> = (0..4_000).map(|i| (f64::from(i) * 1.7).sin()).collect();
        let chunks = vec![Chunk { times: &times, values: &values }; 10];
        let sizes = Sizes::of(&chunks).unwrap().unwrap();
        // True doubles: several pages, and more than six bytes each.
        assert!(sizes.values > 6.0 && sizes.values <= 8.1);
        assert!(sizes.values_zstd < sizes.values);
        assert!((sizes.total_own - sizes.values - sizes.timestamps_own).abs() < 1e-12);
        assert!(
            (sizes.total_interned_zstd - sizes.values_zstd - sizes.timestamps_interned).abs()
                < 1e-12
        );
        assert_eq!(Sizes::of(&[]).unwrap(), None);
    }
}
