//! The segment that is written.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::layout::{FILE_HEADER, FOLDER, FileHeader, Kind, segment_path};
use crate::error::Error;
use crate::storage::{File, Storage};

/// Why a write or sync of the log failed.
#[derive(Debug)]
pub(super) enum Failure {
    /// Nothing has changed on the disk, the same bytes may be written again.
    Passing(Error),
    /// What the disk holds is unknown.
    Lasting(Error),
}

#[derive(Debug)]
struct Active {
    file: Arc<dyn File>,
    path: String,
    len: u64,
}

/// Writes batches of frames at the end of the log, in segments.
///
/// Before a new segment begins the one before it is synced. So of all segments only the newest
/// can have a torn end, and a segment proves that all before it was synced.
#[derive(Debug)]
pub(super) struct SegmentWriter {
    storage: Arc<dyn Storage>,
    segment_bytes: u64,
    active: Option<Active>,
    /// The last position that is written.
    last: u64,
    written_bytes: Arc<AtomicU64>,
}

impl SegmentWriter {
    pub(super) fn new(
        storage: Arc<dyn Storage>,
        segment_bytes: u64,
        last: u64,
        written_bytes: Arc<AtomicU64>,
    ) -> Self {
        Self { storage, segment_bytes, active: None, last, written_bytes }
    }

    /// Writes the frames from `first` to `last` to the operating system, all or none.
    pub(super) fn write(&mut self, batch: &[u8], first: u64, last: u64) -> Result<(), Failure> {
        let more = batch.len() as u64;
        let is_full = |active: &Active| {
            active.len > FILE_HEADER && active.len.saturating_add(more) > self.segment_bytes
        };
        if self.active.as_ref().is_some_and(is_full) {
            self.sync()?;
            self.active = None;
        }
        let active = match &mut self.active {
            Some(active) => active,
            none => {
                let new = begin(&*self.storage, first, self.last)?;
                self.written_bytes.fetch_add(FILE_HEADER, Ordering::Relaxed);
                none.insert(new)
            }
        };
        if let Err(error) = active.file.append(batch) {
            let failed = Error::io("append", &active.path, error);
            return Err(match active.file.truncate(active.len) {
                Ok(()) => Failure::Passing(failed),
                Err(error) => Failure::Lasting(Error::io("truncate", &active.path, error)),
            });
        }
        active.len += more;
        self.last = last;
        self.written_bytes.fetch_add(more, Ordering::Relaxed);
        Ok(())
    }

    /// The last position that is written.
    pub(super) fn last(&self) -> u64 {
        self.last
    }

    /// Ends the segment, so that the next write begins another one; returns the last position.
    pub(super) fn seal(&mut self) -> Result<u64, Failure> {
        self.sync()?;
        // One without a frame would be made again under the same name.
        if self.active.as_ref().is_some_and(|active| active.len > FILE_HEADER) {
            self.active = None;
        }
        Ok(self.last)
    }

    /// Syncs what is written.
    pub(super) fn sync(&mut self) -> Result<(), Failure> {
        let Some(active) = &self.active else { return Ok(()) };
        let failed = |error| Failure::Lasting(Error::io("sync", &active.path, error));
        active.file.sync().map_err(failed)
    }
}

/// Makes the segment that begins with `first`.
fn begin(storage: &dyn Storage, first: u64, previous: u64) -> Result<Active, Failure> {
    let path = segment_path(first);
    let header = FileHeader { kind: Kind::Segment, first, second: previous }.encode();
    let file = create(storage, &path).and_then(|file| file.append(&header).map(|()| file));
    let file = file.map_err(|error| {
        // If it stays it is removed by the next attempt, or as an empty segment by the next open.
        let _ = storage.remove(&path);
        Failure::Passing(Error::io("create", &path, error))
    })?;
    match storage.sync_folder(FOLDER) {
        Ok(()) => Ok(Active { file, path, len: FILE_HEADER }),
        Err(error) => Err(Failure::Lasting(Error::io("sync", FOLDER, error))),
    }
}

/// A file of this name is left of an attempt that failed: the position was not written yet.
fn create(storage: &dyn Storage, path: &str) -> io::Result<Arc<dyn File>> {
    match storage.create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            storage.remove(path)?;
            storage.create(path)
        }
        result => result,
    }
}
