//! Damaged stretches of segments, copied into files of their own for the operator.
//!
//! The copy's name says whether the stretch had been synced: `quarantine-…` is damage to what may
//! have been acknowledged, `unsynced-…` is what a crash left of frames that never were. That can
//! be told only before a newer segment begins, so the name remembers it.

use std::io;

use super::layout::FOLDER;
use crate::storage::steps::if_there;
use crate::storage::{File, Storage};

/// How the copies of what had been synced begin.
const QUARANTINE: &str = "quarantine-";

/// Bytes that are copied at once.
const COPY: usize = 256 * 1024;

/// A stretch of a segment that is no frame.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bad<'a> {
    pub(super) file: &'a dyn File,
    pub(super) path: &'a str,
    /// The segment's first position.
    pub(super) first: u64,
    pub(super) offset: u64,
    pub(super) len: u64,
}

/// The copies of damage that are kept: path and bytes. They outlive their segment, until an
/// operator removes them.
pub(super) fn kept(storage: &dyn Storage) -> io::Result<Vec<(String, u64)>> {
    let entries = storage.list(FOLDER)?.into_iter();
    let kept = entries.filter(|entry| entry.name.starts_with(QUARANTINE));
    Ok(kept.map(|entry| (format!("{FOLDER}/{}", entry.name), entry.len)).collect())
}

/// The first position of the segment that the unsynced stretch with this name comes from.
pub(super) fn segment_of_unsynced(name: &str) -> Option<u64> {
    name.strip_prefix("unsynced-")?.split_once('-')?.0.parse().ok()
}

impl Bad<'_> {
    pub(super) fn aside(&self, is_synced: bool) -> String {
        let kind = if is_synced { QUARANTINE } else { "unsynced-" };
        format!("{FOLDER}/{kind}{:020}-{:012}", self.first, self.offset)
    }

    /// Whether it was put aside as unsynced before. A copy that can't be opened now is there.
    pub(super) fn is_known_unsynced(&self, storage: &dyn Storage) -> bool {
        !matches!(if_there(storage.open(&self.aside(false))), Ok(None))
    }

    /// Copies it, if that is not done yet. A copy that fails is only a warning: the segment
    /// itself still has the bytes.
    pub(super) fn put_aside(&self, storage: &dyn Storage, is_synced: bool) {
        let to = self.aside(is_synced);
        if let Err(error) = self.ensure_copy(storage, &to) {
            tracing::warn!(%error, path = to, "a damaged stretch of the log could not be copied");
        }
    }

    fn ensure_copy(&self, storage: &dyn Storage, to: &str) -> io::Result<()> {
        let end = (self.offset + self.len).min(self.file.len()?);
        let bytes = end.saturating_sub(self.offset);
        match if_there(storage.open(to))? {
            Some(there) if there.len()? == bytes => return Ok(()),
            Some(_) => storage.remove(to)?,
            None => {}
        }
        let copied = self.copy(storage, to, end);
        if copied.is_err() {
            // Half a copy is of no use, but a snapshot would list it, and its length may change in
            // a power loss.
            let _ = storage.remove(to);
        }
        copied
    }

    fn copy(&self, storage: &dyn Storage, to: &str, end: u64) -> io::Result<()> {
        let copy = storage.create(to)?;
        let (mut offset, mut buffer) = (self.offset, Vec::new());
        while offset < end {
            buffer.resize((end - offset).min(COPY as u64) as usize, 0);
            self.file.read_at(offset, &mut buffer)?;
            copy.append(&buffer)?;
            offset += buffer.len() as u64;
        }
        copy.sync()?;
        storage.sync_folder(FOLDER)
    }
}
