//! Checks every byte of a segment or a checkpoint, and changes nothing.
#![deny(clippy::indexing_slicing, reason = "reads bytes that may be hostile")]

use std::sync::Arc;

use super::aside::Bad;
use super::checkpoint::Checkpoint;
use super::decode::DecodeScratch;
use super::frame::{Frame, Record};
use super::layout::{FILE_HEADER, FileHeader, Kind, checkpoint_path, segment_path};
use super::scan::{Piece, Scan, Window};
use crate::error::{Error, Result};
use crate::storage::Storage;

/// What was found in a file of the log.
#[derive(Debug, Default)]
pub(crate) struct LogCheck {
    pub(crate) path: String,
    pub(crate) bytes: u64,
    pub(crate) frames: u64,
    pub(crate) samples: u64,
    pub(crate) definitions: u64,
    /// First and last time of a sample.
    pub(crate) times: Option<(i64, i64)>,
    /// The first position and the last one.
    pub(crate) positions: (u64, u64),
    /// For a segment the last position before it, for a checkpoint the first that it needs.
    pub(crate) second: u64,
    /// Offset and defect of what had been synced, and is damaged.
    pub(crate) damage: Vec<(u64, String)>,
    /// Offset and bytes of what a crash left behind: nothing that was promised to stay.
    pub(crate) remains: Vec<(u64, u64)>,
}

impl LogCheck {
    fn count(&mut self, frame: &Frame) {
        self.frames += 1;
        let Record::Write { definitions, samples } = &frame.record else { return };
        self.definitions += definitions.len() as u64;
        self.samples += samples.times.len() as u64;
        // Mostly a frame is of one scrape, with one time.
        for &time in samples.times.chunk_by(|a, b| a == b).filter_map(<[i64]>::first) {
            let (first, last) = self.times.unwrap_or((time, time));
            self.times = Some((first.min(time), last.max(time)));
        }
    }
}

/// Checks the segment that begins with `first`. `is_last`: nothing was begun after it, so it may
/// have a torn end.
pub(crate) fn check_segment(
    storage: &dyn Storage,
    first: u64,
    is_last: bool,
    passed: &dyn Fn(u64),
) -> Result<LogCheck> {
    check_segment_at(storage, &segment_path(first), Some(first), is_last, passed)
}

/// As [`check_segment`] for a file that may have any name: then `first` is what its header says.
pub(crate) fn check_segment_at(
    storage: &dyn Storage,
    path: &str,
    first: Option<u64>,
    is_last: bool,
    passed: &dyn Fn(u64),
) -> Result<LogCheck> {
    let failed = |error| Error::io("read", path, error);
    let file = storage.open(path).map_err(failed)?;
    let mut window = Window::new(Arc::clone(&file)).map_err(failed)?;
    let mut check = LogCheck { path: path.to_owned(), bytes: window.len(), ..LogCheck::default() };
    let bytes = window.get(0, FILE_HEADER as usize).map_err(failed)?;
    let header = FileHeader::decode(Kind::Segment, path, bytes)?;
    let header = header.filter(|header| first.is_none_or(|first| header.first == first));
    let first = header.map(|header| header.first).or(first).unwrap_or(1);
    let before = first.saturating_sub(1);
    check.positions = (first, before);
    check.second = header.map_or(before, |header| header.second);
    // Offset, bytes, position and defect of bad stretches; how many of them a good frame follows.
    let (mut bad, mut followed) = (Vec::new(), 0);
    if header.is_none() {
        bad.push((0, FILE_HEADER, first, "damaged header".to_owned()));
        followed = 1;
    }
    let mut scan = Scan::new(window, before);
    let mut scratch = DecodeScratch::checking();
    while let Some(piece) = scan.next().map_err(failed)? {
        match piece {
            Piece::Good { offset, header, body } => {
                passed(u64::from(header.len));
                followed = bad.len();
                check.positions.1 = header.position;
                match Frame::decode_with(body, &mut scratch) {
                    Ok(frame) => {
                        check.count(&frame);
                        scratch.reuse(frame);
                    }
                    Err(error) => check.damage.push((offset, error.to_string())),
                }
            }
            Piece::Bad { offset, len, position } => {
                bad.push((offset, len, position, format!("{len} bytes that are no frame")));
            }
        }
    }
    let synced = if is_last { scan.synced() } else { u64::MAX };
    for (i, (offset, len, position, what)) in bad.into_iter().enumerate() {
        let aside = Bad { file: &*file, path, first, offset, len };
        let was_synced = position <= synced && !aside.is_known_unsynced(storage);
        if was_synced {
            check.damage.push((offset, what));
        } else {
            check.remains.push((offset, len));
            if i >= followed {
                break;
            }
        }
    }
    Ok(check)
}

/// Checks the checkpoint at `at`.
pub(crate) fn check_checkpoint(
    storage: &dyn Storage,
    at: u64,
    passed: &dyn Fn(u64),
) -> Result<LogCheck> {
    check_checkpoint_at(storage, checkpoint_path(at), Some(at), passed)
}

/// As [`check_checkpoint`] for a file that may have any name.
pub(crate) fn check_checkpoint_at(
    storage: &dyn Storage,
    path: String,
    at: Option<u64>,
    passed: &dyn Fn(u64),
) -> Result<LogCheck> {
    let failed = |error| Error::io("read", &path, error);
    let bytes = storage.open(&path).map_err(failed)?.len().map_err(failed)?;
    let mut check = LogCheck { path: path.clone(), bytes, ..LogCheck::default() };
    match Checkpoint::open_at(storage, path, at)? {
        Ok(mut good) => {
            check.positions = (good.at, good.at);
            check.second = good.keep_from;
            let visited = good.visit(&mut |_, frame| {
                check.count(&frame);
                Ok(())
            });
            match visited {
                Err(Error::Corrupt { offset, what, .. }) => check.damage.push((offset, what)),
                other => drop(other?),
            }
        }
        Err(what) => check.damage.push((0, what)),
    }
    passed(bytes);
    Ok(check)
}
