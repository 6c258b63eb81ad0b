//! Chunks in their encoded form, one behind the other as in a page.

use nunatak_codec::{PADDING, encode_times, encode_values};

use super::data::Chunk;
use super::failed;
use crate::Result;
use crate::reference::{xor, xor2};

/// Encoded chunks.
#[derive(Debug)]
pub(super) struct Encoded {
    bytes: Vec<u8>,
    places: Vec<Place>,
}

#[derive(Debug, Clone, Copy)]
struct Place {
    begin: usize,
    end: usize,
    n: usize,
}

impl Encoded {
    fn new(
        chunks: &[Chunk<'_>],
        mut encode: impl FnMut(&Chunk<'_>, &mut Vec<u8>) -> Result<()>,
    ) -> Result<Self> {
        let mut bytes = Vec::new();
        let mut places = Vec::new();
        for chunk in chunks {
            let begin = bytes.len();
            encode(chunk, &mut bytes)?;
            places.push(Place { begin, end: bytes.len(), n: chunk.values.len() });
        }
        bytes.resize(bytes.len() + PADDING, 0);
        Ok(Self { bytes, places })
    }

    /// Sealed chunks, each time stream before its value stream.
    pub(super) fn sealed(chunks: &[Chunk<'_>]) -> Result<Self> {
        Self::new(chunks, |chunk, out| {
            encode_times(chunk.times, out).map_err(failed)?;
            encode_values(chunk.values, out).map_err(failed)
        })
    }

    /// Value streams alone.
    pub(super) fn values(chunks: &[Chunk<'_>]) -> Result<Self> {
        Self::new(chunks, |chunk, out| encode_values(chunk.values, out).map_err(failed))
    }

    /// Prometheus' XOR chunks.
    pub(super) fn xor(chunks: &[Chunk<'_>]) -> Result<Self> {
        Self::new(chunks, |chunk, out| xor::encode(chunk.times, chunk.values, out).map_err(failed))
    }

    /// Prometheus' XOR2 chunks.
    pub(super) fn xor2(chunks: &[Chunk<'_>]) -> Result<Self> {
        Self::new(chunks, |chunk, out| xor2::encode(chunk.times, chunk.values, out).map_err(failed))
    }

    /// Bytes of all chunks.
    pub(super) fn len(&self) -> usize {
        self.bytes.len() - PADDING
    }

    /// How many chunks there are.
    pub(super) fn count(&self) -> usize {
        self.places.len()
    }

    /// A chunk with everything behind it, and the number of its samples.
    pub(super) fn open_ended(&self, index: usize) -> (&[u8], usize) {
        let place = self.places[index];
        (&self.bytes[place.begin..], place.n)
    }

    /// Every chunk with everything behind it, as a page gives it, and the number of its samples.
    pub(super) fn all_open_ended(&self) -> impl Iterator<Item = (&[u8], usize)> {
        self.places.iter().map(|place| (&self.bytes[place.begin..], place.n))
    }

    /// The bytes of every chunk, as Prometheus has them.
    pub(super) fn all(&self) -> impl Iterator<Item = &[u8]> {
        self.places.iter().map(|place| &self.bytes[place.begin..place.end])
    }
}
