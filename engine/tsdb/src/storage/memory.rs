//! Files in memory, for tests and for databases that need not outlive the process.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;

use super::tree::{Node, Tree};
use super::{Entry, File, Lock, Mapped, Storage};

/// A tree of files in memory; a clone is another handle on the same tree.
#[derive(Debug, Clone)]
pub struct MemoryStorage {
    tree: Arc<Mutex<Tree>>,
    locked: Arc<AtomicBool>,
}

impl MemoryStorage {
    /// An empty tree.
    pub fn new() -> Self {
        Self { tree: Arc::new(Mutex::new(Tree::new(false))), locked: Arc::default() }
    }

    fn file(&self, node: Node) -> Arc<dyn File> {
        self.tree.lock().opened(node);
        Arc::new(MemoryFile { tree: Arc::clone(&self.tree), node })
    }
}

impl Default for MemoryStorage {
    fn default() -> Self {
        Self::new()
    }
}

impl Storage for MemoryStorage {
    fn create(&self, path: &str) -> io::Result<Arc<dyn File>> {
        let node = self.tree.lock().create(path)?;
        Ok(self.file(node))
    }

    fn open(&self, path: &str) -> io::Result<Arc<dyn File>> {
        let node = self.tree.lock().file(path)?;
        Ok(self.file(node))
    }

    fn map(&self, path: &str) -> io::Result<Arc<dyn Mapped>> {
        let mut tree = self.tree.lock();
        let node = tree.file(path)?;
        let copy = tree.bytes_mut(node)?.live.clone();
        Ok(Arc::new(Copied(copy)))
    }

    fn list(&self, folder: &str) -> io::Result<Vec<Entry>> {
        self.tree.lock().list(folder)
    }

    fn create_folder(&self, path: &str) -> io::Result<()> {
        self.tree.lock().create_folder(path)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.tree.lock().rename(from, to)
    }

    fn link(&self, from: &str, to: &str) -> io::Result<()> {
        self.tree.lock().link(from, to)
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        self.tree.lock().remove(path)
    }

    fn sync_folder(&self, path: &str) -> io::Result<()> {
        self.tree.lock().sync_folder(path)
    }

    fn free_space(&self) -> io::Result<Option<u64>> {
        Ok(None)
    }

    fn lock(&self) -> io::Result<Box<dyn Lock>> {
        Ok(Box::new(FlagLock::take(&self.locked)?))
    }
}

#[derive(Debug)]
struct MemoryFile {
    tree: Arc<Mutex<Tree>>,
    node: Node,
}

impl File for MemoryFile {
    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        self.tree.lock().append(self.node, bytes)
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        self.tree.lock().read(self.node, offset, buf)
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.tree.lock().bytes_mut(self.node)?.live.len() as u64)
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        self.tree.lock().truncate(self.node, len)
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for MemoryFile {
    fn drop(&mut self) {
        self.tree.lock().closed(self.node);
    }
}

/// Bytes of an immutable file, copied.
#[derive(Debug)]
pub(super) struct Copied(pub(super) Vec<u8>);

impl AsRef<[u8]> for Copied {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Mapped for Copied {}

/// A lock inside the process.
#[derive(Debug)]
pub(super) struct FlagLock(Arc<AtomicBool>);

impl FlagLock {
    pub(super) fn take(flag: &Arc<AtomicBool>) -> io::Result<Self> {
        if flag.swap(true, Ordering::AcqRel) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        Ok(Self(Arc::clone(flag)))
    }
}

impl Lock for FlagLock {}

impl Drop for FlagLock {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}
