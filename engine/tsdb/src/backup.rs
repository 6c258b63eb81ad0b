//! Snapshots of a whole database in a folder of their own, made of hard links.
//!
//! Everything on disk but the log's newest segment is written once and never changed, so a second
//! name is a copy. The newest segment is ended first: its end is the moment of the snapshot, in all
//! shards at once, because all shards share the log. What was acknowledged before is in. The heads
//! are in the segments and checkpoints that are linked; a start on the folder replays them.
//!
//! The folder gets its name by one rename, when every link in it is on the disk. The file `SNAPSHOT`
//! lists what belongs to it; `docs/format/backup.md` has its lines.

mod list;
mod saved;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use crate::block::{TEMPORARY, is_temporary};
use crate::error::{Error, Result};
use crate::import;
use crate::log;
use crate::storage::{Storage, steps};
use list::LIST;
pub(crate) use list::SnapshotList;
pub(crate) use saved::SavedFiles;

/// The folder of all snapshots in a database's folder.
const FOLDER: &str = "snapshots";
/// Longest name of a snapshot.
const NAME_BYTES: usize = 100;

/// A snapshot that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Snapshot {
    /// Its name.
    pub name: String,
    /// Its folder, relative to the database's.
    pub path: PathBuf,
    /// Files in it.
    pub files: u64,
    /// Bytes of these files, which it shares with the database.
    pub bytes: u64,
    /// The last log position in it.
    pub position: log::Position,
}

/// Links everything that belongs to the database, the log up to `position` and of the heads' files
/// those in `saved`, into `snapshots/<name>`. Nothing may be removed meanwhile.
pub(crate) fn make(
    storage: &Arc<dyn Storage>,
    name: &str,
    position: log::Position,
    saved: &SavedFiles,
    now: i64,
) -> Result<Snapshot> {
    let target = format!("{FOLDER}/{name}");
    let temporary = format!("{FOLDER}/{TEMPORARY}{name}");
    let storage = storage.as_ref();
    steps::remove(storage, &temporary)?;
    let made = fill(storage, &temporary, position, saved, now);
    let made = made.and_then(|list| publish(storage, &temporary, &target).map(|()| list));
    if made.is_err() {
        // What stays is removed by the next start.
        let _ = storage.remove(&temporary);
    }
    let list = made?;
    let bytes = list.files.iter().map(|(_, bytes)| bytes).sum();
    let files = list.files.len() as u64;
    Ok(Snapshot { name: name.to_owned(), path: target.into(), files, bytes, position })
}

/// Refuses a name that is no folder's name, or taken.
pub(crate) fn check_name(storage: &dyn Storage, name: &str) -> Result<()> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let is_plain = (1..=NAME_BYTES).contains(&name.len()) && name.chars().all(allowed);
    if !is_plain || name.starts_with('.') || name.starts_with(TEMPORARY) {
        let what = format!(
            "snapshot name {name:?} is not allowed; use 1 to {NAME_BYTES} of A-Z a-z 0-9 . _ - \
             that do not begin with a dot or {TEMPORARY}"
        );
        return Err(Error::Invalid { what });
    }
    let target = format!("{FOLDER}/{name}");
    if steps::has_folder(storage, &target)? {
        return Err(Error::Invalid { what: format!("snapshot {target} is already there") });
    }
    Ok(())
}

/// Refuses while blocks of an import count that are not where they belong: one has failed between the
/// two.
pub(crate) fn check_imports(storage: &dyn Storage) -> Result<()> {
    for entry in steps::list(storage, import::FOLDER)?.iter().filter(|entry| entry.is_folder) {
        let folder = format!("{}/{}", import::FOLDER, entry.name);
        let Some(state) = import::State::read(storage, &folder)? else { continue };
        for step in &state.moves {
            if steps::has_folder(storage, &format!("{folder}/{}", step.from))? {
                let what = format!("the import in {folder} has failed half-way: continue it first");
                return Err(Error::Invalid { what });
            }
        }
    }
    Ok(())
}

