//! Series of a fleet as label sets of the engine.

use nunatak::Labels;
use nunatak_bench::workload::Series;

/// One series' label set.
pub(crate) fn labels_of(series: &Series) -> Labels {
    Labels::from_pairs(series.labels.iter().map(|(name, value)| (name, value)))
        .expect("a fleet's names are unique")
}
