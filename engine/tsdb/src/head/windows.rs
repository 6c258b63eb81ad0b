//! Block windows of a head: which have samples, and when the last one came.

use std::collections::BTreeMap;

use super::series::Epoch;
use crate::bytes::{Parsed, Reader, put_signed, put_varint};
use crate::time::TimeRange;

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

/// Start of window → log time and epoch of its last sample.
#[derive(Debug, Default)]
pub(crate) struct Windows(BTreeMap<i64, (i64, Epoch)>);

impl Windows {
    /// Notes that a sample at `t` was written at log time `stamp` under `epoch`.
    pub(crate) fn note(&mut self, t: i64, stamp: i64, epoch: Epoch) {
        self.0.insert(window_of(t), (stamp, epoch));
    }

    /// Whether a window with samples overlaps the range.
    pub(super) fn overlap(&self, range: &TimeRange) -> bool {
        let next = self.0.range(window_of(range.start)..).next();
        next.is_some_and(|(&start, _)| start <= range.end)
    }

    /// The end of the newest window that is over and quiet at log time `now`: what lies before
    /// it can be cut. Older windows that are still written to are cut with it, at the price of
    /// another block for them later; they must not keep the newer ones from being cut.
    pub(crate) fn due(&self, now: i64) -> Option<i64> {
        let is_due = |&(start, (stamp, _)): &(&i64, &(i64, Epoch))| {
            window_end(*start) < now && stamp.saturating_add(QUIET_MS) <= now
        };
        let newest = self.0.iter().rev().find(is_due);
        newest.map(|(start, _)| window_end(*start).saturating_add(1))
    }

    /// Writes them into a saved head.
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        put_varint(out, self.0.len() as u64);
        for (&start, &(stamp, epoch)) in &self.0 {
            put_signed(out, start);
            put_signed(out, stamp);
            put_varint(out, epoch.into());
        }
    }

    /// Reads what [`encode`](Self::encode) wrote.
    pub(super) fn decode(&mut self, reader: &mut Reader<'_>) -> Parsed<()> {
        for _ in 0..reader.count(1)? {
            let (start, stamp) = (reader.signed()?, reader.signed()?);
            self.0.insert(start, (stamp, reader.number()?));
        }
        Ok(())
    }

    /// Forgets the windows before `before` that were not written to after `epoch`.
    pub(crate) fn cut(&mut self, before: i64, epoch: Epoch) {
        self.0.retain(|start, (_, last)| *start >= before || *last > epoch);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000;

    #[test]
    fn a_window_is_due_when_it_is_over_and_quiet() {
        let mut windows = Windows::default();
        windows.note(HOUR, HOUR, 0);
        assert_eq!(windows.due(HOUR + 1), None, "not over");
        assert_eq!(windows.due(3 * HOUR), Some(2 * HOUR));
        windows.note(HOUR + 5, 3 * HOUR, 0);
        assert_eq!(windows.due(3 * HOUR + 1), None, "a late sample came");
        windows.note(3 * HOUR, 3 * HOUR, 0);
        assert_eq!(windows.due(4 * HOUR - 1), Some(2 * HOUR), "the next is not over");
        windows.cut(2 * HOUR, 0);
        assert_eq!(windows.due(9 * HOUR), Some(4 * HOUR));
        windows.note(3 * HOUR, 5 * HOUR, 1);
        windows.cut(i64::MAX, 0);
        assert_eq!(windows.due(9 * HOUR), Some(4 * HOUR), "it was written to after the cut");
    }

    #[test]
    fn windows_near_a_range_are_found() {
        let mut windows = Windows::default();
        windows.note(3 * HOUR, 0, 0);
        let overlap = |start, end| windows.overlap(&TimeRange { start, end });
        assert!(overlap(2 * HOUR, 2 * HOUR) && overlap(0, 5 * HOUR) && overlap(i64::MIN, i64::MAX));
        assert!(!overlap(0, 2 * HOUR - 1) && !overlap(4 * HOUR, i64::MAX));
    }

    #[test]
    fn a_trickle_into_an_old_window_does_not_hold_up_the_newer_ones() {
        let mut windows = Windows::default();
        windows.note(3 * HOUR, 3 * HOUR, 0);
        windows.note(HOUR, 9 * HOUR, 0);
        assert_eq!(windows.due(9 * HOUR), Some(4 * HOUR));
    }

    #[test]
    fn times_before_the_epoch_have_windows_too() {
        assert_eq!((window_of(-1), window_end(-1)), (-2 * HOUR, -1));
        assert_eq!(window_of(0), 0);
    }
}
