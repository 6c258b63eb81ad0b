//! A tree of files in memory that knows what a disk would hold after a power loss.
//!
//! Each file has the bytes that a reader sees (live) and those that were synced (durable), with
//! the changes in between in order. Each folder has the same for its names. This follows POSIX to
//! the letter and no file system's habits: syncing a file does not keep its name, syncing a folder
//! does not keep its files' bytes; only a rename is one step.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use super::{Entry, parts};

/// Number of a file or folder, never given again.
pub(super) type Node = u64;

/// The top folder.
const ROOT: Node = 0;

/// A change of a file's bytes that is not synced.
#[derive(Debug, Clone)]
pub(super) enum Change {
    Append(Vec<u8>),
    Truncate(u64),
}

/// A file's bytes: seen, on the disk, and what lies between.
#[derive(Debug, Clone, Default)]
pub(super) struct Bytes {
    pub(super) live: Vec<u8>,
    pub(super) durable: Vec<u8>,
    pub(super) changes: Vec<Change>,
    handles: usize,
}

/// A name given (`Some`) or taken (`None`) that is not synced. The two halves of a rename have
/// the same number: they survive together or not at all.
#[derive(Debug, Clone)]
pub(super) struct NameChange {
    pub(super) number: u64,
    pub(super) name: String,
    pub(super) node: Option<Node>,
}

/// A folder's names: seen, on the disk, and what lies between.
#[derive(Debug, Clone, Default)]
pub(super) struct Names {
    pub(super) live: BTreeMap<String, Node>,
    pub(super) durable: BTreeMap<String, Node>,
    pub(super) changes: Vec<NameChange>,
}

/// The tree.
#[derive(Debug, Clone)]
pub(super) struct Tree {
    pub(super) files: BTreeMap<Node, Bytes>,
    pub(super) folders: BTreeMap<Node, Names>,
    next: u64,
    /// Whether the durable side is kept; without it the tree is plain memory.
    durable: bool,
}

impl Bytes {
    /// Brings the durable bytes up to date.
    pub(super) fn sync(&mut self) {
        for change in std::mem::take(&mut self.changes) {
            change.apply(&mut self.durable);
        }
    }
}

impl Change {
    pub(super) fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Append(more) => bytes.extend_from_slice(more),
            Self::Truncate(len) => bytes.truncate(*len as usize),
        }
    }
}

impl NameChange {
    pub(super) fn apply(&self, names: &mut BTreeMap<String, Node>) {
        match self.node {
            Some(node) => names.insert(self.name.clone(), node),
            None => names.remove(&self.name),
        };
    }
}

fn error<T>(kind: io::ErrorKind, path: &str) -> io::Result<T> {
    Err(io::Error::new(kind, path.to_owned()))
}

impl Tree {
    pub(super) fn new(durable: bool) -> Self {
        let folders = BTreeMap::from([(ROOT, Names::default())]);
        Self { files: BTreeMap::new(), folders, next: ROOT + 1, durable }
    }

