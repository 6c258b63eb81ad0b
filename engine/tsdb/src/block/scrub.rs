//! Reads a block in slices and compares it with the digests in its manifest.

use std::sync::Arc;

use xxhash_rust::xxh3::Xxh3;

use crate::error::{Error, Result};
use crate::storage::File;

use super::reader::{Block, check_len, missing};
use crate::storage::join;

/// Bytes that are read at once.
const BUFFER: u64 = 256 * 1024;

/// A file that is being read.
struct Reading {
    path: String,
    file: Arc<dyn File>,
    len: u64,
    digest: u128,
}

/// A block that is being read; its files are open, so it may be removed meanwhile.
pub(crate) struct BlockScrub {
    block: Block,
    files: Vec<Reading>,
    at: u64,
    hasher: Xxh3,
    buffer: Vec<u8>,
}

impl std::fmt::Debug for BlockScrub {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BlockScrub").field("at", &self.at).finish_non_exhaustive()
    }
}

impl BlockScrub {
    /// Opens the block's files.
    pub(crate) fn new(block: Block) -> Result<Self> {
        let mut files = Vec::new();
        let manifest = block.manifest();
        for (name, entry) in [("index", &manifest.index), ("data", &manifest.data)] {
            let path = join(block.path(), name);
            let file = block.storage().open(&path).map_err(|e| missing("open", &path, e))?;
            let len = file.len().map_err(|e| missing("read", &path, e))?;
            check_len(&path, len, entry.len)?;
            files.push(Reading { path, file, len, digest: entry.digest });
        }
        Ok(Self { block, files, at: 0, hasher: Xxh3::new(), buffer: Vec::new() })
    }

    /// The block.
    pub(crate) fn block(&self) -> &Block {
        &self.block
    }

    /// Reads at most `bytes` more; returns how many, 0 when everything was read and is right.
    pub(crate) fn step(&mut self, bytes: u64) -> Result<u64> {
        let Some(reading) = self.files.last() else { return Ok(0) };
        let len = (reading.len - self.at).min(bytes).min(BUFFER);
        self.buffer.resize(len as usize, 0);
        let read = reading.file.read_at(self.at, &mut self.buffer);
        read.map_err(|e| missing("read", &reading.path, e))?;
        self.hasher.update(&self.buffer);
        self.at += len;
        if self.at == reading.len {
            if self.hasher.digest128() != reading.digest {
                let what = "the file's digest is not the manifest's";
                return Err(Error::corrupt(&reading.path, 0, what));
            }
            self.files.pop();
            self.at = 0;
            self.hasher.reset();
        }
        Ok(len)
    }
}
