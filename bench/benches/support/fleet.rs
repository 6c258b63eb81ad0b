//! The fleet that the benches share.

use nunatak_bench::workload::FleetOptions;

/// Time of the first scrape: 2023-11-14 22:00, where a window of blocks begins.
pub(crate) const START_MS: i64 = 1_699_999_200_000;
/// Between two scrapes.
pub(crate) const INTERVAL_MS: i64 = 15_000;

/// A fleet with so many series.
pub(crate) fn options(series: usize) -> FleetOptions {
    FleetOptions { series, seed: 1, start_ms: START_MS, interval_ms: INTERVAL_MS, jitter_ms: 0 }
}
