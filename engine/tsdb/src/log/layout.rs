//! Names and fixed-size headers of the log's files; `docs/format/log.md` has the diagrams.
#![deny(clippy::indexing_slicing, reason = "reads bytes that may be hostile")]

use crate::error::{Error, Result};

/// The log's folder.
pub(super) const FOLDER: &str = "log";
/// A checkpoint that is being written.
pub(super) const CHECKPOINT_TEMP: &str = "log/checkpoint.tmp";
/// The version of the files that this build writes and reads.
const VERSION: u32 = 0;
/// The highest position; a higher one in a file is damage. Leaves room for sums.
pub(super) const MAX_POSITION: u64 = 1 << 62;
/// Bytes of a file's header.
pub(super) const FILE_HEADER: u64 = 40;
/// Bytes of a frame's header.
pub(super) const FRAME_HEADER: usize = 32;
/// Begins a frame. 0xF5 is never in UTF-8, so no label holds it.
const FRAME_MAGIC: [u8; 4] = [0xF5, b'N', b'F', 0xF5];
/// Begins the end of a checkpoint.
const END_MAGIC: [u8; 4] = [0xF5, b'N', b'E', 0xF5];

/// Which kind of file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Segment,
    Checkpoint,
}

impl Kind {
    fn magic(self) -> &'static [u8; 8] {
        match self {
            Self::Segment => b"NUNALOG\0",
            Self::Checkpoint => b"NUNACHK\0",
        }
    }
}

pub(super) fn in_folder(name: &str) -> String {
    format!("{FOLDER}/{name}")
}

pub(super) fn segment_path(first: u64) -> String {
    format!("{FOLDER}/{first:020}.log")
}

pub(super) fn checkpoint_path(at: u64) -> String {
    format!("{FOLDER}/checkpoint-{at:020}")
}

/// The first position of the segment with this name.
pub(crate) fn parse_segment(name: &str) -> Option<u64> {
    parse_number(name.strip_suffix(".log")?)
}

/// The position of the checkpoint with this name.
pub(crate) fn parse_checkpoint(name: &str) -> Option<u64> {
    parse_number(name.strip_prefix("checkpoint-")?)
}

fn parse_number(digits: &str) -> Option<u64> {
    let plain = digits.len() == 20 && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|number| plain && *number <= MAX_POSITION)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|chunk| u32::from_le_bytes(*chunk))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().map(|chunk| u64::from_le_bytes(*chunk))
}

/// A file's header: for a segment its first position and the last one before it, for a
/// checkpoint its position and the first one that the log keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FileHeader {
    pub(super) kind: Kind,
    pub(super) first: u64,
    pub(super) second: u64,
}

impl FileHeader {
    pub(super) fn encode(self) -> Vec<u8> {
        let mut out = self.kind.magic().to_vec();
        out.extend(VERSION.to_le_bytes());
        out.extend(crc32c::crc32c(&out).to_le_bytes());
        let numbers = [self.first.to_le_bytes(), self.second.to_le_bytes()].concat();
        out.extend(&numbers);
        out.extend(crc32c::crc32c(&numbers).to_le_bytes());
        out.extend([0; 4]);
        out
    }

    /// Reads a header; `None` if it is damaged.
    ///
    /// # Errors
    /// [`Error::Version`] if it is whole and of another version.
    pub(super) fn decode(kind: Kind, path: &str, bytes: &[u8]) -> Result<Option<Self>> {
        match Self::version(kind, bytes) {
            None => Ok(None),
            Some(VERSION) => Ok(Self::numbers(kind, bytes)),
            Some(found) => {
                let hint = "use the build that wrote it";
                Err(Error::Version { path: path.into(), found, supported: VERSION, hint })
            }
        }
    }

    fn version(kind: Kind, bytes: &[u8]) -> Option<u32> {
        let begin = bytes.get(..12)?;
        let whole = u32_at(bytes, 12)? == crc32c::crc32c(begin) && begin.starts_with(kind.magic());
        if whole { u32_at(bytes, 8) } else { None }
    }

    fn numbers(kind: Kind, bytes: &[u8]) -> Option<Self> {
        let whole = u32_at(bytes, 32)? == crc32c::crc32c(bytes.get(16..32)?);
        let header = Self { kind, first: u64_at(bytes, 16)?, second: u64_at(bytes, 24)? };
        whole.then_some(header)
    }
}

