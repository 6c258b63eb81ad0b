//! Spill files: full chunks that wait on disk until their window is cut.
//!
//! A file only grows. Each chunk has its own checksum, so a reader fetches what it wants and
//! nothing else. `docs/format/snapshot.md` has the bytes.
#![deny(clippy::indexing_slicing, reason = "reads bytes that may be hostile")]

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use nunatak_codec::FrozenChunk;

use super::chunk::SpilledChunk;
use super::{Head, Series};
use crate::error::{Error, Result};
use crate::storage::{File, Storage, join};

const MAGIC: [u8; 8] = *b"NUNASPL\0";
const VERSION: u32 = 0;
/// Bytes before the first chunk.
const SPILL_HEADER: u64 = 16;
/// Bytes of a chunk's checksum, which stands before it.
const CHECKSUM: usize = 4;
/// How the names begin.
const PREFIX: &str = "spill-";

/// A file of full chunks.
#[derive(Debug)]
pub(crate) struct SpillFile {
    number: u64,
    path: String,
    file: Arc<dyn File>,
    /// Bytes that it had when it was opened, or that were put into it since.
    len: AtomicU64,
}

/// The number of the spill file with this name.
pub(crate) fn parse_spill(name: &str) -> Option<u64> {
    let digits = name.strip_prefix(PREFIX)?;
    let plain = digits.len() == 20 && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|_| plain)
}

/// The path of the spill file of this number.
pub(crate) fn spill_path(folder: &str, number: u64) -> String {
    join(folder, &format!("{PREFIX}{number:020}"))
}

impl SpillFile {
    /// Makes an empty file.
    pub(crate) fn create(storage: &dyn Storage, folder: &str, number: u64) -> Result<Self> {
        let path = spill_path(folder, number);
        let file = storage.create(&path).map_err(|e| Error::io("create", &path, e))?;
        let spill = Self { number, path, file, len: AtomicU64::new(0) };
        let mut header = MAGIC.to_vec();
        header.extend(VERSION.to_le_bytes());
        header.extend(crc32c::crc32c(&header).to_le_bytes());
        if let Err(error) = spill.append(&header) {
            // Without its beginning it is of no use, but a snapshot would list it, and its length
            // may change in a power loss. One that can't be removed goes with the next start.
            let _ = storage.remove(&spill.path);
            return Err(error);
        }
        Ok(spill)
    }

    /// Opens a file that has `len` bytes at least.
    pub(crate) fn open(storage: &dyn Storage, folder: &str, number: u64, len: u64) -> Result<Self> {
        let path = spill_path(folder, number);
        let failed = |op| {
            let path = path.clone();
            move |error| Error::io(op, path, error)
        };
        let file = storage.open(&path).map_err(failed("open"))?;
        let found = file.len().map_err(failed("read"))?;
        if found < len.max(SPILL_HEADER) {
            let what = format!("has {found} bytes, {len} are needed");
            return Err(Error::corrupt(path, found, what));
        }
        let mut header = [0; SPILL_HEADER as usize];
        file.read_at(0, &mut header).map_err(failed("read"))?;
        check_header(&path, &header)?;
        Ok(Self { number, path, file, len: AtomicU64::new(len) })
    }

    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// Bytes up to the end of the last record.
    pub(crate) fn len(&self) -> u64 {
        self.len.load(Ordering::Acquire)
    }

    /// Whether a chunk of `len` bytes may be at `offset`.
    pub(super) fn has(&self, offset: u64, len: u32) -> bool {
        let end = offset.checked_add(CHECKSUM as u64 + u64::from(len));
        offset >= SPILL_HEADER && end.is_some_and(|end| end <= self.len())
    }

    /// Adds records at the end. After an error the end is unknown, and nothing may be added any
    /// more.
    pub(crate) fn append(&self, bytes: &[u8]) -> Result<()> {
        self.file.append(bytes).map_err(|e| Error::io("append", &self.path, e))?;
        self.len.fetch_add(bytes.len() as u64, Ordering::Release);
        Ok(())
    }

    pub(crate) fn sync(&self) -> Result<()> {
        self.file.sync().map_err(|e| Error::io("sync", &self.path, e))
    }

    /// The chunk of `len` bytes whose record begins at `offset`.
    pub(super) fn read(&self, offset: u64, len: u32) -> Result<Vec<u8>> {
        let mut record = vec![0; CHECKSUM + len as usize];
        let read = self.file.read_at(offset, &mut record);
        read.map_err(|e| match e.kind() {
            std::io::ErrorKind::UnexpectedEof => {
                Error::corrupt(&self.path, offset, "ends before a chunk does")
            }
            _ => Error::io("read", &self.path, e),
        })?;
        let chunk = record.split_off(CHECKSUM);
        if record != crc32c::crc32c(&chunk).to_le_bytes() {
            return Err(Error::corrupt(&self.path, offset, "a chunk fails its checksum"));
        }
        Ok(chunk)
    }
}

