//! What the codec must reach, row by row.
//!
//! Ratios are firm: both sides are measured in the same run. Absolute times depend on the machine.

use nunatak_codec::Kernel;
use serde::Serialize;

use super::arguments::Settings;
use super::data::DataSet;
use super::decode::{Forms, XOR, XOR2};
use super::measured::{Decoded, ratio};
use super::race::race;
use super::sizes::Sizes;
use super::{Arguments, Measured, Synthetic, failed, synthetic, write};
use crate::Result;
use crate::workload::Capture;

/// The samples of a chunk at which most rows are measured, and those of a short one.
const LONG: usize = 480;
const SHORT: usize = 120;

/// One row.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Demand {
    /// What is measured.
    pub what: &'static str,
    /// The figure; none if the machine lacks what is measured.
    pub figure: Option<f64>,
    /// Its unit.
    pub unit: &'static str,
    /// The least or the most that it may be.
    pub limit: f64,
    /// Whether the figure must be at least `limit`; otherwise at most.
    pub at_least: bool,
    /// Whether it is.
    pub met: Option<bool>,
}

impl Demand {
    fn new(
        what: &'static str,
        figure: Option<f64>,
        unit: &'static str,
        limit: f64,
        at_least: bool,
    ) -> Self {
        let met = |figure| if at_least { figure >= limit } else { figure <= limit };
        Self { what, figure, unit, limit, at_least, met: figure.map(met) }
    }

    fn at_most(limit: f64, unit: &'static str, what: &'static str, figure: Option<f64>) -> Self {
        Self::new(what, figure, unit, limit, false)
    }

    fn at_least(limit: f64, unit: &'static str, what: &'static str, figure: Option<f64>) -> Self {
        Self::new(what, figure, unit, limit, true)
    }
}

/// Measures what is missing in `measured`, which is of the same capture with `arguments`.
pub(super) fn measure(
    capture: &Capture,
    arguments: &Arguments,
    measured: &Measured,
) -> Result<Vec<Demand>> {
    let rounds = arguments.settings().rounds;
    let settings = Settings { chunk: LONG, rounds };
    let data = DataSet::of_capture(capture);
    let is_measured = arguments.settings() == settings && arguments.every() == 1;
    let own;
    let long = if is_measured {
        measured
    } else {
        own = Measured::of(&data, &settings)?;
        &own
    };
    let sparse = data.every(15);
    let sparse = Sizes::of(&sparse.chunks(SHORT))?.ok_or_else(|| failed("no samples"))?;
    let short = Decoded::of(&Forms::of(&data.chunks(SHORT))?, rounds)?;
    let mut demands = sizes(long, &sparse);
    demands.extend(decoding(long, &short));
    demands.extend(counters(rounds)?);
    demands.extend(writing(long));
    Ok(demands)
}

fn sizes(long: &Measured, sparse: &Sizes) -> Vec<Demand> {
    let bytes = long.bytes_per_sample;
    let row = |limit, what, figure| Demand::at_most(limit, "B/sample", what, Some(figure));
    vec![
        row(0.46, "values, 480 a chunk", bytes.values),
        row(0.40, "the same with zstd-1", bytes.values_zstd),
        row(0.50, "values and interned times", bytes.total_interned),
        row(0.44, "the same with zstd-1", bytes.total_interned_zstd),
        row(0.66, "values, every 15th sample, 120 a chunk", sparse.values),
    ]
}

fn decoding(long: &Measured, short: &Decoded) -> Vec<Demand> {
    let fastest = Kernel::detect().name();
    let whole = long.decode.get(fastest).map(|speed| speed.gb_per_s);
    let values = long.values_only.get(fastest).map(|speed| speed.ns_per_sample);
    let against = |port: &str| ratio(&long.decode, fastest, port);
    let one = long.read_one_chunk_us;
    vec![
        Demand::at_least(20.0, "GB/s", "decode with own times, 16 bytes a sample", whole),
        Demand::at_most(0.40, "ns/sample", "decode values, times cached", values),
        Demand::at_most(0.35, "ns/sample", "fused sum", Some(long.fused_sum.ns_per_sample)),
        Demand::at_least(5.0, "×", "decode against XOR, 480 a chunk", against(XOR)),
        Demand::at_least(
            3.5,
            "×",
            "decode against XOR, 120 a chunk",
            short.ratios().get(XOR).copied(),
        ),
        Demand::at_least(3.5, "×", "decode against XOR2, 480 a chunk", against(XOR2)),
        Demand::at_most(0.5, "µs", "read one chunk, mean", Some(one.mean)),
        Demand::at_most(0.5, "µs", "read one chunk, all but 1 %", Some(one.p99)),
    ]
}

/// Kernels against the scalar one on counters.
fn counters(rounds: usize) -> Result<Vec<Demand>> {
    let data = synthetic::data(Synthetic::Counter);
    let forms = Forms::of(&data.chunks(LONG))?;
    let speeds = race(forms.whole(), rounds)?;
    let against = |kernel: &str| Some(speeds.get("scalar")? / speeds.get(kernel)?);
    Ok(vec![
        Demand::at_least(3.0, "×", "decode counters, AVX2 against scalar", against("avx2")),
        Demand::at_least(1.5, "×", "decode counters, SSE4.1 against scalar", against("sse41")),
    ])
}

fn writing(long: &Measured) -> Vec<Demand> {
    let ns = |name: &str| long.write_ns.get(name).copied();
    let over = |a: &str, b: &str| Some(ns(a)? / ns(b)?);
    vec![
        Demand::at_most(15.0, "ns/sample", "append, series by series", ns(write::APPEND)),
        Demand::at_most(
            2.2,
            "×",
            "append, scrape by scrape over 25,000 series, against a raw store",
            over(write::SCRAPE_APPEND, write::SCRAPE_RAW),
        ),
        Demand::at_most(
            200.0,
            "B/series",
            "open chunk up to 120 samples, mean over time",
            long.open_chunk_bytes,
        ),
        Demand::at_most(
            4.0,
            "×",
            "seal with own times, against encoding XOR",
            over(write::SEAL, write::XOR_ENCODE),
        ),
        Demand::at_most(
            4.0,
            "×",
            "seal with times of another series, against encoding XOR",
            over(write::SEAL_VALUES, write::XOR_ENCODE),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_kept_on_their_side() {
        assert_eq!(Demand::at_most(2.0, "", "", Some(2.5)).met, Some(false));
        assert_eq!(Demand::at_most(2.0, "", "", Some(2.0)).met, Some(true));
        assert_eq!(Demand::at_least(2.0, "", "", Some(2.5)).met, Some(true));
        assert_eq!(Demand::at_least(2.0, "", "", Some(1.5)).met, Some(false));
        assert_eq!(Demand::at_least(2.0, "", "", None).met, None);
    }
}
