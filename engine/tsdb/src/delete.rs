//! Deletes: what is hidden until its bytes are given back.
//!
//! A delete is a record in the log and hides what was written before it, never after. A shard
//! remembers it as a *tombstone* with its log position d. Which samples are older is known without
//! looking at them:
//!
//! - A head numbers its *epochs*, and a delete ends one. What lies in the head was written under a
//!   known epoch: late samples carry theirs, chunks end where a delete touches their series.
//! - A block's precedence is the position of the cut that wrote it, P. All its samples are older
//!   than the delete if P ≤ d, and none of those that the delete hides is in it if P > d. A cut
//!   sees to the latter: hidden samples that may still come back go into blocks of their own, with
//!   the position d of their tombstone. Compaction sees to it, too: it does not merge across a
//!   tombstone before that is final.
//!
//! Until a delete is *final* it can be taken back. Then the hidden samples are dropped wherever
//! blocks are written, and blocks that have such samples are written again.

mod file;
mod tombstone;

use std::fmt;

use nunatak_index::Matcher;

use crate::time::TimeRange;
pub(crate) use file::{
    ASIDE, Loaded, MAGIC, MAX_BYTES, NAME, Remembered, check, check_at, load, store,
};
pub(crate) use tombstone::{Tombstone, Tombstones};

/// Names a delete; given by [`Db::delete`](crate::Db::delete), never twice but for
/// [`NOTHING`](Self::NOTHING).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeleteId(pub u64);

impl DeleteId {
    /// Given to a delete that had nothing to hide: there is nothing to take back.
    pub const NOTHING: Self = Self(0);
}

impl fmt::Display for DeleteId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A delete whose bytes are not all given back yet.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Delete {
    /// Its name.
    pub id: DeleteId,
    /// All of them match the series that are meant.
    pub matchers: Vec<Matcher>,
    /// Times of the samples that are meant.
    pub range: TimeRange,
    /// When it was ordered, by the database's clock, in ms.
    pub at_ms: i64,
    /// Whether it can still be taken back.
    pub is_undoable: bool,
}
