//! Who writes: appending, sealing, and the ports' encoders.

use std::hint::black_box;

use nunatak_codec::{FrozenChunk, OpenChunk, encode_times, encode_values};

use super::data::{Chunk, DataSet, samples};
use super::failed;
use super::race::{Contestant, Times, race};
use crate::Result;
use crate::reference::{ReferenceError, xor, xor2};

/// Open chunks of the race that goes scrape by scrape, and scrapes.
const FLEET: usize = 25_000;
const SCRAPES: usize = 120;

/// Names in the report.
pub(super) const APPEND: &str = "append";
pub(super) const SEAL: &str = "seal";
pub(super) const SEAL_VALUES: &str = "seal_values";
pub(super) const XOR_ENCODE: &str = "prometheus_xor_encode";
pub(super) const XOR2_ENCODE: &str = "prometheus_xor2_encode";
pub(super) const SCRAPE_APPEND: &str = "scrape_major_append";
pub(super) const SCRAPE_RAW: &str = "scrape_major_raw_store";

/// Series by series: appends to open chunks, seals them, and lets the ports encode.
pub(super) fn series_major(chunks: &[Chunk<'_>], rounds: usize) -> Result<Times> {
    let frozen = frozen(chunks)?;
    let samples = samples(chunks);
    let mut contestants = vec![Contestant::new(APPEND, samples, || {
        chunks
            .iter()
            .try_for_each(|chunk| append(black_box(chunk)).map(|open| drop(black_box(open))))
    })];
    for (name, with_times) in [(SEAL, true), (SEAL_VALUES, false)] {
        let mut sealer = Sealer::default();
        let frozen = &frozen;
        contestants.push(Contestant::new(name, samples, move || {
            frozen.iter().try_for_each(|open| sealer.seal(black_box(open), with_times))
        }));
    }
    for (name, encode) in [(XOR_ENCODE, xor::encode as Encode), (XOR2_ENCODE, xor2::encode)] {
        let mut out = Vec::new();
        contestants.push(Contestant::new(name, samples, move || {
            for chunk in chunks {
                out.clear();
                encode(black_box(chunk.times), chunk.values, &mut out).map_err(failed)?;
                black_box(&out);
            }
            Ok(())
        }));
    }
    race(contestants, rounds)
}

type Encode = fn(&[i64], &[f64], &mut Vec<u8>) -> std::result::Result<(), ReferenceError>;

fn append(chunk: &Chunk<'_>) -> Result<OpenChunk> {
    let mut open = OpenChunk::new();
    for (&time, &value) in chunk.times.iter().zip(chunk.values) {
        open.append(time, value).map_err(failed)?;
    }
    Ok(open)
}

fn frozen(chunks: &[Chunk<'_>]) -> Result<Vec<FrozenChunk>> {
    let empty = || failed("a chunk without samples");
    chunks.iter().map(|chunk| append(chunk)?.freeze().ok_or_else(empty)).collect()
}

/// What a cut does to each chunk.
#[derive(Debug, Default)]
struct Sealer {
    times: Vec<i64>,
    values: Vec<f64>,
    out: Vec<u8>,
}

impl Sealer {
    /// Decodes an open chunk and encodes it as a sealed one; without its times if another chunk
    /// had the same.
    fn seal(&mut self, open: &FrozenChunk, with_times: bool) -> Result<()> {
        self.times.clear();
        self.values.clear();
        self.out.clear();
        open.decode_into(&mut self.times, &mut self.values).map_err(failed)?;
        if with_times {
            encode_times(&self.times, &mut self.out).map_err(failed)?;
        }
        encode_values(&self.values, &mut self.out).map_err(failed)?;
        black_box(&self.out);
        Ok(())
    }
}

/// Scrape by scrape over many series, so that no series is in cache: appends to 25,000 open chunks,
/// and stores the same samples raw. None if no series has 120 samples.
pub(super) fn scrape_major(data: &DataSet, rounds: usize) -> Result<Option<Times>> {
    let Some(scrapes) = scrapes(data) else { return Ok(None) };
    let appending = Contestant::new(SCRAPE_APPEND, scrapes.len(), || {
        let mut open = vec![OpenChunk::new(); FLEET];
        for scrape in scrapes.chunks(FLEET) {
            for (open, &(time, value)) in open.iter_mut().zip(scrape) {
                open.append(time, value).map_err(failed)?;
            }
        }
        black_box(&open);
        Ok(())
    });
    let mut stores: Vec<Vec<(i64, f64)>> = Vec::new();
    stores.resize_with(FLEET, || Vec::with_capacity(SCRAPES));
    let storing = Contestant::new(SCRAPE_RAW, scrapes.len(), || {
        stores.iter_mut().for_each(Vec::clear);
        for scrape in scrapes.chunks(FLEET) {
            for (store, &sample) in stores.iter_mut().zip(scrape) {
                store.push(sample);
            }
        }
        black_box(&stores);
        Ok(())
    });
    race(vec![appending, storing], rounds).map(Some)
}

/// 120 scrapes of 25,000 series each, from as many windows of the data as there are.
fn scrapes(data: &DataSet) -> Option<Vec<(i64, f64)>> {
    let windows: Vec<Chunk<'_>> =
        data.chunks(SCRAPES).into_iter().filter(|chunk| chunk.times.len() == SCRAPES).collect();
    if windows.is_empty() {
        return None;
    }
    let series = || windows.iter().cycle().take(FLEET);
    let scrapes = (0..SCRAPES)
        .flat_map(|at| series().map(move |window| (window.times[at], window.values[at])));
    Some(scrapes.collect())
}
