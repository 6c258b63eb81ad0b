//! One file, known by its first bytes; if those are damaged, by its name.
#![deny(clippy::indexing_slicing, reason = "reads bytes that nobody vouches for")]

use super::Inspection;
use crate::backup::SnapshotList;
use crate::block::{QUARANTINE, inspect as parts};
use crate::delete;
use crate::description;
use crate::error::{Error, Result};
use crate::head::{check_saved, parse_saved, parse_spill};
use crate::log::{self, LogCheck};
use crate::storage::Storage;

/// Bytes of the begin that are looked at.
const BEGIN: u64 = 64;

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Segment,
    Checkpoint,
    Data,
    Index,
    Manifest,
    SnapshotList,
    Description,
    SavedHead,
    Spill,
    Tombstones,
    Aside,
    Unknown,
}

/// First bytes, and what they say; then the version is a u32, a u16, or in words.
const MAGICS: [(&[u8], Kind); 10] = [
    (b"NUNALOG\0", Kind::Segment),
    (b"NUNACHK\0", Kind::Checkpoint),
    (b"NUNAHED\0", Kind::SavedHead),
    (b"NUNASPL\0", Kind::Spill),
    (delete::MAGIC, Kind::Tombstones),
    (b"nunablk\n", Kind::Data),
    (b"NUNATIDX", Kind::Index),
    (b"nunatak-block ", Kind::Manifest),
    (b"nunatak-snapshot ", Kind::SnapshotList),
    (b"nunatak\nversion ", Kind::Description),
];

impl Kind {
    fn words(self) -> &'static str {
        match self {
            Self::Segment => "log segment",
            Self::Checkpoint => "checkpoint of the log",
            Self::Data => "data of a block",
            Self::Index => "index of a block",
            Self::Manifest => "manifest of a block",
            Self::SnapshotList => "list of a snapshot",
            Self::Description => "description of a database",
            Self::SavedHead => "saved head",
            Self::Spill => "spill file",
            Self::Tombstones => "tombstones",
            Self::Aside => "copy of damaged bytes of the log",
            Self::Unknown => "unknown",
        }
    }

    fn by_magic(begin: &[u8]) -> Option<Self> {
        MAGICS.iter().find(|(magic, _)| begin.starts_with(magic)).map(|(_, kind)| *kind)
    }

    fn by_name(name: &str) -> Self {
        match name {
            "data" => Self::Data,
            "index" => Self::Index,
            "manifest" => Self::Manifest,
            "SNAPSHOT" => Self::SnapshotList,
            "DATABASE" => Self::Description,
            delete::NAME => Self::Tombstones,
            _ if log::segment_of(name).is_some() => Self::Segment,
            _ if log::checkpoint_of(name).is_some() => Self::Checkpoint,
            _ if parse_saved(name).is_some() => Self::SavedHead,
            _ if parse_spill(name).is_some() => Self::Spill,
            _ if name.starts_with(QUARANTINE) || name.starts_with("unsynced-") => Self::Aside,
            _ => Self::Unknown,
        }
    }

    /// The version in the first bytes.
    fn version(self, begin: &[u8]) -> Option<u32> {
        let words = || std::str::from_utf8(begin.split(|&byte| byte == b'\n').next()?).ok();
        match self {
            Self::Segment | Self::Checkpoint | Self::SavedHead | Self::Spill | Self::Tombstones => {
                begin.get(8..)?.first_chunk().map(|bytes| u32::from_le_bytes(*bytes))
            }
            Self::Data | Self::Index => {
                begin.get(8..)?.first_chunk().map(|bytes| u32::from(u16::from_le_bytes(*bytes)))
            }
            Self::Manifest | Self::SnapshotList => words()?.split(' ').nth(1)?.parse().ok(),
            Self::Description => {
                let text = String::from_utf8_lossy(begin);
                text.lines().nth(1)?.strip_prefix("version ")?.parse().ok()
            }
            Self::Aside | Self::Unknown => None,
        }
    }
}

