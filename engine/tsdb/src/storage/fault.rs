//! Files in memory that fail on purpose, by plan and by seed.
//!
//! Every call that changes something is an *operation* and has a number, so a test can crash at
//! each one in turn. After a crash every call fails; [`FaultStorage::recover`] gives the storage
//! as the next process finds it.

mod crash;
mod readings;

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use parking_lot::Mutex;

pub use crash::Crash;
use crash::Random;
pub use readings::Reading;

use super::memory::{Copied, FlagLock};
use super::tree::{Node, Tree};
use super::{Entry, File, Lock, Mapped, Storage};

/// A tree of files that fails on purpose; a clone is another handle on the same tree.
#[derive(Debug, Clone)]
pub struct FaultStorage {
    state: Arc<Mutex<State>>,
    locked: Arc<AtomicBool>,
}

#[derive(Debug)]
struct State {
    tree: Tree,
    random: Random,
    operations: u64,
    syncs: u64,
    failed_syncs: u64,
    reads: u64,
    read_failures: BTreeMap<u64, io::ErrorKind>,
    crash_at: Option<u64>,
    failures: BTreeMap<u64, io::ErrorKind>,
    sync_failures: BTreeMap<u64, io::ErrorKind>,
    capacity: Option<u64>,
    sync_takes: Duration,
    crashed: bool,
    /// What files were asked and read since somebody wants to know.
    readings: Option<Vec<Reading>>,
}

/// What the plan says about the operation that begins.
enum Verdict {
    Go,
    Fail(io::ErrorKind),
    Crash,
}

fn crashed() -> io::Error {
    io::Error::other("the storage has crashed")
}

impl State {
    fn alive(&self) -> io::Result<()> {
        if self.crashed { Err(crashed()) } else { Ok(()) }
    }

    /// Counts a read and looks into the plan.
    fn reading(&mut self) -> io::Result<()> {
        self.alive()?;
        self.reads += 1;
        self.read_failures.remove(&self.reads).map_or(Ok(()), |kind| Err(kind.into()))
    }

    /// Counts an operation and looks into the plan.
    fn verdict(&mut self, is_sync: bool) -> io::Result<Verdict> {
        self.alive()?;
        self.operations += 1;
        if is_sync {
            self.syncs += 1;
        }
        if self.crash_at == Some(self.operations) {
            self.crashed = true;
            return Ok(Verdict::Crash);
        }
        let planned = self.failures.remove(&self.operations);
        let sync = if is_sync { self.sync_failures.remove(&self.syncs) } else { None };
        Ok(planned.or(sync).map_or(Verdict::Go, Verdict::Fail))
    }

    /// An operation that happens wholly or not at all; at a crash the dice say which.
    fn whole<T>(&mut self, work: impl FnOnce(&mut Tree) -> io::Result<T>) -> io::Result<T> {
        match self.verdict(false)? {
            Verdict::Go => work(&mut self.tree),
            Verdict::Fail(kind) => Err(kind.into()),
            Verdict::Crash => {
                if self.random.chance(2) {
                    work(&mut self.tree)?;
                }
                Err(crashed())
            }
        }
    }

    fn append(&mut self, node: Node, bytes: &[u8]) -> io::Result<()> {
        let verdict = self.verdict(false)?;
        if matches!(verdict, Verdict::Go) {
            let used = self.capacity.map(|capacity| capacity.saturating_sub(self.tree.used()));
            let room = used.map_or(bytes.len(), |room| bytes.len().min(room as usize));
            self.tree.append(node, bytes.get(..room).unwrap_or(bytes))?;
            let full = room < bytes.len();
            return if full { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) };
        }
        let part = self.random.below(bytes.len() as u64 + 1) as usize;
        self.tree.append(node, bytes.get(..part).unwrap_or(bytes))?;
        match verdict {
            Verdict::Fail(kind) => Err(kind.into()),
            _ => Err(crashed()),
        }
    }

    fn sync(&mut self, node: Node) -> io::Result<()> {
        match self.verdict(true)? {
            Verdict::Go => {
                self.tree.bytes_mut(node)?.sync();
                Ok(())
            }
            Verdict::Crash => Err(crashed()),
            Verdict::Fail(kind) => {
                // The kernel marks the pages clean: a later sync that succeeds does not bring
                // them back ("fsyncgate", PostgreSQL 2018).
                self.failed_syncs += 1;
                let bytes = self.tree.bytes_mut(node)?;
                crash::lose_pages(bytes, &mut self.random);
                Err(kind.into())
            }
        }
    }
}

