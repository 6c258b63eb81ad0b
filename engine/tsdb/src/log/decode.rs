//! Bytes to frames. The bytes may be hostile: every count is checked against the bytes that are
//! left before memory is taken for it.
#![deny(clippy::indexing_slicing, reason = "reads bytes that may be hostile")]

use std::fmt;
use std::sync::Arc;

use nunatak_index::{Labels, LabelsBuilder};
use zstd::bulk::Decompressor;

use super::bytes::Cursor;
use super::columns::samples;
use super::deletion::Deletion;
use super::encode::{
    COMPRESSED, KIND_CUT, KIND_DELETE, KIND_STATE, KIND_UNDELETE, KIND_WRITE, MAX_RAW, VERSION,
};
use super::error::FrameError;
use super::frame::{Definition, Frame, Record};

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
        let mut cursor = Cursor::new(bytes);
        let found = cursor.byte()?;
        if found != VERSION {
            return Err(FrameError::Version { found, supported: VERSION });
        }
        match cursor.byte()? {
            0 if cursor.remaining() > MAX_RAW => Err(too_large(cursor.remaining() as u64)),
            0 => content(cursor, &mut scratch.labels, &mut scratch.tenant),
            COMPRESSED => {
                let DecodeScratch { raw, decompressor, labels, tenant } = scratch;
                decompress(cursor, raw, decompressor)?;
                content(Cursor::new(raw), labels, tenant)
            }
            _ => Err(FrameError::Malformed { what: "unknown flags" }),
        }
    }
}

/// Shard and tenant of a frame, if they can be read without decompressing it.
pub(super) fn address(bytes: &[u8]) -> Option<(u16, &str)> {
    let mut cursor = Cursor::new(bytes);
    let is_plain = cursor.byte().ok()? == VERSION && cursor.byte().ok()? == 0;
    let kind = if is_plain { cursor.byte().ok()? } else { return None };
    let shard = u16::try_from(cursor.varint().ok()?).ok()?;
    // Only known kinds: another one is an error that must not be passed over.
    (kind == KIND_WRITE).then_some(())?;
    Some((shard, cursor.text().ok()?))
}

fn too_large(bytes: u64) -> FrameError {
    FrameError::TooLarge { bytes, limit: MAX_RAW as u64 }
}

fn decompress(
    mut cursor: Cursor<'_>,
    raw: &mut Vec<u8>,
    decompressor: &mut Option<Decompressor<'static>>,
) -> Result<(), FrameError> {
    let declared = cursor.varint()?;
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
    let len = decompressor.decompress_to_buffer(cursor.rest(), raw).map_err(failed)?;
    if len as u64 != declared {
        return Err(FrameError::Malformed { what: "the content has another length than declared" });
    }
    Ok(())
}

fn content(
    mut cursor: Cursor<'_>,
    builder: &mut LabelsBuilder,
    last_tenant: &mut Arc<str>,
) -> Result<Frame, FrameError> {
    let kind = cursor.byte()?;
    let shard = u16::try_from(cursor.varint()?)
        .map_err(|_| FrameError::Malformed { what: "the shard is above 65,535" })?;
    let tenant = cursor.text()?;
    if **last_tenant != *tenant {
        *last_tenant = Arc::from(tenant);
    }
    let stamp = cursor.signed()?;
    let record = match kind {
        KIND_WRITE => {
            let definitions = definitions(&mut cursor, builder)?;
            Record::Write { definitions, samples: samples(&mut cursor)? }
        }
        KIND_CUT => Record::Cut { before: cursor.signed()? },
        KIND_STATE => Record::State { next_reference: cursor.varint()? },
        KIND_DELETE => Record::Delete(Deletion::read(&mut cursor)?),
        KIND_UNDELETE => Record::Undelete { id: cursor.varint()? },
        found => return Err(FrameError::Kind { found }),
    };
    if cursor.remaining() > 0 {
        return Err(FrameError::Malformed { what: "bytes follow the content" });
    }
    Ok(Frame { shard, tenant: Arc::clone(last_tenant), stamp, record })
}

fn definitions(
    cursor: &mut Cursor<'_>,
    builder: &mut LabelsBuilder,
) -> Result<Vec<Definition>, FrameError> {
    let count = cursor.count(2)?;
    // A definition in memory is larger than its two least bytes: grow instead of trusting.
    let mut definitions = Vec::with_capacity(count.min(cursor.remaining() / 16));
    let mut reference = 0_u64;
    for _ in 0..count {
        reference = reference.wrapping_add(cursor.signed()? as u64);
        definitions.push(Definition { reference, labels: labels(cursor, builder)? });
    }
    Ok(definitions)
}

fn labels(cursor: &mut Cursor<'_>, builder: &mut LabelsBuilder) -> Result<Labels, FrameError> {
    builder.clear();
    let mut before = None;
    for _ in 0..cursor.count(2)? {
        let (name, value) = (cursor.text()?, cursor.text()?);
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
