//! What there is to verify.

use super::Damage;
use crate::backup::SnapshotList;
use crate::block::{BlockName, QUARANTINE, is_temporary};
use crate::delete;
use crate::error::{Error, Result};
use crate::head::{SAVED_ASIDE, parse_saved, parse_spill};
use crate::import;
use crate::log::{self, Position};
use crate::shard::TIERS;
use crate::storage::{Entry, Storage, steps};

/// A piece of work for one thread.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) path: String,
    pub(super) bytes: u64,
    pub(super) part: Part,
}

#[derive(Debug)]
pub(super) enum Part {
    Segment {
        first: u64,
        is_last: bool,
    },
    Checkpoint {
        at: u64,
    },
    Block {
        parent: String,
        name: String,
    },
    /// A tier of a block of the tenant.
    Tier {
        parent: String,
        name: String,
    },
    /// The tombstones of a tenant.
    Tombstones {
        folder: String,
    },
    /// A saved head, and the chunks in spill files that it refers to.
    Head {
        folder: String,
        position: Position,
    },
}

/// The work, the largest piece first, and what a look at the names shows already.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) items: Vec<Item>,
    pub(super) damage: Vec<Damage>,
    pub(super) notes: Vec<String>,
}

/// Folders and files beside log and shards that have their own ways of being checked.
const OTHERS: [&str; 4] = ["DATABASE", "LOCK", "SNAPSHOT", "snapshots"];

/// Lists everything; `sealed` as in [`run`](super::run).
pub(super) fn plan(storage: &dyn Storage, sealed: Option<u64>) -> Result<Plan> {
    let mut plan = Plan::default();
    for entry in steps::list(storage, "")? {
        match entry.name.as_str() {
            "log" => plan.log(&steps::list(storage, "log")?, sealed),
            import::FOLDER => plan.imports(storage)?,
            name if is_temporary(name) => plan.notes.push(left(name)),
            shard if shard.starts_with("shard-") && entry.is_folder => {
                for tenant in steps::list(storage, shard)? {
                    let folder = format!("{shard}/{}", tenant.name);
                    plan.tenant(storage, &folder, &steps::list(storage, &folder)?)?;
                }
            }
            other if OTHERS.contains(&other) => {}
            other => plan.note(other),
        }
    }
    plan.snapshot(storage)?;
    plan.items.sort_by_key(|item| std::cmp::Reverse(item.bytes));
    Ok(plan)
}

fn left(path: &str) -> String {
    format!("{path}: a crash left it unfinished; the next start removes it")
}

impl Plan {
    fn note(&mut self, path: &str) {
        self.notes.push(format!("{path}: no file of this version of nunatak; not checked"));
    }

    /// How far imports have come; what they are preparing is no data yet.
    fn imports(&mut self, storage: &dyn Storage) -> Result<()> {
        for entry in steps::list(storage, import::FOLDER)?.iter().filter(|entry| entry.is_folder) {
            match import::State::read(storage, &format!("{}/{}", import::FOLDER, entry.name)) {
                Err(Error::Corrupt { path, offset, what }) => {
                    let path = path.to_string_lossy().into_owned();
                    self.damage.push(Damage { path, offset: Some(offset), what });
                }
                result => drop(result?),
            }
        }
        Ok(())
    }

    /// In the folder of a snapshot: whether all that was linked is there.
    fn snapshot(&mut self, storage: &dyn Storage) -> Result<()> {
        let list = match SnapshotList::read(storage) {
            Err(Error::Corrupt { path, offset, what }) => {
                let path = path.to_string_lossy().into_owned();
                self.damage.push(Damage { path, offset: Some(offset), what });
                return Ok(());
            }
            result => result?,
        };
        let Some(list) = list else { return Ok(()) };
        for (path, offset, what) in list.defects(storage)? {
            self.damage.push(Damage { path, offset: Some(offset), what });
        }
        Ok(())
    }

    fn log(&mut self, entries: &[Entry], sealed: Option<u64>) {
        let is_sealed = |first: u64| sealed.is_none_or(|sealed| first <= sealed);
        let segment = |entry: &Entry| log::segment_of(&entry.name).filter(|&f| is_sealed(f));
        let last = entries.iter().filter_map(segment).max();
        for entry in entries {
            let path = format!("log/{}", entry.name);
            let bytes = entry.len;
            if let Some(first) = log::segment_of(&entry.name) {
                let is_last = sealed.is_none() && last == Some(first);
                if is_sealed(first) {
                    self.items.push(Item { path, bytes, part: Part::Segment { first, is_last } });
                }
            } else if let Some(at) = log::checkpoint_of(&entry.name) {
                self.items.push(Item { path, bytes, part: Part::Checkpoint { at } });
            } else if entry.name.starts_with("quarantine-") || entry.name.starts_with("unsynced-") {
                self.notes.push(format!("{path}: a copy of damaged bytes of the log"));
            } else if is_temporary(&entry.name) {
                self.notes.push(left(&path));
            } else {
                self.note(&path);
            }
        }
    }

    fn tiers(&mut self, storage: &dyn Storage, folder: &str) -> Result<()> {
        for entry in steps::list(storage, folder)? {
            let (path, name) = (format!("{folder}/{}", entry.name), entry.name.as_str());
            if BlockName::parse(name).is_some() {
                let bytes = steps::list(storage, &path)?.iter().map(|file| file.len).sum();
                let part = Part::Tier { parent: folder.to_owned(), name: name.to_owned() };
                self.items.push(Item { path, bytes, part });
            } else if is_temporary(name) || name.starts_with(QUARANTINE) {
                self.notes.push(left(&path));
            } else {
                self.note(&path);
            }
        }
        Ok(())
    }

    fn tenant(&mut self, storage: &dyn Storage, folder: &str, entries: &[Entry]) -> Result<()> {
        for entry in entries {
            let path = format!("{folder}/{}", entry.name);
            let name = entry.name.as_str();
            if name == TIERS && entry.is_folder {
                self.tiers(storage, &path)?;
            } else if BlockName::parse(name).is_some() {
                let bytes = steps::list(storage, &path)?.iter().map(|file| file.len).sum();
                let part = Part::Block { parent: folder.to_owned(), name: name.to_owned() };
                self.items.push(Item { path, bytes, part });
            } else if name.strip_prefix(QUARANTINE).and_then(BlockName::parse).is_some() {
                let what = "the block was put aside as damaged before".to_owned();
                self.damage.push(Damage { path, offset: None, what });
            } else if name == delete::NAME {
                let part = Part::Tombstones { folder: folder.to_owned() };
                self.items.push(Item { path, bytes: entry.len, part });
            } else if name == delete::ASIDE {
                let what = "the tombstones were put aside as damaged before".to_owned();
                self.damage.push(Damage { path, offset: None, what });
            } else if let Some(position) = parse_saved(name) {
                let part = Part::Head { folder: folder.to_owned(), position };
                self.items.push(Item { path, bytes: entry.len, part });
            } else if name.starts_with(SAVED_ASIDE) {
                self.notes.push(format!("{path}: a saved head that was put aside as damaged"));
            } else if is_temporary(name) {
                self.notes.push(left(&path));
            } else if parse_spill(name).is_none() {
                self.note(&path);
            }
        }
        Ok(())
    }
}
