//! Which stretch of the log the samples of a head still need.

use std::collections::VecDeque;

use crate::bytes::{Parsed, Reader, put_signed, put_varint};
use crate::log::Position;

/// Stretches are merged in pairs above this number: memory is bounded, the answer gets coarser
/// on the safe side.
const MAX_STRETCHES: usize = 1024;

#[derive(Debug, Clone, Copy)]
struct Stretch {
    first: Position,
    last: Position,
    newest: i64,
}

/// Stretches of the log with the newest sample time in each.
#[derive(Debug, Default)]
pub(crate) struct LogMarks(VecDeque<Stretch>);

impl LogMarks {
    /// Notes that the frame at `position` has samples up to the time `newest`. One that is noted
    /// already, because the head was read from a file, changes nothing.
    pub(crate) fn note(&mut self, position: Position, newest: i64) {
        if self.0.back().is_some_and(|last| position <= last.last) {
            return;
        }
        if self.0.len() >= MAX_STRETCHES {
            self.merge_pairs();
        }
        self.0.push_back(Stretch { first: position, last: position, newest });
    }

    /// Lets go of what a cut has put into blocks: samples before `before` in frames up to `at`.
    pub(crate) fn cut(&mut self, at: Position, before: i64) {
        self.0.retain(|stretch| stretch.last > at || stretch.newest >= before);
    }

    /// The first frame that is still needed.
    pub(crate) fn first_needed(&self) -> Option<Position> {
        self.0.front().map(|stretch| stretch.first)
    }

    /// Writes them into a saved head.
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        put_varint(out, self.0.len() as u64);
        for stretch in &self.0 {
            put_varint(out, stretch.first.0);
            put_varint(out, stretch.last.0);
            put_signed(out, stretch.newest);
        }
    }

    /// Reads what [`encode`](Self::encode) wrote.
    pub(super) fn decode(&mut self, reader: &mut Reader<'_>) -> Parsed<()> {
        for _ in 0..reader.count(1)? {
            let (first, last) = (Position(reader.varint()?), Position(reader.varint()?));
            self.0.push_back(Stretch { first, last, newest: reader.signed()? });
        }
        Ok(())
    }

    fn merge_pairs(&mut self) {
        let old: Vec<Stretch> = self.0.drain(..).collect();
        self.0.extend(old.chunks(2).map(|pair| match pair {
            [a, b] => Stretch { first: a.first, last: b.last, newest: a.newest.max(b.newest) },
            _ => pair[0],
        }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_what_no_cut_has_covered() {
        let mut marks = LogMarks::default();
        for position in 1..=10 {
            marks.note(Position(position), position as i64 * 100);
        }
        marks.cut(Position(8), 501);
        assert_eq!(marks.first_needed(), Some(Position(6)));
        marks.cut(Position(8), i64::MAX);
        assert_eq!(marks.first_needed(), Some(Position(9)));
        marks.cut(Position(10), i64::MAX);
        assert_eq!(marks.first_needed(), None);
    }

    #[test]
    fn stays_small_and_on_the_safe_side() {
        let mut marks = LogMarks::default();
        for position in 1..=100_000 {
            marks.note(Position(position), position as i64);
        }
        assert!(marks.0.len() <= MAX_STRETCHES);
        marks.cut(Position(50_000), i64::MAX);
        let first = marks.first_needed().unwrap();
        assert!(first <= Position(50_001), "{first:?}");
    }
}
