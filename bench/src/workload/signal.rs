//! How the value of one series moves from scrape to scrape.

use super::random::Random;

/// The kinds of series that exporters have. What a codec and a log make of a series depends on
/// these far more than on its name.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Signal {
    /// A counter with two decimals, as CPU seconds are; grows by about so much a second.
    Hundredths(f64),
    /// A counter of whole numbers; grows by about so much a second.
    Counter(f64),
    /// A gauge in multiples of 4,096 bytes around so many bytes.
    Pages(f64),
    /// A random walk around a value, shown with so many decimals.
    Walk(f64, i32),
    /// Always the same.
    Constant(f64),
    /// 0 or 1, changing with this probability at each scrape.
    Flag(f64),
    /// All 52 bits of the fraction are used, as in the result of a division.
    Double(f64),
    /// A bucket of a classic histogram, with its own observations a second; the buckets of one
    /// histogram follow one another and are summed up. `first` begins a histogram.
    Bucket {
        /// Whether a histogram begins here.
        first: bool,
        /// Observations a second that fall into this bucket alone.
        per_second: f64,
    },
    /// The `_count` of the histogram whose buckets went before.
    BucketCount,
    /// The `_sum` of it, with this mean of the observations.
    BucketSum(f64),
}

impl Signal {
    /// Whether it belongs to the histogram of the series before it.
    pub(super) fn continues_histogram(self) -> bool {
        matches!(self, Self::Bucket { first: false, .. } | Self::BucketCount | Self::BucketSum(_))
    }
}

/// Where one series stands.
#[derive(Debug, Clone)]
pub(crate) struct State {
    random: Random,
    /// How busy this series is compared with its kind, so that no two series are alike.
    scale: f64,
    /// A count, or a level, depending on the signal.
    level: f64,
}

impl State {
    pub(crate) fn new(signal: Signal, mut random: Random) -> Self {
        let scale = random.between(0.2, 1.8);
        // A host has been up for some time when it is first scraped.
        let up = random.between(1e4, 5e6);
        let level = match signal {
            Signal::Hundredths(rate) => (rate * scale * up * 100.0).floor(),
            Signal::Counter(rate) | Signal::Bucket { per_second: rate, .. } => {
                (rate * scale * up).floor()
            }
            Signal::Pages(base) => (base * scale / 4096.0).floor(),
            Signal::Walk(base, _) | Signal::Double(base) => base * scale,
            Signal::Flag(_) => f64::from(u8::from(random.unit() < 0.5)),
            Signal::Constant(_) | Signal::BucketCount | Signal::BucketSum(_) => 0.0,
        };
        Self { random, scale, level }
    }

    /// The value at the next scrape, `seconds` after the one before. `histogram` carries the sum
    /// of the buckets from series to series.
    pub(crate) fn next(&mut self, signal: Signal, seconds: f64, histogram: &mut f64) -> f64 {
        match signal {
            Signal::Constant(value) => value,
            Signal::Hundredths(rate) => {
                self.level += self.growth(rate * 100.0 * seconds);
                self.level / 100.0
            }
            Signal::Counter(rate) => {
                self.level += self.growth(rate * seconds);
                self.level
            }
            Signal::Bucket { first, per_second } => {
                self.level += self.growth(per_second * seconds);
                *histogram = self.level + if first { 0.0 } else { *histogram };
                *histogram
            }
            Signal::BucketCount => *histogram,
            Signal::BucketSum(mean) => *histogram * mean * self.random.between(0.999, 1.001),
            Signal::Pages(base) => {
                let swing = (base / 4096.0 * 0.02).max(1.0);
                self.level = (self.level + self.random.between(-swing, swing)).max(0.0).floor();
                self.level * 4096.0
            }
            Signal::Walk(base, decimals) => {
                self.level = (self.level + self.random.between(-0.05, 0.05) * base).max(0.0);
                let unit = 10_f64.powi(decimals);
                (self.level * unit).round() / unit
            }
            Signal::Flag(probability) => {
                if self.random.unit() < probability {
                    self.level = 1.0 - self.level;
                }
                self.level
            }
            Signal::Double(_) => self.level * self.random.between(0.9, 1.1),
        }
    }

    /// A whole number around `mean`, 0 at times when the mean is small.
    fn growth(&mut self, mean: f64) -> f64 {
        (mean * self.scale * self.random.between(0.5, 1.5) + self.random.unit()).floor()
    }
}

#[cfg(test)]
mod tests {
    use super::{Signal, State};
    use crate::workload::Random;

    fn values(signal: Signal) -> Vec<f64> {
        let mut state = State::new(signal, Random::new(7, 1));
        (0..200).map(|_| state.next(signal, 15.0, &mut 0.0)).collect()
    }

    #[test]
    fn counters_never_fall_and_have_their_decimals() {
        for (signal, unit) in [(Signal::Counter(3.0), 1.0), (Signal::Hundredths(0.5), 100.0)] {
            let values = values(signal);
            assert!(values.is_sorted());
            assert!(values.first() < values.last());
            assert!(values.iter().all(|v| ((v * unit).round() / unit) == *v));
        }
    }

    #[test]
    fn pages_are_multiples_and_move() {
        let values = values(Signal::Pages(1e9));
        assert!(values.iter().all(|v| v % 4096.0 == 0.0 && *v >= 0.0));
        assert!(values.windows(2).any(|pair| pair[0] != pair[1]));
    }

    #[test]
    fn flags_are_flags() {
        assert!(values(Signal::Flag(0.3)).iter().all(|v| *v == 0.0 || *v == 1.0));
    }

    #[test]
    fn buckets_add_up_to_their_count() {
        let signals = [
            Signal::Bucket { first: true, per_second: 2.0 },
            Signal::Bucket { first: false, per_second: 1.0 },
            Signal::BucketCount,
        ];
        let mut states: Vec<_> =
            (0..).zip(signals).map(|(i, s)| State::new(s, Random::new(1, i))).collect();
        let mut carried = 0.0;
        for _ in 0..100 {
            let row: Vec<_> = states
                .iter_mut()
                .zip(signals)
                .map(|(state, signal)| state.next(signal, 15.0, &mut carried))
                .collect();
            assert!(row[0] <= row[1]);
            assert_eq!(row[1], row[2]);
        }
    }
}
