//! The only door to files.
//!
//! Everything that the engine keeps goes through [`Storage`]: the operating system's files, files
//! in memory, and files that fail on purpose. Paths are relative to the storage's root, with `/`
//! between parts and none at the start.

mod conformance;
mod fault;
mod map;
mod memory;
mod os;
pub(crate) mod steps;
mod tree;

use std::fmt::Debug;
use std::io;
use std::sync::Arc;

pub use conformance::check as check_storage;
pub use fault::{Crash, FaultStorage, Reading};
pub use memory::MemoryStorage;
pub use os::OsStorage;

/// A name in a folder.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// The name without its folder.
    pub name: String,
    /// Whether it is a folder.
    pub is_folder: bool,
    /// Bytes of a file, 0 for a folder.
    pub len: u64,
}

/// A file that grows at its end and is read anywhere.
pub trait File: Debug + Send + Sync {
    /// Appends all bytes. After an error any prefix of them may have been written.
    ///
    /// # Errors
    /// What the operating system says; a full disk is [`io::ErrorKind::StorageFull`].
    fn append(&self, bytes: &[u8]) -> io::Result<()>;

    /// Fills `buf` from `offset`.
    ///
    /// # Errors
    /// [`io::ErrorKind::UnexpectedEof`] if the file ends before; else what the system says.
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()>;

    /// Says that these bytes are going to be read: a disk may fetch them meanwhile.
    fn will_read(&self, offset: u64, len: u64) {
        let _ = (offset, len);
    }

    /// Bytes in the file.
    ///
    /// # Errors
    /// What the operating system says.
    fn len(&self) -> io::Result<u64>;

    /// Whether the file has no bytes.
    ///
    /// # Errors
    /// What the operating system says.
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }

    /// Cuts the file to `len` bytes. Never called on a file that is mapped.
    ///
    /// # Errors
    /// What the operating system says.
    fn truncate(&self, len: u64) -> io::Result<()>;

    /// Returns when all bytes are on the disk.
    ///
    /// # Errors
    /// What the operating system says. What the disk holds is then unknown.
    fn sync(&self) -> io::Result<()>;
}

/// The bytes of an immutable file, mapped or copied.
pub trait Mapped: AsRef<[u8]> + Debug + Send + Sync {
    /// Gives back the memory that bytes have taken which were read; they are read again when they
    /// are used again. Bytes that are a copy stay.
    fn give_back(&self) {}
}

/// Held as long as the storage is in use; dropping it gives the storage free.
pub trait Lock: Debug + Send + Sync {}

/// A tree of files and folders.
pub trait Storage: Debug + Send + Sync {
    /// Makes an empty file.
    ///
    /// # Errors
    /// [`io::ErrorKind::AlreadyExists`] if it is there; else what the system says.
    fn create(&self, path: &str) -> io::Result<Arc<dyn File>>;

    /// Opens a file that is there, for reading and appending.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`] if it is not there; else what the system says.
    fn open(&self, path: &str) -> io::Result<Arc<dyn File>>;

    /// Maps a file that will never change again.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`] if it is not there; else what the system says.
    fn map(&self, path: &str) -> io::Result<Arc<dyn Mapped>>;

    /// Names in a folder, sorted. The root is "".
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`] if it is not there; else what the system says.
    fn list(&self, folder: &str) -> io::Result<Vec<Entry>>;

    /// Makes a folder and those above it; one that is there is fine.
    ///
    /// # Errors
    /// What the operating system says.
    fn create_folder(&self, path: &str) -> io::Result<()>;

    /// Renames a file or a folder in one step, replacing a file that has the new name.
    ///
    /// # Errors
    /// What the operating system says.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Gives a file that will never change again a second name: no byte is copied, and the file is
    /// there until both are removed.
    ///
    /// # Errors
    /// [`io::ErrorKind::AlreadyExists`] if the new name is taken, [`io::ErrorKind::CrossesDevices`]
    /// if it lies on another file system; else what the system says.
    fn link(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a file, or a folder with all that is in it.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`] if it is not there; else what the system says.
    fn remove(&self, path: &str) -> io::Result<()>;

    /// Returns when the names in a folder are on the disk.
    ///
    /// # Errors
    /// What the operating system says.
    fn sync_folder(&self, path: &str) -> io::Result<()>;

    /// Bytes that this process may still write; `None` if nobody knows of a bound.
    ///
    /// # Errors
    /// What the operating system says.
    fn free_space(&self) -> io::Result<Option<u64>>;

    /// Takes the storage for this process alone.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] if another has it; else what the system says.
    fn lock(&self) -> io::Result<Box<dyn Lock>>;
}

/// Splits a path into its parts; the root has none.
///
/// # Errors
/// [`io::ErrorKind::InvalidInput`] for a path that could leave the root or has empty parts.
fn parts(path: &str) -> io::Result<Vec<&str>> {
    if path.is_empty() {
        return Ok(Vec::new());
    }
    let parts: Vec<&str> = path.split('/').collect();
    if parts.iter().any(|part| matches!(*part, "" | "." | "..") || part.contains(['\\', '\0'])) {
        let what = format!("{path:?} is no path inside the storage");
        return Err(io::Error::new(io::ErrorKind::InvalidInput, what));
    }
    Ok(parts)
}

/// `folder/name`, or `name` in the root.
pub(crate) fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}
