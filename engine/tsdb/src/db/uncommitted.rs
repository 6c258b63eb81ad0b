//! What is stored and still has to reach the disk.

use std::sync::Arc;

use super::admission::Admitted;
use super::open::Inner;
use crate::batch::Outcome;
use crate::error::Result;
use crate::log::Position;

/// A request whose samples are stored and can be queried, but may be lost with the process until
/// [`commit`](Self::commit) returns.
///
/// So one thread can append while another waits for the disk. All that is appended before a sync
/// begins takes part in it: of many that are committed in the order in which they were appended,
/// most need not wait.
///
/// Dropped without it, the samples become durable with whatever is committed next, at the latest
/// when the database is closed.
#[derive(Debug)]
#[must_use = "nothing is durable before `commit`"]
pub struct Uncommitted {
    pub(super) inner: Arc<Inner>,
    /// Where the last of it is in the log.
    pub(super) last: Option<Position>,
    /// Its room in the queue.
    pub(super) admitted: Option<Admitted>,
    pub(super) outcome: Outcome,
}

impl Uncommitted {
    /// Waits until all is as durable as the database was opened for; as
    /// [`Db::append`](crate::Db::append).
    ///
    /// # Errors
    /// As [`Db::append`](crate::Db::append).
    pub fn commit(self) -> Result<Outcome> {
        if let Some(last) = self.last {
            self.inner.log().commit(last)?;
        }
        drop(self.admitted);
        self.inner.count(&self.outcome);
        Ok(self.outcome)
    }
}