/// Removes what a crash left of snapshots that were not finished.
pub(crate) fn clean_temporary(storage: &dyn Storage) -> Result<()> {
    let entries = steps::list(storage, FOLDER)?;
    let unfinished = entries.iter().filter(|entry| entry.name.starts_with(TEMPORARY));
    let mut paths = unfinished.map(|entry| format!("{FOLDER}/{}", entry.name));
    paths.try_for_each(|path| steps::remove(storage, &path))
}

fn fill(
    storage: &dyn Storage,
    into: &str,
    position: log::Position,
    saved: &SavedFiles,
    now: i64,
) -> Result<SnapshotList> {
    let mut list = SnapshotList { position: position.0, made: now, files: Vec::new() };
    link_folder(storage, "", into, saved, &mut list)?;
    list.files.sort();
    list.write(storage, &format!("{into}/{LIST}"))?;
    storage.sync_folder(into).map_err(|error| Error::io("sync", into, error))?;
    Ok(list)
}

/// Links the files of a folder and of those below it.
fn link_folder(
    storage: &dyn Storage,
    folder: &str,
    into: &str,
    saved: &SavedFiles,
    list: &mut SnapshotList,
) -> Result<()> {
    let failed = |op, path: &str| {
        let path = path.to_owned();
        move |error| Error::io(op, path, error)
    };
    storage.create_folder(into).map_err(failed("create", into))?;
    for entry in storage.list(folder).map_err(failed("list", folder))? {
        let name = entry.name.as_str();
        let from = if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
        if !belongs(folder, name, list.position) {
            continue;
        }
        let to = format!("{into}/{name}");
        if entry.is_folder {
            link_folder(storage, &from, &to, saved, list)?;
        } else if let Some(bytes) = saved.bytes_of(&from, name, entry.len) {
            storage.link(&from, &to).map_err(|error| cannot_link(&from, &to, error))?;
            list.files.push((from, bytes));
        }
    }
    storage.sync_folder(into).map_err(failed("sync", into))
}

fn cannot_link(from: &str, to: &str, error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::CrossesDevices | io::ErrorKind::Unsupported => Error::Invalid {
            what: format!(
                "{to} can't be a link to {from} ({error}): the folder {FOLDER} must be on the file \
                 system of the database, and that must know hard links; copy the folder of the \
                 stopped database instead"
            ),
        },
        _ => Error::io("link", to, error),
    }
}

/// Whether a name in a folder of the database is part of a snapshot. All but the log's segments
/// behind the snapshot's position is immutable, unfinished, or not data.
fn belongs(folder: &str, name: &str, position: u64) -> bool {
    let is_behind = folder == "log" && log::segment_of(name).is_some_and(|first| first > position);
    // What an import prepares is nobody's data yet and still grows; how far it has come is kept.
    let in_import = folder.strip_prefix(import::FOLDER).is_some_and(|rest| rest.starts_with('/'));
    if in_import && name != "state" {
        return false;
    }
    let is_other = folder.is_empty() && matches!(name, FOLDER | "LOCK" | LIST);
    !(is_behind || is_other || is_temporary(name))
}

fn publish(storage: &dyn Storage, temporary: &str, target: &str) -> Result<()> {
    storage.rename(temporary, target).map_err(|error| Error::io("rename", target, error))?;
    storage.sync_folder(FOLDER).map_err(|error| Error::io("sync", FOLDER, error))?;
    storage.sync_folder("").map_err(|error| Error::io("sync", "", error))
}

/// Before a start: if the folder is that of a snapshot, checks that the copy is whole; from then on it
/// is a database like any other.
pub(crate) fn restore(storage: &dyn Storage) -> Result<()> {
    let Some(list) = SnapshotList::read(storage)? else { return Ok(()) };
    if let Some((path, offset, what)) = list.defects(storage)?.into_iter().next() {
        let what = format!(
            "{what}; copy the snapshot again, or remove the file {LIST} to use what \
             is there"
        );
        return Err(Error::corrupt(path, offset, what));
    }
    steps::remove(storage, LIST)?;
    storage.sync_folder("").map_err(|error| Error::io("sync", "", error))?;
    tracing::info!(position = list.position, made_ms = list.made, "restored a snapshot");
    Ok(())
}