impl FaultStorage {
    /// An empty tree without faults; `seed` decides everything that is left to chance.
    pub fn new(seed: u64) -> Self {
        Self::with_tree(Tree::new(true), seed)
    }

    fn with_tree(tree: Tree, seed: u64) -> Self {
        let state = State {
            tree,
            random: Random::new(seed),
            operations: 0,
            syncs: 0,
            failed_syncs: 0,
            reads: 0,
            read_failures: BTreeMap::new(),
            crash_at: None,
            failures: BTreeMap::new(),
            sync_failures: BTreeMap::new(),
            capacity: None,
            sync_takes: Duration::ZERO,
            crashed: false,
            readings: None,
        };
        Self { state: Arc::new(Mutex::new(state)), locked: Arc::default() }
    }

    /// Crashes at the operation with this number, counted from the first (1) of this storage.
    /// An append may then have written a part, a name may have changed or not.
    pub fn crash_at(&self, operation: u64) {
        self.state.lock().crash_at = Some(operation);
    }

    /// Crashes now.
    pub fn crash(&self) {
        self.state.lock().crashed = true;
    }

    /// Fails the operation with this number, counted as in [`crash_at`](Self::crash_at). An
    /// append writes a part before it fails; a sync loses what it should have synced.
    pub fn fail_at(&self, operation: u64, kind: io::ErrorKind) {
        self.state.lock().failures.insert(operation, kind);
    }

    /// Fails the sync with this number, counted from the first (1) of this storage; syncs of
    /// folders count too.
    pub fn fail_sync_at(&self, sync: u64, kind: io::ErrorKind) {
        self.state.lock().sync_failures.insert(sync, kind);
    }

    /// Fails the read with this number, counted from the first (1) of this storage: of bytes, of
    /// a whole file (a map), of a file's length or of a folder's names.
    pub fn fail_read_at(&self, read: u64, kind: io::ErrorKind) {
        self.state.lock().read_failures.insert(read, kind);
    }

    /// Reads so far; see [`fail_read_at`](Self::fail_read_at).
    pub fn reads(&self) -> u64 {
        self.state.lock().reads
    }

    /// Bytes that all files together may have; more is [`io::ErrorKind::StorageFull`] after as
    /// much as has room. Default: no limit.
    pub fn set_capacity(&self, bytes: Option<u64>) {
        self.state.lock().capacity = bytes;
    }

    /// Lets every sync take so long, of files and of folders. Default: no time.
    pub fn slow_syncs(&self, time: Duration) {
        self.state.lock().sync_takes = time;
    }

    fn wait_for_sync(state: &Mutex<State>) {
        let time = state.lock().sync_takes;
        if !time.is_zero() {
            std::thread::sleep(time);
        }
    }

    /// Operations so far: create, append, truncate, sync, rename, link, remove, folders made and synced.
    pub fn operations(&self) -> u64 {
        self.state.lock().operations
    }

    /// Syncs so far, of files and of folders.
    pub fn syncs(&self) -> u64 {
        self.state.lock().syncs
    }

    /// Syncs of files that failed by plan: each may have lost what it should have synced.
    pub fn failed_syncs(&self) -> u64 {
        self.state.lock().failed_syncs
    }

    /// Bytes of all files.
    pub fn used(&self) -> u64 {
        self.state.lock().tree.used()
    }

    /// Whether the planned crash has happened.
    pub fn is_crashed(&self) -> bool {
        self.state.lock().crashed
    }

