//! The protobuf wire format, as far as remote write needs it.
//!
//! <https://protobuf.dev/programming-guides/encoding/>
#![deny(clippy::indexing_slicing)]

/// Protobuf that can't be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid protobuf at byte {offset}: {what}")]
pub struct DecodeError {
    /// Where in the uncompressed message.
    pub offset: usize,
    /// What is wrong there.
    pub what: &'static str,
}

pub(super) type Result<T> = std::result::Result<T, DecodeError>;

/// The low three bits of a tag.
pub(super) const VARINT: u64 = 0;
pub(super) const FIXED64: u64 = 1;
pub(super) const BYTES: u64 = 2;
pub(super) const FIXED32: u64 = 5;

/// The tag of a field.
pub(super) const fn tag(field: u64, wire_type: u64) -> u64 {
    field << 3 | wire_type
}

/// Reads one message; offsets count from the start of the outermost one.
#[derive(Debug, Clone)]
pub(super) struct Reader<'a> {
    /// The outermost message, cut off where this one ends.
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    pub(super) fn at(&self) -> usize {
        self.at
    }

    pub(super) fn is_done(&self) -> bool {
        self.at >= self.bytes.len()
    }

    /// Bytes between two offsets that this reader gave out.
    pub(super) fn between(&self, start: usize, end: usize) -> &'a [u8] {
        self.bytes.get(start..end).unwrap_or_default()
    }

    /// A reader over the same message that begins at `at`.
    pub(super) fn rewound(&self, at: usize) -> Self {
        Self { bytes: self.bytes, at }
    }

    pub(super) fn fail<T>(&self, what: &'static str) -> Result<T> {
        Err(DecodeError { offset: self.at, what })
    }

    #[inline]
    pub(super) fn varint(&mut self) -> Result<u64> {
        match self.bytes.get(self.at) {
            Some(&byte) if byte < 0x80 => {
                self.at += 1;
                Ok(u64::from(byte))
            }
            _ => self.long_varint(),
        }
    }

    fn long_varint(&mut self) -> Result<u64> {
        let mut value = 0u64;
        for (i, &byte) in self.bytes.get(self.at..).unwrap_or_default().iter().take(10).enumerate()
        {
            if i == 9 && byte > 1 {
                return self.fail("varint of more than 64 bits");
            }
            value |= u64::from(byte & 0x7f) << (7 * i);
            if byte < 0x80 {
                self.at += i + 1;
                return Ok(value);
            }
        }
        self.fail("message ends inside a varint")
    }

    #[inline]
    pub(super) fn fixed64(&mut self) -> Result<u64> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        match rest.first_chunk::<8>() {
            Some(bytes) => {
                self.at += 8;
                Ok(u64::from_le_bytes(*bytes))
            }
            None => self.fail("message ends inside a 64-bit number"),
        }
    }

    /// A length-delimited field's content as a message of its own; this reader moves past it.
    #[inline]
    pub(super) fn message(&mut self) -> Result<Self> {
        let start = self.at;
        let len = self.varint()?;
        match (self.at as u64).checked_add(len) {
            Some(end) if end <= self.bytes.len() as u64 => {
                let end = end as usize;
                let bytes = self.bytes.get(..end).unwrap_or_default();
                let inner = Self { bytes, at: self.at };
                self.at = end;
                Ok(inner)
            }
            _ => {
                Err(DecodeError { offset: start, what: "length runs past the end of the message" })
            }
        }
    }

    /// A length-delimited field's content.
    #[inline]
    pub(super) fn bytes(&mut self) -> Result<&'a [u8]> {
        let inner = self.message()?;
        Ok(inner.bytes.get(inner.at..).unwrap_or_default())
    }

    /// Where a length-delimited field's content is.
    #[inline]
    pub(super) fn range(&mut self) -> Result<std::ops::Range<usize>> {
        let inner = self.message()?;
        Ok(inner.at..inner.bytes.len())
    }

    /// Passes over the content of a field that this build does not know.
    pub(super) fn skip(&mut self, tag: u64) -> Result<()> {
        if tag >> 3 == 0 || tag >> 3 > (1 << 29) - 1 {
            return self.fail("field number out of range");
        }
        match tag & 7 {
            VARINT => self.varint().map(drop),
            FIXED64 => self.fixed64().map(drop),
            BYTES => self.message().map(drop),
            FIXED32 if self.bytes.len() - self.at >= 4 => {
                self.at += 4;
                Ok(())
            }
            FIXED32 => self.fail("message ends inside a 32-bit number"),
            3 | 4 => self.fail("groups are not part of remote write"),
            _ => self.fail("unknown wire type"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_varints_of_every_length() {
        for (bytes, value) in [
            (&[0x00][..], 0),
            (&[0x7f], 127),
            (&[0x80, 0x01], 128),
            (&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01], u64::MAX),
        ] {
            let mut reader = Reader::new(bytes);
            assert_eq!(reader.varint(), Ok(value));
            assert!(reader.is_done());
        }
    }

    #[test]
    fn names_the_byte_of_what_is_wrong() {
        let at = |offset, what| Err::<(), _>(DecodeError { offset, what });
        let mut reader = Reader::new(&[0x05, 0x80]);
        reader.varint().unwrap();
        assert_eq!(reader.varint().map(drop), at(1, "message ends inside a varint"));
        let mut reader = Reader::new(&[0x05, 0x00]);
        assert_eq!(reader.message().map(drop), at(0, "length runs past the end of the message"));
        let wide = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02];
        assert_eq!(Reader::new(&wide).varint().map(drop), at(0, "varint of more than 64 bits"));
        assert!(Reader::new(&[0; 7]).fixed64().is_err());
        assert!(Reader::new(&[0; 3]).skip(tag(1, FIXED32)).is_err());
        assert!(Reader::new(&[0; 4]).skip(tag(1, 3)).is_err());
    }
}
