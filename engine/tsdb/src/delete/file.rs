//! The file that keeps tombstones when the log has let go of their records;
//! `docs/format/tombstones.md` has the bytes.
#![deny(clippy::indexing_slicing, reason = "reads bytes that nobody vouches for")]

use std::io;
use std::sync::Arc;

use super::tombstone::{Tombstone, Tombstones};
use crate::block::Coverage;
use crate::error::{Error, Result};
use crate::log::{EncodeScratch, Frame, Position, Record};
use crate::storage::{Storage, join, steps};

/// The file's name.
pub(crate) const NAME: &str = "tombstones";
const TEMPORARY: &str = "tombstones.tmp";
/// A file that failed its checksum.
pub(crate) const ASIDE: &str = "quarantine-tombstones";
pub(crate) const MAGIC: &[u8; 8] = b"NUNATMB\0";
const VERSION: u32 = 0;
/// Magic and version; their checksum follows.
const BEGIN: usize = 12;
const HEADER: usize = BEGIN + 4;
/// A longer file is none of ours: [`MAX_BYTES`] of deletes, and what blocks covered.
const LONGEST: u64 = 256 << 20;
/// Bytes that the deletes of a shard may take in the file.
pub(crate) const MAX_BYTES: usize = 64 << 20;
const FINAL: u8 = 1;

/// What the file says.
#[derive(Debug, Default, Clone)]
pub(crate) struct Remembered {
    pub(crate) tombstones: Tombstones,
    /// What blocks covered that are gone with all that was in them: the log may still have it.
    pub(crate) gone: Vec<Coverage>,
}

/// What a start found.
#[derive(Debug, Default)]
pub(crate) struct Loaded {
    pub(crate) remembered: Remembered,
    /// Why what was deleted may be shown again.
    pub(crate) damage: Option<String>,
}

/// Reads the tombstones in `folder`. A damaged file is put aside and reported, now and at each
/// later start.
///
/// # Errors
/// If the file can't be read, or is of another version.
pub(crate) fn load(storage: &dyn Storage, folder: &str) -> Result<Loaded> {
    steps::remove(storage, &format!("{folder}/{TEMPORARY}"))?;
    let aside = format!("{folder}/{ASIDE}");
    let mut loaded = Loaded::default();
    let there = steps::if_there(storage.open(&aside)).map_err(|e| Error::io("open", &aside, e))?;
    if there.is_some() {
        loaded.damage = Some(format!("{aside} was put aside before: deletes may be undone"));
    }
    let path = format!("{folder}/{NAME}");
    let Some(bytes) = steps::read(storage, &path, LONGEST)? else { return Ok(loaded) };
    match decode(&path, &bytes) {
        Ok(remembered) => loaded.remembered = remembered,
        Err(error @ Error::Corrupt { .. }) => {
            let renamed = storage.rename(&path, &aside);
            renamed.map_err(|error| Error::io("rename", &path, error))?;
            loaded.damage = Some(format!("{error}: deletes may be undone"));
        }
        Err(error) => return Err(error),
    }
    Ok(loaded)
}

/// What a file holds whose every byte was checked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Checked {
    pub(crate) bytes: u64,
    /// Deletes, and those of them that can't be taken back.
    pub(crate) deletes: u64,
    pub(crate) finals: u64,
    /// Windows that were covered by blocks that are gone.
    pub(crate) gone: u64,
}

/// Checks every byte of the file in `folder`.
///
/// # Errors
/// If it is missing, damaged or of another version, or can't be read.
pub(crate) fn check(storage: &dyn Storage, folder: &str) -> Result<Checked> {
    check_at(storage, &join(folder, NAME))
}

/// As [`check`], of the file at `path`.
pub(crate) fn check_at(storage: &dyn Storage, path: &str) -> Result<Checked> {
    let missing = || Error::io("open", path, io::ErrorKind::NotFound.into());
    let bytes = steps::read(storage, path, LONGEST)?.ok_or_else(missing)?;
    let Remembered { tombstones, gone } = decode(path, &bytes)?;
    Ok(Checked {
        bytes: bytes.len() as u64,
        deletes: tombstones.len() as u64,
        finals: tombstones.only(true).len() as u64,
        gone: gone.len() as u64,
    })
}

