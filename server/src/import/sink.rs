//! Where samples go.

use std::collections::HashSet;

use nunatak::{ImportSeries, Importer, Labels, RefusalReason};
use serde::{Deserialize, Serialize};

use super::influx::Context;

/// How far the inputs were read: everything before it is in the database.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// Number of the input.
    pub input: usize,
    /// Bytes of its unpacked text, or number of a block's series.
    pub offset: u64,
    /// Lines before that.
    pub line: u64,
    /// What those lines say about the ones that follow.
    pub context: Context,
}

/// Takes samples.
pub trait Sink {
    /// A series that this sink knows.
    type Series: Copy;

    /// Series are good as long as this does not change.
    fn generation(&self) -> u32;

    /// Finds or adds a series.
    fn series(&mut self, labels: &Labels) -> Self::Series;

    /// Adds samples: times in ms.
    ///
    /// # Errors
    /// If they can't be written.
    fn push(&mut self, series: Self::Series, times: &[i64], values: &[f64]) -> nunatak::Result<()>;

    /// Counts samples that are not taken.
    fn refuse(&mut self, reason: RefusalReason, samples: u64, example: String);

    /// Whether it is time for [`commit`](Self::commit).
    fn is_full(&self) -> bool;

    /// Makes everything so far durable.
    ///
    /// # Errors
    /// If it can't be written.
    fn commit(&mut self, mark: Mark) -> nunatak::Result<()>;
}

impl Sink for Importer {
    type Series = ImportSeries;

    fn generation(&self) -> u32 {
        Self::generation(self)
    }

    fn series(&mut self, labels: &Labels) -> ImportSeries {
        Self::series(self, labels)
    }

    fn push(&mut self, series: ImportSeries, times: &[i64], values: &[f64]) -> nunatak::Result<()> {
        Self::push(self, series, times, values)
    }

    fn refuse(&mut self, reason: RefusalReason, samples: u64, example: String) {
        Self::refuse(self, reason, samples, example);
    }

    fn is_full(&self) -> bool {
        Self::is_full(self)
    }

    fn commit(&mut self, mark: Mark) -> nunatak::Result<()> {
        // A struct of numbers and text always has a JSON text.
        Self::commit(self, &serde_json::to_vec(&mark).unwrap_or_default())
    }
}

/// Counts and keeps nothing: for a dry run.
#[derive(Debug, Default)]
pub(super) struct Counter {
    series: HashSet<Labels>,
    pub(super) samples: u64,
    pub(super) refused: Vec<(RefusalReason, u64, String)>,
}

impl Counter {
    pub(super) fn series(&self) -> u64 {
        self.series.len() as u64
    }
}

impl Sink for Counter {
    type Series = ();

    fn generation(&self) -> u32 {
        0
    }

    fn series(&mut self, labels: &Labels) {
        if !self.series.contains(labels) {
            self.series.insert(labels.clone());
        }
    }

    fn push(&mut self, (): (), times: &[i64], _: &[f64]) -> nunatak::Result<()> {
        self.samples += times.len() as u64;
        Ok(())
    }

    fn refuse(&mut self, reason: RefusalReason, samples: u64, example: String) {
        match self.refused.iter_mut().find(|(other, ..)| *other == reason) {
            Some((_, count, _)) => *count += samples,
            None => self.refused.push((reason, samples, example)),
        }
    }

    fn is_full(&self) -> bool {
        false
    }

    fn commit(&mut self, _: Mark) -> nunatak::Result<()> {
        Ok(())
    }
}
