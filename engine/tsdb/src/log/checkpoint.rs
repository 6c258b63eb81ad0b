//! Checkpoints: all live definitions, so that older segments can go.
//!
//! A checkpoint is written under another name, synced, and renamed: it is there whole or not at
//! all. Its last 32 bytes count its frames, so a file that was cut later is noticed.
#![deny(clippy::indexing_slicing, reason = "reads bytes that may be hostile")]

use std::sync::Arc;

use super::Position;
use super::decode::DecodeScratch;
use super::encode::{EncodeScratch, MAX_ENCODED};
use super::frame::Frame;
use super::layout::{
    CHECKPOINT_TEMP, FILE_HEADER, FOLDER, FRAME_HEADER, FileHeader, FrameHeader, Kind,
    checkpoint_path, parse_checkpoint,
};
use super::scan::Window;
use crate::error::{Error, Result};
use crate::storage::{File, Storage, steps};

/// Bytes that gather before they are written.
const WRITE: usize = 1 << 20;

/// A checkpoint whose every byte was checked.
#[derive(Debug)]
pub(super) struct Checkpoint {
    path: String,
    window: Window,
    pub(super) at: u64,
    pub(super) keep_from: u64,
}

/// The positions of all checkpoints, the newest first.
pub(super) fn list(storage: &dyn Storage) -> Result<Vec<u64>> {
    let entries = storage.list(FOLDER).map_err(|error| Error::io("list", FOLDER, error))?;
    let found = entries.iter().filter_map(|entry| parse_checkpoint(&entry.name));
    Ok(found.rev().collect())
}

/// The first position that the checkpoint wants to be kept, if its header is whole.
///
/// # Errors
/// If it can't be read now: it may be whole all the same.
pub(super) fn keep_from(storage: &dyn Storage, at: u64) -> Result<Option<u64>> {
    let path = checkpoint_path(at);
    let failed = |error| Error::io("read", &path, error);
    let mut window = Window::new(storage.open(&path).map_err(failed)?).map_err(failed)?;
    let bytes = window.get(0, FILE_HEADER as usize).map_err(failed)?;
    Ok(FileHeader::decode(Kind::Checkpoint, &path, bytes)?.map(|header| header.second))
}

/// Writes a checkpoint; returns its bytes.
pub(super) fn write(
    storage: &dyn Storage,
    at: u64,
    keep_from: u64,
    frames: &mut dyn Iterator<Item = Frame>,
) -> Result<u64> {
    let written = write_temp(storage, at, keep_from, frames);
    if written.is_err() {
        // Leaves the room to the log; the next open removes it if this does not.
        let _ = storage.remove(CHECKPOINT_TEMP);
    }
    let written = written?;
    let path = checkpoint_path(at);
    storage.rename(CHECKPOINT_TEMP, &path).map_err(|error| Error::io("rename", path, error))?;
    storage.sync_folder(FOLDER).map_err(|error| Error::io("sync", FOLDER, error))?;
    Ok(written)
}

fn write_temp(
    storage: &dyn Storage,
    at: u64,
    keep_from: u64,
    frames: &mut dyn Iterator<Item = Frame>,
) -> Result<u64> {
    let failed = |op| move |error| Error::io(op, CHECKPOINT_TEMP, error);
    remove_temp(storage)?;
    let file = storage.create(CHECKPOINT_TEMP).map_err(failed("create"))?;
    let mut out = FileHeader { kind: Kind::Checkpoint, first: at, second: keep_from }.encode();
    let (mut scratch, mut body) = (EncodeScratch::default(), Vec::new());
    let (mut count, mut written) = (0, 0);
    for frame in frames {
        body.clear();
        let encoded = frame.encode(&mut scratch, &mut body);
        encoded.map_err(|error| Error::Invalid { what: error.to_string() })?;
        let (len, body_crc) = (body.len() as u32, crc32c::crc32c(&body));
        out.extend(FrameHeader { len, position: at, synced: count, body_crc }.encode());
        out.extend_from_slice(&body);
        count += 1;
        if out.len() >= WRITE {
            written += flush(&*file, &mut out)?;
        }
    }
    out.extend(FrameHeader::encode_end(at, count));
    written += flush(&*file, &mut out)?;
    file.sync().map_err(failed("sync"))?;
    Ok(written)
}

