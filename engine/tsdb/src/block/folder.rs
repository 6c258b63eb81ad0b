//! The folder that holds the blocks of one tenant in one shard.

use std::collections::HashSet;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::storage::{Storage, join, steps};
use crate::time::TimeRange;

use super::name::{BlockId, BlockName};
use super::reader::Block;

/// How folders begin that are being written or removed: no block yet, or no more.
pub(crate) const TEMPORARY: &str = "tmp-";
/// How the folders of damaged blocks begin.
pub(crate) const QUARANTINE: &str = "quarantine-";

/// Whether a file or folder has this name while it is being written: a start removes it.
pub(crate) fn is_temporary(name: &str) -> bool {
    name.starts_with(TEMPORARY) || name.strip_suffix(".tmp").is_some()
}

/// A block that can't be read. Its samples are missing in answers about its range.
#[derive(Debug)]
#[non_exhaustive]
pub struct Quarantined {
    /// The block's name.
    pub name: String,
    /// The window that it stands for.
    pub range: TimeRange,
    /// Why it can't be read.
    pub error: Error,
}

impl Quarantined {
    /// The same once more; of errors of the system the text.
    pub(crate) fn copy(&self) -> Self {
        let error = match &self.error {
            Error::Corrupt { path, offset, what } => Error::corrupt(path, *offset, what),
            other => Error::corrupt(&self.name, 0, other.to_string()),
        };
        Self { name: self.name.clone(), range: self.range, error }
    }
}

/// What a folder of blocks holds.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct OpenedBlocks {
    /// The blocks, by start, end and sequence.
    pub blocks: Vec<Block>,
    /// Those that can't be read.
    pub quarantined: Vec<Quarantined>,
}

/// Opens all blocks in the folder `parent`; a missing folder has none.
///
/// A block that is damaged does not stop the others: its folder is renamed to
/// `quarantine-<name>` and it is reported, now and at each later opening. One that only can't be
/// read now, or that another version wrote, is reported and stays as it is. Blocks that stand in
/// the manifest of a merged block as its parents are removed: a crash came between the merge and
/// their removal.
///
/// # Errors
/// If the folder can't be listed.
pub fn open_all(storage: &Arc<dyn Storage>, parent: &str) -> Result<OpenedBlocks> {
    let mut opened = OpenedBlocks::default();
    let mut failed = Vec::new();
    for name in folders(&**storage, parent)? {
        let (plain, was_bad) = match name.strip_prefix(QUARANTINE) {
            Some(plain) => (plain, true),
            None => (name.as_str(), false),
        };
        let Some(BlockName { range, .. }) = BlockName::parse(plain) else { continue };
        let result = if was_bad {
            Err(Error::corrupt(join(parent, &name), 0, "the block was put aside as damaged before"))
        } else {
            Block::open(Arc::clone(storage), parent, plain)
        };
        match result {
            Ok(block) => opened.blocks.push(block),
            Err(error) => failed.push(Quarantined { name: plain.to_owned(), range, error }),
        }
    }
    remove_parents(&**storage, parent, &mut opened.blocks, &mut failed);
    for bad in &failed {
        put_aside(&**storage, parent, bad);
    }
    opened.blocks.sort_by_key(|block| {
        let meta = block.meta();
        (meta.range.start, meta.range.end, meta.sequence)
    });
    opened.quarantined = failed;
    Ok(opened)
}

/// Names and windows of the blocks that lie in the folder `parent`, whole or not.
pub(crate) fn names(storage: &dyn Storage, parent: &str) -> Result<Vec<(String, TimeRange)>> {
    let parsed = |name: String| BlockName::parse(&name).map(|parsed| (name, parsed.range));
    Ok(folders(storage, parent)?.into_iter().filter_map(parsed).collect())
}

/// Removes what a crash left unfinished; call it before [`open_all`], while nothing writes.
///
/// # Errors
/// If the folder can't be listed or something can't be removed.
pub fn clean_temporary(storage: &dyn Storage, parent: &str) -> Result<()> {
    for name in folders(storage, parent)? {
        if name.starts_with(TEMPORARY) {
            steps::remove(storage, &join(parent, &name))?;
        }
    }
    Ok(())
}

/// Removes the block `name`, in one step: after a crash it is there whole or not at all. Handles
/// that have it open can go on reading.
///
/// # Errors
/// If it can't be removed; one that is not there is fine.
pub fn remove(storage: &dyn Storage, parent: &str, name: &str) -> Result<()> {
    let path = join(parent, name);
    let gone = join(parent, &format!("{TEMPORARY}removed-{name}"));
    let renamed = steps::if_there(storage.rename(&path, &gone));
    if renamed.map_err(|e| Error::io("rename", path, e))?.is_none() {
        return Ok(());
    }
    // Without this the disk could forget the new name and remember that the files are gone.
    storage.sync_folder(parent).map_err(|e| Error::io("sync", parent, e))?;
    steps::remove(storage, &gone)
}

/// The names of the folders in `parent`.
fn folders(storage: &dyn Storage, parent: &str) -> Result<Vec<String>> {
    let entries = steps::list(storage, parent)?;
    Ok(entries.into_iter().filter(|entry| entry.is_folder).map(|entry| entry.name).collect())
}

/// Removes the blocks that others stand for. One that can't be removed now is met again at the next
/// start; until then its samples are there twice, which changes no answer.
fn remove_parents(
    storage: &dyn Storage,
    folder: &str,
    blocks: &mut Vec<Block>,
    failed: &mut Vec<Quarantined>,
) {
    let parents: HashSet<BlockId> =
        blocks.iter().flat_map(|block| block.meta().parents.iter().copied()).collect();
    let is_parent =
        |name: &str| BlockName::parse(name).is_some_and(|block| parents.contains(&block.id()));
    let stays = |name: &str, path: &str| {
        is_parent(name).then(|| remove(storage, folder, path)).is_none_or(|result| {
            result
                .inspect_err(|error| tracing::warn!(name, %error, "a merged block stays"))
                .is_err()
        })
    };
    blocks.retain(|block| stays(&block.meta().name, &block.meta().name));
    failed.retain(|bad| {
        let aside = format!("{QUARANTINE}{}", bad.name);
        stays(&bad.name, &bad.name) || stays(&bad.name, &aside)
    });
}

/// Renames the folder of a damaged block. If that fails it stays, and is met again next time.
pub(crate) fn put_aside(storage: &dyn Storage, parent: &str, bad: &Quarantined) {
    if !matches!(bad.error, Error::Corrupt { .. }) {
        return;
    }
    let path = join(parent, &bad.name);
    let aside = join(parent, &format!("{QUARANTINE}{}", bad.name));
    if storage.rename(&path, &aside).is_ok() {
        let _ = storage.sync_folder(parent);
    }
}