/// Replaces the file in `folder`, which is made if it is missing, in one step.
///
/// # Errors
/// If it can't be written or synced; the old one then stays.
pub(crate) fn store(
    storage: &dyn Storage,
    folder: &str,
    shard: u16,
    tenant: &Arc<str>,
    remembered: &Remembered,
) -> Result<()> {
    let path = format!("{folder}/{NAME}");
    let temporary = format!("{folder}/{TEMPORARY}");
    let bytes = encode(shard, tenant, remembered)?;
    storage.create_folder(folder).map_err(|e| Error::io("create folder", folder, e))?;
    steps::replace(storage, &path, &temporary, &bytes)?;
    steps::sync_up(storage, steps::parent(folder))
}

fn encode(shard: u16, tenant: &Arc<str>, remembered: &Remembered) -> Result<Vec<u8>> {
    let Remembered { tombstones, gone } = remembered;
    let mut out = Vec::from(*MAGIC);
    out.extend(VERSION.to_le_bytes());
    out.extend(crc32c::crc32c(&out).to_le_bytes());
    out.extend((tombstones.len() as u32).to_le_bytes());
    let (mut scratch, mut body) = (EncodeScratch::default(), Vec::new());
    for tombstone in tombstones.iter() {
        body.clear();
        let record = Record::Delete(tombstone.deletion.clone());
        let frame = Frame { shard, tenant: Arc::clone(tenant), stamp: tombstone.stamp, record };
        let encoded = frame.encode(&mut scratch, &mut body);
        encoded.map_err(|error| Error::Invalid { what: error.to_string() })?;
        out.extend(tombstone.position.0.to_le_bytes());
        out.push(if tombstone.is_final { FINAL } else { 0 });
        out.extend((body.len() as u32).to_le_bytes());
        out.extend_from_slice(&body);
    }
    out.extend((gone.len() as u32).to_le_bytes());
    for Coverage { from_ms, to_ms, position } in gone {
        out.extend(from_ms.to_le_bytes());
        out.extend(to_ms.to_le_bytes());
        out.extend(position.0.to_le_bytes());
    }
    out.extend(crc32c::crc32c(&out).to_le_bytes());
    Ok(out)
}

fn decode(path: &str, bytes: &[u8]) -> Result<Remembered> {
    let bad = |what: &str| Error::corrupt(path, 0, what);
    let header = bytes.get(..HEADER).and_then(checked).and_then(|h| h.strip_prefix(MAGIC));
    let version = header.and_then(|header| Bytes(header).u32());
    let found = version.ok_or_else(|| bad("not a file of tombstones, or a damaged one"))?;
    if found != VERSION {
        let hint = "use the build that wrote it, or export and import the data";
        return Err(Error::Version { path: path.into(), found, supported: VERSION, hint });
    }
    let body = checked(bytes).ok_or_else(|| bad("the checksum does not match"))?;
    entries(body).ok_or_else(|| bad("not the entries of a file of tombstones"))
}

/// The bytes before the checksum, if it is right.
fn checked(bytes: &[u8]) -> Option<&[u8]> {
    let (body, crc) = bytes.split_last_chunk::<4>()?;
    (crc32c::crc32c(body) == u32::from_le_bytes(*crc)).then_some(body)
}

fn entries(body: &[u8]) -> Option<Remembered> {
    let mut bytes = Bytes(body.get(HEADER..)?);
    let count = bytes.u32()?;
    let mut all = Vec::new();
    for _ in 0..count {
        let position = Position(bytes.u64()?);
        let [flags] = *bytes.take(1)? else { return None };
        let len = bytes.u32()? as usize;
        let Frame { stamp, record, .. } = Frame::decode(bytes.take(len)?).ok()?;
        let Record::Delete(deletion) = record else { return None };
        let is_final = flags & FINAL != 0;
        all.push(Arc::new(Tombstone {
            position,
            stamp,
            deletion,
            epoch: None,
            is_final,
            is_done: false,
        }));
    }
    let mut gone = Vec::new();
    for _ in 0..bytes.u32()? {
        let (from_ms, to_ms) = (bytes.u64()? as i64, bytes.u64()? as i64);
        gone.push(Coverage { from_ms, to_ms, position: Position(bytes.u64()?) });
    }
    bytes.0.is_empty().then(|| Remembered { tombstones: Tombstones::new(all), gone })
}