fn flush(file: &dyn File, out: &mut Vec<u8>) -> Result<u64> {
    file.append(out).map_err(|error| Error::io("append", CHECKPOINT_TEMP, error))?;
    let written = out.len() as u64;
    out.clear();
    Ok(written)
}

/// Removes what is left of a checkpoint that was not finished.
pub(super) fn remove_temp(storage: &dyn Storage) -> Result<()> {
    steps::remove(storage, CHECKPOINT_TEMP)
}

impl Checkpoint {
    /// Opens the checkpoint at `at` and checks all of it; a bad one gives its defect.
    pub(super) fn open(
        storage: &dyn Storage,
        at: u64,
    ) -> Result<std::result::Result<Self, String>> {
        Self::open_at(storage, checkpoint_path(at), Some(at))
    }

    /// As [`open`](Self::open) for a file that may have any name: then its position is what its header
    /// says.
    pub(super) fn open_at(
        storage: &dyn Storage,
        path: String,
        at: Option<u64>,
    ) -> Result<std::result::Result<Self, String>> {
        let failed = |error| Error::io("read", &path, error);
        let file: Arc<dyn File> = storage.open(&path).map_err(failed)?;
        let mut window = Window::new(file).map_err(failed)?;
        let bytes = window.get(0, FILE_HEADER as usize).map_err(failed)?;
        let header = match FileHeader::decode(Kind::Checkpoint, &path, bytes)? {
            Some(header) if at.is_none_or(|at| header.first == at) => header,
            _ => return Ok(Err("damaged header".to_owned())),
        };
        let (at, keep_from) = (header.first, header.second);
        let mut checkpoint = Self { path, window, at, keep_from };
        let defect = checkpoint.walk(&mut |_, _| Ok(()))?;
        Ok(defect.map_or(Ok(checkpoint), Err))
    }

    /// Visits the frames.
    pub(super) fn visit(
        &mut self,
        visit: &mut dyn FnMut(Position, Frame) -> Result<()>,
    ) -> Result<u64> {
        let (position, path) = (Position(self.at), self.path.clone());
        let (mut scratch, mut count) = (DecodeScratch::default(), 0);
        let defect = self.walk(&mut |offset, body| {
            let frame = Frame::decode_with(body, &mut scratch);
            count += 1;
            visit(
                position,
                frame.map_err(|error| Error::corrupt(&path, offset, error.to_string()))?,
            )
        })?;
        match defect {
            Some(what) => Err(Error::corrupt(&self.path, 0, what)),
            None => Ok(count),
        }
    }

    /// Walks over the bodies; returns the first defect.
    fn walk(&mut self, visit: &mut dyn FnMut(u64, &[u8]) -> Result<()>) -> Result<Option<String>> {
        let path = self.path.clone();
        let failed = |error| Error::io("read", &path, error);
        let (mut offset, mut count) = (FILE_HEADER, 0);
        loop {
            let bytes = self.window.get(offset, FRAME_HEADER).map_err(failed)?;
            if FrameHeader::decode_end(bytes) == Some((self.at, count)) {
                let is_last = offset + FRAME_HEADER as u64 == self.window.len();
                return Ok((!is_last).then(|| "bytes follow the end".to_owned()));
            }
            let header = FrameHeader::decode(bytes).filter(|header| {
                let is_next = header.position == self.at && header.synced == count;
                is_next && header.len as usize <= MAX_ENCODED
            });
            let Some(header) = header else {
                return Ok(Some(format!("damaged or cut at byte {offset}")));
            };
            let body_at = offset + FRAME_HEADER as u64;
            let body = self.window.get(body_at, header.len as usize).map_err(failed)?;
            if body.len() != header.len as usize || crc32c::crc32c(body) != header.body_crc {
                return Ok(Some(format!("damaged or cut in the frame at byte {offset}")));
            }
            visit(offset, body)?;
            offset = body_at + u64::from(header.len);
            count += 1;
        }
    }
}
