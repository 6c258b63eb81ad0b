//! Makes the manifest of a block again from its other files.

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::log::Position;
use crate::storage::Storage;

use super::folder::QUARANTINE;
use super::manifest::{BlockMeta, Coverage, FileEntry, Manifest, content_hash};
use super::name::BlockName;
use super::output::write_file;
use super::reader::{Block, footer_of, missing};
use super::table::Footer;
use super::verify::digest;
use crate::storage::join;

/// Writes the manifest of the block `name` again, for one whose manifest alone was lost; the block
/// may have been put aside and comes back. Data and index must still be what the name says.
///
/// What only the manifest knew is gone: the block gets the lowest log position, so that every
/// other block and the head win over it, and no parents.
///
/// # Errors
/// [`Error::Corrupt`] if data or index are damaged too, [`Error::Invalid`] if `name` is not the
/// name of a block; else if files can't be read or written.
pub fn rebuild_manifest(storage: &Arc<dyn Storage>, parent: &str, name: &str) -> Result<Block> {
    let parsed = BlockName::parse(name)
        .ok_or_else(|| Error::Invalid { what: format!("{name} is not the name of a block") })?;
    let aside = join(parent, &format!("{QUARANTINE}{name}"));
    let place = join(parent, name);
    let was_aside = storage.list(&aside).is_ok();
    let folder = if was_aside { &aside } else { &place };
    let manifest = derive(&**storage, folder, name, parsed)?;
    let temporary = join(folder, "tmp-manifest");
    let _ = storage.remove(&temporary);
    write_file(&**storage, temporary.clone(), manifest.encode().as_bytes())?;
    let io = |op, path: &str| {
        let path = path.to_owned();
        move |e| Error::io(op, path, e)
    };
    let target = join(folder, "manifest");
    storage.rename(&temporary, &target).map_err(io("rename", &temporary))?;
    storage.sync_folder(folder).map_err(io("sync", folder))?;
    if was_aside {
        storage.rename(&aside, &place).map_err(io("rename", &aside))?;
        storage.sync_folder(parent).map_err(io("sync", parent))?;
    }
    Block::open(Arc::clone(storage), parent, name)
}

fn derive(
    storage: &dyn Storage,
    folder: &str,
    name: &str,
    BlockName { range, sequence, hash }: BlockName,
) -> Result<Manifest> {
    let (data, footer) = read_data(storage, &join(folder, "data"))?;
    let index = entry(storage, &join(folder, "index"))?;
    if content_hash(&data, &index) != hash {
        return Err(Error::corrupt(folder, 0, "data and index are not what the name says"));
    }
    let coverage = vec![Coverage { from_ms: range.start, to_ms: range.end, position: Position(0) }];
    let meta = BlockMeta {
        name: name.to_owned(),
        range,
        min_t: footer.min_t,
        max_t: footer.max_t,
        sequence,
        hash,
        coverage,
        parents: Vec::new(),
        resolutions: Vec::new(),
        samples: footer.samples,
        series: u64::from(footer.series),
        bytes: data.len + index.len,
    };
    Ok(Manifest { meta, data, index })
}

fn entry(storage: &dyn Storage, path: &str) -> Result<FileEntry> {
    let file = storage.open(path).map_err(|e| missing("open", path, e))?;
    let len = file.len().map_err(|e| missing("read", path, e))?;
    Ok(FileEntry { len, digest: digest(&*file, path, len)? })
}

fn read_data(storage: &dyn Storage, path: &str) -> Result<(FileEntry, Footer)> {
    let entry = entry(storage, path)?;
    let file = storage.open(path).map_err(|e| missing("open", path, e))?;
    let footer = footer_of(&*file, path, entry.len, None)?;
    Ok((entry, footer))
}
