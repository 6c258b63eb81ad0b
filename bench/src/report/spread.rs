//! The middle of a figure's repetitions, and their ends.

use super::model::{Cell, Figure};

/// What several repetitions of one figure come to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Spread {
    /// The median.
    pub(crate) median: f64,
    /// The smallest.
    pub(crate) least: f64,
    /// The largest.
    pub(crate) most: f64,
    /// How many there are, at least one.
    pub(crate) repetitions: usize,
}

impl Spread {
    /// Of the values that are finite; none if there is no such value.
    pub(crate) fn of(values: &[f64]) -> Option<Self> {
        let mut sorted: Vec<f64> = values.iter().copied().filter(|v| v.is_finite()).collect();
        sorted.sort_unstable_by(f64::total_cmp);
        let (least, most) = (*sorted.first()?, *sorted.last()?);
        let median = f64::midpoint(sorted[(sorted.len() - 1) / 2], sorted[sorted.len() / 2]);
        Some(Self { median, least, most, repetitions: sorted.len() })
    }

    /// Whether `value` lies between the ends.
    pub(crate) fn holds(&self, value: f64) -> bool {
        self.least <= value && value <= self.most
    }
}

impl Figure {
    /// The cell of a target.
    pub(crate) fn cell(&self, target: &str) -> Option<&Cell> {
        self.cells.iter().find(|cell| cell.target == target)
    }

    /// What the repetitions of a target come to; none if it has no value.
    pub(crate) fn spread(&self, target: &str) -> Option<Spread> {
        Spread::of(&self.cell(target)?.values)
    }
}

#[cfg(test)]
mod tests {
    use super::Spread;

    #[test]
    fn the_median_of_an_even_count_lies_between_the_two_in_the_middle() {
        let spread = Spread::of(&[4.0, 1.0, 2.0, 8.0]).unwrap();
        assert_eq!(spread, Spread { median: 3.0, least: 1.0, most: 8.0, repetitions: 4 });
    }

    #[test]
    fn what_is_not_finite_does_not_count() {
        let spread = Spread::of(&[f64::NAN, 5.0, f64::INFINITY]).unwrap();
        assert_eq!(spread, Spread { median: 5.0, least: 5.0, most: 5.0, repetitions: 1 });
        assert_eq!(Spread::of(&[f64::NAN]), None);
        assert_eq!(Spread::of(&[]), None);
    }
}
