//! Walks over the frames of a file, and over what is no frame.
#![deny(clippy::indexing_slicing, reason = "reads bytes that may be hostile")]

use std::io;
use std::sync::Arc;

use super::encode::MAX_ENCODED;
use super::layout::{FILE_HEADER, FRAME_HEADER, FrameHeader, MAX_POSITION};
use crate::storage::File;

/// Bytes that are read at once.
const READ: usize = 256 * 1024;

/// Reads a file through a buffer, mostly forwards.
#[derive(Debug)]
pub(super) struct Window {
    file: Arc<dyn File>,
    len: u64,
    start: u64,
    buffer: Vec<u8>,
}

impl Window {
    pub(super) fn new(file: Arc<dyn File>) -> io::Result<Self> {
        let len = file.len()?;
        Ok(Self { file, len, start: 0, buffer: Vec::new() })
    }

    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// The bytes from `offset`, as many as there are up to `len`.
    pub(super) fn get(&mut self, offset: u64, len: usize) -> io::Result<&[u8]> {
        let left = self.len.saturating_sub(offset);
        let len = left.min(len as u64) as usize;
        if len == 0 {
            return Ok(&[]);
        }
        let end = self.start + self.buffer.len() as u64;
        if offset < self.start || offset + len as u64 > end {
            self.buffer.clear();
            self.buffer.shrink_to(4 * READ);
            self.buffer.resize(left.min(len.max(READ) as u64) as usize, 0);
            self.start = offset;
            if let Err(error) = self.file.read_at(offset, &mut self.buffer) {
                self.buffer.clear();
                return Err(error);
            }
        }
        let from = (offset - self.start) as usize;
        Ok(self.buffer.get(from..from + len).unwrap_or(&[]))
    }
}

/// A stretch of a file.
#[derive(Debug)]
pub(super) enum Piece<'a> {
    /// A whole frame.
    Good { offset: u64, header: FrameHeader, body: &'a [u8] },
    /// Bytes that are no whole frame; the position that they had, or the lowest possible one.
    Bad { offset: u64, len: u64, position: u64 },
}

/// The walk over a segment.
#[derive(Debug)]
pub(super) struct Scan {
    window: Window,
    offset: u64,
    last: u64,
    synced: u64,
}

impl Scan {
    /// Walks from behind the file's header; positions are above `before`.
    pub(super) fn new(window: Window, before: u64) -> Self {
        Self { window, offset: FILE_HEADER, last: before, synced: 0 }
    }

    /// The highest position that a header so far says is synced.
    pub(super) fn synced(&self) -> u64 {
        self.synced
    }

    /// The next piece, `None` at the end.
    pub(super) fn next(&mut self) -> io::Result<Option<Piece<'_>>> {
        let offset = self.offset;
        if offset >= self.window.len() {
            return Ok(None);
        }
        let header = FrameHeader::decode(self.window.get(offset, FRAME_HEADER)?);
        match header.filter(|header| self.is_plausible(header)) {
            Some(header) => self.frame(offset, header).map(Some),
            None => self.gap(offset).map(Some),
        }
    }

    fn is_plausible(&self, header: &FrameHeader) -> bool {
        let ascends = header.position > self.last
            && header.synced < header.position
            && header.position <= MAX_POSITION;
        ascends && header.len as usize <= MAX_ENCODED
    }

    /// Takes a frame whose header is good.
    fn frame(&mut self, offset: u64, header: FrameHeader) -> io::Result<Piece<'_>> {
        self.last = header.position;
        self.synced = self.synced.max(header.synced);
        let body_at = offset + FRAME_HEADER as u64;
        let end = (body_at + u64::from(header.len)).min(self.window.len());
        self.offset = end;
        let body = self.window.get(body_at, header.len as usize)?;
        if body.len() == header.len as usize && crc32c::crc32c(body) == header.body_crc {
            Ok(Piece::Good { offset, header, body })
        } else {
            Ok(Piece::Bad { offset, len: end - offset, position: header.position })
        }
    }

    /// Skips to the next good header.
    fn gap(&mut self, offset: u64) -> io::Result<Piece<'_>> {
        let position = self.last.saturating_add(1);
        let mut at = offset + 1;
        let end = loop {
            let ahead = self.window.get(at, READ)?;
            if ahead.len() < FRAME_HEADER {
                break self.window.len();
            }
            let steps = ahead.len() - FRAME_HEADER + 1;
            let headers = ahead.windows(FRAME_HEADER).map(FrameHeader::decode).enumerate();
            let found: Vec<(usize, FrameHeader)> =
                headers.filter_map(|(i, header)| Some((i, header?))).collect();
            let found = found.into_iter().find(|(_, header)| self.is_plausible(header));
            match found {
                Some((i, _)) => break at + i as u64,
                None => at += steps as u64,
            }
        };
        self.offset = end;
        Ok(Piece::Bad { offset, len: end - offset, position })
    }
}