/// A frame's header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FrameHeader {
    /// Bytes of the body.
    pub(super) len: u32,
    /// The frame's place in the log.
    pub(super) position: u64,
    /// In a segment: everything up to this position was synced when the frame was appended. In a
    /// checkpoint: the frame's number in the file.
    pub(super) synced: u64,
    /// The body's checksum.
    pub(super) body_crc: u32,
}

impl FrameHeader {
    pub(super) fn encode(self) -> [u8; FRAME_HEADER] {
        self.encode_as(FRAME_MAGIC)
    }

    /// The end of a checkpoint with `count` frames.
    pub(super) fn encode_end(at: u64, count: u64) -> [u8; FRAME_HEADER] {
        Self { len: 0, position: at, synced: count, body_crc: 0 }.encode_as(END_MAGIC)
    }

    fn encode_as(self, magic: [u8; 4]) -> [u8; FRAME_HEADER] {
        let mut out = [0; FRAME_HEADER];
        let fields = magic
            .into_iter()
            .chain(self.len.to_le_bytes())
            .chain(self.position.to_le_bytes())
            .chain(self.synced.to_le_bytes())
            .chain(self.body_crc.to_le_bytes());
        for (to, from) in out.iter_mut().zip(fields) {
            *to = from;
        }
        if let Some((begin, crc)) = out.split_last_chunk_mut::<4>() {
            *crc = crc32c::crc32c(begin).to_le_bytes();
        }
        out
    }

    /// Reads a header; `None` if it is not whole.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        Self::decode_as(FRAME_MAGIC, bytes)
    }

    /// Reads a checkpoint's end: its position and number of frames.
    pub(super) fn decode_end(bytes: &[u8]) -> Option<(u64, u64)> {
        Self::decode_as(END_MAGIC, bytes).map(|end| (end.position, end.synced))
    }

    fn decode_as(magic: [u8; 4], bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.get(..FRAME_HEADER)?;
        let whole =
            bytes.starts_with(&magic) && u32_at(bytes, 28)? == crc32c::crc32c(bytes.get(..28)?);
        let header = Self {
            len: u32_at(bytes, 4)?,
            position: u64_at(bytes, 8)?,
            synced: u64_at(bytes, 16)?,
            body_crc: u32_at(bytes, 24)?,
        };
        whole.then_some(header)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_survive_and_every_flipped_bit_is_seen() {
        let frame = FrameHeader { len: 5, position: 1 << 40, synced: 77, body_crc: 9 };
        let file = FileHeader { kind: Kind::Segment, first: 3, second: 2 };
        assert_eq!(FrameHeader::decode(&frame.encode()), Some(frame));
        assert_eq!(FrameHeader::decode_end(&FrameHeader::encode_end(4, 6)), Some((4, 6)));
        let whole = file.encode();
        assert_eq!(whole.len() as u64, FILE_HEADER);
        assert_eq!(FileHeader::decode(Kind::Segment, "", &whole).unwrap(), Some(file));
        assert_eq!(FileHeader::decode(Kind::Checkpoint, "", &whole).unwrap(), None);
        for bit in 0..8 * FRAME_HEADER {
            let mut bytes = frame.encode();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(FrameHeader::decode(&bytes), None);
        }
        for bit in 0..8 * 36 {
            let mut bytes = file.encode();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(FileHeader::decode(Kind::Segment, "", &bytes).unwrap(), None);
        }
    }

    #[test]
    fn another_version_is_refused_by_name() {
        let mut bytes = FileHeader { kind: Kind::Segment, first: 3, second: 2 }.encode();
        bytes[8] = 2;
        let crc = crc32c::crc32c(&bytes[..12]).to_le_bytes();
        bytes[12..16].copy_from_slice(&crc);
        let error = FileHeader::decode(Kind::Segment, "log/x", &bytes).unwrap_err();
        assert!(matches!(error, Error::Version { found: 2, supported: 0, .. }), "{error}");
    }

    #[test]
    fn names_are_read_back() {
        assert_eq!(parse_segment(&segment_path(12)[4..]), Some(12));
        assert_eq!(parse_checkpoint(&checkpoint_path(MAX_POSITION)[4..]), Some(MAX_POSITION));
        assert_eq!(parse_segment(&segment_path(u64::MAX)[4..]), None);
        for name in ["1.log", "+0000000000000000001.log", "checkpoint.tmp", "checkpoint-1"] {
            assert_eq!((parse_segment(name), parse_checkpoint(name)), (None, None));
        }
    }
}
