//! Checks every byte of a database: the description, segments and checkpoints of the log, and of
//! each block data, index and manifest, saved heads, tombstones.
//!
//! Nothing is changed: what a start would cut or put aside is only told. Files are shared out to
//! all cores, the largest first.

mod log;
mod plan;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;

use parking_lot::Mutex;

use crate::block::Block;
use crate::delete;
use crate::description;
use crate::error::{Error, Result};
use crate::head::check_saved;
use crate::log::Position;
use crate::storage::{OsStorage, Storage};
use plan::{Item, Part};

/// Something that is not as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Damage {
    /// The file or folder, relative to the database's folder.
    pub path: String,
    /// Where in the file, if that is known.
    pub offset: Option<u64>,
    /// What is wrong.
    pub what: String,
}

/// What a verification has found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verification {
    /// Files that were checked.
    pub files: u64,
    /// Bytes of these files.
    pub bytes: u64,
    /// Blocks that are whole.
    pub blocks: u64,
    /// Tiers of blocks that are whole.
    pub tiers: u64,
    /// Samples in whole blocks.
    pub block_samples: u64,
    /// Samples in the log's good frames; blocks may have them as well.
    pub log_samples: u64,
    /// What is damaged, by path.
    pub damage: Vec<Damage>,
    /// What is no damage and worth knowing: torn ends that a start cuts, leftovers of a crash, files
    /// that are not ours.
    pub notes: Vec<String>,
}

impl Verification {
    /// Whether nothing is damaged.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.damage.is_empty()
    }
}

/// Checks every byte of the database in the folder `path`, which nobody may have open.
///
/// `progress` is called now and then with the bytes that are done and those that there are.
///
/// # Errors
/// If there is no database, it is in use, of another version, or can't be read. Damage is no error:
/// it is in the result.
pub fn verify(
    path: impl AsRef<Path>,
    progress: &(dyn Fn(u64, u64) + Sync),
) -> Result<Verification> {
    let path = path.as_ref();
    if !path.is_dir() {
        return Err(Error::Invalid { what: format!("{} is no folder", path.display()) });
    }
    let storage = OsStorage::new(path).map_err(|error| Error::io("open", path, error))?;
    let storage: Arc<dyn Storage> = Arc::new(storage);
    verify_storage(&storage, progress).map_err(|error| match error {
        Error::InUse { .. } => Error::InUse { path: path.to_owned() },
        other => other,
    })
}

/// As [`verify`] for any storage.
///
/// # Errors
/// As [`verify`].
pub fn verify_storage(
    storage: &Arc<dyn Storage>,
    progress: &(dyn Fn(u64, u64) + Sync),
) -> Result<Verification> {
    // Before the lock, which would leave a file in a folder that is not ours.
    description::existing(storage.as_ref())?;
    let _lock = storage.lock().map_err(|error| match error.kind() {
        std::io::ErrorKind::WouldBlock => Error::InUse { path: "".into() },
        _ => Error::io("lock", "", error),
    })?;
    run(storage, None, progress)
}

/// Checks everything; of an open database (`sealed`) the log only up to that position, behind
/// which it is being written.
pub(crate) fn run(
    storage: &Arc<dyn Storage>,
    sealed: Option<u64>,
    progress: &(dyn Fn(u64, u64) + Sync),
) -> Result<Verification> {
    let plan = plan::plan(storage.as_ref(), sealed)?;
    let total: u64 = plan.items.iter().map(|item| item.bytes).sum();
    let (next, done) = (AtomicUsize::new(0), AtomicU64::new(0));
    let findings = Mutex::new(Findings::default());
    let work = || {
        while let Some(item) = plan.items.get(next.fetch_add(1, Ordering::Relaxed)) {
            let passed = |bytes| {
                let done = done.fetch_add(bytes, Ordering::Relaxed) + bytes;
                progress(done.min(total), total);
            };
            check(storage, item, sealed.is_some(), &passed, &findings);
        }
    };
    let cores = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 1..cores.min(plan.items.len()) {
            scope.spawn(work);
        }
        work();
    });
    let mut found = findings.into_inner();
    if let Some(error) = found.failure {
        return Err(error);
    }
    log::look_for_gaps(&mut found);
    let mut outcome = found.outcome;
    outcome.damage.extend(plan.damage);
    outcome.notes.extend(plan.notes);
    outcome.damage.sort_by(|a, b| (&a.path, a.offset).cmp(&(&b.path, b.offset)));
    outcome.notes.sort();
    Ok(outcome)
}

