//! The log on this machine.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use super::encode::EncodeScratch;
use super::frame::Frame;
use super::group_commit::{Goal, GroupCommit};
use super::recovery::{self, Recovered};
use super::replay::Replay;
use super::segment::SegmentWriter;
use super::{LetGo, Position, ReplayReport, Wants, WriteLog, checkpoint};
use crate::error::{Error, Result};
use crate::options::Durability;
use crate::storage::Storage;

/// Buffers for encoding that are kept for the next append.
const ENCODERS: usize = 16;

/// How a [`LocalWal`] is opened.
#[derive(Debug, Clone)]
pub struct WalOptions {
    durability: Durability,
    segment_bytes: u64,
    pending_bytes: u64,
}

impl Default for WalOptions {
    fn default() -> Self {
        let durability = Durability::default();
        Self { durability, segment_bytes: 64 << 20, pending_bytes: 64 << 20 }
    }
}

impl WalOptions {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// When a commit counts as done. Default: [`Durability::Fsync`].
    #[must_use]
    pub fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// Bytes after which a new segment begins. Default: 64 MiB.
    #[must_use]
    pub fn segment_bytes(mut self, bytes: u64) -> Self {
        self.segment_bytes = bytes;
        self
    }

    /// Bytes that may wait to be written before an append is refused with
    /// [`Error::Overloaded`](crate::Error::Overloaded). Default: 64 MiB.
    #[must_use]
    pub fn pending_bytes(mut self, bytes: u64) -> Self {
        self.pending_bytes = bytes;
        self
    }
}

#[derive(Debug)]
struct Encoder {
    scratch: EncodeScratch,
    body: Vec<u8>,
}

/// Segments and checkpoints in the folder `log` of a storage.
///
/// The caller holds the storage's lock. [`append`](WriteLog::append) orders frames and does not
/// touch the disk; [`commit`](WriteLog::commit) writes and syncs for everybody who waits.
#[derive(Debug)]
pub struct LocalWal {
    storage: Arc<dyn Storage>,
    recovered: Recovered,
    group: GroupCommit,
    checkpointing: Mutex<()>,
    encoders: Mutex<Vec<Encoder>>,
    written_bytes: Arc<AtomicU64>,
}

impl LocalWal {
    /// Opens the log, makes its folder if it is missing, and cuts a torn end (the report of
    /// [`replay`](WriteLog::replay) tells).
    ///
    /// # Errors
    /// If a file can't be read, cut or synced, or is of another version.
    #[expect(clippy::needless_pass_by_value, reason = "options are made for one call")]
    pub fn open(storage: Arc<dyn Storage>, options: WalOptions) -> Result<Self> {
        let recovered = recovery::recover(&*storage)?;
        let written_bytes = Arc::new(AtomicU64::new(0));
        let writer = SegmentWriter::new(
            Arc::clone(&storage),
            options.segment_bytes,
            recovered.last_frame,
            Arc::clone(&written_bytes),
        );
        let group =
            GroupCommit::new(options.durability, options.pending_bytes, recovered.last, writer);
        Ok(Self {
            storage,
            recovered,
            group,
            checkpointing: Mutex::new(()),
            encoders: Mutex::default(),
            written_bytes,
        })
    }

    /// Makes the next position higher than `position`.
    ///
    /// For an owner whose other files cover positions that the log has lost: without this they
    /// would be given again, and the new frames would look as if they were stored already.
    ///
    /// # Errors
    /// [`Error::Invalid`] if frames wait to be written.
    pub fn advance_to(&self, position: Position) -> Result<()> {
        self.group.advance_to(position.0)
    }

    /// The oldest position that must stay: both kept checkpoints must find their frames.
    fn keep_from(&self, at: u64, keep_from: u64, checkpoints: &[u64]) -> Result<u64> {
        let keep = keep_from.min(at + 1);
        let Some(&older) = checkpoints.iter().find(|&&older| older != at) else { return Ok(keep) };
        let of_older = checkpoint::keep_from(&*self.storage, older)?;
        Ok(of_older.map_or(keep, |of_older| keep.min(of_older).min(older + 1)))
    }
}

impl WriteLog for LocalWal {
    fn make_room(&self) -> Result<()> {
        self.group.probe()
    }

    fn append(&self, frame: &Frame) -> Result<Position> {
        let encoder = self.encoders.lock().pop();
        let mut encoder =
            encoder.unwrap_or_else(|| Encoder { scratch: <_>::default(), body: Vec::new() });
        encoder.body.clear();
        let encoded = frame.encode(&mut encoder.scratch, &mut encoder.body);
        let position = match encoded {
            Ok(()) => self.group.append(&encoder.body).map(Position),
            Err(error) => Err(Error::Invalid { what: error.to_string() }),
        };
        let mut encoders = self.encoders.lock();
        if encoders.len() < ENCODERS && encoder.body.capacity() < 1 << 20 {
            encoders.push(encoder);
        }
        position
    }

    fn commit(&self, position: Position) -> Result<()> {
        self.group.commit(position.0)
    }

    fn sync(&self) -> Result<()> {
        self.group.reach(self.group.last(), Goal::Synced)
    }

    fn seal(&self) -> Result<Position> {
        self.group.seal().map(Position)
    }

    /// While it runs nothing is written: `visit` must not commit.
    fn replay(
        &self,
        from: Position,
        visit: &mut dyn FnMut(Position, Frame) -> Result<()>,
    ) -> Result<ReplayReport> {
        self.group.while_still(|| Replay::new(&*self.storage, &self.recovered, from).run(visit))
    }

    fn replay_wanted(
        &self,
        let_go: LetGo,
        wants: &mut Wants<'_>,
        visit: &mut dyn FnMut(Position, Frame) -> Result<()>,
    ) -> Result<ReplayReport> {
        let replay = || {
            let replay = Replay::new(&*self.storage, &self.recovered, Position(0));
            replay.wanting(let_go, wants).run(visit)
        };
        self.group.while_still(replay)
    }

    fn checkpoint(
        &self,
        at: Position,
        keep_from: Position,
        frames: &mut dyn Iterator<Item = Frame>,
    ) -> Result<()> {
        let _alone = self.checkpointing.lock();
        // A checkpoint must not know more than the log.
        self.group.reach(at.0, Goal::Synced)?;
        // Nor stand for positions that were passed over: the next start would miss their frames.
        let at = at.0.min(self.group.last_frame());
        let keep = keep_from.0.min(at + 1);
        let written = checkpoint::write(&*self.storage, at, keep, frames)?;
        self.written_bytes.fetch_add(written, Ordering::Relaxed);
        let checkpoints = checkpoint::list(&*self.storage)?;
        let keep = self.keep_from(at, keep, &checkpoints)?;
        self.group.while_still(|| recovery::remove_segments(&*self.storage, keep))?;
        for &old in checkpoints.iter().skip(2) {
            let path = super::layout::checkpoint_path(old);
            self.storage.remove(&path).map_err(|error| Error::io("remove", path, error))?;
        }
        Ok(())
    }

    fn first(&self) -> Result<Position> {
        // Asked before the look: a segment that is made meanwhile begins behind it.
        let next = self.group.last() + 1;
        let first = recovery::segments(&*self.storage)?.first().copied();
        Ok(Position(first.unwrap_or(next)))
    }

    fn last(&self) -> Position {
        Position(self.group.last())
    }

    fn pending_bytes(&self) -> u64 {
        self.group.pending_bytes()
    }

    fn written_bytes(&self) -> u64 {
        self.written_bytes.load(Ordering::Relaxed)
    }
}
