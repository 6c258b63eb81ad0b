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
use super::frame::{Definition, Frame, Record, Samples};
use super::texts::Texts;
use crate::bytes::Reader;

/// Memory and a decompressor that one decoder uses again and again.
#[derive(Default)]
pub struct DecodeScratch {
    raw: Vec<u8>,
    decompressor: Option<Decompressor<'static>>,
    labels: LabelsBuilder,
    /// The tenant of the frame before: mostly the same one.
    tenant: Arc<str>,
    /// Columns of a frame that is done with.
    spare: Samples,
    /// Label sets are looked at, and not made.
    only_checks: bool,
}

impl DecodeScratch {
    /// For who asks whether bytes are a frame: definitions then come without their labels.
    pub(super) fn checking() -> Self {
        Self { only_checks: true, ..Self::default() }
    }

    /// Takes the memory of a frame for the next one.
    pub(super) fn reuse(&mut self, frame: Frame) {
        if let Record::Write { samples, .. } = frame.record {
            self.spare = samples;
        }
    }
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
            0 => content(reader, scratch),
            COMPRESSED => {
                let mut raw = std::mem::take(&mut scratch.raw);
                let frame = decompress(reader, &mut raw, &mut scratch.decompressor)
                    .and_then(|()| content(Reader(&raw), scratch));
                scratch.raw = raw;
                frame
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

fn content(mut reader: Reader<'_>, scratch: &mut DecodeScratch) -> Result<Frame, FrameError> {
    let kind = reader.byte()?;
    let shard = u16::try_from(reader.varint()?)
        .map_err(|_| FrameError::Malformed { what: "the shard is above 65,535" })?;
    let tenant = reader.text()?;
    if *scratch.tenant != *tenant {
        scratch.tenant = Arc::from(tenant);
    }
    let stamp = reader.signed()?;
    let record = match kind {
        KIND_WRITE => {
            let keeps_labels = !scratch.only_checks;
            let definitions = definitions(&mut reader, &mut scratch.labels, keeps_labels)?;
            let samples = samples(&mut reader, std::mem::take(&mut scratch.spare))?;
            Record::Write { definitions, samples }
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
    Ok(Frame { shard, tenant: Arc::clone(&scratch.tenant), stamp, record })
}

fn definitions(
    reader: &mut Reader<'_>,
    builder: &mut LabelsBuilder,
    keeps_labels: bool,
) -> Result<Vec<Definition>, FrameError> {
    let count = reader.count(2)?;
    // A definition in memory is larger than its two least bytes: grow instead of trusting.
    let mut definitions = Vec::with_capacity(count.min(reader.remaining() / 16));
    let mut reference = 0_u64;
    let mut texts = Texts::new(*reader);
    for _ in 0..count {
        reference = reference.wrapping_add(texts.reader.signed()? as u64);
        let labels = labels(&mut texts, builder, keeps_labels)?;
        definitions.push(Definition { reference, labels });
    }
    *reader = texts.reader;
    Ok(definitions)
}

fn labels(
    texts: &mut Texts<'_>,
    builder: &mut LabelsBuilder,
    is_kept: bool,
) -> Result<Labels, FrameError> {
    builder.clear();
    let mut before = None;
    for _ in 0..texts.reader.count(2)? {
        let (name, value) = (texts.next()?, texts.next()?);
        if value.is_empty() {
            return Err(FrameError::Malformed { what: "a label has an empty value" });
        }
        if before.is_some_and(|before| !ascends(before, name)) {
            return Err(FrameError::Malformed { what: "label names do not ascend" });
        }
        before = Some(name);
        // All that a builder can still find wrong is an empty name.
        if is_kept || name.is_empty() {
            builder.push(name, value);
        }
    }
    Ok(builder.build()?)
}

/// Whether `b` is behind `a`: mostly the first bytes tell.
fn ascends(a: &str, b: &str) -> bool {
    match (a.as_bytes().first(), b.as_bytes().first()) {
        (Some(a), Some(b)) if a != b => a < b,
        _ => a < b,
    }
}

#[cfg(test)]
mod tests {
    use nunatak_index::labels;

    use super::*;
    use crate::log::EncodeScratch;

    fn frame() -> Frame {
        let define = |reference, labels| Definition { reference, labels };
        let definitions = vec![
            define(7, labels! { "__name__" => "up", "höhe" => "ö", "job" => "a" }),
            define(9, labels! { "__name__" => "up", "job" => "b", "z" => "" }),
        ];
        let (references, times, values) = (vec![7, 8, 9], vec![5, 5, 4], vec![0.5, 3.0, 1e-9]);
        let samples = Samples { references, times, values };
        let record = Record::Write { definitions, samples };
        Frame { shard: 1, tenant: "".into(), stamp: 5, record }
    }

    #[test]
    fn who_only_checks_finds_the_same_mistakes() {
        let (mut bytes, mut checking) = (Vec::new(), DecodeScratch::checking());
        frame().encode(&mut EncodeScratch::default(), &mut bytes).unwrap();
        assert_eq!(bytes[1], 0, "compressed bytes would hide most mistakes");
        let (mut good, mut bad) = (0, 0);
        for at in 0..bytes.len() {
            let right = bytes[at];
            for wrong in 0..=u8::MAX {
                bytes[at] = wrong;
                let checked = Frame::decode_with(&bytes, &mut checking);
                match (Frame::decode(&bytes), checked) {
                    (Ok(_), Ok(frame)) => {
                        checking.reuse(frame);
                        good += 1;
                    }
                    (Err(error), Err(found)) => {
                        assert_eq!(error, found);
                        bad += 1;
                    }
                    (decoded, checked) => panic!("{at} {wrong}: {decoded:?}, {checked:?}"),
                }
            }
            bytes[at] = right;
        }
        assert!(good > 1000 && bad > 1000, "{good} {bad}");
    }

    #[test]
    fn memory_that_is_used_again_leaves_nothing_behind() {
        let (mut bytes, mut scratch) = (Vec::new(), DecodeScratch::default());
        frame().encode(&mut EncodeScratch::default(), &mut bytes).unwrap();
        for spare in [0, 2, 3, 10] {
            let samples = Samples {
                references: vec![1; spare],
                times: vec![2; spare],
                values: vec![3.0; spare],
            };
            let record = Record::Write { definitions: Vec::new(), samples };
            scratch.reuse(Frame { record, ..frame() });
            assert_eq!(Frame::decode_with(&bytes, &mut scratch), Ok(frame()));
        }
    }
}
