//! Looks whether a saved head and the chunks that it refers to can be read.

use super::{load, saved_path};
use crate::error::{Error, Result};
use crate::log::Position;
use crate::storage::Storage;

/// What was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SavedCheck {
    /// Bytes of the file, and of the chunks in spill files.
    pub(crate) bytes: u64,
    pub(crate) series: u64,
    /// Chunks in spill files.
    pub(crate) spilled: u64,
    /// Shard of the head.
    pub(crate) shard: u16,
}

/// Reads all of the head that was saved up to `position` in `folder`.
///
/// # Errors
/// If the file, or a chunk in a spill file that it refers to, is damaged or can't be read.
pub(crate) fn check(storage: &dyn Storage, folder: &str, position: Position) -> Result<SavedCheck> {
    let path = saved_path(folder, position);
    let len = storage.open(&path).and_then(|file| file.len());
    let bytes = len.map_err(|error| Error::io("open", path, error))?;
    let loaded = load(storage, folder, position, &|_| None)?;
    let series = loaded.head.series() as u64;
    let mut found = SavedCheck { bytes, series, spilled: 0, shard: loaded.begin.shard };
    for chunk in loaded.head.spilled() {
        chunk.fetch()?;
        found.spilled += 1;
        found.bytes += chunk.bytes();
    }
    Ok(found)
}
