//! When heads are saved: so often that a start never replays more of the log than it shall.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use super::maintain::Progress;
use super::open::Inner;
use super::replay::Replayed;
use crate::error::Result;
use crate::shard::Shard;

/// Bytes of log that are replayed in a second, until a start has measured it: on the slow side.
const BYTES_PER_SECOND: u64 = 12 << 20;
/// Fewer bytes measure nothing.
const LEAST_MEASURED: u64 = 4 << 20;
/// Bytes a millisecond that saved heads may write, however little the log does: 90 GB a day at
/// most, and only while a replay would take too long. A million series scraped every 15 s write
/// 24 GB of log a day.
const BYTES_PER_MS: u64 = 1 << 10;

/// The end of the log that a start would replay.
#[derive(Debug)]
pub(super) struct Tail {
    /// Bytes that it may have.
    limit: u64,
    /// Bytes of the heads when they were saved last.
    saved: AtomicU64,
    /// Bytes that the last start has replayed.
    before: AtomicU64,
    /// Bytes that the log had written when the heads were saved last.
    from: AtomicU64,
    /// When that was, in milliseconds.
    at: AtomicI64,
}

impl Tail {
    pub(super) fn new(target: Duration, replayed: Replayed, now: i64) -> Self {
        let limit = target.as_secs_f64() * replayed.rate().unwrap_or(BYTES_PER_SECOND) as f64;
        Self {
            limit: limit as u64,
            saved: AtomicU64::new(0),
            before: AtomicU64::new(replayed.bytes),
            from: AtomicU64::new(0),
            at: AtomicI64::new(now),
        }
    }

    fn bytes(&self, written: u64) -> u64 {
        let since = written.saturating_sub(self.from.load(Ordering::Relaxed));
        self.before.load(Ordering::Relaxed) + since
    }

    /// Of many series the heads are larger than a tail of the limit, and writing them as often
    /// would wear the disk out: saving writes no more than the log does, or little in the time.
    fn is_due(&self, written: u64, now: i64) -> bool {
        let bytes = self.bytes(written);
        let elapsed = now.saturating_sub(self.at.load(Ordering::Relaxed));
        let allowed = u64::try_from(elapsed).unwrap_or(0).saturating_mul(BYTES_PER_MS);
        let is_cheap = self.saved.load(Ordering::Relaxed) <= bytes.max(allowed);
        bytes > 0 && (self.limit == 0 || bytes >= self.limit && is_cheap)
    }

    /// Begins anew: a start replays nothing of what is written so far, but loads heads of `saved`
    /// bytes.
    pub(super) fn restart(&self, written: u64, saved: u64, now: i64) {
        self.at.store(now, Ordering::Relaxed);
        self.saved.store(saved, Ordering::Relaxed);
        self.before.store(0, Ordering::Relaxed);
        self.from.store(written, Ordering::Relaxed);
    }

    /// Leaves bytes out that no start replays.
    pub(super) fn leave_out(&self, bytes: u64) {
        self.from.fetch_add(bytes, Ordering::Relaxed);
    }
}

impl Replayed {
    /// Bytes in a second, if there were enough of them.
    fn rate(self) -> Option<u64> {
        let seconds = self.took.as_secs_f64();
        (self.bytes >= LEAST_MEASURED && seconds > 0.0)
            .then(|| (self.bytes as f64 / seconds) as u64)
    }
}

impl Inner {
    /// Saves all heads if a replay would take too long, and lets go of the log that they hold.
    pub(super) fn save_heads(&self, progress: &mut Progress) -> Result<()> {
        let written = self.log().written_bytes();
        if !self.tail.is_due(written, self.now()) {
            return Ok(());
        }
        let (mut outcome, mut saved) = (Ok(()), 0);
        for shard in &self.shards {
            for tenant in shard.tenants() {
                let one = shard.save(&tenant, self.log()).map(|bytes| saved += bytes);
                outcome = outcome.and(one);
            }
        }
        // Also after a failure: what failed for lack of room must not be tried every second.
        self.tail.restart(written, saved, self.now());
        outcome?;
        tracing::debug!(series = self.series(), "saved the heads");
        self.trim_log(progress, 1)
    }

    fn series(&self) -> usize {
        let tenants = self.shards.iter().flat_map(Shard::tenants);
        tenants.map(|tenant| tenant.head().read().series()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_saved_by_the_time_that_a_replay_would_take() {
        let took = Duration::from_secs(1);
        let tail = Tail::new(Duration::from_secs(2), Replayed { bytes: 10 << 20, took }, 0);
        assert!(!tail.is_due((10 << 20) - 1, 0));
        assert!(tail.is_due(10 << 20, 0), "what the start has replayed counts");
        tail.restart(10 << 20, 5 << 20, 0);
        assert!(!tail.is_due((30 << 20) - 1, 0));
        tail.leave_out(5);
        assert!(!tail.is_due(30 << 20, 0));
        assert!(tail.is_due((30 << 20) + 5, 0));
        let always = Tail::new(Duration::ZERO, Replayed::default(), 0);
        assert!(!always.is_due(0, 0), "nothing is new");
        assert!(always.is_due(1, 0));
    }

    #[test]
    fn heads_that_are_larger_than_the_tail_are_saved_seldom() {
        let took = Duration::from_secs(1);
        let tail = Tail::new(Duration::from_secs(2), Replayed { bytes: 10 << 20, took }, 0);
        tail.restart(0, 25 << 20, 7000);
        assert!(!tail.is_due((25 << 20) - 1, 7000), "saving may not write more than the log does");
        assert!(tail.is_due(25 << 20, 7000));
        let later = 7000 + 25 * 1024;
        assert!(!tail.is_due(20 << 20, later - 1));
        assert!(tail.is_due(20 << 20, later), "nor is it much in the time");
        assert!(!tail.is_due((20 << 20) - 1, later), "a replay takes no longer than it shall");
        assert!(!tail.is_due(20 << 20, -1), "a clock that was put back allows nothing");
    }
}
