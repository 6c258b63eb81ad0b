//! Gives a block that was prepared elsewhere its place among the others.

use super::manifest::{BlockMeta, Coverage, Manifest};
use super::name::BlockName;
use super::output::write_file;
use super::reader::read_manifest;
use crate::error::{Error, Result};
use crate::storage::join;
use crate::storage::{Storage, steps};

/// Writes sequence and coverage into the manifest of the block `name` in the folder `parent`, and
/// returns the name that it has from now on; to rename the folder is left to the caller. Files and
/// names inside the block's folder are on the disk when this returns.
///
/// The block must not be in use: its manifest is missing for a moment.
pub(crate) fn restamp(
    storage: &dyn Storage,
    parent: &str,
    name: &str,
    sequence: u64,
    coverage: Vec<Coverage>,
) -> Result<String> {
    let folder = join(parent, name);
    let path = join(&folder, "manifest");
    let Manifest { meta, data, index } = read_manifest(storage, &path, name)?;
    let hash = super::manifest::content_hash(&data, &index);
    let name = BlockName { range: meta.range, sequence, hash }.to_string();
    let meta = BlockMeta { name: name.clone(), sequence, coverage, ..meta };
    steps::remove(storage, &path)?;
    write_file(storage, path, Manifest { meta, data, index }.encode().as_bytes())?;
    storage.sync_folder(&folder).map_err(|e| Error::io("sync", folder, e))?;
    Ok(name)
}
