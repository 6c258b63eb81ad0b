//! Everything that is measured on one set of samples.

use std::collections::BTreeMap;

use nunatak_codec::Kernel;
use serde::Serialize;

use super::arguments::Settings;
use super::data::{Chunk, DataSet, samples};
use super::decode::{Forms, XOR, XOR2};
use super::race::{Times, race};
use super::sizes::Sizes;
use super::{SingleChunks, Speed, failed, memory, write};
use crate::Result;

/// Prefixes and names of contestants that don't decode whole samples.
const VALUES: &str = "values/";
const SUM: &str = "sum";

/// The figures of one set of samples.
#[derive(Debug, Clone, Serialize)]
pub struct Measured {
    /// How many samples there are.
    pub samples: usize,
    /// Bytes per sample of sealed chunks.
    pub bytes_per_sample: Sizes,
    /// The same over chunks whose values are not all the same; none if all are.
    pub non_constant: Option<Sizes>,
    /// Decoding of times and values, by kernel and port.
    pub decode: BTreeMap<String, Speed>,
    /// Sum of a chunk's values by the fastest kernel; the times are not decoded.
    pub fused_sum: Speed,
    /// Decoding of values alone, by kernel: the times were decoded for another series.
    pub values_only: BTreeMap<String, Speed>,
    /// Samples in chunks whose values are not all the same.
    pub non_constant_samples: usize,
    /// As `decode`, over these.
    pub non_constant_decode: BTreeMap<String, Speed>,
    /// As `values_only`, over these.
    pub non_constant_values_only: BTreeMap<String, Speed>,
    /// Bytes per sample of the ports' chunks.
    pub prometheus_bytes_per_sample: BTreeMap<String, f64>,
    /// How many times as fast the fastest kernel decodes as a port.
    pub ratios: BTreeMap<String, f64>,
    /// Nanoseconds for each sample that is written: appended, sealed, encoded by a port.
    pub write_ns: BTreeMap<String, f64>,
    /// Decoding of one chunk among all, µs.
    pub read_one_chunk_us: SingleChunks,
    /// Mean bytes of an open chunk in memory while it fills up to 120 samples.
    pub open_chunk_bytes: Option<f64>,
}

impl Measured {
    /// Encodes, verifies and races.
    pub(super) fn of(data: &DataSet, settings: &Settings) -> Result<Self> {
        let chunks = data.chunks(settings.chunk);
        let changing: Vec<Chunk<'_>> =
            chunks.iter().copied().filter(|chunk| !chunk.is_constant()).collect();
        let bytes_per_sample = Sizes::of(&chunks)?.ok_or_else(|| failed("there are no samples"))?;
        let forms = Forms::of(&chunks)?;
        let all = Decoded::of(&forms, settings.rounds)?;
        let some = Decoded::of_some(&changing, settings.rounds)?;
        let mut write_ns = write::series_major(&chunks, settings.rounds)?;
        write_ns.extend(write::scrape_major(data, settings.rounds)?.unwrap_or_default());
        let samples_in = samples(&chunks);
        let port = |bytes: usize| bytes as f64 / samples_in as f64;
        Ok(Self {
            samples: samples_in,
            bytes_per_sample,
            non_constant: Sizes::of(&changing)?,
            ratios: all.ratios(),
            decode: all.whole,
            fused_sum: all.sum,
            values_only: all.values,
            non_constant_samples: samples(&changing),
            non_constant_decode: some.as_ref().map(|some| some.whole.clone()).unwrap_or_default(),
            non_constant_values_only: some.map(|some| some.values).unwrap_or_default(),
            prometheus_bytes_per_sample: [(XOR, forms.xor.len()), (XOR2, forms.xor2.len())]
                .map(|(name, bytes)| (name.to_owned(), port(bytes)))
                .into(),
            write_ns,
            read_one_chunk_us: SingleChunks::of(&forms, settings.rounds)?,
            open_chunk_bytes: memory::open_chunk_bytes(data)?,
        })
    }
}

/// How fast a set of chunks is decoded.
#[derive(Debug, Clone)]
pub(super) struct Decoded {
    pub(super) whole: BTreeMap<String, Speed>,
    pub(super) values: BTreeMap<String, Speed>,
    pub(super) sum: Speed,
}

impl Decoded {
    pub(super) fn of(forms: &Forms, rounds: usize) -> Result<Self> {
        let mut contestants = forms.whole();
        contestants.extend(forms.values_only(VALUES));
        contestants.push(forms.fused_sum(SUM));
        Ok(Self::of_times(&race(contestants, rounds)?))
    }

    /// None if there are no chunks.
    pub(super) fn of_some(chunks: &[Chunk<'_>], rounds: usize) -> Result<Option<Self>> {
        if chunks.is_empty() {
            return Ok(None);
        }
        Self::of(&Forms::of(chunks)?, rounds).map(Some)
    }

    fn of_times(times: &Times) -> Self {
        let (mut whole, mut values) = (BTreeMap::new(), BTreeMap::new());
        let mut sum = Speed::of_ns(f64::NAN);
        for (name, &ns) in times {
            let speed = Speed::of_ns(ns);
            if name == SUM {
                sum = speed;
            } else if let Some(kernel) = name.strip_prefix(VALUES) {
                values.insert(kernel.to_owned(), speed);
            } else {
                whole.insert(name.clone(), speed);
            }
        }
        Self { whole, values, sum }
    }

    /// How many times as fast the fastest kernel is as the ports.
    pub(super) fn ratios(&self) -> BTreeMap<String, f64> {
        [XOR, XOR2]
            .iter()
            .filter_map(|port| Some(((*port).to_owned(), self.ratio(port)?)))
            .collect()
    }

    /// How many times as fast the fastest kernel is as the contestant of that name.
    fn ratio(&self, name: &str) -> Option<f64> {
        ratio(&self.whole, Kernel::detect().name(), name)
    }
}

/// How many times as fast `fast` is as `slow`, if both took part.
pub(super) fn ratio(speeds: &BTreeMap<String, Speed>, fast: &str, slow: &str) -> Option<f64> {
    Some(speeds.get(slow)?.ns_per_sample / speeds.get(fast)?.ns_per_sample)
}
