//! The snappy block format around a message.

/// A body that is not snappy, or too much of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SnappyError {
    /// The bytes are not a snappy block.
    #[error("the body of {bytes} bytes is not a snappy block: {what}")]
    Invalid {
        /// Length of the body.
        bytes: usize,
        /// What the decompressor says.
        what: String,
    },
    /// The block says that it is larger than may be.
    #[error(
        "the body unpacks to {bytes} bytes, at most {limit} are accepted; send smaller batches"
    )]
    TooLarge {
        /// Bytes after decompression.
        bytes: usize,
        /// How many may be.
        limit: usize,
    },
}

/// Unpacks `body` into `buffer`, whose memory is reused, and returns the message in it.
///
/// The length in the block's header is checked against `limit` before anything is allocated.
///
/// # Errors
/// [`SnappyError`] if the block is damaged or too large.
pub fn unpack<'a>(
    body: &[u8],
    buffer: &'a mut Vec<u8>,
    limit: usize,
) -> Result<&'a [u8], SnappyError> {
    let invalid = |error: snap::Error| SnappyError::Invalid {
        bytes: body.len(),
        what: error.to_string().trim_start_matches("snappy: ").to_owned(),
    };
    let len = snap::raw::decompress_len(body).map_err(invalid)?;
    if len > limit {
        return Err(SnappyError::TooLarge { bytes: len, limit });
    }
    if buffer.len() < len {
        buffer.resize(len, 0);
    }
    let plain = buffer.get_mut(..len).unwrap_or_default();
    let written = snap::raw::Decoder::new().decompress(body, plain).map_err(invalid)?;
    Ok(buffer.get(..written).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unpacks_and_reuses_the_buffer() {
        let mut buffer = Vec::new();
        for text in [&b"a long first message"[..], b"short", b""] {
            let packed = snap::raw::Encoder::new().compress_vec(text).unwrap();
            assert_eq!(unpack(&packed, &mut buffer, 100).unwrap(), text);
        }
    }

    #[test]
    fn refuses_before_it_allocates() {
        let mut buffer = Vec::new();
        let claims_4_gib = [0xff, 0xff, 0xff, 0xff, 0x0f, 0x00];
        assert!(matches!(
            unpack(&claims_4_gib, &mut buffer, 1 << 20),
            Err(SnappyError::TooLarge { bytes: 0xffff_ffff, limit: 0x10_0000 })
        ));
        assert_eq!(buffer.capacity(), 0);
        let error = unpack(b"\x05hello", &mut buffer, 100).unwrap_err().to_string();
        assert!(error.starts_with("the body of 6 bytes is not a snappy block: "), "{error}");
    }
}
