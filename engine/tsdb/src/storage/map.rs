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

impl Mapped for MappedFile {
    #[cfg(target_os = "linux")]
    fn give_back(&self) {
        // SAFETY: the pages of a file that is mapped for reading and never changes are only a copy
        // of what it holds: what is given back comes from the file again, equal, at its next use.
        // If the kernel refuses, the pages stay.
        let _ = unsafe { self.0.unchecked_advise(memmap2::UncheckedAdvice::DontNeed) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_given_back_is_read_again() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let bytes: Vec<u8> = (0..300_000u32).map(|i| (i % 251) as u8).collect();
        fs::write(file.path(), &bytes).unwrap();
        let map = MappedFile::open(file.path()).unwrap();
        assert_eq!(map.as_ref(), bytes);
        map.give_back();
        assert_eq!(map.as_ref(), bytes);
    }
}
