//! Files of the operating system.

use std::fs::{self, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::num::NonZeroU64;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;

use super::map::MappedFile;
use super::{Entry, File, Lock, Mapped, Storage, parts};

/// The file that a process locks; [`Storage::list`] does not show it.
const LOCK_FILE: &str = "LOCK";

/// A folder of the operating system.
#[derive(Debug)]
pub struct OsStorage {
    root: PathBuf,
}

impl OsStorage {
    /// The storage in the folder `root`, which is made if it is missing.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn new(root: impl Into<PathBuf>) -> io::Result<Self> {
        let root = root.into();
        let missing: Vec<&Path> = root.ancestors().take_while(|folder| !folder.exists()).collect();
        fs::create_dir_all(&root)?;
        // Else a power loss could take the whole database with its name.
        for folder in missing {
            sync_parent(folder)?;
        }
        Ok(Self { root })
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    fn full(&self, path: &str) -> io::Result<PathBuf> {
        Ok(parts(path)?.into_iter().fold(self.root.clone(), |full, part| full.join(part)))
    }

    fn open_with(&self, path: &str, new: bool) -> io::Result<Arc<dyn File>> {
        let mut options = OpenOptions::new();
        options.read(true).append(true).create_new(new);
        let file = options.open(self.full(path)?)?;
        Ok(Arc::new(OsFile { file, appending: Mutex::new(()) }))
    }
}

fn sync_parent(folder: &Path) -> io::Result<()> {
    match folder.parent() {
        Some(parent) if parent.as_os_str().is_empty() => fs::File::open(".")?.sync_all(),
        Some(parent) => fs::File::open(parent)?.sync_all(),
        None => Ok(()),
    }
}

impl Storage for OsStorage {
    fn create(&self, path: &str) -> io::Result<Arc<dyn File>> {
        self.open_with(path, true)
    }

    fn open(&self, path: &str) -> io::Result<Arc<dyn File>> {
        self.open_with(path, false)
    }

    fn map(&self, path: &str) -> io::Result<Arc<dyn Mapped>> {
        Ok(Arc::new(MappedFile::open(&self.full(path)?)?))
    }

    fn list(&self, folder: &str) -> io::Result<Vec<Entry>> {
        let mut entries = Vec::new();
        for entry in fs::read_dir(self.full(folder)?)? {
            let entry = entry?;
            // Names that are not UTF-8 are not ours.
            let Ok(name) = entry.file_name().into_string() else { continue };
            if folder.is_empty() && name == LOCK_FILE {
                continue;
            }
            let metadata = match entry.metadata() {
                Err(gone) if gone.kind() == io::ErrorKind::NotFound => continue,
                found => found?,
            };
            let is_folder = metadata.is_dir();
            entries.push(Entry {
                name,
                is_folder,
                len: if is_folder { 0 } else { metadata.len() },
            });
        }
        entries.sort();
        Ok(entries)
    }

    fn create_folder(&self, path: &str) -> io::Result<()> {
        fs::create_dir_all(self.full(path)?)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.full(from)?, self.full(to)?)
    }

    fn link(&self, from: &str, to: &str) -> io::Result<()> {
        fs::hard_link(self.full(from)?, self.full(to)?)
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        let full = self.full(path)?;
        if fs::symlink_metadata(&full)?.is_dir() {
            fs::remove_dir_all(full)
        } else {
            fs::remove_file(full)
        }
    }

    fn sync_folder(&self, path: &str) -> io::Result<()> {
        fs::File::open(self.full(path)?)?.sync_all()
    }

    fn free_space(&self) -> io::Result<Option<u64>> {
        let found = rustix::fs::statvfs(&self.root)?;
        // What is kept back for the superuser is not ours.
        let bytes = u128::from(found.f_bavail) * u128::from(found.f_frsize);
        Ok(Some(u64::try_from(bytes).unwrap_or(u64::MAX)))
    }

    fn lock(&self) -> io::Result<Box<dyn Lock>> {
        let path = self.root.join(LOCK_FILE);
        let file = OpenOptions::new().write(true).create(true).truncate(false).open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Box::new(OsLock { _file: file })),
            Err(TryLockError::WouldBlock) => Err(io::ErrorKind::WouldBlock.into()),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

/// The lock goes with the open file, also when the process is killed.
#[derive(Debug)]
struct OsLock {
    _file: fs::File,
}

impl Lock for OsLock {}

/// Opened with `O_APPEND`: the kernel knows the end, so no length here can be wrong.
#[derive(Debug)]
struct OsFile {
    file: fs::File,
    /// Keeps the parts of an append together when the kernel takes it in several writes.
    appending: Mutex<()>,
}

impl File for OsFile {
    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        let _together = self.appending.lock();
        (&self.file).write_all(bytes)
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        // The kernel calls an offset that no file can have invalid; to the caller it is past the end.
        if offset.saturating_add(buf.len() as u64) >= i64::MAX as u64 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.file.read_exact_at(buf, offset)
    }

    #[cfg(target_os = "linux")]
    fn will_read(&self, offset: u64, len: u64) {
        use rustix::fs::{Advice, fadvise};
        /// Of more Linux takes only as much as the device's read-ahead, and forgets the rest.
        const STEP: usize = 128 << 10;
        let end = offset.saturating_add(len);
        for from in (offset..end).step_by(STEP) {
            // Without a length it would be advice for all that follows.
            let len = NonZeroU64::new((end - from).min(STEP as u64));
            // It is advice: where it is not taken the bytes are read when they are needed.
            let _ = fadvise(&self.file, from, len, Advice::WillNeed);
        }
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        let _together = self.appending.lock();
        self.file.set_len(len)
    }

    fn sync(&self) -> io::Result<()> {
        // Syncs the length too: without it the bytes could not be read back.
        self.file.sync_data()
    }
}
