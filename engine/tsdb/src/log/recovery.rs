//! What a log does with its files when it is opened: find its end, and cut a torn one.
//!
//! Only the newest segment can have a torn end, because the one before is synced before a new one
//! begins. A bad stretch at the end is torn unless a header says that its position was synced:
//! then it is damage, and stays for the replay to put aside. A position that is cut was never
//! acknowledged (with `Durability::Fsync`), so it may be given again.

use std::sync::Arc;

use super::aside::{self, Bad};
use super::layout::{FILE_HEADER, FOLDER, FileHeader, Kind, parse_segment, segment_path};
use super::scan::{Piece, Scan, Window};
use super::{checkpoint, layout};
use crate::error::{Error, Result};
use crate::storage::Storage;

/// What was found.
#[derive(Debug, Default, Clone)]
pub(super) struct Recovered {
    /// The last position, synced: none up to it is given again.
    pub(super) last: u64,
    /// The last position that a frame had, as far as the files tell: positions behind it may have
    /// been passed over.
    pub(super) last_frame: u64,
    /// The highest position that is proven to have been synced before the log was opened.
    pub(super) synced: u64,
    /// The torn end that was cut: file, offset, bytes.
    pub(super) torn: Option<(String, u64, u64)>,
}

/// The first positions of all segments, ascending.
pub(super) fn segments(storage: &dyn Storage) -> Result<Vec<u64>> {
    let entries = storage.list(FOLDER).map_err(|error| Error::io("list", FOLDER, error))?;
    Ok(entries.iter().filter_map(|entry| parse_segment(&entry.name)).collect())
}

/// The end of a segment.
struct Tail {
    /// Whether it has a frame, or had one that is proven.
    is_used: bool,
    /// The last frame before it, if its header tells.
    previous: Option<u64>,
    last: u64,
    synced: u64,
    /// The last frame that its own frames prove.
    proven: u64,
    /// From where on it is torn.
    torn_from: Option<u64>,
    len: u64,
    /// Bad stretches before the torn end that nothing proves to have been synced: offset, bytes.
    unsynced: Vec<(u64, u64)>,
}

/// Makes the folder if it is missing, finds the end of the log and cuts a torn one.
pub(super) fn recover(storage: &dyn Storage) -> Result<Recovered> {
    storage.create_folder(FOLDER).map_err(|error| Error::io("create", FOLDER, error))?;
    storage.sync_folder("").map_err(|error| Error::io("sync", "", error))?;
    checkpoint::remove_temp(storage)?;
    let mut recovered = Recovered::default();
    if let Some(&at) = checkpoint::list(storage)?.first() {
        recovered.last = at;
        recovered.last_frame = at;
    }
    for first in segments(storage)?.into_iter().rev() {
        // A later segment, now removed, proves that everything before it was synced.
        recovered.last = recovered.last.max(first.saturating_sub(1));
        let path = segment_path(first);
        let tail = tail(storage, first, recovered.synced)?;
        if !tail.is_used {
            report(
                &mut recovered,
                &path,
                if tail.len == FILE_HEADER { FILE_HEADER } else { 0 },
                tail.len,
            );
            storage.remove(&path).map_err(|error| Error::io("remove", &path, error))?;
            recovered.synced = recovered.synced.max(first.saturating_sub(1));
            recovered.last_frame = recovered.last_frame.max(tail.previous.unwrap_or_default());
            continue;
        }
        recovered.last_frame = recovered.last_frame.max(tail.last).max(tail.proven);
        recovered.last = recovered.last.max(tail.last).max(tail.synced);
        recovered.synced = recovered.synced.max(tail.synced);
        end_segment(storage, first, &path, &tail, &mut recovered)?;
        break;
    }
    storage.sync_folder(FOLDER).map_err(|error| Error::io("sync", FOLDER, error))?;
    Ok(recovered)
}

fn report(recovered: &mut Recovered, path: &str, offset: u64, len: u64) {
    if offset < len {
        tracing::warn!(path, offset, bytes = len - offset, "cut the torn end of the log");
        recovered.torn = Some((path.to_owned(), offset, len - offset));
    }
}