/// Reads from the front.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    fn u32(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes(self.take(4)?.try_into().ok()?))
    }

    fn u64(&mut self) -> Option<u64> {
        Some(u64::from_le_bytes(self.take(8)?.try_into().ok()?))
    }
}

#[cfg(test)]
mod tests {
    use nunatak_index::{MatchOp, Matcher};
    use proptest::prelude::*;

    use super::*;
    use crate::log::Deletion;
    use crate::storage::MemoryStorage;
    use crate::time::TimeRange;

    const FOLDER: &str = "shard-00/default";

    fn some() -> Remembered {
        let tombstone = |position, is_final| {
            let matcher = Matcher::new("job", MatchOp::Regex, "a|b").unwrap();
            let range = TimeRange::new(i64::MIN, 70);
            let deletion = Deletion { id: position + 1, matchers: vec![matcher], range };
            let position = Position(position);
            Arc::new(Tombstone {
                position,
                stamp: 5,
                deletion,
                epoch: None,
                is_final,
                is_done: false,
            })
        };
        let tombstones = Tombstones::new(vec![tombstone(8, false), tombstone(3, true)]);
        let gone = vec![Coverage { from_ms: -7, to_ms: 9, position: Position(4) }];
        Remembered { tombstones, gone }
    }

    fn stored(bytes: &[u8]) -> MemoryStorage {
        let storage = MemoryStorage::new();
        storage.create_folder(FOLDER).unwrap();
        let file = storage.create(&format!("{FOLDER}/{NAME}")).unwrap();
        file.append(bytes).unwrap();
        storage
    }

    #[test]
    fn another_version_is_refused_and_stays() {
        let mut bytes = encode(0, &Arc::from(""), &some()).unwrap();
        bytes[8] = 3;
        let crc = crc32c::crc32c(&bytes[..BEGIN]).to_le_bytes();
        bytes[BEGIN..HEADER].copy_from_slice(&crc);
        let storage = stored(&bytes);
        for _ in 0..2 {
            let error = load(&storage, FOLDER).unwrap_err();
            assert!(matches!(error, Error::Version { found: 3, .. }), "{error}");
        }
    }

    #[test]
    fn comes_back_and_is_replaced() {
        let storage = MemoryStorage::new();
        let tenant = Arc::from("");
        store(&storage, FOLDER, 0, &tenant, &some()).unwrap();
        let loaded = load(&storage, FOLDER).unwrap();
        let Remembered { tombstones, gone } = loaded.remembered;
        assert!(tombstones.iter().eq(some().tombstones.iter()) && loaded.damage.is_none());
        assert_eq!(gone, some().gone);
        store(&storage, FOLDER, 0, &tenant, &Remembered::default()).unwrap();
        assert!(load(&storage, FOLDER).unwrap().remembered.tombstones.is_empty());
    }

    proptest! {
        #[test]
        fn entries_from_any_bytes_do_no_harm(
            rest in prop::collection::vec(any::<u8>(), 0..120),
            at: prop::sample::Index,
            to: u8,
        ) {
            let mut bytes = vec![0; HEADER];
            bytes.extend(&rest);
            let _ = entries(&bytes);
            let mut bytes = encode(0, &Arc::from(""), &some()).unwrap();
            bytes.truncate(bytes.len() - 4);
            let at = at.index(bytes.len());
            bytes[at] = to;
            let _ = entries(&bytes);
        }
    }

    #[test]
    fn any_flipped_bit_is_seen_and_said_at_every_start() {
        let good = encode(0, &Arc::from(""), &some()).unwrap();
        for at in 0..good.len() * 8 {
            let mut bytes = good.clone();
            bytes[at / 8] ^= 1 << (at % 8);
            let storage = stored(&bytes);
            assert!(matches!(check(&storage, FOLDER), Err(Error::Corrupt { .. })), "bit {at}");
            let loaded = load(&storage, FOLDER).unwrap();
            let tombstones = loaded.remembered.tombstones;
            assert!(loaded.damage.is_some() && tombstones.is_empty(), "bit {at}");
            assert!(load(&storage, FOLDER).unwrap().damage.is_some(), "later, bit {at}");
        }
        for len in 0..good.len() {
            assert!(load(&stored(&good[..len]), FOLDER).unwrap().damage.is_some(), "{len} bytes");
        }
    }
}
