//! Many writers, one sync.
//!
//! Frames gather in a buffer. The first writer that waits becomes the leader: it takes the whole
//! buffer, writes it with one append, syncs once, and wakes all that are covered; those that came
//! meanwhile find a leader among themselves. There is no thread of its own (leader and followers:
//! DeWitt et al. 1984 on group commit; LevelDB's writer queue).
//!
//! A batch that can't be written for a passing reason (a full disk) goes back to the front of the
//! buffer: its frames may already be applied in memory, so their order and positions must stay. Its
//! writers get the error; the next commit tries the same bytes again, and when it succeeds those
//! frames are durable although their writers were told otherwise; a repeat of them is a no-op.

use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex, MutexGuard};

use super::layout::{FrameHeader, MAX_POSITION};
use super::segment::{Failure, SegmentWriter};
use crate::error::{Error, Result};
use crate::options::Durability;

/// How long appends are refused without a try after the disk was full.
const FULL_PAUSE: Duration = Duration::from_millis(100);
/// A buffer with more room than this is given back after use.
const SPARE_BYTES: usize = 4 << 20;

/// How far a position must have come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Goal {
    /// The operating system has it.
    Written,
    /// The disk has it.
    Synced,
}

#[derive(Debug)]
struct State {
    /// Frames that are not written.
    buffer: Vec<u8>,
    spare: Vec<u8>,
    /// Position of the first frame in the buffer.
    first: u64,
    last: u64,
    written: u64,
    synced: u64,
    last_sync: Instant,
    is_led: bool,
    /// Bytes that the leader has taken.
    in_flight: usize,
    /// Attempts to write that have ended.
    attempts: u64,
    failed: Option<Failed>,
    full_since: Option<Instant>,
    poisoned: Option<String>,
}

/// The last attempt that failed for a passing reason.
#[derive(Debug)]
struct Failed {
    attempt: u64,
    last: u64,
    kind: io::ErrorKind,
    path: PathBuf,
    what: String,
}

impl Failed {
    fn error(&self) -> Error {
        Error::io("append", &self.path, io::Error::new(self.kind, self.what.clone()))
    }
}

impl State {
    fn reached(&self, goal: Goal) -> u64 {
        match goal {
            Goal::Written => self.written,
            Goal::Synced => self.synced,
        }
    }

    fn pending(&self) -> u64 {
        (self.buffer.len() + self.in_flight) as u64
    }

    fn check_poison(&self) -> Result<()> {
        match &self.poisoned {
            Some(cause) => Err(Error::Poisoned { cause: cause.clone() }),
            None => Ok(()),
        }
    }
}

/// The order of frames and their way to the disk.
#[derive(Debug)]
pub(super) struct GroupCommit {
    durability: Durability,
    pending_limit: u64,
    state: Mutex<State>,
    changed: Condvar,
    writer: Mutex<SegmentWriter>,
}

impl GroupCommit {
    /// Goes on behind `last`, which is synced.
    pub(super) fn new(
        durability: Durability,
        pending_limit: u64,
        last: u64,
        writer: SegmentWriter,
    ) -> Self {
        let state = State {
            buffer: Vec::new(),
            spare: Vec::new(),
            first: last + 1,
            last,
            written: last,
            synced: last,
            last_sync: Instant::now(),
            is_led: false,
            in_flight: 0,
            attempts: 0,
            failed: None,
            full_since: None,
            poisoned: None,
        };
        let (state, writer) = (Mutex::new(state), Mutex::new(writer));
        Self { durability, pending_limit, state, changed: Condvar::new(), writer }
    }

    /// Puts an encoded frame at the end.
    pub(super) fn append(&self, body: &[u8]) -> Result<u64> {
        self.probe()?;
        let body_crc = crc32c::crc32c(body);
        let mut state = self.state.lock();
        state.check_poison()?;
        if state.pending() >= self.pending_limit {
            let (pending_bytes, limit_bytes) = (state.pending(), self.pending_limit);
            return Err(Error::Overloaded { pending_bytes, limit_bytes });
        }
        let position = state.last + 1;
        check_position(position)?;
        let (len, synced) = (body.len() as u32, state.synced);
        let header = FrameHeader { len, position, synced, body_crc };
        state.buffer.extend_from_slice(&header.encode());
        state.buffer.extend_from_slice(body);
        state.last = position;
        Ok(position)
    }

    /// After the disk was full, or when too much waits and nobody writes it, nothing is added
    /// until a write of what waits succeeds.
    pub(super) fn probe(&self) -> Result<()> {
        let state = self.state.lock();
        let is_stuck = state.pending() >= self.pending_limit && !state.is_led;
        match (state.full_since, &state.failed) {
            (None, _) if !is_stuck => return Ok(()),
            (Some(since), Some(failed)) if since.elapsed() < FULL_PAUSE => {
                return Err(failed.error());
            }
            _ => {}
        }
        let last = state.last;
        drop(state);
        self.reach(last, Goal::Written)
    }

    /// Waits until `position` is as durable as the log was opened for.
    pub(super) fn commit(&self, position: u64) -> Result<()> {
        match self.durability {
            Durability::Fsync => self.reach(position, Goal::Synced),
            Durability::Interval(_) | Durability::Os => self.reach(position, Goal::Written),
        }
    }