/// Cuts the torn end and syncs the rest: what a reader sees from now on must stay.
fn end_segment(
    storage: &dyn Storage,
    first: u64,
    path: &str,
    tail: &Tail,
    recovered: &mut Recovered,
) -> Result<()> {
    let file = storage.open(path).map_err(|error| Error::io("open", path, error))?;
    if let Some(offset) = tail.torn_from {
        report(recovered, path, offset, tail.len);
        file.truncate(offset).map_err(|error| Error::io("truncate", path, error))?;
    }
    for &(offset, len) in &tail.unsynced {
        Bad { file: &*file, path, first, offset, len }.put_aside(storage, false);
    }
    file.sync().map_err(|error| Error::io("sync", path, error))
}

fn tail(storage: &dyn Storage, first: u64, synced: u64) -> Result<Tail> {
    let path = segment_path(first);
    let failed = |error| Error::io("read", &path, error);
    let file = storage.open(&path).map_err(failed)?;
    let mut window = Window::new(Arc::clone(&file)).map_err(failed)?;
    let len = window.len();
    let before = first.saturating_sub(1);
    let header = window.get(0, FILE_HEADER as usize).map_err(failed)?;
    let header = FileHeader::decode(Kind::Segment, &path, header)?;
    let mut tail = Tail {
        is_used: false,
        previous: header.as_ref().map(|header| header.second),
        last: before,
        synced,
        proven: 0,
        torn_from: None,
        len,
        unsynced: Vec::new(),
    };
    let mut scan = Scan::new(window, before);
    // Offset, bytes and position of bad stretches, and how many of them a good frame follows.
    let (mut bad, mut followed) = (Vec::new(), 0);
    if header.is_none() {
        bad.push((0, FILE_HEADER, first));
        followed = 1;
    }
    while let Some(piece) = scan.next().map_err(failed)? {
        match piece {
            Piece::Good { header, .. } => {
                tail.last = header.position;
                tail.is_used = true;
                followed = bad.len();
            }
            Piece::Bad { offset, len, position } => bad.push((offset, len, position)),
        }
    }
    tail.proven = scan.synced();
    tail.synced = tail.synced.max(tail.proven);
    for (i, (offset, len, position)) in bad.into_iter().enumerate() {
        let is_synced = position <= tail.synced;
        if i >= followed && !is_synced {
            tail.torn_from = Some(offset);
            break;
        }
        if i >= followed {
            tail.last = position;
            tail.is_used = true;
        }
        if !is_synced {
            tail.unsynced.push((offset, len));
        }
    }
    Ok(tail)
}

/// Removes the segments that lie wholly before `keep_from`, the oldest first; never the newest.
pub(super) fn remove_segments(storage: &dyn Storage, keep_from: u64) -> Result<()> {
    let segments = segments(storage)?;
    let ends = segments.iter().skip(1);
    for (&first, &next) in segments.iter().zip(ends) {
        if next > keep_from {
            break;
        }
        remove(storage, segment_path(first))?;
    }
    remove_asides(storage)
}

/// Removes what was put aside as unsynced of segments that are gone. Until their removal is
/// synced a power loss may bring them back, and only the copies tell that their bad stretches
/// are no damage.
fn remove_asides(storage: &dyn Storage) -> Result<()> {
    let entries = storage.list(FOLDER).map_err(|error| Error::io("list", FOLDER, error))?;
    let is_there = |first| entries.iter().any(|entry| parse_segment(&entry.name) == Some(first));
    let is_left = |name: &str| aside::segment_of_unsynced(name).is_some_and(|f| !is_there(f));
    let left: Vec<_> = entries.iter().filter(|entry| is_left(&entry.name)).collect();
    if left.is_empty() {
        return Ok(());
    }
    storage.sync_folder(FOLDER).map_err(|error| Error::io("sync", FOLDER, error))?;
    left.iter().try_for_each(|entry| remove(storage, layout::in_folder(&entry.name)))
}

fn remove(storage: &dyn Storage, path: String) -> Result<()> {
    storage.remove(&path).map_err(|error| Error::io("remove", path, error))
}
