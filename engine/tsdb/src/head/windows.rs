//! Block windows of a head: which have samples, and when the last one came.

use std::collections::BTreeMap;

/// Length of the shortest block, 2 h in ms; windows are aligned to the epoch.
pub(crate) const WINDOW_MS: i64 = 2 * 60 * 60 * 1000;
/// A window is cut when no sample fell into it for so long (log time, ms).
const QUIET_MS: i64 = 30 * 60 * 1000;

/// Start of the window that `t` lies in.
pub(crate) fn window_of(t: i64) -> i64 {
    t.div_euclid(WINDOW_MS).saturating_mul(WINDOW_MS)
}

/// Last millisecond of the window that `t` lies in.
pub(crate) fn window_end(t: i64) -> i64 {
    window_of(t).saturating_add(WINDOW_MS - 1)
}

/// Start of window → log time of its last sample.
#[derive(Debug, Default)]
pub(crate) struct Windows(BTreeMap<i64, i64>);

impl Windows {
    /// Notes that a sample at `t` was written at log time `stamp`.
    pub(crate) fn note(&mut self, t: i64, stamp: i64) {
        self.0.insert(window_of(t), stamp);
    }

    /// The end of the oldest windows that are all over and quiet at log time `now`: what lies
    /// before it can be cut. `None` if the oldest window is still in use.
    pub(crate) fn due(&self, now: i64) -> Option<i64> {
        let is_due = |&(start, stamp): &(&i64, &i64)| {
            window_end(*start) < now && stamp.saturating_add(QUIET_MS) <= now
        };
        let last = self.0.iter().take_while(is_due).last();
        last.map(|(start, _)| window_end(*start).saturating_add(1))
    }

    /// Forgets the windows before `before`.
    pub(crate) fn cut(&mut self, before: i64) {
        self.0 = self.0.split_off(&before);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000;

    #[test]
    fn a_window_is_due_when_it_is_over_and_quiet() {
        let mut windows = Windows::default();
        windows.note(HOUR, HOUR);
        assert_eq!(windows.due(HOUR + 1), None, "not over");
        assert_eq!(windows.due(3 * HOUR), Some(2 * HOUR));
        windows.note(HOUR + 5, 3 * HOUR);
        assert_eq!(windows.due(3 * HOUR + 1), None, "a late sample came");
        windows.note(3 * HOUR, 3 * HOUR);
        assert_eq!(windows.due(4 * HOUR - 1), Some(2 * HOUR), "the next is not over");
        windows.cut(2 * HOUR);
        assert_eq!(windows.due(9 * HOUR), Some(4 * HOUR));
    }

    #[test]
    fn times_before_the_epoch_have_windows_too() {
        assert_eq!((window_of(-1), window_end(-1)), (-2 * HOUR, -1));
        assert_eq!(window_of(0), 0);
    }
}
