//! Visits what the log holds, and puts aside what is damaged.
#![deny(clippy::indexing_slicing, reason = "reads bytes that may be hostile")]

use std::sync::Arc;

use super::aside::{self, Bad};
use super::checkpoint::{self, Checkpoint};
use super::decode::{DecodeScratch, address};
use super::error::FrameError;
use super::frame::{Frame, Record};
use super::layout::{
    FILE_HEADER, FOLDER, FRAME_HEADER, FileHeader, FrameHeader, Kind, checkpoint_path, segment_path,
};
use super::recovery::{Recovered, segments};
use super::scan::{Piece, Scan, Window};
use super::{LetGo, Position, ReplayReport, Wants};
use crate::error::{Error, Result};
use crate::storage::Storage;

type Visit<'a> = dyn FnMut(Position, Frame) -> Result<()> + 'a;

/// Takes from a frame before the caller's start all but what series need to be known.
pub(super) fn definitions_only(mut frame: Frame) -> Option<Frame> {
    match &mut frame.record {
        Record::Write { definitions, .. } if definitions.is_empty() => None,
        Record::Write { samples, .. } => {
            *samples = super::Samples::default();
            Some(frame)
        }
        Record::State { .. } => Some(frame),
        // Tombstones have a file of their own, which is written before each checkpoint.
        Record::Cut { .. } | Record::Delete(_) | Record::Undelete { .. } => None,
    }
}

/// Whether the files of tombstones, written before each checkpoint, have the outcome. Of a delete
/// that was taken back the log may have lost the second record and, after a power loss, not the
/// first.
fn is_of_tombstones(record: &Record) -> bool {
    matches!(record, Record::Delete(_) | Record::Undelete { .. })
}

/// Whether nobody wants a frame. One that is compressed has to be decoded to know.
fn is_unwanted(wants: &mut Option<&mut Wants<'_>>, header: FrameHeader, body: &[u8]) -> bool {
    let Some(wants) = wants else { return false };
    let address = address(body);
    let is_wanted = wants(Position(header.position), address, body.len());
    !is_wanted && address.is_some()
}

/// One replay.
pub(super) struct Replay<'a> {
    storage: &'a dyn Storage,
    recovered: &'a Recovered,
    /// What the caller wants whole.
    from: u64,
    /// What is read.
    start: u64,
    /// Deletes before this position are in files of tombstones.
    kept: u64,
    /// The last position that was met, or need not be there.
    seen: u64,
    /// The last position that was visited.
    visited: u64,
    /// Whether the last stretch was bad, which may have held any number of positions.
    after_bad: bool,
    /// Copies of the damage in the report.
    asides: Vec<String>,
    scratch: DecodeScratch,
    report: ReplayReport,
    let_go: LetGo,
    wants: Option<&'a mut Wants<'a>>,
}

impl<'a> Replay<'a> {
    pub(super) fn new(storage: &'a dyn Storage, recovered: &'a Recovered, from: Position) -> Self {
        let report = ReplayReport { torn: recovered.torn.clone(), ..ReplayReport::default() };
        Self {
            storage,
            recovered,
            from: from.0,
            start: 1,
            kept: 0,
            seen: 0,
            visited: 0,
            after_bad: false,
            asides: Vec::new(),
            scratch: DecodeScratch::default(),
            report,
            let_go: LetGo::Visit,
            wants: None,
        }
    }

    /// Leaves out frames that are not wanted, where that is cheaper than to decode them.
    pub(super) fn wanting(self, let_go: LetGo, wants: &'a mut Wants<'a>) -> Self {
        Self { let_go, wants: Some(wants), ..self }
    }

    /// Visits the newest good checkpoint and the frames; nothing may be written meanwhile.
    pub(super) fn run(mut self, visit: &mut Visit<'_>) -> Result<ReplayReport> {
        self.checkpoint(visit)?;
        let segments = segments(self.storage)?;
        for (i, &first) in segments.iter().enumerate() {
            let next = segments.get(i + 1).copied();
            if next.is_some_and(|next| next <= self.start) {
                continue;
            }
            self.segment(first, next, visit)?;
        }
        self.report_kept()?;
        Ok(self.report)
    }

    /// Reports the damage of segments that are gone by the copies that are left of it.
    fn report_kept(&mut self) -> Result<()> {
        let kept = aside::kept(self.storage);
        let kept = kept.map_err(|error| Error::io("list", FOLDER, error))?.into_iter();
        let older = kept.filter(|(path, _)| !self.asides.contains(path));
        self.report.quarantined.extend(older.map(|(path, bytes)| (path, 0, bytes)));
        Ok(())
    }

