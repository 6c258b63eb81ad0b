//! How often a series is written, and when it counts as idle.

use nunatak_codec::OpenChunk;

/// Longest interval that is told apart, in ms: 12 days.
const LONGEST: u32 = (1 << 30) - 1;
/// The last sample says that the series has ended.
const ENDED: u32 = 1 << 30;
/// The samples are being copied away, and none came since.
const LEAVING: u32 = 1 << 31;

/// Prometheus' stale marker: a NaN with a payload of its own.
const STALE_BITS: u64 = 0x7ff0_0000_0000_0002;

const MINUTE_MS: i64 = 60_000;
/// A series leaves when it was not written for so long, or for twice its own interval,
const IDLE_MS: i64 = 15 * MINUTE_MS;
/// but at most for so long.
const LONGEST_IDLE_MS: i64 = 2 * 60 * MINUTE_MS;
/// One that has ended leaves after so long.
const ENDED_MS: i64 = 2 * MINUTE_MS;
/// What twice the own interval is at least when memory is short.
const PRESSED_MS: i64 = 15_000;

/// When a series counts as idle.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Idle {
    pub(crate) patience: Patience,
    /// Time of the newest sample of all of the tenant's series, in ms.
    pub(crate) now: i64,
}

/// How soon it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Patience {
    /// After 15 min or twice its own interval, at most 2 h; 2 min after a stale marker.
    Calm,
    /// After twice its own interval. One with a single sample has not shown that it will be
    /// written again.
    Pressed,
    /// When another series was written after it, or it has a single sample.
    Urgent,
}

/// The last interval between two samples in order, in ms (0: there was one sample at most), and two
/// notes, in four bytes: there is one of these for each of millions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Rhythm(u32);

impl Rhythm {
    /// What the open chunk of a series tells: the mean interval.
    pub(super) fn of(open: &OpenChunk) -> Self {
        let (Some(first), Some((last, bits))) = (open.first_time(), open.last()) else {
            return Self::default();
        };
        let intervals = open.len().saturating_sub(1).max(1) as u64;
        let interval = (last.abs_diff(first) / intervals).min(u64::from(LONGEST)) as u32;
        Self(interval | if bits == STALE_BITS { ENDED } else { 0 })
    }

    /// Notes a sample of a series whose newest one was at `newest`.
    pub(super) fn note(&mut self, newest: Option<i64>, time: i64, value: f64) {
        let interval = match newest {
            None => 0,
            Some(newest) if time > newest => time.abs_diff(newest).min(u64::from(LONGEST)) as u32,
            Some(_) => {
                self.0 &= !LEAVING;
                return;
            }
        };
        let ended = if value.to_bits() == STALE_BITS { ENDED } else { 0 };
        self.0 = interval | ended;
    }

    pub(super) fn mark_leaving(&mut self) {
        self.0 |= LEAVING;
    }

    /// Whether no sample came since the mark.
    pub(super) fn is_leaving(self) -> bool {
        self.0 & LEAVING != 0
    }

    fn interval(self) -> i64 {
        i64::from(self.0 & LONGEST)
    }

    /// Whether a series whose newest sample is at `newest` is idle.
    pub(super) fn is_idle(self, idle: Idle, newest: Option<i64>) -> bool {
        let Some(newest) = newest else { return true };
        let patience = match idle.patience {
            Patience::Calm if self.0 & ENDED != 0 => ENDED_MS,
            Patience::Calm => (2 * self.interval()).clamp(IDLE_MS, LONGEST_IDLE_MS),
            _ if self.interval() == 0 => return true,
            Patience::Pressed => (2 * self.interval()).clamp(PRESSED_MS, LONGEST_IDLE_MS),
            Patience::Urgent => 0,
        };
        newest < idle.now.saturating_sub(patience)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_700_000_000_000;

    /// A series with samples so many ms before `NOW`; the last one has the value `last`.
    fn series(ago: &[i64], last: f64) -> (Rhythm, Option<i64>) {
        let (mut rhythm, mut newest) = (Rhythm::default(), None);
        for ago in ago {
            rhythm.note(newest, NOW - ago, last);
            newest = newest.max(Some(NOW - ago));
        }
        (rhythm, newest)
    }

    fn is_idle(patience: Patience, ago: &[i64]) -> bool {
        let (rhythm, newest) = series(ago, 1.0);
        rhythm.is_idle(Idle { patience, now: NOW }, newest)
    }

    #[test]
    fn a_series_is_idle_after_a_quarter_of_an_hour_or_twice_its_interval() {
        let minutes = |m: i64| m * MINUTE_MS;
        assert!(!is_idle(Patience::Calm, &[minutes(15)]));
        assert!(is_idle(Patience::Calm, &[minutes(15) + 1]));
        assert!(!is_idle(Patience::Calm, &[minutes(40), minutes(20)]));
        assert!(is_idle(Patience::Calm, &[minutes(61), minutes(41)]));
        assert!(!is_idle(Patience::Calm, &[minutes(700), minutes(119)]));
        assert!(is_idle(Patience::Calm, &[minutes(700), minutes(121)]), "two hours at most");
    }

    #[test]
    fn one_that_has_ended_leaves_soon_unless_it_comes_back() {
        let calm = Idle { patience: Patience::Calm, now: NOW };
        let (mut rhythm, newest) = series(&[121_000], f64::from_bits(STALE_BITS));
        assert!(rhythm.is_idle(calm, newest));
        assert!(!rhythm.is_idle(Idle { now: NOW - 2000, ..calm }, newest));
        rhythm.note(newest, NOW - 120_500, 1.0);
        assert!(!rhythm.is_idle(calm, Some(NOW - 120_500)));
    }

    #[test]
    fn when_memory_is_short_a_single_sample_is_no_promise() {
        assert!(is_idle(Patience::Pressed, &[0]) && is_idle(Patience::Urgent, &[0]));
        assert!(!is_idle(Patience::Pressed, &[30_000, 15_000]));
        assert!(is_idle(Patience::Pressed, &[45_001, 30_001]));
        assert!(
            is_idle(Patience::Urgent, &[30_000, 15_000])
                && !is_idle(Patience::Urgent, &[15_000, 0])
        );
    }

    #[test]
    fn every_write_takes_the_mark_back() {
        for (time, what) in [(NOW - 5, "late"), (NOW, "again"), (NOW + 5, "in order")] {
            let (mut rhythm, newest) = series(&[0], 1.0);
            rhythm.mark_leaving();
            assert!(rhythm.is_leaving());
            rhythm.note(newest, time, 2.0);
            assert!(!rhythm.is_leaving(), "{what}");
        }
    }
}