    pub(super) fn bytes_mut(&mut self, node: Node) -> io::Result<&mut Bytes> {
        self.files.get_mut(&node).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    fn names(&self, folder: Node, path: &str) -> io::Result<&Names> {
        match self.folders.get(&folder) {
            Some(names) => Ok(names),
            None => error(io::ErrorKind::NotADirectory, path),
        }
    }

    fn find(&self, path: &str) -> io::Result<Node> {
        let mut node = ROOT;
        for part in parts(path)? {
            match self.names(node, path)?.live.get(part) {
                Some(&next) => node = next,
                None => return error(io::ErrorKind::NotFound, path),
            }
        }
        Ok(node)
    }

    /// The folder of a path and the last name in it.
    fn split<'a>(&self, path: &'a str) -> io::Result<(Node, &'a str)> {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        if parts(path)?.is_empty() {
            return error(io::ErrorKind::InvalidInput, path);
        }
        let node = self.find(folder)?;
        self.names(node, path)?;
        Ok((node, name))
    }

    fn set_name(&mut self, folder: Node, number: u64, name: &str, node: Option<Node>) {
        let durable = self.durable;
        let Some(names) = self.folders.get_mut(&folder) else { return };
        let change = NameChange { number, name: name.to_owned(), node };
        change.apply(&mut names.live);
        if durable {
            names.changes.push(change);
        }
    }

    pub(super) fn create(&mut self, path: &str) -> io::Result<Node> {
        let (folder, name) = self.split(path)?;
        if self.names(folder, path)?.live.contains_key(name) {
            return error(io::ErrorKind::AlreadyExists, path);
        }
        let node = self.number();
        self.files.insert(node, Bytes::default());
        self.set_name(folder, node, name, Some(node));
        Ok(node)
    }

    /// The file at a path.
    pub(super) fn file(&self, path: &str) -> io::Result<Node> {
        let node = self.find(path)?;
        if self.folders.contains_key(&node) {
            return error(io::ErrorKind::IsADirectory, path);
        }
        Ok(node)
    }

    pub(super) fn read(&self, node: Node, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        let Some(bytes) = self.files.get(&node) else { return error(io::ErrorKind::NotFound, "") };
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let found = start.checked_add(buf.len()).and_then(|end| bytes.live.get(start..end));
        match found {
            Some(found) => buf.copy_from_slice(found),
            None => return error(io::ErrorKind::UnexpectedEof, "end of file"),
        }
        Ok(())
    }

    pub(super) fn append(&mut self, node: Node, more: &[u8]) -> io::Result<()> {
        self.change(node, Change::Append(more.to_vec()))
    }

    pub(super) fn truncate(&mut self, node: Node, len: u64) -> io::Result<()> {
        if len > self.bytes_mut(node)?.live.len() as u64 {
            return error(io::ErrorKind::InvalidInput, "a cut can't make a file longer");
        }
        self.change(node, Change::Truncate(len))
    }

    fn change(&mut self, node: Node, change: Change) -> io::Result<()> {
        let durable = self.durable;
        let bytes = self.bytes_mut(node)?;
        change.apply(&mut bytes.live);
        if durable {
            bytes.changes.push(change);
        }
        Ok(())
    }

    pub(super) fn list(&self, folder: &str) -> io::Result<Vec<Entry>> {
        let names = self.names(self.find(folder)?, folder)?;
        let entry = |(name, node): (&String, &Node)| {
            let file = self.files.get(node);
            let len = file.map_or(0, |bytes| bytes.live.len() as u64);
            Entry { name: name.clone(), is_folder: file.is_none(), len }
        };
        Ok(names.live.iter().map(entry).collect())
    }

    pub(super) fn create_folder(&mut self, path: &str) -> io::Result<()> {
        let mut node = ROOT;
        for part in parts(path)? {
            let next = self.names(node, path)?.live.get(part).copied();
            node = next.unwrap_or_else(|| self.add_folder(node, part));
        }
        self.names(node, path).map(|_| ())
    }

    fn add_folder(&mut self, parent: Node, name: &str) -> Node {
        let node = self.number();
        self.folders.insert(node, Names::default());
        self.set_name(parent, node, name, Some(node));
        node
    }

    pub(super) fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        let node = self.find(from)?;
        let (from_folder, from_name) = self.split(from)?;
        let (to_folder, to_name) = self.split(to)?;
        if from == to {
            return Ok(());
        }
        if to.strip_prefix(from).is_some_and(|rest| rest.starts_with('/')) {
            return error(io::ErrorKind::InvalidInput, to);
        }
        self.check_target(node, to)?;
        let number = self.number();
        self.set_name(from_folder, number, from_name, None);
        self.set_name(to_folder, number, to_name, Some(node));
        self.forget_unnamed();
        Ok(())
    }

    pub(super) fn link(&mut self, from: &str, to: &str) -> io::Result<()> {
        let node = self.file(from)?;
        let (folder, name) = self.split(to)?;
        if self.names(folder, to)?.live.contains_key(name) {
            return error(io::ErrorKind::AlreadyExists, to);
        }
        let number = self.number();
        self.set_name(folder, number, name, Some(node));
        Ok(())
    }

    /// A file may replace a file, a folder an empty folder.
    fn check_target(&self, node: Node, to: &str) -> io::Result<()> {
        let Ok(target) = self.find(to) else { return Ok(()) };
        match (self.folders.contains_key(&node), self.folders.get(&target)) {
            (false, None) => Ok(()),
            (false, Some(_)) => error(io::ErrorKind::IsADirectory, to),
            (true, None) => error(io::ErrorKind::NotADirectory, to),
            (true, Some(names)) if names.live.is_empty() => Ok(()),
            (true, Some(_)) => error(io::ErrorKind::DirectoryNotEmpty, to),
        }
    }

    pub(super) fn remove(&mut self, path: &str) -> io::Result<()> {
        let (folder, name) = self.split(path)?;
        self.find(path)?;
        let number = self.number();
        self.set_name(folder, number, name, None);
        self.forget_unnamed();
        Ok(())
    }

    /// Counts a handle on a file: as long as there is one the bytes stay, whatever happens to
    /// the name.
    pub(super) fn opened(&mut self, node: Node) {
        if let Some(bytes) = self.files.get_mut(&node) {
            bytes.handles += 1;
        }
    }

    /// Gives a handle back.
    pub(super) fn closed(&mut self, node: Node) {
        let Some(bytes) = self.files.get_mut(&node) else { return };
        bytes.handles -= 1;
        if bytes.handles == 0 && !self.named().contains(&node) {
            self.forget_unnamed();
        }
    }

    /// Nodes that can be reached by a name.
    fn named(&self) -> BTreeSet<Node> {
        let mut named = BTreeSet::from([ROOT]);
        let mut todo = vec![ROOT];
        while let Some(names) = todo.pop().and_then(|node| self.folders.get(&node)) {
            for &node in names.live.values() {
                named.insert(node);
                if self.folders.contains_key(&node) {
                    todo.push(node);
                }
            }
        }
        named
    }

    /// Drops what has neither name nor handle; on a tree with a durable side the disk may still
    /// have it, so it stays.
    fn forget_unnamed(&mut self) {
        if !self.durable {
            let named = self.named();
            self.folders.retain(|node, _| named.contains(node));
            self.files.retain(|node, bytes| bytes.handles > 0 || named.contains(node));
        }
    }

    /// Makes the names in a folder durable; a rename with both its halves.
    pub(super) fn sync_folder(&mut self, path: &str) -> io::Result<()> {
        let node = self.find(path)?;
        self.names(node, path)?;
        let Some(names) = self.folders.get_mut(&node) else { return Ok(()) };
        let changes = std::mem::take(&mut names.changes);
        for change in &changes {
            change.apply(&mut names.durable);
        }
        let numbers: BTreeSet<u64> = changes.iter().map(|c| c.number).collect();
        for names in self.folders.values_mut() {
            let (now, later): (Vec<_>, Vec<_>) =
                names.changes.drain(..).partition(|change| numbers.contains(&change.number));
            names.changes = later;
            for change in &now {
                change.apply(&mut names.durable);
            }
        }
        Ok(())
    }

    /// Bytes of all files that have a name.
    pub(super) fn used(&self) -> u64 {
        let named = self.named();
        let named = self.files.iter().filter(|(node, _)| named.contains(node));
        named.map(|(_, bytes)| bytes.live.len() as u64).sum()
    }

    /// Drops all handles: the process that had them is gone, the machine runs on. Pages that a
    /// failed sync has marked clean may have left memory: what is on the disk is read.
    pub(super) fn reopen(&mut self) {
        for bytes in self.files.values_mut() {
            bytes.live.clone_from(&bytes.durable);
            bytes.changes.iter().for_each(|change| change.apply(&mut bytes.live));
            bytes.handles = 0;
        }
    }

    /// Makes the durable side what is seen, with nothing in between: a machine that has started.
    pub(super) fn restart(&mut self) {
        for bytes in self.files.values_mut() {
            bytes.live.clone_from(&bytes.durable);
            bytes.changes.clear();
            bytes.handles = 0;
        }
        for names in self.folders.values_mut() {
            names.live.clone_from(&names.durable);
            names.changes.clear();
        }
        let named = self.named();
        self.folders.retain(|node, _| named.contains(node));
        self.files.retain(|node, _| named.contains(node));
    }
}
