//! The file `SNAPSHOT`: what belongs to a snapshot.
#![deny(clippy::indexing_slicing, reason = "reads bytes that nobody vouches for")]

use std::fmt::Write as _;
use std::io;

use super::saved::may_be_longer;
use crate::error::{Error, Result};
use crate::storage::Storage;

/// The file's name.
pub(super) const LIST: &str = "SNAPSHOT";
const MAGIC: &str = "nunatak-snapshot ";
const VERSION: u32 = 0;
/// Longest list that is read, in bytes: room for a million files.
const LONGEST: u64 = 256 << 20;

/// What belongs to a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SnapshotList {
    /// The last log position.
    pub(crate) position: u64,
    /// When it was made, in ms since the epoch.
    pub(crate) made: i64,
    /// Path in the snapshot and bytes of each file, sorted. A spill file may have more.
    pub(crate) files: Vec<(String, u64)>,
}

impl SnapshotList {
    fn encode(&self) -> String {
        let mut text = format!("{MAGIC}{VERSION}\n");
        // Writing to a string can't fail.
        let _ = writeln!(text, "position {}", self.position);
        let _ = writeln!(text, "made {}", self.made);
        for (path, bytes) in &self.files {
            let _ = writeln!(text, "file {bytes} {path}");
        }
        let _ = writeln!(text, "crc32c {:08x}", crc32c::crc32c(text.as_bytes()));
        text
    }

    pub(super) fn write(&self, storage: &dyn Storage, path: &str) -> Result<()> {
        let write = || {
            let file = storage.create(path)?;
            file.append(self.encode().as_bytes())?;
            file.sync()
        };
        write().map_err(|error| Error::io("write", path, error))
    }

    /// The list in the storage's root, if there is one.
    pub(crate) fn read(storage: &dyn Storage) -> Result<Option<Self>> {
        let file = match storage.open(LIST) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            result => result.map_err(|error| Error::io("open", LIST, error))?,
        };
        let read = || {
            let mut bytes = vec![0; file.len()?.min(LONGEST) as usize];
            file.read_at(0, &mut bytes)?;
            Ok(bytes)
        };
        let bytes = read().map_err(|error| Error::io("read", LIST, error))?;
        Self::decode(&bytes).map(Some)
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self> {
        let bad = |what: &str| Error::corrupt(LIST, 0, what);
        let text = std::str::from_utf8(bytes).map_err(|_| bad("the list is no text"))?;
        let first = text.lines().next().unwrap_or_default();
        let version = first.strip_prefix(MAGIC).and_then(|version| version.parse::<u32>().ok());
        match version {
            Some(VERSION) => {}
            Some(found) => {
                let hint = "use the build that wrote it";
                return Err(Error::Version { path: LIST.into(), found, supported: VERSION, hint });
            }
            None => return Err(bad("it does not begin like the list of a snapshot")),
        }
        let body = text.rfind("crc32c ").and_then(|at| text.split_at_checked(at));
        let sound = body.is_some_and(|(body, end)| {
            end == format!("crc32c {:08x}\n", crc32c::crc32c(body.as_bytes()))
        });
        if !sound {
            return Err(bad("the checksum does not match"));
        }
        body.and_then(|(body, _)| Self::parse(body)).ok_or_else(|| bad("not the text of a list"))
    }

    fn parse(body: &str) -> Option<Self> {
        let mut lines = body.lines().skip(1);
        let position = lines.next()?.strip_prefix("position ")?.parse().ok()?;
        let made = lines.next()?.strip_prefix("made ")?.parse().ok()?;
        let file = |line: &str| {
            let (bytes, path) = line.strip_prefix("file ")?.split_once(' ')?;
            Some((path.to_owned(), bytes.parse().ok()?))
        };
        Some(Self { position, made, files: lines.map(file).collect::<Option<_>>()? })
    }

    /// Path, offset and defect of each file that is missing or has another length.
    pub(crate) fn defects(&self, storage: &dyn Storage) -> Result<Vec<(String, u64, String)>> {
        let mut defects = Vec::new();
        for (path, bytes) in &self.files {
            match storage.open(path).and_then(|file| file.len()) {
                Ok(found) if found == *bytes => {}
                Ok(found) if found > *bytes && may_be_longer(path) => {}
                Ok(found) => {
                    let what = format!("the file has {found} bytes, {LIST} says {bytes}");
                    defects.push((path.clone(), found.min(*bytes), what));
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    let what = format!("the file is missing, {LIST} lists it");
                    defects.push((path.clone(), 0, what));
                }
                Err(error) => return Err(Error::io("open", path, error)),
            }
        }
        Ok(defects)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_comes_back_and_damage_is_seen() {
        let files = vec![("DATABASE".to_owned(), 29), ("log/a b".to_owned(), 0)];
        let list = SnapshotList { position: 7, made: -3, files };
        let text = list.encode();
        assert_eq!(SnapshotList::decode(text.as_bytes()).unwrap(), list);
        for i in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[i] ^= 1;
            SnapshotList::decode(&bytes).unwrap_err();
            SnapshotList::decode(&text.as_bytes()[..i]).unwrap_err();
        }
        let other = text.replacen("snapshot 0", "snapshot 9", 1);
        let error = SnapshotList::decode(other.as_bytes()).unwrap_err();
        assert!(matches!(error, Error::Version { found: 9, .. }), "{error}");
    }
}
