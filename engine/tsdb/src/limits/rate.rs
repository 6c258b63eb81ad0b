//! How many new series may come in a second: a token bucket on a clock that is passed in.

use parking_lot::Mutex;

/// Seconds of a rate that may come at once. Whoever starts again brings many new series in a
/// moment, which is no flood yet.
const BURST_SECONDS: u64 = 10;
/// Pieces of a token: what a millisecond brings at one series a second.
const PIECES: u64 = 1000;

/// A bucket of tokens, full at first.
#[derive(Debug, Default)]
pub(crate) struct Rate(Mutex<Bucket>);

#[derive(Debug, Default)]
struct Bucket {
    /// Pieces that were taken and that time has not brought back yet.
    taken: u64,
    looked_ms: i64,
}

impl Rate {
    /// Takes a token if there is one at `now_ms`, of a bucket with `per_second`.
    pub(crate) fn take(&self, per_second: u64, now_ms: i64) -> bool {
        let mut bucket = self.0.lock();
        bucket.refill(per_second, now_ms);
        let room = per_second.saturating_mul(BURST_SECONDS * PIECES);
        let fits = bucket.taken.saturating_add(PIECES) <= room;
        if fits {
            bucket.taken += PIECES;
        }
        fits
    }

    /// Tokens that are used up of those that there may be, at `now_ms`.
    pub(crate) fn used(&self, per_second: u64, now_ms: i64) -> (u64, u64) {
        let mut bucket = self.0.lock();
        bucket.refill(per_second, now_ms);
        (bucket.taken / PIECES, per_second.saturating_mul(BURST_SECONDS))
    }
}

impl Bucket {
    /// A clock that goes back brings nothing.
    fn refill(&mut self, per_second: u64, now_ms: i64) {
        let passed = u64::try_from(now_ms.saturating_sub(self.looked_ms)).unwrap_or(0);
        self.taken = self.taken.saturating_sub(passed.saturating_mul(per_second));
        self.looked_ms = now_ms;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(rate: &Rate, now_ms: i64) -> usize {
        (0..100).take_while(|_| rate.take(2, now_ms)).count()
    }

    #[test]
    fn ten_seconds_may_come_at_once_and_then_what_time_brings() {
        let rate = Rate::default();
        assert_eq!(taken(&rate, 1_000_000), 20);
        assert_eq!(taken(&rate, 1_000_499), 0);
        assert_eq!(taken(&rate, 1_000_500), 1);
        assert_eq!(rate.used(2, 1_000_500), (20, 20));
        assert_eq!(taken(&rate, 900_000), 0, "a clock that goes back brings nothing");
        assert_eq!(taken(&rate, 905_000), 10);
        assert_eq!(taken(&rate, 9_000_000), 20, "no more than the burst is saved up");
    }

    #[test]
    fn no_rate_lets_nothing_through() {
        assert!(!Rate::default().take(0, 5));
    }
}
