//! The log: every logical change, in order, before it is applied.
//!
//! [`WriteLog`] hides where the log is: segments on this machine, memory in tests, a replicated
//! stream in a cluster. A [`Frame`] is the unit of the log, of replication and of `apply`.

mod aside;
mod checkpoint;
mod columns;
mod decode;
mod deletion;
mod encode;
mod error;
mod frame;
mod group_commit;
mod layout;
mod local;
mod memory;
mod recovery;
mod replay;
mod scan;
mod segment;
mod texts;
mod verify;

use std::fmt::Debug;

pub use decode::DecodeScratch;
pub use deletion::Deletion;
pub use encode::EncodeScratch;
pub use error::FrameError;
pub use frame::{Definition, Frame, Record, Samples};
pub(crate) use layout::{parse_checkpoint as checkpoint_of, parse_segment as segment_of};
pub use local::{LocalWal, WalOptions};
pub use memory::MemoryLog;
pub(crate) use verify::{
    LogCheck, check_checkpoint, check_checkpoint_at, check_segment, check_segment_at,
};

use crate::error::Result;

/// The place of a frame in the log; the first is 1, each next one is higher by one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Position(pub u64);

/// What a replay met besides good frames.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReplayReport {
    /// Frames that were visited.
    pub frames: u64,
    /// The torn end that was cut: file, offset, bytes.
    pub torn: Option<(String, u64, u64)>,
    /// Bad stretches in the middle that were put aside: file, offset, bytes. They had been synced.
    pub quarantined: Vec<(String, u64, u64)>,
    /// Bad stretches in the middle that were put aside and that nothing proves to have been
    /// synced: after a power loss these are frames that were never acknowledged (or only as far
    /// as the durability promises). File, offset, bytes.
    pub unsynced: Vec<(String, u64, u64)>,
    /// Positions, first and last, that should be there and of which no file is left.
    pub missing: Vec<(u64, u64)>,
    /// Checkpoints that could not be used, and why.
    pub bad_checkpoints: Vec<(String, String)>,
    /// The checkpoint that was visited.
    pub checkpoint: Option<Position>,
    /// The first frame that this checkpoint has not let go of.
    pub kept_from: Position,
    /// Samples whose series nothing defines any more: their definition was in a bad stretch.
    pub orphans: u64,
}

/// Says of a frame at a position, of so many bytes, whether it is wanted. Its shard and tenant are
/// told if they can be read without decompressing it; otherwise it is visited in any case.
pub type Wants<'a> = dyn FnMut(Position, Option<(u16, &str)>, usize) -> bool + 'a;

/// What a replay does with frames from before the first one that the checkpoint keeps, which may
/// still be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LetGo {
    /// They are left out: they may name series that nothing defines any more.
    Skip,
    /// They are visited: of what was damaged elsewhere they may be all that there is. Records of
    /// deletes are left out all the same: they are kept elsewhere.
    Visit,
}

/// An ordered, durable sequence of frames.
pub trait WriteLog: Debug + Send + Sync {
    /// If the log takes nothing because too much waits to be written, tries to write it. Callers
    /// of [`append`](Self::append) that hold up others ask before: it would do the same, and may
    /// wait for the disk.
    ///
    /// # Errors
    /// If it can't be written.
    fn make_room(&self) -> Result<()> {
        Ok(())
    }

    /// Puts a frame at the end and returns its position. It is ordered, not yet durable.
    ///
    /// # Errors
    /// If the log is poisoned, full or closed; nothing was then added.
    fn append(&self, frame: &Frame) -> Result<Position>;

    /// Waits until everything up to `position` is as durable as the log was opened for.
    ///
    /// # Errors
    /// If it can't become durable; the frames may or may not survive.
    fn commit(&self, position: Position) -> Result<()>;

    /// Returns when everything appended so far is synced to the disk.
    ///
    /// # Errors
    /// If the sync fails.
    fn sync(&self) -> Result<()>;

    /// Ends the file that is being written; returns the last position that was written. Everything
    /// up to it, and nothing else, is then synced and in files that no later append changes.
    ///
    /// # Errors
    /// If the sync fails.
    fn seal(&self) -> Result<Position>;

    /// Visits the newest checkpoint's frames (all with the checkpoint's position) and then every
    /// frame from `from` on, in order.
    ///
    /// If `from` is further than the checkpoint, the frames between the two are visited with
    /// their definitions and state only, so that no series is unknown. A definition may come
    /// twice: in the checkpoint and in a later frame.
    ///
    /// # Errors
    /// If the log can't be read, or `visit` fails. Torn and corrupt parts are no errors: they are
    /// in the report.
    fn replay(
        &self,
        from: Position,
        visit: &mut dyn FnMut(Position, Frame) -> Result<()>,
    ) -> Result<ReplayReport>;

    /// As [`replay`](Self::replay) from the first frame, but frames that `wants` does not want
    /// may be left out: they are then not decoded. So may those that were let go of.
    ///
    /// # Errors
    /// As [`replay`](Self::replay).
    fn replay_wanted(
        &self,
        let_go: LetGo,
        wants: &mut Wants<'_>,
        visit: &mut dyn FnMut(Position, Frame) -> Result<()>,
    ) -> Result<ReplayReport> {
        let _ = (let_go, wants);
        self.replay(Position(0), visit)
    }

    /// Writes a checkpoint (all live definitions, as frames) that stands for everything that the
    /// log knew at `at`, and lets go of segments that lie wholly before `keep_from`.
    ///
    /// # Errors
    /// If it can't be written; the older checkpoint then stays.
    fn checkpoint(
        &self,
        at: Position,
        keep_from: Position,
        frames: &mut dyn Iterator<Item = Frame>,
    ) -> Result<()>;

    /// The first position that a replay may visit: what lies before it is gone, for good once the
    /// next checkpoint is written.
    ///
    /// # Errors
    /// If the log can't be listed.
    fn first(&self) -> Result<Position>;

    /// The position of the last frame, 0 if there is none.
    fn last(&self) -> Position;

    /// Bytes that were appended and are not yet written to the operating system.
    fn pending_bytes(&self) -> u64;

    /// Bytes that were written to the operating system since the log was opened.
    fn written_bytes(&self) -> u64;
}
