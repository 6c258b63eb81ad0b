//! Who has the most series in the blocks, window by window.

use std::collections::BTreeMap;

use hashbrown::{HashMap, HashSet};
use nunatak_index::{METRIC_NAME, NameCount};

use super::cardinality::{Parts, largest};
use super::open::Inner;
use crate::block::Block;
use crate::cardinality::BlockCardinality;
use crate::error::Result;

/// Each block names at least so many metrics, and so many values of a label.
const NAMED: usize = 128;

/// The values of a label in several blocks.
#[derive(Default)]
struct Values {
    /// Those of blocks with few.
    named: HashSet<String>,
    /// How many the other blocks have, each on its own: a label with many values is mostly one that
    /// tells series apart, so its values are in one shard.
    counted: u64,
}

/// What blocks of one window have together.
#[derive(Default)]
struct Sums {
    series: u64,
    metrics: HashMap<String, u64>,
    labels: HashMap<String, Values>,
}

impl Values {
    fn add(&mut self, block: &Block, label: &NameCount) -> Result<()> {
        if label.values > NAMED as u64 {
            self.counted += label.values;
        } else {
            let values = block.largest_values(&label.name, NAMED)?;
            self.named.extend(values.into_iter().map(|pair| pair.value));
        }
        Ok(())
    }

    fn count(&self) -> u64 {
        self.named.len() as u64 + self.counted
    }
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
                    sums.labels.entry(label.name.clone()).or_default().add(block, &label)?;
                }
            }
        }
        let told = |((start_ms, end_ms), sums): ((i64, i64), Sums)| BlockCardinality {
            start_ms,
            end_ms,
            series: sums.series,
            series_by_metric: largest(sums.metrics.into_iter().collect(), top),
            values_by_label: {
                let labels = sums.labels.into_iter();
                largest(labels.map(|(name, values)| (name, values.count())).collect(), top)
            },
        };
        Ok(windows.into_iter().map(told).collect())
    }
}
