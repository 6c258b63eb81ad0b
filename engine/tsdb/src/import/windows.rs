//! Which block a sample goes into.

use crate::compact::{DEFAULT_LEVELS, window_of};
use crate::time::TimeRange;

/// The windows of an import's blocks: the widest ones for days that are over, so that nothing is
/// left to compact, and the narrowest from today on, where the heads write blocks too.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Windows {
    /// First ms of today.
    today: i64,
}

impl Windows {
    pub(crate) fn new(now_ms: i64) -> Self {
        Self { today: window_of(now_ms, width(DEFAULT_LEVELS.len() - 1)).start }
    }

    /// The window that `t` lies in. Windows do not overlap, so the start names one.
    pub(super) fn of(self, t: i64) -> TimeRange {
        let level = if t < self.today { DEFAULT_LEVELS.len() - 1 } else { 0 };
        window_of(t, width(level))
    }
}

fn width(level: usize) -> i64 {
    DEFAULT_LEVELS.get(level).copied().unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_before_today_are_one_window_and_today_is_cut() {
        const H: i64 = 3_600_000;
        let windows = Windows::new(49 * H);
        assert_eq!(windows.of(47 * H), TimeRange::new(24 * H, 48 * H - 1));
        assert_eq!(windows.of(48 * H), TimeRange::new(48 * H, 50 * H - 1));
        assert_eq!(windows.of(100 * H), TimeRange::new(100 * H, 102 * H - 1));
        assert_eq!(windows.of(-1), TimeRange::new(-24 * H, -1));
        assert!(windows.of(i64::MIN).contains(i64::MIN) && windows.of(i64::MAX).contains(i64::MAX));
    }
}
