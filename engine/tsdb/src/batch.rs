//! Samples on their way in, and what became of them.

use nunatak_index::Labels;

use crate::error::Result;
use crate::limits::Refusal;

/// A series inside one [`Batch`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchSeries(pub(crate) u32);

/// Samples of any number of series, to be appended in one call; reusable.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    pub(crate) series: Vec<Labels>,
    pub(crate) samples: Vec<(BatchSeries, i64, f64)>,
}

impl Batch {
    /// An empty batch.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Registers a series; the handle is good for this batch, over any number of appends.
    ///
    /// # Errors
    /// [`Error::Invalid`](crate::Error::Invalid) if the label set has no label.
    pub fn series(&mut self, labels: &Labels) -> Result<BatchSeries> {
        if labels.is_empty() {
            let what = "a series needs at least one label".to_owned();
            return Err(crate::Error::Invalid { what });
        }
        let id = BatchSeries(self.series.len() as u32);
        self.series.push(labels.clone());
        Ok(id)
    }

    /// Adds a sample: `t` in ms since the epoch, `v` kept bit for bit.
    pub fn push(&mut self, series: BatchSeries, t: i64, v: f64) {
        self.samples.push((series, t, v));
    }

    /// Forgets the samples and keeps the series.
    pub fn clear_samples(&mut self) {
        self.samples.clear();
    }

    /// Number of samples.
    #[must_use]
    pub fn len(&self) -> usize {
        self.samples.len()
    }

    /// Whether there are no samples.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.samples.is_empty()
    }
}

/// What became of an append: everything that was not refused is stored and durable.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Outcome {
    /// Samples that are stored (a repeated one counts).
    pub stored: u64,
    /// Series among them that were not in memory before.
    pub new_series: u64,
    /// Samples that were refused for good, by reason.
    pub refused: Vec<Refusal>,
}

impl Outcome {
    /// Samples that were refused.
    #[must_use]
    pub fn refused_samples(&self) -> u64 {
        self.refused.iter().map(|refusal| refusal.samples).sum()
    }
}
