//! Bytes to frames. The bytes may be hostile: every count is checked against the bytes that are
//! left before memory is taken for it.
#![deny(clippy::indexing_slicing, reason = "reads bytes that may be hostile")]

use std::fmt;
use std::sync::Arc;

use nunatak_index::{Labels, LabelsBuilder};
use zstd::bulk::Decompressor;

use super::columns::samples;
use super::deletion::Deletion;
use super::encode::{
    COMPRESSED, KIND_CUT, KIND_DELETE, KIND_STATE, KIND_UNDELETE, KIND_WRITE, MAX_RAW, VERSION,
};
use super::error::FrameError;
use super::frame::{Definition, Frame, Record};
use crate::bytes::Reader;

/// Memory and a decompressor that one decoder uses again and again.
#[derive(Default)]
pub struct DecodeScratch {
    raw: Vec<u8>,
    decompressor: Option<Decompressor<'static>>,
    labels: LabelsBuilder,
    /// The tenant of the frame before: mostly the same one.
    tenant: Arc<str>,
}

impl fmt::Debug for DecodeScratch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DecodeScratch")
            .field("capacity", &self.raw.capacity())
            .finish_non_exhaustive()
    }
}

impl Frame {
    /// Reads a frame that takes up all of `bytes`.
    ///
    /// # Errors
    /// [`FrameError`] if it is not one.
    pub fn decode(bytes: &[u8]) -> Result<Self, FrameError> {
        Self::decode_with(bytes, &mut DecodeScratch::default())
    }

    /// As [`decode`](Self::decode), with memory that is used again.
    ///
    /// # Errors
    /// [`FrameError`] if the bytes are no frame.
    pub fn decode_with(bytes: &[u8], scratch: &mut DecodeScratch) -> Result<Self, FrameError> {
        let mut reader = Reader(bytes);
        let found = reader.byte()?;
        if found != VERSION {
            return Err(FrameError::Version { found, supported: VERSION });
        }
        match reader.byte()? {
            0 if reader.remaining() > MAX_RAW => Err(too_large(reader.remaining() as u64)),
            0 => content(reader, &mut scratch.labels, &mut scratch.tenant),
            COMPRESSED => {
                let DecodeScratch { raw, decompressor, labels, tenant } = scratch;
                decompress(reader, raw, decompressor)?;
                content(Reader(raw), labels, tenant)
            }
            _ => Err(FrameError::Malformed { what: "unknown flags" }),
        }
    }
}

/// Shard and tenant of a frame, if they can be read without decompressing it.
pub(super) fn address(bytes: &[u8]) -> Option<(u16, &str)> {
    let mut reader = Reader(bytes);
    let is_plain = reader.byte().ok()? == VERSION && reader.byte().ok()? == 0;
    let kind = if is_plain { reader.byte().ok()? } else { return None };
    let shard = u16::try_from(reader.varint().ok()?).ok()?;
    // Only known kinds: another one is an error that must not be passed over.
    (kind == KIND_WRITE).then_some(())?;
    Some((shard, reader.text().ok()?))
}

fn too_large(bytes: u64) -> FrameError {
    FrameError::TooLarge { bytes, limit: MAX_RAW as u64 }
}

fn decompress(
    mut reader: Reader<'_>,
    raw: &mut Vec<u8>,
    decompressor: &mut Option<Decompressor<'static>>,
) -> Result<(), FrameError> {
    let declared = reader.varint()?;
    if declared > MAX_RAW as u64 {
        return Err(too_large(declared));
    }
    let failed = |error: std::io::Error| FrameError::Compression { what: error.to_string() };
    let decompressor = match decompressor {
        Some(decompressor) => decompressor,
        empty => empty.insert(Decompressor::new().map_err(failed)?),
    };
    raw.clear();
    // zstd writes into the whole capacity, so a bomb stops there.
    raw.shrink_to(declared.max(1 << 20) as usize);
    raw.reserve_exact(declared as usize);
    let len = decompressor.decompress_to_buffer(reader.0, raw).map_err(failed)?;
    if len as u64 != declared {
        return Err(FrameError::Malformed { what: "the content has another length than declared" });
    }
    Ok(())
}

fn content(
    mut reader: Reader<'_>,
    builder: &mut LabelsBuilder,
    last_tenant: &mut Arc<str>,
) -> Result<Frame, FrameError> {
    let kind = reader.byte()?;
    let shard = u16::try_from(reader.varint()?)
        .map_err(|_| FrameError::Malformed { what: "the shard is above 65,535" })?;
    let tenant = reader.text()?;
    if **last_tenant != *tenant {
        *last_tenant = Arc::from(tenant);
    }
    let stamp = reader.signed()?;
    let record = match kind {
        KIND_WRITE => {
            let definitions = definitions(&mut reader, builder)?;
            Record::Write { definitions, samples: samples(&mut reader)? }
        }
        KIND_CUT => Record::Cut { before: reader.signed()? },
        KIND_STATE => Record::State { next_reference: reader.varint()? },
        KIND_DELETE => Record::Delete(Deletion::read(&mut reader)?),
        KIND_UNDELETE => Record::Undelete { id: reader.varint()? },
        found => return Err(FrameError::Kind { found }),
    };
    if reader.remaining() > 0 {
        return Err(FrameError::Malformed { what: "bytes follow the content" });
    }
    Ok(Frame { shard, tenant: Arc::clone(last_tenant), stamp, record })
}

fn definitions(
    reader: &mut Reader<'_>,
    builder: &mut LabelsBuilder,
) -> Result<Vec<Definition>, FrameError> {
    let count = reader.count(2)?;
    // A definition in memory is larger than its two least bytes: grow instead of trusting.
    let mut definitions = Vec::with_capacity(count.min(reader.remaining() / 16));
    let mut reference = 0_u64;
    for _ in 0..count {
        reference = reference.wrapping_add(reader.signed()? as u64);
        definitions.push(Definition { reference, labels: labels(reader, builder)? });
    }
    Ok(definitions)
}

fn labels(reader: &mut Reader<'_>, builder: &mut LabelsBuilder) -> Result<Labels, FrameError> {
    builder.clear();
    let mut before = None;
    for _ in 0..reader.count(2)? {
        let (name, value) = (reader.text()?, reader.text()?);
        if value.is_empty() {
            return Err(FrameError::Malformed { what: "a label has an empty value" });
        }
        if before >= Some(name) {
            return Err(FrameError::Malformed { what: "label names do not ascend" });
        }
        before = Some(name);
        builder.push(name, value);
    }
    Ok(builder.build()?)
}
