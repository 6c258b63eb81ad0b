//! The samples of a series as bytes of a saved head, and back.
#![deny(clippy::indexing_slicing, reason = "reads bytes that may be hostile")]

use std::sync::Arc;

use nunatak_codec::{FrozenChunk, OpenChunk};

use super::{Epoch, History, Part, SeriesSamples};
use crate::bytes::{Malformed, Parsed, Reader, put_bytes, put_signed, put_varint};
use crate::head::chunk::{Chunk, SpilledChunk};
use crate::head::rhythm::Rhythm;
use crate::head::spill::SpillFile;

const OPEN: u8 = 1;
/// The newest time is that of the open chunk's last sample.
const NEWEST_IS_OPEN: u8 = 2;
const NEWEST_IS_TOLD: u8 = 4;
const HISTORY: u8 = 8;

const INLINE: u8 = 0;
const SPILLED: u8 = 1;

/// What numbers are told relative to.
#[derive(Debug, Clone, Copy)]
pub(in crate::head) struct Base {
    pub(in crate::head) time: i64,
    pub(in crate::head) epoch: Epoch,
}

/// The spill files that a saved head refers to.
pub(in crate::head) type Spills = [Arc<SpillFile>];

impl Base {
    pub(in crate::head) fn put_epoch(self, out: &mut Vec<u8>, epoch: Epoch) {
        put_varint(out, u64::from(self.epoch.wrapping_sub(epoch)));
    }

    pub(in crate::head) fn epoch(self, reader: &mut Reader<'_>) -> Parsed<Epoch> {
        let back = reader.number()?;
        self.epoch.checked_sub(back).ok_or(Malformed("an epoch is above the head's"))
    }

    pub(in crate::head) fn put_time(self, out: &mut Vec<u8>, time: i64) {
        put_signed(out, time.wrapping_sub(self.time));
    }

    pub(in crate::head) fn time(self, reader: &mut Reader<'_>) -> Parsed<i64> {
        Ok(self.time.wrapping_add(reader.signed()?))
    }
}

impl SeriesSamples {
    pub(in crate::head) fn encode(&self, base: Base, out: &mut Vec<u8>) {
        let open_newest = self.open.last().map(|(time, _)| time);
        let newest = match self.newest {
            None => 0,
            newest if newest == open_newest => NEWEST_IS_OPEN,
            Some(_) => NEWEST_IS_TOLD,
        };
        let open = if self.open.is_empty() { 0 } else { OPEN };
        out.push(open | newest | if self.history.is_some() { HISTORY } else { 0 });
        base.put_epoch(out, self.epoch);
        if open != 0 {
            put_varint(out, self.open.len() as u64);
            put_bytes(out, self.open.bytes());
        }
        if let (NEWEST_IS_TOLD, Some(newest)) = (newest, self.newest) {
            base.put_time(out, newest);
        }
        if let Some(history) = &self.history {
            put_parts(base, out, &history.ordered);
            history.late.encode(base, out);
        }
    }

    pub(in crate::head) fn decode(
        base: Base,
        reader: &mut Reader<'_>,
        spills: &Spills,
    ) -> Parsed<Self> {
        let flags = reader.byte()?;
        let mut samples = Self { epoch: base.epoch(reader)?, ..Self::default() };
        if flags & OPEN != 0 {
            let count = reader.number()?;
            let open = OpenChunk::from_bytes(reader.bytes()?, count);
            samples.open = open.map_err(|_| Malformed("an open chunk can't be read"))?;
        }
        if flags & NEWEST_IS_OPEN != 0 {
            samples.newest = samples.open.last().map(|(time, _)| time);
        } else if flags & NEWEST_IS_TOLD != 0 {
            samples.newest = Some(base.time(reader)?);
        }
        if samples.open.last().is_some_and(|(time, _)| samples.newest < Some(time)) {
            return Err(Malformed("a series has samples after its newest"));
        }
        samples.rhythm = Rhythm::of(&samples.open);
        if flags & HISTORY != 0 {
            let mut history = History { ordered: parts(base, reader, spills)?, ..<_>::default() };
            history.late.decode(base, reader, spills)?;
            samples.history = Some(Box::new(history));
        }
        Ok(samples)
    }

