//! First and last value, and the resets of a counter between them.

use super::Fold;

/// First and last value, their number, and how much a counter rose between them.
///
/// A counter that is smaller than before was reset: it began again at zero. A NaN is neither
/// smaller nor larger than anything.
#[derive(Debug, Clone, Default)]
pub struct Counter {
    ends: Option<(f64, f64)>,
    count: u64,
    resets: u64,
    lost: f64,
}

impl Counter {
    /// A counter without values.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The first value.
    #[must_use]
    pub fn first(&self) -> Option<f64> {
        self.ends.map(|(first, _)| first)
    }

    /// The last value.
    #[must_use]
    pub fn last(&self) -> Option<f64> {
        self.ends.map(|(_, last)| last)
    }

    /// Number of values.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// How often a value was smaller than the one before.
    #[must_use]
    pub fn resets(&self) -> u64 {
        self.resets
    }

    /// The last value less the first one, plus the sum of the values before each reset, which are
    /// added up in the order of time; `None` without values, [`f64::NAN`] if it is not a number.
    #[must_use]
    pub fn increase(&self) -> Option<f64> {
        let increase = self.ends.map(|(first, last)| (last - first) + self.lost)?;
        Some(if increase.is_nan() { f64::NAN } else { increase })
    }

    fn step(&mut self, before: f64, value: f64) {
        if value < before {
            self.resets += 1;
            self.lost += before;
        }
    }
}

impl Fold for Counter {
    fn values(&mut self, values: &[f64]) {
        let (Some(&first), Some(&last)) = (values.first(), values.last()) else { return };
        self.run(first, values.len());
        let pairs = || values.iter().zip(values.iter().skip(1));
        // Most chunks have no reset: look for one without a branch for each pair.
        if pairs().fold(0, |found, (before, value)| found | u64::from(value < before)) != 0 {
            for (&before, &value) in pairs() {
                self.step(before, value);
            }
        }
        self.ends = self.ends.map(|(first, _)| (first, last));
    }

    fn run(&mut self, value: f64, count: usize) {
        let (first, before) = *self.ends.get_or_insert((value, value));
        self.step(before, value);
        self.ends = Some((first, value));
        self.count += count as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resets_are_found_inside_and_between_pieces() {
        let mut counter = Counter::new();
        assert_eq!((counter.first(), counter.increase()), (None, None));
        counter.values(&[5.0, 8.0, 2.0, 4.0]);
        counter.run(3.0, 10);
        counter.values(&[3.0, f64::NAN, 1.0, 7.0]);
        assert_eq!((counter.first(), counter.last()), (Some(5.0), Some(7.0)));
        assert_eq!((counter.count(), counter.resets()), (18, 2));
        assert_eq!(counter.increase(), Some(7.0 - 5.0 + 8.0 + 4.0));
        counter.run(f64::NAN, 1);
        assert_eq!(counter.increase().unwrap().to_bits(), f64::NAN.to_bits());
    }
}
