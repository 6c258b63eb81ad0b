//! Files mapped into memory: the one place of this crate with `unsafe`.
#![expect(unsafe_code, reason = "mapping a file can't be expressed in safe Rust")]

use std::fs;
use std::io;
use std::path::Path;

use memmap2::Mmap;

use super::Mapped;

/// A file mapped for reading.
#[derive(Debug)]
pub(super) struct MappedFile(Mmap);

impl MappedFile {
    /// Maps the file at `path`, whose content must never change again.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = fs::File::open(path)?;
        // SAFETY: a map is sound as long as nobody changes or cuts the file under it. `Storage::map`
        // is only for immutable files: they are written under another name, synced, renamed, and
        // from then on only removed (which leaves the map valid). The folder is locked, so no
        // second engine writes there; `File::truncate` is never called on a mapped file.
        let map = unsafe { Mmap::map(&file)? };
        Ok(Self(map))
    }
}

impl AsRef<[u8]> for MappedFile {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Mapped for MappedFile {}
