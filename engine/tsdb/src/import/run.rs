//! A run: samples in the order of blocks, put aside in a temporary file.
//!
//! A run lives as long as its part: after a crash it is thrown away, so it is never synced. It has
//! checksums all the same, because a disk that is read back wrong must not become a block.
//!
//! ```text
//! group   window i64 │ series u32 │ first i64 │ last i64 │ samples u32
//! chunk   samples u16 │ bytes u32 │ crc32c u32 of the bytes │ open chunk of the codec
//! ```

use std::sync::Arc;

use nunatak_codec::{CHUNK_SAMPLES, OpenChunk, decode_open};

use super::rows::{Segment, ShardRows};
use super::sorted::{Group, Sorted};
use crate::error::{Error, Result};
use crate::source::SampleBatch;
use crate::storage::{File, Storage};

/// Bytes that are collected before the file is appended to, and that are read at once.
pub(super) const BUFFER: usize = 256 * 1024;
const GROUP_BYTES: usize = 8 + 4 + 8 + 8 + 4;
const CHUNK_BYTES: usize = 2 + 4 + 4;

/// Writes the samples of `segments` into the new file `path`.
pub(super) fn write_run(
    storage: &dyn Storage,
    path: &str,
    rows: &ShardRows,
    segments: &[Segment],
) -> Result<()> {
    let file = storage.create(path).map_err(|e| Error::io("create", path, e))?;
    let mut buffer = Vec::with_capacity(BUFFER + BUFFER / 4);
    for segment in segments {
        let (times, values) = rows.samples(segment);
        put_group(&mut buffer, segment, times);
        for (times, values) in times.chunks(CHUNK_SAMPLES).zip(values.chunks(CHUNK_SAMPLES)) {
            put_chunk(&mut buffer, times, values)?;
            if buffer.len() >= BUFFER {
                file.append(&buffer).map_err(|e| Error::io("append", path, e))?;
                buffer.clear();
            }
        }
    }
    file.append(&buffer).map_err(|e| Error::io("append", path, e))
}

fn put_group(buffer: &mut Vec<u8>, segment: &Segment, times: &[i64]) {
    buffer.extend(segment.window.to_le_bytes());
    buffer.extend(segment.series.to_le_bytes());
    buffer.extend(times.first().copied().unwrap_or_default().to_le_bytes());
    buffer.extend(times.last().copied().unwrap_or_default().to_le_bytes());
    buffer.extend((times.len() as u32).to_le_bytes());
}

fn put_chunk(buffer: &mut Vec<u8>, times: &[i64], values: &[f64]) -> Result<()> {
    let mut chunk = OpenChunk::new();
    for (&t, &v) in times.iter().zip(values) {
        chunk.append(t, v).map_err(|e| Error::Invalid { what: e.to_string() })?;
    }
    let bytes = chunk.bytes();
    buffer.extend((times.len() as u16).to_le_bytes());
    buffer.extend((bytes.len() as u32).to_le_bytes());
    buffer.extend(crc32c::crc32c(bytes).to_le_bytes());
    buffer.extend_from_slice(bytes);
    Ok(())
}

/// Reads a run from its beginning.
#[derive(Debug)]
pub(super) struct RunReader {
    path: String,
    file: Arc<dyn File>,
    /// Bytes of the file, and how many of them were taken.
    len: u64,
    offset: u64,
    /// The next bytes of the file.
    buffer: Vec<u8>,
    start: usize,
    group: Option<Group>,
    /// Samples of the group that are still to come.
    left: u32,
}

impl RunReader {
    pub(super) fn open(storage: &dyn Storage, path: String) -> Result<Self> {
        let file = storage.open(&path).map_err(|e| Error::io("open", &path, e))?;
        let len = file.len().map_err(|e| Error::io("read", &path, e))?;
        let (buffer, group) = (Vec::new(), None);
        let mut reader = Self { path, file, len, offset: 0, buffer, start: 0, group, left: 0 };
        reader.read_group()?;
        Ok(reader)
    }

    /// Makes `bytes` bytes available behind `start`.
    fn fill(&mut self, bytes: usize) -> Result<()> {
        let have = self.buffer.len() - self.start;
        if have >= bytes {
            return Ok(());
        }
        self.buffer.drain(..self.start);
        self.start = 0;
        let rest = self.len - self.offset;
        let more = rest.min(bytes.max(BUFFER) as u64) as usize;
        if have + more < bytes {
            return Err(self.corrupt("it ends too early"));
        }
        self.buffer.resize(have + more, 0);
        let target = self.buffer.get_mut(have..).unwrap_or_default();
        self.file.read_at(self.offset, target).map_err(|e| Error::io("read", &self.path, e))?;
        self.offset += more as u64;
        Ok(())
    }

    fn corrupt(&self, what: &str) -> Error {
        Error::corrupt(&self.path, self.offset, what)
    }

    /// The next `N` bytes.
    fn take<const N: usize>(&mut self) -> Result<[u8; N]> {
        self.fill(N)?;
        let bytes = self.buffer.get(self.start..).and_then(|rest| rest.first_chunk::<N>()).copied();
        self.start += N;
        bytes.ok_or_else(|| self.corrupt("it ends too early"))
    }

    fn read_group(&mut self) -> Result<()> {
        if self.offset == self.len && self.start == self.buffer.len() {
            self.group = None;
            return Ok(());
        }
        self.fill(GROUP_BYTES)?;
        self.group = Some(Group {
            window: i64::from_le_bytes(self.take()?),
            series: u32::from_le_bytes(self.take()?),
            first: i64::from_le_bytes(self.take()?),
            last: i64::from_le_bytes(self.take()?),
        });
        self.left = u32::from_le_bytes(self.take()?);
        Ok(())
    }
}

impl Sorted for RunReader {
    fn group(&self) -> Option<Group> {
        self.group
    }

    fn next_batch(&mut self, batch: &mut SampleBatch) -> Result<bool> {
        batch.clear();
        if self.left == 0 {
            self.read_group()?;
            return Ok(false);
        }
        self.fill(CHUNK_BYTES)?;
        let samples = u16::from_le_bytes(self.take()?);
        let len = u32::from_le_bytes(self.take()?) as usize;
        let crc = u32::from_le_bytes(self.take()?);
        self.fill(len)?;
        let bytes = self.buffer.get(self.start..self.start + len).unwrap_or_default();
        if crc32c::crc32c(bytes) != crc {
            return Err(self.corrupt("a checksum does not match; run the import again"));
        }
        decode_open(bytes, samples.into(), &mut batch.times, &mut batch.values)
            .map_err(|e| self.corrupt(&e.to_string()))?;
        self.start += len;
        self.left = self.left.saturating_sub(samples.into());
        Ok(true)
    }
}