    /// Flips one bit of a file, seen and on the disk.
    ///
    /// # Errors
    /// If there is no such file or byte.
    pub fn flip_bit(&self, path: &str, byte: u64, bit: u8) -> io::Result<()> {
        let mut state = self.state.lock();
        let node = state.tree.file(path)?;
        let bytes = state.tree.bytes_mut(node)?;
        bytes.sync();
        let end = || io::Error::from(io::ErrorKind::UnexpectedEof);
        *bytes.live.get_mut(byte as usize).ok_or_else(end)? ^= 1 << (bit % 8);
        bytes.durable.clone_from(&bytes.live);
        Ok(())
    }

    /// The storage as it is found after a crash (now, if none has happened), without faults.
    #[must_use]
    pub fn recover(&self, crash: Crash, seed: u64) -> Self {
        let mut tree = self.state.lock().tree.clone();
        let mut random = Random::new(seed);
        crash::survive(&mut tree, crash, &mut random);
        Self::with_tree(tree, seed)
    }

    fn file(&self, node: Node) -> Arc<dyn File> {
        Arc::new(FaultFile { state: Arc::clone(&self.state), node })
    }
}

impl Storage for FaultStorage {
    fn create(&self, path: &str) -> io::Result<Arc<dyn File>> {
        let node = self.state.lock().whole(|tree| tree.create(path))?;
        Ok(self.file(node))
    }

    fn open(&self, path: &str) -> io::Result<Arc<dyn File>> {
        let mut state = self.state.lock();
        state.reading()?;
        let node = state.tree.file(path)?;
        drop(state);
        Ok(self.file(node))
    }

    fn map(&self, path: &str) -> io::Result<Arc<dyn Mapped>> {
        let mut state = self.state.lock();
        state.reading()?;
        let node = state.tree.file(path)?;
        Ok(Arc::new(Copied(state.tree.bytes_mut(node)?.live.clone())))
    }

    fn list(&self, folder: &str) -> io::Result<Vec<Entry>> {
        let mut state = self.state.lock();
        state.reading()?;
        state.tree.list(folder)
    }

    fn create_folder(&self, path: &str) -> io::Result<()> {
        self.state.lock().whole(|tree| tree.create_folder(path))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.state.lock().whole(|tree| tree.rename(from, to))
    }

    fn link(&self, from: &str, to: &str) -> io::Result<()> {
        self.state.lock().whole(|tree| tree.link(from, to))
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        self.state.lock().whole(|tree| tree.remove(path))
    }

    fn sync_folder(&self, path: &str) -> io::Result<()> {
        Self::wait_for_sync(&self.state);
        let mut state = self.state.lock();
        match state.verdict(true)? {
            Verdict::Go => state.tree.sync_folder(path),
            Verdict::Fail(kind) => Err(kind.into()),
            Verdict::Crash => Err(crashed()),
        }
    }

    fn free_space(&self) -> io::Result<Option<u64>> {
        let state = self.state.lock();
        state.alive()?;
        Ok(state.capacity.map(|capacity| capacity.saturating_sub(state.tree.used())))
    }

    fn lock(&self) -> io::Result<Box<dyn Lock>> {
        self.state.lock().alive()?;
        Ok(Box::new(FlagLock::take(&self.locked)?))
    }
}

#[derive(Debug)]
struct FaultFile {
    state: Arc<Mutex<State>>,
    node: Node,
}

impl File for FaultFile {
    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        self.state.lock().append(self.node, bytes)
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        let mut state = self.state.lock();
        state.note_reading(self.node, offset, buf.len() as u64, false);
        state.reading()?;
        state.tree.read(self.node, offset, buf)
    }

    fn will_read(&self, offset: u64, len: u64) {
        self.state.lock().note_reading(self.node, offset, len, true);
    }

    fn len(&self) -> io::Result<u64> {
        let mut state = self.state.lock();
        state.reading()?;
        Ok(state.tree.bytes_mut(self.node)?.live.len() as u64)
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        let node = self.node;
        self.state.lock().whole(|tree| tree.truncate(node, len))
    }

    fn sync(&self) -> io::Result<()> {
        FaultStorage::wait_for_sync(&self.state);
        self.state.lock().sync(self.node)
    }
}