    /// Waits until `position` has come as far as `goal`.
    pub(super) fn reach(&self, position: u64, goal: Goal) -> Result<()> {
        let mut state = self.state.lock();
        if position > state.last {
            let what = format!("position {position} is behind the log's end {}", state.last);
            return Err(Error::Invalid { what });
        }
        let begin = state.attempts;
        loop {
            if state.reached(goal) >= position {
                return Ok(());
            }
            state.check_poison()?;
            if state.is_led {
                self.changed.wait(&mut state);
                let mine = |failed: &&Failed| failed.attempt > begin && failed.last >= position;
                if state.reached(goal) < position
                    && let Some(failed) = state.failed.as_ref().filter(mine)
                {
                    return Err(failed.error());
                }
            } else {
                let sync = self.wants_sync(&state, goal);
                state = self.lead(state, sync)?;
            }
        }
    }

    fn wants_sync(&self, state: &State, goal: Goal) -> bool {
        match self.durability {
            Durability::Fsync => true,
            Durability::Interval(every) => {
                goal == Goal::Synced || state.last_sync.elapsed() >= every
            }
            Durability::Os => goal == Goal::Synced,
        }
    }

    /// Writes everything that waits, without holding up those who append.
    fn lead<'a>(
        &'a self,
        mut state: MutexGuard<'a, State>,
        sync: bool,
    ) -> Result<MutexGuard<'a, State>> {
        let spare = std::mem::take(&mut state.spare);
        let batch = std::mem::replace(&mut state.buffer, spare);
        let (first, last) = (state.first, state.last);
        state.first = last + 1;
        state.in_flight = batch.len();
        state.is_led = true;
        drop(state);

        let result = self.write(&batch, first, last, sync);

        let mut state = self.state.lock();
        state.is_led = false;
        state.in_flight = 0;
        state.attempts += 1;
        let outcome = match result {
            Ok(()) => {
                settle(&mut state, batch, last, sync);
                Ok(())
            }
            Err(Failure::Passing(error)) => {
                put_back(&mut state, batch, first, last, &error);
                Err(error)
            }
            Err(Failure::Lasting(error)) => Err(poison(&mut state, &error)),
        };
        self.changed.notify_all();
        outcome.map(|()| state)
    }

    fn write(
        &self,
        batch: &[u8],
        first: u64,
        last: u64,
        sync: bool,
    ) -> std::result::Result<(), Failure> {
        let mut writer = self.writer.lock();
        if !batch.is_empty() {
            writer.write(batch, first, last)?;
        }
        if sync { writer.sync() } else { Ok(()) }
    }

    /// Ends the segment that is written; returns the last position in it.
    pub(super) fn seal(&self) -> Result<u64> {
        // Writers that come meanwhile are then held up for what little the second sync has to do.
        self.reach(self.last(), Goal::Synced)?;
        let sealed = self.writer.lock().seal();
        sealed.map_err(|failure| match failure {
            Failure::Passing(error) => error,
            Failure::Lasting(error) => poison(&mut self.state.lock(), &error),
        })
    }

    /// Runs `work` while nothing is written.
    pub(super) fn while_still<T>(&self, work: impl FnOnce() -> T) -> T {
        let _still = self.writer.lock();
        work()
    }

    /// Lets positions go on behind `position` at least.
    pub(super) fn advance_to(&self, position: u64) -> Result<()> {
        check_position(position)?;
        let mut state = self.state.lock();
        if position <= state.last {
            return Ok(());
        }
        if state.written < state.last || state.is_led {
            let what = "positions can't jump while frames wait to be written".to_owned();
            return Err(Error::Invalid { what });
        }
        if state.synced == state.last {
            state.synced = position;
        }
        state.first = position + 1;
        state.last = position;
        state.written = position;
        Ok(())
    }

    pub(super) fn last(&self) -> u64 {
        self.state.lock().last
    }

    /// The last position that was written; those up to [`last`](Self::last) wait, or were passed
    /// over.
    pub(super) fn last_frame(&self) -> u64 {
        self.writer.lock().last()
    }

    pub(super) fn pending_bytes(&self) -> u64 {
        self.state.lock().pending()
    }
}

fn check_position(position: u64) -> Result<()> {
    if position > MAX_POSITION {
        let what = format!("the log has no position above {MAX_POSITION}");
        return Err(Error::Invalid { what });
    }
    Ok(())
}

/// After this nothing is written until the log is opened again.
fn poison(state: &mut State, error: &Error) -> Error {
    let cause = error.to_string();
    tracing::error!(%cause, "the log failed and takes no more writes until it is opened again");
    state.poisoned = Some(cause.clone());
    Error::Poisoned { cause }
}

fn settle(state: &mut State, mut batch: Vec<u8>, last: u64, sync: bool) {
    state.written = last;
    if sync {
        state.synced = last;
        state.last_sync = Instant::now();
    }
    state.failed = None;
    state.full_since = None;
    if batch.capacity() <= SPARE_BYTES {
        batch.clear();
        state.spare = batch;
    }
}

fn put_back(state: &mut State, mut batch: Vec<u8>, first: u64, last: u64, error: &Error) {
    batch.extend_from_slice(&state.buffer);
    state.buffer = batch;
    state.first = first;
    let (kind, path, what) = match error {
        Error::DiskFull { path } => (io::ErrorKind::StorageFull, path.clone(), String::new()),
        Error::Io { path, source, .. } => (source.kind(), path.clone(), source.to_string()),
        other => (io::ErrorKind::Other, PathBuf::new(), other.to_string()),
    };
    state.full_since = (kind == io::ErrorKind::StorageFull).then(Instant::now);
    tracing::warn!(%error, pending_bytes = state.buffer.len(), "the log could not be written, it tries again");
    state.failed = Some(Failed { attempt: state.attempts, last, kind, path, what });
}