/// What the workers have found so far.
#[derive(Debug, Default)]
struct Findings {
    outcome: Verification,
    /// First position, last position, and the last one before it, of each segment.
    segments: Vec<(u64, u64, u64)>,
    /// Position and first needed position of whole checkpoints.
    checkpoints: Vec<(u64, u64)>,
    failure: Option<Error>,
}

impl Findings {
    /// Counts a file of so many bytes.
    fn file(&mut self, bytes: u64) {
        self.outcome.files += 1;
        self.outcome.bytes += bytes;
    }

    fn damage(&mut self, path: &str, offset: Option<u64>, what: String) {
        self.outcome.damage.push(Damage { path: path.to_owned(), offset, what });
    }

    /// Notes an error: damage is damage, everything else ends the verification.
    fn error(&mut self, item: &Item, error: Error) {
        match error {
            Error::Corrupt { path, offset, what } => {
                self.damage(&path.to_string_lossy(), Some(offset), what);
            }
            Error::Version { .. } => self.damage(&item.path, None, error.to_string()),
            // A disk that can't read a file any more.
            Error::Io { ref source, .. } if source.kind() != std::io::ErrorKind::NotFound => {
                self.damage(&item.path, None, error.to_string());
            }
            other => self.failure = Some(other),
        }
    }
}

fn check(
    storage: &Arc<dyn Storage>,
    item: &Item,
    is_open: bool,
    passed: &dyn Fn(u64),
    findings: &Mutex<Findings>,
) {
    let result = match &item.part {
        Part::Block { parent, name } | Part::Tier { parent, name } => {
            check_block(storage, item, (parent, name), passed, findings)
        }
        Part::Head { folder, position } => {
            check_head(storage.as_ref(), (folder, *position), passed, findings)
        }
        Part::Tombstones { folder } => check_tombstones(storage.as_ref(), folder, passed, findings),
        Part::Segment { .. } | Part::Checkpoint { .. } => {
            log::check(storage.as_ref(), item, passed, findings)
        }
    };
    let Err(error) = result else { return };
    // Compaction and trimming go on beside the verification of an open database.
    let is_gone = is_open && !is_there(storage.as_ref(), item);
    if !is_gone {
        findings.lock().error(item, error);
    }
}

fn is_there(storage: &dyn Storage, item: &Item) -> bool {
    match item.part {
        Part::Block { .. } | Part::Tier { .. } => storage.list(&item.path).is_ok(),
        _ => storage.open(&item.path).is_ok(),
    }
}

fn check_head(
    storage: &dyn Storage,
    (folder, position): (&str, Position),
    passed: &dyn Fn(u64),
    findings: &Mutex<Findings>,
) -> Result<()> {
    let found = check_saved(storage, folder, position)?;
    passed(found.bytes);
    findings.lock().file(found.bytes);
    Ok(())
}

fn check_tombstones(
    storage: &dyn Storage,
    folder: &str,
    passed: &dyn Fn(u64),
    findings: &Mutex<Findings>,
) -> Result<()> {
    let found = delete::check(storage, folder)?;
    passed(found.bytes);
    findings.lock().file(found.bytes);
    Ok(())
}

fn check_block(
    storage: &Arc<dyn Storage>,
    item: &Item,
    (parent, name): (&str, &str),
    passed: &dyn Fn(u64),
    findings: &Mutex<Findings>,
) -> Result<()> {
    let block = Block::open(Arc::clone(storage), parent, name)?;
    let verified = block.verify_with(passed);
    let mut found = findings.lock();
    match verified {
        Ok(_) if matches!(item.part, Part::Tier { .. }) => found.outcome.tiers += 1,
        Ok(report) => {
            found.outcome.blocks += 1;
            found.outcome.block_samples += report.samples;
        }
        Err(error @ Error::Corrupt { .. }) => {
            let pages = block.damaged_pages();
            if pages.is_empty() {
                return Err(error);
            }
            for (offset, what) in pages {
                found.damage(&format!("{}/data", item.path), Some(offset), what);
            }
        }
        Err(error) => return Err(error),
    }
    found.outcome.files += 3;
    found.outcome.bytes += item.bytes;
    Ok(())
}