    fn checkpoint(&mut self, visit: &mut Visit<'_>) -> Result<()> {
        for at in checkpoint::list(self.storage)? {
            match Checkpoint::open(self.storage, at)? {
                Ok(mut good) => {
                    self.report.frames += good.visit(visit)?;
                    self.report.checkpoint = Some(Position(at));
                    self.kept = good.keep_from;
                    self.report.kept_from = Position(good.keep_from);
                    let kept = if self.let_go == LetGo::Skip { good.keep_from } else { 0 };
                    self.start = self.from.min(at.saturating_add(1)).max(kept).max(1);
                    self.seen = self.start.max(good.keep_from) - 1;
                    return Ok(());
                }
                Err(what) => {
                    let path = checkpoint_path(at);
                    tracing::error!(path, what, "a checkpoint of the log is damaged");
                    self.report.bad_checkpoints.push((path, what));
                }
            }
        }
        Ok(())
    }

    fn segment(&mut self, first: u64, next: Option<u64>, visit: &mut Visit<'_>) -> Result<()> {
        let path = segment_path(first);
        let failed = |error| Error::io("read", &path, error);
        let file = self.storage.open(&path).map_err(failed)?;
        let mut window = Window::new(Arc::clone(&file)).map_err(failed)?;
        let bytes = window.get(0, FILE_HEADER as usize).map_err(failed)?;
        let header = FileHeader::decode(Kind::Segment, &path, bytes)?;
        let header = header.filter(|header| header.first == first);
        let begin = Bad { file: &*file, path: &path, first, offset: 0, len: FILE_HEADER };
        let synced = if next.is_some() { u64::MAX } else { self.recovered.synced };
        let is_synced = first <= synced && !begin.is_known_unsynced(self.storage);
        if header.is_none() {
            self.put_aside(&begin, is_synced);
        }
        match header {
            Some(header) => self.look_for_gap(header.second),
            // The header of a segment that was never synced says nothing about a gap, also when
            // later segments follow by now.
            None if !is_synced => self.after_bad = false,
            None => self.look_for_gap(first.saturating_sub(1)),
        }
        self.seen = self.seen.max(first.saturating_sub(1));
        let mut scan = Scan::new(window, first.saturating_sub(1));
        while let Some(piece) = scan.next().map_err(failed)? {
            match piece {
                Piece::Good { header, body, .. } if is_unwanted(&mut self.wants, header, body) => {
                    self.visited = self.visited.max(header.position);
                    self.seen = self.seen.max(header.position);
                    self.after_bad = false;
                }
                Piece::Good { offset, header, body } => {
                    let frame = Frame::decode_with(body, &mut self.scratch);
                    let len = FRAME_HEADER as u64 + u64::from(header.len);
                    match frame {
                        Ok(frame) => self.frame(header.position, frame, visit)?,
                        Err(FrameError::Version { found, supported }) => {
                            return Err(Error::Version {
                                path: path.into(),
                                found: found.into(),
                                supported: supported.into(),
                                hint: "use the build that wrote it",
                            });
                        }
                        Err(error @ FrameError::Kind { .. }) => {
                            return Err(Error::corrupt(path, offset, error.to_string()));
                        }
                        Err(_) => self.put_aside(&Bad { offset, len, ..begin }, true),
                    }
                    self.seen = self.seen.max(header.position);
                    self.after_bad = false;
                }
                Piece::Bad { offset, len, position } => {
                    self.put_aside(&Bad { offset, len, ..begin }, position <= synced);
                    self.after_bad = true;
                }
            }
        }
        Ok(())
    }

    /// Compares the end of what was seen with what the next segment says came before it.
    fn look_for_gap(&mut self, previous: u64) {
        if previous > self.seen && !self.after_bad {
            let gap = (self.seen + 1, previous);
            tracing::error!(first = gap.0, last = gap.1, "positions of the log are missing");
            self.report.missing.push(gap);
        }
        self.after_bad = false;
    }

    fn frame(&mut self, position: u64, frame: Frame, visit: &mut Visit<'_>) -> Result<()> {
        if position < self.start || position <= self.visited {
            return Ok(());
        }
        self.visited = position;
        if position < self.kept && is_of_tombstones(&frame.record) {
            return Ok(());
        }
        let frame = if position < self.from { definitions_only(frame) } else { Some(frame) };
        if let Some(frame) = frame {
            self.report.frames += 1;
            visit(Position(position), frame)?;
        }
        Ok(())
    }

    /// Copies a bad stretch into a file of its own and reports it.
    fn put_aside(&mut self, bad: &Bad<'_>, is_synced: bool) {
        let is_synced = is_synced && !bad.is_known_unsynced(self.storage);
        bad.put_aside(self.storage, is_synced);
        let (path, offset, bytes) = (bad.path, bad.offset, bad.len);
        tracing::error!(path, offset, bytes, "a stretch of the log is damaged");
        let found = (path.to_owned(), offset, bytes);
        if is_synced {
            self.asides.push(bad.aside(true));
            self.report.quarantined.push(found);
        } else {
            self.report.unsynced.push(found);
        }
    }
}
