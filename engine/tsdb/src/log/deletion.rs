//! What a delete says, and its bytes.
#![deny(clippy::indexing_slicing, reason = "reads bytes that may be hostile")]

use nunatak_index::{MatchOp, Matcher};

use super::error::FrameError;
use crate::bytes::{Reader, put_bytes, put_signed, put_varint};
use crate::time::TimeRange;

/// The most matchers that a delete may have.
pub(crate) const MAX_MATCHERS: usize = 64;
/// The most bytes that its patterns may take when they are compiled: a replay compiles them again.
pub(crate) const MAX_COMPILED: usize = 32 << 20;

/// A delete as the log has it: it hides what was written before it, never after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deletion {
    /// Names the delete; the same in all shards.
    pub id: u64,
    /// All of them match the series that are meant. At least one, at most 64.
    pub matchers: Vec<Matcher>,
    /// Times of the samples that are meant.
    pub range: TimeRange,
}

impl Deletion {
    /// About the bytes that it takes in a file, a few more at most.
    pub(crate) fn file_bytes(&self) -> usize {
        /// Numbers and lengths, of a delete and of a matcher.
        const REST: usize = 64;
        let matchers = self.matchers.iter();
        matchers.map(|m| m.name().len() + m.value().len() + REST).sum::<usize>() + REST
    }

    /// Whether the delete could be read back from the log.
    pub(crate) fn check(&self) -> Result<(), &'static str> {
        if self.matchers.is_empty() {
            return Err("a delete has no matcher");
        }
        if self.matchers.len() > MAX_MATCHERS {
            return Err("a delete has more than 64 matchers");
        }
        if self.matchers.iter().map(Matcher::compiled_bytes).sum::<usize>() > MAX_COMPILED {
            return Err("the patterns of a delete need more than 32 MiB");
        }
        Ok(())
    }

    pub(super) fn put(&self, out: &mut Vec<u8>) -> Result<(), FrameError> {
        self.check().map_err(|what| FrameError::Malformed { what })?;
        put_varint(out, self.id);
        put_signed(out, self.range.start);
        put_signed(out, self.range.end);
        put_varint(out, self.matchers.len() as u64);
        for matcher in &self.matchers {
            out.push(code(matcher.op()));
            put_bytes(out, matcher.name().as_bytes());
            put_bytes(out, matcher.value().as_bytes());
        }
        Ok(())
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, FrameError> {
        let malformed = |what| FrameError::Malformed { what };
        let id = reader.varint()?;
        let range = TimeRange::new(reader.signed()?, reader.signed()?);
        let count = reader.count(3)?;
        let mut deletion = Self { id, matchers: Vec::new(), range };
        // One at a time, so that what patterns cost stays bounded.
        for _ in 0..count {
            let op = op(reader.byte()?).ok_or(malformed("a matcher compares in an unknown way"))?;
            let (name, value) = (reader.text()?, reader.text()?);
            let matcher = Matcher::new(name, op, value);
            let matcher = matcher.map_err(|_| malformed("a matcher's pattern is no pattern"))?;
            deletion.matchers.push(matcher);
            deletion.check().map_err(malformed)?;
        }
        deletion.check().map_err(malformed)?;
        Ok(deletion)
    }
}

fn code(op: MatchOp) -> u8 {
    match op {
        MatchOp::Equal => 0,
        MatchOp::NotEqual => 1,
        MatchOp::Regex => 2,
        MatchOp::NotRegex => 3,
    }
}

fn op(code: u8) -> Option<MatchOp> {
    let ops = [MatchOp::Equal, MatchOp::NotEqual, MatchOp::Regex, MatchOp::NotRegex];
    ops.get(usize::from(code)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_comparison_has_its_code() {
        for byte in 0..4 {
            assert_eq!(op(byte).map(code), Some(byte));
        }
        assert_eq!(op(4), None);
    }
}
