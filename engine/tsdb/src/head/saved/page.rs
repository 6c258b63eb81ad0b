//! The file of a saved head: a header, then pages with a checksum each.
#![deny(clippy::indexing_slicing, reason = "reads bytes that may be hostile")]

use std::io;
use std::sync::Arc;

use crate::bytes::{Malformed, Parsed, Reader, put_bytes, put_varint};
use crate::error::{Error, Result};
use crate::log::Position;
use crate::storage::{File, Storage, join};

const MAGIC: [u8; 8] = *b"NUNAHED\0";
const VERSION: u32 = 0;
const FILE_HEADER: usize = 16;
/// Length, checksum and kind of a page.
const PAGE_HEADER: usize = 9;
/// Most bytes of a page.
const MAX_PAGE: u64 = 1 << 30;
/// Bytes that gather before they are written.
const WRITE: usize = 1 << 20;

pub(super) const BEGIN: u8 = 1;
pub(super) const SERIES: u8 = 2;
pub(super) const END: u8 = 3;

/// The name of a head that is being saved.
pub(crate) const SAVED_TEMP: &str = "head.tmp";
const PREFIX: &str = "head-";
/// How the names of damaged ones begin that were put aside.
pub(crate) const SAVED_ASIDE: &str = "bad-";

/// The path of the head that is saved up to a position.
pub(crate) fn saved_path(folder: &str, position: Position) -> String {
    join(folder, &format!("{PREFIX}{:020}", position.0))
}

/// The position of the saved head with this name.
pub(crate) fn parse_saved(name: &str) -> Option<Position> {
    let digits = name.strip_prefix(PREFIX)?;
    let plain = digits.len() == 20 && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|_| plain).map(Position)
}

/// What the first page says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Begin {
    pub(crate) shard: u16,
    pub(crate) tenant: Arc<str>,
    /// Everything up to this position is in the file.
    pub(crate) start: Position,
    /// The spill files that are referred to: number, and bytes that they must have.
    pub(crate) spills: Vec<(u64, u64)>,
}

impl Begin {
    fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put_varint(&mut out, self.shard.into());
        put_bytes(&mut out, self.tenant.as_bytes());
        put_varint(&mut out, self.start.0);
        put_varint(&mut out, self.spills.len() as u64);
        for &(number, len) in &self.spills {
            put_varint(&mut out, number);
            put_varint(&mut out, len);
        }
        out
    }

    fn decode(bytes: &[u8]) -> Parsed<Self> {
        let mut reader = Reader(bytes);
        let (shard, tenant) = (reader.number()?, reader.text()?.into());
        let start = Position(reader.varint()?);
        let mut spills = Vec::new();
        for _ in 0..reader.count(1)? {
            spills.push((reader.varint()?, reader.varint()?));
        }
        if !reader.is_done() {
            return Err(Malformed("bytes follow the begin"));
        }
        Ok(Self { shard, tenant, start, spills })
    }
}

/// A file that is being written.
#[derive(Debug)]
pub(crate) struct PageFile {
    path: String,
    file: Arc<dyn File>,
    buffer: Vec<u8>,
    written: u64,
}

impl PageFile {
    /// Makes the file with its first page.
    pub(crate) fn create(storage: &dyn Storage, path: String, begin: &Begin) -> Result<Self> {
        let file = storage.create(&path).map_err(|e| Error::io("create", &path, e))?;
        let mut buffer = MAGIC.to_vec();
        buffer.extend(VERSION.to_le_bytes());
        buffer.extend(crc32c::crc32c(&buffer).to_le_bytes());
        let mut pages = Self { path, file, buffer, written: 0 };
        pages.push(BEGIN, &begin.encode())?;
        Ok(pages)
    }

    /// Adds a page of series.
    pub(crate) fn push_series(&mut self, payload: &[u8]) -> Result<()> {
        self.push(SERIES, payload)
    }

