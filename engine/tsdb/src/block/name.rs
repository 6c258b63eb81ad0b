//! The name of a block's folder: `<min>-<max>-<sequence>-<first 16 hex of content hash>`.

use std::fmt;

use crate::time::TimeRange;

/// What a block's folder is called, and what can be known of a block without opening it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockName {
    /// The window that the block stands for.
    pub range: TimeRange,
    /// Ascending in a shard; of two blocks with the same log positions the higher one counts.
    pub sequence: u64,
    /// The first 64 bits of the hash of the block's content.
    pub hash: u64,
}

/// What tells a block from all others of its folder: the end of its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct BlockId {
    /// As in the [name](BlockName::sequence).
    pub sequence: u64,
    /// As in the [name](BlockName::hash).
    pub hash: u64,
}

impl BlockName {
    /// The end of the name.
    #[must_use]
    pub fn id(&self) -> BlockId {
        BlockId { sequence: self.sequence, hash: self.hash }
    }

    /// Reads a folder's name; `None` if it is not that of a block.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        let (start, rest) = integer(name)?;
        let (end, rest) = integer(rest.strip_prefix('-')?)?;
        let (sequence, hash) = rest.strip_prefix('-')?.split_once('-')?;
        let parsed = Self {
            range: TimeRange::new(start, end),
            sequence: sequence.parse().ok()?,
            hash: u64::from_str_radix(hash, 16).ok()?,
        };
        (parsed.to_string() == name).then_some(parsed)
    }
}

/// An integer at the front and what follows.
fn integer(text: &str) -> Option<(i64, &str)> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    let (number, rest) = text.split_at_checked(text.len() - digits.len() + end)?;
    Some((number.parse().ok()?, rest))
}

impl fmt::Display for BlockName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { range, sequence, hash } = self;
        write!(f, "{}-{}-{sequence}-{hash:016x}", range.start, range.end)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn names_come_back(start: i64, end: i64, sequence: u64, hash: u64) {
            let name = BlockName { range: TimeRange::new(start, end), sequence, hash };
            prop_assert_eq!(BlockName::parse(&name.to_string()), Some(name));
        }
    }

    #[test]
    fn other_names_are_none() {
        let good = "-5-10-3-00000000000000ff";
        assert!(BlockName::parse(good).is_some());
        for bad in [
            "",
            "-",
            "tmp-5-10-3",
            "5-10-3",
            "5-10-3-ff",
            "+5-10-3-00000000000000ff",
            "05-10-3-00000000000000ff",
            "5-10-3-00000000000000FF",
            "5-10-3-0000000000000ff-1",
            "quarantine-5-10-3-00000000000000ff",
            "5--3-00000000000000ff",
            "é",
        ] {
            assert_eq!(BlockName::parse(bad), None, "{bad}");
        }
    }
}
