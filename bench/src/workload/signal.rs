//! How the value of one series moves from scrape to scrape.

use super::random::Random;

/// The kinds of series that exporters have. What a codec and a log make of a series depends on
/// these far more than on its name.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Signal {
    /// A counter with two decimals, as CPU seconds are; grows by about so much a second.
    Hundredths(f64),
    /// A counter of nanoseconds shown as seconds, as what the kernel counts is; grows by about so
    /// many seconds a second.
    Nanoseconds(f64),
    /// A counter of whole numbers; grows by about so much a second.
    Counter(f64),
    /// A gauge in multiples of 4,096 bytes around so many bytes.
    Pages(f64),
    /// A random walk around a value, shown with so many decimals.
    Walk(f64, i32),
    /// A duration in nanoseconds shown as seconds, each time another one around this mean.
    Duration(f64),
    /// The clock of the host in seconds, read some milliseconds after the scrape began.
    Clock,
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
    /// The `_sum` of it, with this mean of the observations: durations in nanoseconds, added up in
    /// floating point one after the other, with the errors that this makes.
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
    /// Of the `_sum` of a histogram: how many observations are in it.
    summed: f64,
}

/// Nanoseconds in a second.
const NANOS: f64 = 1e9;

/// The `_sum` of a busy histogram adds up so many observations at a time, so that a scrape of a
/// large fleet is made in reasonable time.
const ADDITIONS: f64 = 64.0;

impl State {
    pub(crate) fn new(signal: Signal, mut random: Random) -> Self {
        let scale = random.between(0.2, 1.8);
        // A host has been up for some time when it is first scraped.
        let up = random.between(1e4, 5e6);
        let level = match signal {
            Signal::Hundredths(rate) => (rate * scale * up * 100.0).floor(),
            Signal::Nanoseconds(rate) => (rate * scale * up * NANOS).floor(),
            Signal::Counter(rate) | Signal::Bucket { per_second: rate, .. } => {
                (rate * scale * up).floor()
            }
            Signal::Pages(base) => (base * scale / 4096.0).floor(),
            Signal::Walk(base, _) | Signal::Double(base) | Signal::Duration(base) => base * scale,
            Signal::Clock => 1.7e9 + up,
            Signal::Flag(_) => f64::from(u8::from(random.unit() < 0.5)),
            Signal::Constant(_) | Signal::BucketCount | Signal::BucketSum(_) => 0.0,
        };
        Self { random, scale, level, summed: 0.0 }
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
            Signal::Nanoseconds(rate) => {
                self.level += self.growth(rate * seconds * NANOS);
                self.level / NANOS
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
            Signal::BucketSum(mean) => self.observe(mean, *histogram),
            Signal::Duration(mean) => {
                (mean * self.scale * self.random.between(0.5, 1.5) * NANOS).floor() / NANOS
            }
            Signal::Clock => {
                self.level += seconds;
                self.level + self.random.between(0.0, 0.01)
            }
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

    /// Adds observations to the sum of a histogram, until there are `count` in it.
    fn observe(&mut self, mean: f64, count: f64) -> f64 {
        if self.summed == 0.0 {
            // What was observed before the first scrape.
            self.level = (count * mean * self.scale * NANOS).floor() / NANOS;
            self.summed = count;
        }
        let each = ((count - self.summed) / ADDITIONS).ceil().max(1.0);
        while self.summed < count {
            let observations = each.min(count - self.summed);
            let seconds = observations * mean * self.scale * self.random.between(0.2, 1.8);
            self.level += (seconds * NANOS).floor() / NANOS;
            self.summed += observations;
        }
        self.level
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
        let signals = [
            (Signal::Counter(3.0), 1.0),
            (Signal::Hundredths(0.5), 100.0),
            (Signal::Nanoseconds(1e-4), 1e9),
        ];
        for (signal, unit) in signals {
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
            Signal::BucketSum(0.04),
        ];
        let mut sum = 0.0;
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
            assert!(sum < row[3], "{sum} {}", row[3]);
            sum = row[3];
        }
    }
}
