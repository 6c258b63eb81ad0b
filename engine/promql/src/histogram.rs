//! What is done with native histograms: sums, differences, quantiles, what is cut off.
//!
//! Histograms of different layouts are made alike before they are added: the finer schema is made
//! as coarse as the other one, the zero buckets grow until they are the same, and of custom bounds
//! those remain that both have. Sources: Prometheus' documentation of native histograms and of the
//! operators and functions on them.

pub(crate) mod aggregate;
pub(crate) mod operate;
pub(crate) mod part;
pub(crate) mod quantile;
pub(crate) mod reset;
mod text;
mod total;
mod trim;

pub(crate) use text::describe;
pub(crate) use total::{Incompatible, Mean, Total};

/// Which of the two hints that contradict each other were seen.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct SeenHints {
    reset: bool,
    not_reset: bool,
}

impl SeenHints {
    pub(crate) fn see(&mut self, hint: nunatak::ResetHint) {
        self.reset |= hint == nunatak::ResetHint::Reset;
        self.not_reset |= hint == nunatak::ResetHint::NotReset;
    }

    /// Whether both were seen.
    pub(crate) fn collide(self) -> bool {
        self.reset && self.not_reset
    }
}
