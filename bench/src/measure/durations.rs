//! Quantiles of latencies and of repetitions.

use std::time::Duration;

/// Durations, sorted when asked.
#[derive(Debug, Clone, Default)]
pub struct Durations(Vec<Duration>);

impl Durations {
    /// Adds one.
    pub fn push(&mut self, duration: Duration) {
        self.0.push(duration);
    }

    /// Adds all of `other`.
    pub fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them together.
    #[must_use]
    pub fn sum(&self) -> Duration {
        self.0.iter().sum()
    }

    /// The smallest one that at least the part `q` (0 to 1) of all does not exceed, in ms; 0 if
    /// there are none.
    #[must_use]
    pub fn quantile_ms(&self, q: f64) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let rank = (q.clamp(0.0, 1.0) * sorted.len() as f64).ceil() as usize;
        sorted.get(rank.saturating_sub(1)).map_or(0.0, |duration| duration.as_secs_f64() * 1e3)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_members() {
        let mut durations = Durations::default();
        assert_eq!(durations.quantile_ms(0.5), 0.0);
        for ms in [5, 1, 4, 2, 3] {
            durations.push(Duration::from_millis(ms));
        }
        assert_eq!(durations.quantile_ms(0.0), 1.0);
        assert_eq!(durations.quantile_ms(0.5), 3.0);
        assert_eq!(durations.quantile_ms(0.99), 5.0);
        assert_eq!(durations.quantile_ms(1.0), 5.0);
    }
}
