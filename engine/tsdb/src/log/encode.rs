//! Frames to bytes; `docs/format/log.md` has the diagram.
//!
//! Definitions are text full of repetitions, so a frame with definitions is compressed with zstd
//! at its fastest level; the compressor is kept between frames, as making one costs more than a
//! small frame. Samples have their own code, and alone they are not compressed further.

use std::fmt;

use zstd::bulk::Compressor;

use super::columns::put_samples;
use super::error::FrameError;
use super::frame::{Definition, Frame, Record};
use crate::bytes::{put_bytes, put_signed, put_varint};

/// The version of frames that this build writes and reads.
pub(super) const VERSION: u8 = 0;
/// Flag: the content is compressed with zstd.
pub(super) const COMPRESSED: u8 = 1;
/// The most bytes that a frame may have before compression.
pub(super) const MAX_RAW: usize = 64 << 20;
/// The most bytes of an encoded frame: content, version, flags and length.
pub(super) const MAX_ENCODED: usize = MAX_RAW + 16;
/// Smaller content is not worth compressing.
const MIN_COMPRESSED: usize = 128;

pub(super) const KIND_WRITE: u8 = 1;
pub(super) const KIND_CUT: u8 = 2;
pub(super) const KIND_STATE: u8 = 3;
pub(super) const KIND_DELETE: u8 = 4;
pub(super) const KIND_UNDELETE: u8 = 5;

/// Memory and a compressor that one encoder uses again and again.
#[derive(Default)]
pub struct EncodeScratch {
    raw: Vec<u8>,
    packed: Vec<u8>,
    compressor: Option<Compressor<'static>>,
}

impl fmt::Debug for EncodeScratch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EncodeScratch")
            .field("capacity", &self.raw.capacity())
            .finish_non_exhaustive()
    }
}

fn compression(error: &std::io::Error) -> FrameError {
    FrameError::Compression { what: error.to_string() }
}

impl EncodeScratch {
    /// Compresses `raw` into `packed`; false if that made it no smaller.
    fn compress(&mut self) -> Result<bool, FrameError> {
        if self.raw.len() < MIN_COMPRESSED {
            return Ok(false);
        }
        let compressor = match &mut self.compressor {
            Some(compressor) => compressor,
            empty => empty.insert(new_compressor().map_err(|error| compression(&error))?),
        };
        self.packed.clear();
        self.packed.reserve(zstd::zstd_safe::compress_bound(self.raw.len()));
        compressor
            .compress_to_buffer(&self.raw, &mut self.packed)
            .map_err(|error| compression(&error))?;
        Ok(self.packed.len() + 4 < self.raw.len())
    }
}

fn new_compressor() -> std::io::Result<Compressor<'static>> {
    let mut compressor = Compressor::new(1)?;
    // Both are in our own header.
    compressor.include_contentsize(false)?;
    compressor.include_checksum(false)?;
    Ok(compressor)
}

impl Frame {
    /// Appends the frame's bytes to `out`.
    ///
    /// # Errors
    /// [`FrameError::Columns`] or [`FrameError::TooLarge`]; nothing was then appended.
    pub fn encode(&self, scratch: &mut EncodeScratch, out: &mut Vec<u8>) -> Result<(), FrameError> {
        scratch.raw.clear();
        self.put_content(&mut scratch.raw)?;
        if scratch.raw.len() > MAX_RAW {
            let bytes = scratch.raw.len() as u64;
            return Err(FrameError::TooLarge { bytes, limit: MAX_RAW as u64 });
        }
        if self.has_text() && scratch.compress()? {
            out.extend_from_slice(&[VERSION, COMPRESSED]);
            put_varint(out, scratch.raw.len() as u64);
            out.extend_from_slice(&scratch.packed);
        } else {
            out.extend_from_slice(&[VERSION, 0]);
            out.extend_from_slice(&scratch.raw);
        }
        Ok(())
    }

    fn has_text(&self) -> bool {
        matches!(&self.record, Record::Write { definitions, .. } if !definitions.is_empty())
    }

    fn put_content(&self, out: &mut Vec<u8>) -> Result<(), FrameError> {
        out.push(match &self.record {
            Record::Write { .. } => KIND_WRITE,
            Record::Cut { .. } => KIND_CUT,
            Record::State { .. } => KIND_STATE,
            Record::Delete(_) => KIND_DELETE,
            Record::Undelete { .. } => KIND_UNDELETE,
        });
        put_varint(out, u64::from(self.shard));
        put_bytes(out, self.tenant.as_bytes());
        put_signed(out, self.stamp);
        match &self.record {
            Record::Write { definitions, samples } => {
                put_definitions(definitions, out);
                put_samples(samples, out)?;
            }
            Record::Cut { before } => put_signed(out, *before),
            Record::State { next_reference } => put_varint(out, *next_reference),
            Record::Delete(deletion) => deletion.put(out)?,
            Record::Undelete { id } => put_varint(out, *id),
        }
        Ok(())
    }
}

fn put_definitions(definitions: &[Definition], out: &mut Vec<u8>) {
    put_varint(out, definitions.len() as u64);
    let mut before = 0_u64;
    for definition in definitions {
        put_signed(out, definition.reference.wrapping_sub(before) as i64);
        before = definition.reference;
        put_varint(out, definition.labels.len() as u64);
        for (name, value) in definition.labels.iter() {
            put_bytes(out, name.as_bytes());
            put_bytes(out, value.as_bytes());
        }
    }
}