    fn push(&mut self, kind: u8, payload: &[u8]) -> Result<()> {
        let crc = crc32c::crc32c_append(crc32c::crc32c(&[kind]), payload);
        self.buffer.extend((payload.len() as u32).to_le_bytes());
        self.buffer.extend(crc.to_le_bytes());
        self.buffer.push(kind);
        self.buffer.extend_from_slice(payload);
        if self.buffer.len() >= WRITE { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<()> {
        self.file.append(&self.buffer).map_err(|e| Error::io("append", &self.path, e))?;
        self.written += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }

    /// Adds the last page, syncs, and reads all pages again: the log will let go of what they
    /// hold. Returns the file's bytes.
    pub(crate) fn finish(mut self, end: &[u8]) -> Result<u64> {
        self.push(END, end)?;
        self.flush()?;
        self.file.sync().map_err(|e| Error::io("sync", &self.path, e))?;
        let mut pages = Pages::of(Arc::clone(&self.file), self.path.clone())?;
        while pages.next()?.is_some() {}
        Ok(self.written)
    }
}

/// Reads a file page by page.
#[derive(Debug)]
pub(super) struct Pages {
    pub(super) path: String,
    file: Arc<dyn File>,
    len: u64,
    offset: u64,
    page: Vec<u8>,
    has_ended: bool,
}

impl Pages {
    pub(super) fn open(storage: &dyn Storage, path: String) -> Result<Self> {
        let file = storage.open(&path).map_err(|e| Error::io("open", &path, e))?;
        Self::of(file, path)
    }

    fn of(file: Arc<dyn File>, path: String) -> Result<Self> {
        let len = file.len().map_err(|e| Error::io("read", &path, e))?;
        let mut pages = Self { path, file, len, offset: 0, page: Vec::new(), has_ended: false };
        let mut header = [0; FILE_HEADER];
        pages.read(&mut header)?;
        pages.check_header(&header)?;
        Ok(pages)
    }

    fn check_header(&self, header: &[u8; FILE_HEADER]) -> Result<()> {
        let (begin, crc) = header.split_at(FILE_HEADER - 4);
        if !begin.starts_with(&MAGIC) || crc != crc32c::crc32c(begin).to_le_bytes() {
            return Err(Error::corrupt(&self.path, 0, "damaged header"));
        }
        match begin.last_chunk().map(|version| u32::from_le_bytes(*version)) {
            Some(VERSION) | None => Ok(()),
            Some(found) => {
                let hint = "use the build that wrote it";
                let path = (&self.path).into();
                Err(Error::Version { path, found, supported: VERSION, hint })
            }
        }
    }

    fn read(&mut self, buffer: &mut [u8]) -> Result<()> {
        self.file.read_at(self.offset, buffer).map_err(|e| match e.kind() {
            io::ErrorKind::UnexpectedEof => self.damage("ends early"),
            _ => Error::io("read", &self.path, e),
        })?;
        self.offset += buffer.len() as u64;
        Ok(())
    }

    /// An error about what was read last.
    pub(super) fn damage(&self, what: &str) -> Error {
        Error::corrupt(&self.path, self.offset, what)
    }

    /// Kind and payload of the next page, `None` behind the last one.
    pub(super) fn next(&mut self) -> Result<Option<(u8, &[u8])>> {
        if self.has_ended {
            let is_whole = self.offset == self.len;
            return if is_whole { Ok(None) } else { Err(self.damage("bytes follow the end")) };
        }
        let mut header = [0; PAGE_HEADER];
        self.read(&mut header)?;
        let [l0, l1, l2, l3, c0, c1, c2, c3, kind] = header;
        let len = u64::from(u32::from_le_bytes([l0, l1, l2, l3]));
        if len > MAX_PAGE.min(self.len - self.offset) {
            return Err(self.damage("a page is longer than the file"));
        }
        let mut page = std::mem::take(&mut self.page);
        page.resize(len as usize, 0);
        self.read(&mut page)?;
        self.page = page;
        let crc = crc32c::crc32c_append(crc32c::crc32c(&[kind]), &self.page);
        if crc != u32::from_le_bytes([c0, c1, c2, c3]) {
            return Err(self.damage("a page fails its checksum"));
        }
        self.has_ended = kind == END;
        Ok(Some((kind, &self.page)))
    }

    /// The first page.
    pub(super) fn begin(&mut self) -> Result<Begin> {
        let begin = match self.next()? {
            Some((BEGIN, payload)) => Begin::decode(payload),
            _ => Err(Malformed("has no begin")),
        };
        begin.map_err(|Malformed(what)| self.damage(what))
    }
}

/// The first page of a saved head.
pub(crate) fn begin_of(storage: &dyn Storage, path: String) -> Result<Begin> {
    Pages::open(storage, path)?.begin()
}
