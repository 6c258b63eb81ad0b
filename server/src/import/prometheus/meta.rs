//! Which blocks a folder has.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::BlockError;

/// A block's folder and what its `meta.json` says.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BlockFolder {
    /// The folder.
    pub path: PathBuf,
    /// The block's name.
    pub ulid: String,
    /// First ms of the block.
    pub min_time: i64,
    /// Samples of the block, as far as they are counted there.
    pub samples: u64,
    parents: Vec<String>,
}

#[derive(Deserialize)]
struct Meta {
    ulid: String,
    #[serde(rename = "minTime")]
    min_time: i64,
    version: u32,
    #[serde(default)]
    stats: Stats,
    #[serde(default)]
    compaction: Compaction,
}

#[derive(Deserialize, Default)]
struct Stats {
    #[serde(rename = "numSamples", default)]
    samples: u64,
}

#[derive(Deserialize, Default)]
struct Compaction {
    #[serde(default)]
    parents: Vec<Parent>,
}

#[derive(Deserialize)]
struct Parent {
    ulid: String,
}

/// Whether `path` is the folder of a block.
#[must_use]
pub fn is_block(path: &Path) -> bool {
    path.join("meta.json").is_file() && path.join("index").is_file()
}

/// The blocks in `path`: the folder of one, or one that has them. Those that were merged into another
/// one that is there too are left out. Oldest first.
///
/// # Errors
/// If a folder or a `meta.json` can't be read.
pub fn find_blocks(path: &Path) -> Result<Vec<BlockFolder>, BlockError> {
    if is_block(path) {
        return Ok(vec![read(path)?]);
    }
    let mut blocks = Vec::new();
    for entry in fs::read_dir(path).map_err(|e| BlockError::io(path, e))? {
        let folder = entry.map_err(|e| BlockError::io(path, e))?.path();
        // Folders that are being written or removed have another ending than a block's name.
        if is_block(&folder) && folder.extension().is_none() {
            blocks.push(read(&folder)?);
        }
    }
    let merged: Vec<String> = blocks.iter().flat_map(|b| b.parents.clone()).collect();
    blocks.retain(|block| !merged.contains(&block.ulid));
    blocks.sort_by(|a, b| (a.min_time, &a.ulid).cmp(&(b.min_time, &b.ulid)));
    Ok(blocks)
}

fn read(folder: &Path) -> Result<BlockFolder, BlockError> {
    let path = folder.join("meta.json");
    let text = fs::read(&path).map_err(|e| BlockError::io(&path, e))?;
    let meta: Meta = serde_json::from_slice(&text)
        .map_err(|_| BlockError::corrupt(&path, 0, "not the meta.json of a block"))?;
    if meta.version != 1 {
        return Err(BlockError::corrupt(&path, 0, "a version other than 1"));
    }
    let parents = meta.compaction.parents.into_iter().map(|parent| parent.ulid).collect();
    Ok(BlockFolder {
        path: folder.to_owned(),
        ulid: meta.ulid,
        min_time: meta.min_time,
        samples: meta.stats.samples,
        parents,
    })
}