    /// The full chunks that are in memory.
    pub(in crate::head) fn unspilled(&self) -> impl Iterator<Item = &Arc<FrozenChunk>> {
        let history = self.history.iter();
        let parts = history.flat_map(|history| history.ordered.iter().chain(history.late.parts()));
        parts.filter_map(|part| match &part.chunk {
            Chunk::Memory(chunk) => Some(chunk),
            Chunk::Spilled(_) => None,
        })
    }

    /// The full chunks that are on disk.
    pub(in crate::head) fn spilled(&self) -> impl Iterator<Item = &SpilledChunk> {
        let history = self.history.iter();
        let parts = history.flat_map(|history| history.ordered.iter().chain(history.late.parts()));
        parts.filter_map(|part| match &part.chunk {
            Chunk::Spilled(chunk) => Some(chunk),
            Chunk::Memory(_) => None,
        })
    }

    /// Lets go of a chunk that is on disk now; returns by how many bytes the heap shrank.
    pub(in crate::head) fn spill(
        &mut self,
        chunk: &Arc<FrozenChunk>,
        place: &SpilledChunk,
    ) -> usize {
        let Some(history) = &mut self.history else { return 0 };
        let mut parts = history.ordered.iter_mut().chain(history.late.parts_mut());
        let is_it =
            |part: &&mut Part| matches!(&part.chunk, Chunk::Memory(c) if Arc::ptr_eq(c, chunk));
        let Some(part) = parts.find(is_it) else { return 0 };
        let freed = part.chunk.heap_bytes();
        part.from = part.first_time();
        part.chunk = Chunk::Spilled(place.clone());
        freed
    }

    /// Bytes on the heap.
    pub(in crate::head) fn bytes(&self) -> usize {
        self.heap_bytes()
    }
}

/// Writes full chunks: spilled ones by their place, others as they are.
pub(in crate::head) fn put_parts(base: Base, out: &mut Vec<u8>, parts: &[Part]) {
    put_varint(out, parts.len() as u64);
    for part in parts {
        base.put_epoch(out, part.epoch);
        base.put_time(out, part.chunk.last_time());
        put_varint(out, part.chunk.last_time().wrapping_sub(part.first_time()) as u64);
        match &part.chunk {
            Chunk::Memory(chunk) => {
                out.push(INLINE);
                put_varint(out, chunk.len() as u64);
                put_bytes(out, chunk.bytes());
            }
            Chunk::Spilled(chunk) => {
                out.push(SPILLED);
                put_varint(out, chunk.count.into());
                put_varint(out, chunk.len.into());
                put_varint(out, chunk.file.number());
                put_varint(out, chunk.offset);
            }
        }
    }
}

/// Reads what [`put_parts`] wrote.
pub(in crate::head) fn parts(
    base: Base,
    reader: &mut Reader<'_>,
    spills: &Spills,
) -> Parsed<Vec<Part>> {
    let count = reader.count(1)?;
    // A part in memory is larger than its least bytes: grow instead of trusting.
    let mut parts = Vec::with_capacity(count.min(16));
    for _ in 0..count {
        let epoch = base.epoch(reader)?;
        let last_time = base.time(reader)?;
        let from = last_time.wrapping_sub(reader.varint()? as i64);
        let chunk = match reader.byte()? {
            INLINE => inline(reader)?,
            SPILLED => spilled(reader, spills, last_time)?,
            _ => return Err(Malformed("unknown kind of chunk")),
        };
        if chunk.last_time() != last_time || from > last_time {
            return Err(Malformed("a chunk has other times than told"));
        }
        parts.push(Part { chunk, epoch, from });
    }
    Ok(parts)
}

fn inline(reader: &mut Reader<'_>) -> Parsed<Chunk> {
    let count = reader.number()?;
    let chunk = FrozenChunk::from_bytes(reader.bytes()?, count);
    chunk.map(Chunk::new).map_err(|_| Malformed("a chunk can't be read"))
}

fn spilled(reader: &mut Reader<'_>, spills: &Spills, last_time: i64) -> Parsed<Chunk> {
    let (count, len) = (reader.number()?, reader.number()?);
    let (number, offset) = (reader.varint()?, reader.varint()?);
    let file = spills.iter().find(|file| file.number() == number);
    let file = Arc::clone(file.ok_or(Malformed("a chunk is in a spill file that is not listed"))?);
    if !file.has(offset, len) {
        return Err(Malformed("a chunk is behind the end of its spill file"));
    }
    Ok(Chunk::Spilled(SpilledChunk { file, offset, last_time, len, count }))
}
