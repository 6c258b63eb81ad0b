//! Matching: which series of two vectors belong together.

use nunatak_index::{Labels, METRIC_NAME};

use crate::ast::VectorMatching;
use crate::column::Series;
use crate::key::Interner;

/// Whether a label counts when series are matched.
pub(crate) fn matches_by(matching: &VectorMatching, name: &str) -> bool {
    let named = matching.labels.iter().any(|label| label == name);
    if matching.on { named } else { !named && name != METRIC_NAME }
}

/// The labels that count when series are matched.
pub(crate) fn match_labels(matching: &VectorMatching, labels: &Labels) -> Labels {
    labels.filtered(|name| matches_by(matching, name))
}

/// The signatures of the series of both sides: equal for series that match.
#[derive(Debug)]
pub(crate) struct Signatures {
    pub(crate) left: Vec<usize>,
    pub(crate) right: Vec<usize>,
    /// How many there are; they count from 0.
    pub(crate) count: usize,
}

impl Signatures {
    pub(crate) fn new(matching: &VectorMatching, left: &[Series], right: &[Series]) -> Self {
        let mut numbers = Interner::default();
        let mut side = |series: &[Series]| {
            let number = |series: &Series| {
                numbers.number(&series.labels, |name| matches_by(matching, name)).0
            };
            series.iter().map(number).collect()
        };
        let (left, right) = (side(left), side(right));
        Self { left, right, count: numbers.len() }
    }
}
