//! Who has the most series in the blocks, window by window.

use std::collections::BTreeMap;

use hashbrown::HashMap;
use nunatak_index::METRIC_NAME;

use super::cardinality::{Parts, largest};
use super::open::Inner;
use crate::cardinality::BlockCardinality;
use crate::error::Result;

/// Each block names at least so many metrics.
const NAMED: usize = 128;

/// What blocks of one window have together.
#[derive(Default)]
struct Sums {
    series: u64,
    metrics: HashMap<String, u64>,
    labels: HashMap<String, u64>,
}

impl Inner {
    /// The largest of a tenant's blocks, the oldest window first.
    pub(super) fn block_cardinality(
        &self,
        tenant: &str,
        top: usize,
    ) -> Result<Vec<BlockCardinality>> {
        let mut windows: BTreeMap<(i64, i64), Sums> = BTreeMap::new();
        for part in Parts::of(self, tenant).all() {
            for block in &part.blocks().blocks {
                let range = block.meta().range;
                let sums = windows.entry((range.start, range.end)).or_default();
                sums.series += block.meta().series;
                for pair in block.largest_values(METRIC_NAME, top.saturating_mul(4).max(NAMED))? {
                    *sums.metrics.entry(pair.value).or_default() += pair.series;
                }
                for label in block.name_counts()? {
                    *sums.labels.entry(label.name).or_default() += label.values;
                }
            }
        }
        let told = |((start_ms, end_ms), sums): ((i64, i64), Sums)| BlockCardinality {
            start_ms,
            end_ms,
            series: sums.series,
            series_by_metric: largest(sums.metrics.into_iter().collect(), top),
            values_by_label: largest(sums.labels.into_iter().collect(), top),
        };
        Ok(windows.into_iter().map(told).collect())
    }
}
