//! Which samples of a series a reader wants, by time and by when they were written.

use super::series::Epoch;
use crate::time::TimeRange;

/// Samples in `range` that were written up to `epoch` do not count: a delete hides them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hiding {
    pub(crate) epoch: Epoch,
    pub(crate) range: TimeRange,
}

/// Samples in a range of time that were written in a range of epochs, without those that are
/// hidden.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) range: TimeRange,
    /// The first and the last epoch that count.
    pub(crate) epochs: (Epoch, Epoch),
    pub(crate) hidden: &'a [Hiding],
}

impl View<'_> {
    /// Everything in `range` that was written up to `epoch`.
    pub(crate) fn up_to(range: TimeRange, epoch: Epoch) -> Self {
        Self { range, epochs: (0, epoch), hidden: &[] }
    }

    pub(super) fn takes(&self, epoch: Epoch) -> bool {
        self.epochs.0 <= epoch && epoch <= self.epochs.1
    }

    /// The times that are hidden of what was written under `epoch`.
    pub(super) fn hidden_of(&self, epoch: Epoch) -> impl Iterator<Item = TimeRange> {
        self.hidden.iter().filter(move |h| epoch <= h.epoch).map(|h| h.range)
    }

    /// Whether a sample counts.
    pub(super) fn shows(&self, time: i64, epoch: Epoch) -> bool {
        self.takes(epoch) && !self.hidden_of(epoch).any(|range| range.contains(time))
    }
}