/// Looks at the file `name` in the storage's root, which is the folder `folder`.
pub(super) fn inspect(storage: &dyn Storage, name: &str, folder: &str) -> Result<Inspection> {
    let failed = |error| Error::io("read", name, error);
    let file = storage.open(name).map_err(failed)?;
    let len = file.len().map_err(failed)?;
    let mut begin = vec![0; len.min(BEGIN) as usize];
    file.read_at(0, &mut begin).map_err(failed)?;
    let by_name = Kind::by_name(name);
    // A stretch that was put aside may well begin like a segment.
    let by_magic = Kind::by_magic(&begin).filter(|_| by_name != Kind::Aside);
    let kind = by_magic.unwrap_or(by_name);
    let mut found = Inspection::new(kind.words());
    found.version = kind.version(&begin).filter(|_| by_magic.is_some());
    found.bytes("bytes", len);
    if by_magic.is_none() && !matches!(kind, Kind::Aside | Kind::Unknown) {
        found.problems.push("it does not begin as such a file does".to_owned());
    }
    match kind {
        Kind::Segment => {
            let first = log::segment_of(name);
            let check = log::check_segment_at(storage, name, first, true, &|_| {});
            log_file(&mut found, check);
        }
        Kind::Checkpoint => {
            let at = log::checkpoint_of(name);
            log_file(&mut found, log::check_checkpoint_at(storage, name.to_owned(), at, &|_| {}));
        }
        Kind::Data => {
            let data = parts::data(&*file, name);
            if let Some(data) = found.found(data) {
                found.count("samples", data.samples);
                found.count("series", data.series);
                found.count("chunks", data.chunks);
                found.count("timestamp streams", data.streams);
                found.times(Some(data.times));
                found.per_sample(len, data.samples);
            }
        }
        Kind::Index => {
            if let Some(index) = found.found(parts::index(storage, name)) {
                found.count("series", index.series);
                found.count("label pairs", index.pairs);
            }
        }
        Kind::Manifest => {
            let block = folder.strip_prefix(QUARANTINE).unwrap_or(folder);
            if let Some(meta) = found.found(parts::manifest(storage, name, block)) {
                super::folder::block_facts(&mut found, &meta);
            }
        }
        Kind::SnapshotList => {
            let list = SnapshotList::read(storage);
            if let Some(list) = found.found(list).flatten() {
                snapshot_facts(&mut found, &list);
            }
        }
        Kind::Description => {
            if let Some(shards) = found.found(description::existing(storage)) {
                found.count("shards", shards as u64);
            }
        }
        Kind::SavedHead => {
            if let Some(position) = parse_saved(name)
                && let Some(head) = found.found(check_saved(storage, "", position))
            {
                found.count("shard", head.shard.into());
                found.count("series", head.series);
                found.count("chunks in spill files", head.spilled);
            }
        }
        Kind::Tombstones => {
            if let Some(checked) = found.found(delete::check_at(storage, name)) {
                found.count("deletes", checked.deletes);
                found.count("deletes that can't be taken back", checked.finals);
                found.count("windows of blocks that are gone", checked.gone);
            }
        }
        Kind::Spill | Kind::Aside => {}
        Kind::Unknown => found.problems.push("no file of this version of nunatak".to_owned()),
    }
    Ok(found)
}

pub(super) fn snapshot_facts(found: &mut Inspection, list: &SnapshotList) {
    found.facts.push(("made", super::Fact::Time(list.made)));
    found.count("log position", list.position);
    found.count("files", list.files.len() as u64);
    found.bytes("bytes of files", list.files.iter().map(|(_, bytes)| bytes).sum());
}

fn log_file(found: &mut Inspection, check: Result<LogCheck>) {
    let Some(check) = found.found(check) else { return };
    found.count("first position", check.positions.0);
    found.count("last position", check.positions.1);
    found.count("frames", check.frames);
    found.count("definitions of series", check.definitions);
    found.count("samples", check.samples);
    found.times(check.times);
    found.per_sample(check.bytes, check.samples);
    for (offset, what) in &check.damage {
        found.problems.push(format!("damaged at byte {offset}: {what}"));
    }
    for (offset, bytes) in &check.remains {
        found.text("unsynced rest", format!("{bytes} bytes at {offset} that a crash left"));
    }
}
