//! One entry of the log.

use std::sync::Arc;

use nunatak_index::Labels;

use super::deletion::Deletion;

/// A series gets its reference once; samples then name it by the reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    /// Unique in its shard and tenant, ascending, never given again.
    pub reference: u64,
    /// What it stands for.
    pub labels: Labels,
}

/// Samples as columns of the same length.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Samples {
    /// Which series.
    pub references: Vec<u64>,
    /// When, in ms since the epoch.
    pub times: Vec<i64>,
    /// What, bit for bit.
    pub values: Vec<f64>,
}

impl Samples {
    /// Keeps the rows that `keep` says.
    pub(crate) fn retain(&mut self, keep: &[bool]) {
        fn column<T>(column: &mut Vec<T>, keep: &[bool]) {
            let mut keep = keep.iter();
            column.retain(|_| keep.next().is_none_or(|&k| k));
        }
        column(&mut self.references, keep);
        column(&mut self.times, keep);
        column(&mut self.values, keep);
    }
}

/// What a frame says.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Record {
    /// New series, then samples.
    Write {
        /// Series that the log did not know.
        definitions: Vec<Definition>,
        /// Samples in the order in which they came.
        samples: Samples,
    },
    /// Everything written so far with a time before this one goes into blocks.
    Cut {
        /// First time that stays, in ms.
        before: i64,
    },
    /// State that a checkpoint carries besides definitions.
    State {
        /// The next reference that the shard will give.
        next_reference: u64,
    },
    /// What was written so far and matches is hidden.
    Delete(Deletion),
    /// A delete is taken back: what it hid is there again.
    Undelete {
        /// The delete's id.
        id: u64,
    },
}

/// One entry of the log: a change of one tenant in one shard.
#[derive(Debug, Clone, PartialEq)]
pub struct Frame {
    /// The shard.
    pub shard: u16,
    /// The tenant's name; empty for the default tenant.
    pub tenant: Arc<str>,
    /// Log time in ms: the writer's clock, never going back.
    pub stamp: i64,
    /// The change.
    pub record: Record,
}