fn check_header(path: &str, header: &[u8; SPILL_HEADER as usize]) -> Result<()> {
    let (begin, crc) = header.split_at(12);
    if !begin.starts_with(&MAGIC) || crc != crc32c::crc32c(begin).to_le_bytes() {
        return Err(Error::corrupt(path, 0, "damaged header"));
    }
    match begin.last_chunk().map(|version| u32::from_le_bytes(*version)) {
        Some(VERSION) | None => Ok(()),
        Some(found) => {
            let hint = "use the build that wrote it";
            Err(Error::Version { path: path.into(), found, supported: VERSION, hint })
        }
    }
}

/// Appends a chunk's record to `out`, which will stand at `start` in `file`, and says where it is.
pub(super) fn put_chunk(
    out: &mut Vec<u8>,
    start: u64,
    file: &Arc<SpillFile>,
    chunk: &FrozenChunk,
) -> SpilledChunk {
    let offset = start + out.len() as u64;
    out.extend(crc32c::crc32c(chunk.bytes()).to_le_bytes());
    out.extend_from_slice(chunk.bytes());
    SpilledChunk {
        file: Arc::clone(file),
        offset,
        last_time: chunk.last_time(),
        len: chunk.bytes().len() as u32,
        count: chunk.len() as u16,
    }
}

/// A full chunk that has been put on disk and is in memory as well.
#[derive(Debug)]
pub(crate) struct Unspilled {
    slot: u32,
    chunk: Arc<FrozenChunk>,
    place: SpilledChunk,
}

impl Unspilled {
    /// Appends the chunk in `slot` to `out`, which will stand at `start` in `file`.
    pub(crate) fn put(
        (slot, chunk): (u32, Arc<FrozenChunk>),
        file: &Arc<SpillFile>,
        start: u64,
        out: &mut Vec<u8>,
    ) -> Self {
        let place = put_chunk(out, start, file, &chunk);
        Self { slot, chunk, place }
    }
}

impl Head {
    /// The full chunks in memory of the series in `slots`, each with its slot.
    pub(crate) fn unspilled(&self, slots: Range<u32>) -> Vec<(u32, Arc<FrozenChunk>)> {
        let used = slots.filter_map(|slot| Some((slot, self.slots.get(slot)?)));
        let chunks = |(slot, series): (u32, &Series)| {
            series
                .samples
                .unspilled()
                .map(move |chunk| (slot, Arc::clone(chunk)))
                .collect::<Vec<_>>()
        };
        used.flat_map(chunks).collect()
    }

    /// The full chunks that are on disk.
    pub(super) fn spilled(&self) -> impl Iterator<Item = &SpilledChunk> {
        let used = (0..self.slot_bound()).filter_map(|slot| self.slots.get(slot));
        used.flat_map(|series| series.samples.spilled())
    }

    /// Lets go of chunks that are on disk now.
    pub(crate) fn spill(&mut self, chunks: &[Unspilled]) {
        for Unspilled { slot, chunk, place } in chunks {
            if let Some(series) = self.slots.get_mut(*slot) {
                self.sample_bytes -= series.samples.spill(chunk, place);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use nunatak_codec::OpenChunk;

    use super::*;
    use crate::source::SampleBatch;
    use crate::storage::FaultStorage;

    fn chunk(samples: i64) -> FrozenChunk {
        let mut open = OpenChunk::new();
        (0..samples).for_each(|i| open.append(i * 1000, i as f64).unwrap());
        open.freeze().unwrap()
    }

    #[test]
    fn chunks_come_back_and_damage_is_seen() {
        let storage = FaultStorage::new(1);
        storage.create_folder("t").unwrap();
        let file = Arc::new(SpillFile::create(&storage, "t", 7).unwrap());
        let mut out = Vec::new();
        let places: Vec<_> =
            [3, 100].map(|n| put_chunk(&mut out, SPILL_HEADER, &file, &chunk(n))).into();
        file.append(&out).unwrap();
        let mut batch = SampleBatch::default();
        places[1].decode_into(&mut batch).unwrap();
        assert_eq!((batch.len(), batch.times[99]), (100, 99_000));

        let len = SPILL_HEADER + out.len() as u64;
        assert!(SpillFile::open(&storage, "t", 7, len + 1).is_err(), "it is too short");
        SpillFile::open(&storage, "t", 7, len).unwrap();
        storage.flip_bit("t/spill-00000000000000000007", places[1].offset + 9, 1).unwrap();
        places[0].decode_into(&mut batch).unwrap();
        let error = places[1].decode_into(&mut batch).unwrap_err();
        assert!(matches!(error, Error::Corrupt { .. }), "{error}");
    }

    #[test]
    fn names_are_read_back() {
        let path = spill_path("t", 12);
        assert_eq!(parse_spill(&path[2..]), Some(12));
        assert_eq!(parse_spill("spill-12"), None);
    }
}
