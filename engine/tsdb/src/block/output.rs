//! A file that is being written: buffered, and hashed on the way.

use std::sync::Arc;

use xxhash_rust::xxh3::Xxh3;

use crate::error::{Error, Result};
use crate::storage::{File, Storage};

use super::manifest::FileEntry;

/// Bytes that are collected before the file is appended to.
const BUFFER: usize = 256 * 1024;

pub(super) struct Output {
    path: String,
    file: Arc<dyn File>,
    buffer: Vec<u8>,
    hasher: Box<Xxh3>,
    len: u64,
}

impl Output {
    pub(super) fn create(storage: &dyn Storage, path: String) -> Result<Self> {
        let file = storage.create(&path).map_err(|e| Error::io("create", &path, e))?;
        Ok(Self { path, file, buffer: Vec::new(), hasher: Box::new(Xxh3::new()), len: 0 })
    }

    /// Bytes written so far.
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.hasher.update(bytes);
        self.len += bytes.len() as u64;
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= BUFFER { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<()> {
        self.file.append(&self.buffer).map_err(|e| Error::io("append", &self.path, e))?;
        self.buffer.clear();
        Ok(())
    }

    /// Writes what is left and syncs the file.
    pub(super) fn finish(mut self) -> Result<FileEntry> {
        self.flush()?;
        self.file.sync().map_err(|e| Error::io("sync", &self.path, e))?;
        Ok(FileEntry { len: self.len, digest: self.hasher.digest128() })
    }
}

impl std::fmt::Debug for Output {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Output")
            .field("path", &self.path)
            .field("len", &self.len)
            .finish_non_exhaustive()
    }
}

/// Writes and syncs a whole file.
pub(super) fn write_file(storage: &dyn Storage, path: String, bytes: &[u8]) -> Result<FileEntry> {
    let mut output = Output::create(storage, path)?;
    output.write(bytes)?;
    output.finish()
}
