//! Saved heads whose checksums are right and whose content may be anything: for fuzzing only.

use super::load;
use super::page::{Begin, PageFile, saved_path};
use crate::error::Result;
use crate::head::spill::SpillFile;
use crate::head::{Epoch, View};
use crate::log::Position;
use crate::source::SampleBatch;
use crate::storage::{MemoryStorage, Storage};
use crate::time::TimeRange;

const FOLDER: &str = "t";
const POSITION: Position = Position(1);

/// Reads `bytes` as the file of a saved head; returns how many samples could be read.
///
/// # Errors
/// What loading says of bytes that are no saved head.
pub fn load_file(bytes: &[u8]) -> Result<u64> {
    let storage = MemoryStorage::new();
    let placed = storage
        .create_folder(FOLDER)
        .and_then(|()| storage.create(&saved_path(FOLDER, POSITION)))
        .and_then(|file| file.append(bytes));
    placed.map_err(|error| crate::Error::io("create", FOLDER, error))?;
    read(&storage)
}

/// Reads the first of `pages` (each with a length of two bytes before it) as the last page and the
/// others as pages of series, with right checksums around them and a spill file to refer to.
///
/// # Errors
/// As [`load_file`].
pub fn load_pages(pages: &[u8]) -> Result<u64> {
    let storage = MemoryStorage::new();
    let made = storage.create_folder(FOLDER);
    made.map_err(|error| crate::Error::io("create", FOLDER, error))?;
    let spill = SpillFile::create(&storage, FOLDER, 1)?;
    spill.append(pages)?;
    let spills = vec![(1, spill.len())];
    let begin = Begin { shard: 0, tenant: "".into(), start: POSITION, spills };
    let mut file = PageFile::create(&storage, saved_path(FOLDER, POSITION), &begin)?;
    let (end, mut rest) = page(pages);
    while !rest.is_empty() {
        let (payload, behind) = page(rest);
        file.push_series(payload)?;
        rest = behind;
    }
    file.finish(end)?;
    read(&storage)
}

fn page(bytes: &[u8]) -> (&[u8], &[u8]) {
    let Some((len, rest)) = bytes.split_first_chunk() else { return (&[], &[]) };
    rest.split_at(usize::from(u16::from_le_bytes(*len)).min(rest.len()))
}

fn read(storage: &MemoryStorage) -> Result<u64> {
    let head = load(storage, FOLDER, POSITION, &|_| Some(1000))?.head;
    let view = View::up_to(TimeRange::ALL, Epoch::MAX);
    let (mut samples, mut batch) = (0, SampleBatch::default());
    for slot in 0..head.slot_bound() {
        let Some(snapshot) = head.snapshot(slot, &view) else { continue };
        let mut cursor = snapshot.into_cursor();
        // What is damaged in a spill file is an error here, and nothing worse.
        while let Ok(true) = cursor.next_batch(&mut batch) {
            samples += batch.len() as u64;
        }
    }
    Ok(samples)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_saved_head_is_refused() {
        assert!(load_file(b"").is_err());
        assert!(load_pages(b"").is_err());
        // The end of an empty head: ten numbers, no windows, no marks, no deletes.
        let end = [1, 1, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0];
        let pages = [&[end.len() as u8, 0][..], &end].concat();
        assert_eq!(load_pages(&pages).unwrap(), 0);
    }
}
