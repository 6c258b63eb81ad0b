//! The index of a block: its symbols, and its series with their chunks.
//!
//! The list of all series is the posting list of the empty label. Version 2 numbers symbols and counts
//! series in units of 16 bytes; version 1 names both by their offset in the file.

use std::path::Path;

use super::BlockError;
use super::bytes::{Cursor, WindowFile};

const MAGIC: u32 = 0xBAAA_D700;
const HEADER: u64 = 5;
/// Six offsets and a checksum.
const TOC: u64 = 6 * 8 + 4;
/// Longest entry of a series without the entry's own length and checksum.
const LONGEST_SERIES: u64 = 32 << 20;
const LENGTH_BYTES: u64 = 10;

/// Where a chunk is and what it says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChunkMeta {
    /// Time of the first sample, in ms.
    pub min_time: i64,
    /// Time of the last sample, in ms.
    pub max_time: i64,
    /// File in the upper half, offset in the lower one.
    pub reference: u64,
}

/// A series: its labels as numbers of symbols, and its chunks.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct SeriesEntry {
    /// By which tombstones name it.
    pub reference: u64,
    /// Symbols of name and value.
    pub labels: Vec<(u32, u32)>,
    /// In the order of time.
    pub chunks: Vec<ChunkMeta>,
}

/// An open index.
#[derive(Debug)]
pub struct Index {
    file: WindowFile,
    version: u8,
    /// The symbols section, and where it begins in the file.
    symbols: Vec<u8>,
    symbols_at: u64,
    /// Where each symbol begins in the section (version 2).
    offsets: Vec<u32>,
    /// All series.
    series: Vec<u32>,
}

impl Index {
    /// Opens the index in the file `path`.
    ///
    /// # Errors
    /// If it can't be read or a checksum does not match.
    pub fn open(path: &Path) -> Result<Self, BlockError> {
        let mut file = WindowFile::open(path.to_owned())?;
        let version = version(&mut file)?;
        let toc = Toc::read(&mut file)?;
        let symbols = section(&mut file, toc.symbols)?;
        let mut index = Self {
            version,
            symbols,
            symbols_at: toc.symbols + 4,
            offsets: Vec::new(),
            series: Vec::new(),
            file,
        };
        index.read_offsets(toc.symbols)?;
        index.read_all_postings(toc.postings_table)?;
        Ok(index)
    }

    pub(super) fn corrupt(&self, what: &'static str) -> BlockError {
        self.file.corrupt(0, what)
    }

    /// Number of series.
    #[must_use]
    pub fn len(&self) -> usize {
        self.series.len()
    }

    /// Whether there are no series.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.series.is_empty()
    }

    /// The text of a symbol; `None` if there is none with this number.
    #[must_use]
    pub fn symbol(&self, symbol: u32) -> Option<&str> {
        let at = match self.version {
            1 => u64::from(symbol).checked_sub(self.symbols_at)?,
            _ => u64::from(*self.offsets.get(symbol as usize)?),
        };
        Cursor(self.symbols.get(usize::try_from(at).ok()?..)?).text()
    }

    fn read_offsets(&mut self, at: u64) -> Result<(), BlockError> {
        if self.version == 1 {
            return Ok(());
        }
        let mut cursor = Cursor(&self.symbols);
        let count = cursor.u32().unwrap_or(0);
        for _ in 0..count {
            self.offsets.push((self.symbols.len() - cursor.0.len()) as u32);
            if cursor.text().is_none() {
                return Err(self.file.corrupt(at, "a symbol is no text"));
            }
        }
        Ok(())
    }

    /// Finds the posting list of the empty label.
    fn read_all_postings(&mut self, table: u64) -> Result<(), BlockError> {
        let bytes = section(&mut self.file, table)?;
        let mut cursor = Cursor(&bytes);
        let mut entry = || {
            let (_, names) = (cursor.u32()?, cursor.u8()?);
            let (name, value) = (cursor.text()?, cursor.text()?);
            (names == 2 && name.is_empty() && value.is_empty()).then(|| cursor.uvarint())?
        };
        let Some(list) = entry() else {
            let what = "the table of postings does not begin with all series";
            return Err(self.file.corrupt(table, what));
        };
        let bytes = section(&mut self.file, list)?;
        let mut cursor = Cursor(&bytes);
        let count = cursor.u32().unwrap_or(0);
        for _ in 0..count {
            let Some(reference) = cursor.u32() else {
                return Err(self.file.corrupt(list, "the list of all series is too short"));
            };
            self.series.push(reference);
        }
        Ok(())
    }

    /// Reads the series with this number in the order of the index.
    ///
    /// # Errors
    /// If it can't be read or a checksum does not match.
    pub fn read_series(
        &mut self,
        number: usize,
        entry: &mut SeriesEntry,
    ) -> Result<(), BlockError> {
        let reference = u64::from(self.series.get(number).copied().unwrap_or(u32::MAX));
        let at = if self.version == 1 { reference } else { reference * 16 };
        let mut front = Cursor(self.file.get_up_to(at, LENGTH_BYTES)?);
        let before = front.0.len();
        let len = front.uvarint().filter(|&len| len <= LONGEST_SERIES);
        let head = (before - front.0.len()) as u64;
        let len = len.ok_or_else(|| self.file.corrupt(at, "no length of a series"))?;
        let bytes = self.file.get(at + head, len + 4)?;
        let good = checked(bytes).and_then(|body| parse_series(body, entry)).is_some();
        entry.reference = reference;
        if good { Ok(()) } else { Err(self.file.corrupt(at, "a series fails its checksum")) }
    }
}

fn parse_series(body: &[u8], entry: &mut SeriesEntry) -> Option<()> {
    entry.labels.clear();
    entry.chunks.clear();
    let mut cursor = Cursor(body);
    let symbol = |cursor: &mut Cursor<'_>| u32::try_from(cursor.uvarint()?).ok();
    for _ in 0..cursor.uvarint()? {
        entry.labels.push((symbol(&mut cursor)?, symbol(&mut cursor)?));
    }
    let mut before: Option<ChunkMeta> = None;
    for _ in 0..cursor.uvarint()? {
        let min_time = match before {
            None => cursor.varint()?,
            Some(before) => before.max_time.checked_add_unsigned(cursor.uvarint()?)?,
        };
        let max_time = min_time.checked_add_unsigned(cursor.uvarint()?)?;
        let reference = match before {
            None => cursor.uvarint()?,
            Some(before) => before.reference.checked_add_signed(cursor.varint()?)?,
        };
        let chunk = ChunkMeta { min_time, max_time, reference };
        entry.chunks.push(chunk);
        before = Some(chunk);
    }
    Some(())
}

/// What stands before a checksum, if that is right.
fn checked(bytes: &[u8]) -> Option<&[u8]> {
    let (body, crc) = bytes.split_last_chunk()?;
    (crc32c::crc32c(body) == u32::from_be_bytes(*crc)).then_some(body)
}

fn version(file: &mut WindowFile) -> Result<u8, BlockError> {
    let mut cursor = Cursor(file.get_up_to(0, HEADER)?);
    match (cursor.u32(), cursor.u8()) {
        (Some(MAGIC), Some(version @ (1 | 2))) => Ok(version),
        (Some(MAGIC), _) => Err(file.corrupt(4, "a version of the index other than 1 and 2")),
        _ => Err(file.corrupt(0, "not the index of a Prometheus block")),
    }
}

/// A section of a length, its content and a checksum.
fn section(file: &mut WindowFile, at: u64) -> Result<Vec<u8>, BlockError> {
    let short = |file: &WindowFile| file.corrupt(at, "a section is cut off");
    let len = Cursor(file.get_up_to(at, 4)?).u32().ok_or_else(|| short(file))?;
    let mut bytes = Vec::new();
    // In pieces, so that a wrong length costs no memory.
    let (mut offset, end) = (at + 4, at + 4 + u64::from(len) + 4);
    if end > file.len() {
        return Err(short(file));
    }
    while offset < end {
        let piece = file.get(offset, (end - offset).min(1 << 20))?;
        bytes.extend_from_slice(piece);
        offset += piece.len() as u64;
    }
    if checked(&bytes).is_none() {
        return Err(file.corrupt(at, "a section fails its checksum"));
    }
    bytes.truncate(len as usize);
    Ok(bytes)
}

/// Where the sections begin.
struct Toc {
    symbols: u64,
    postings_table: u64,
}

impl Toc {
    fn read(file: &mut WindowFile) -> Result<Self, BlockError> {
        let at = file.len().saturating_sub(TOC);
        let body = checked(file.get_up_to(at, TOC)?).map(<[u8]>::to_vec);
        let body =
            body.ok_or_else(|| file.corrupt(at, "the table of contents fails its checksum"))?;
        let mut cursor = Cursor(&body);
        let mut offsets = [0; 6];
        for offset in &mut offsets {
            let next = cursor.u64().filter(|&next| next < at);
            *offset = next.ok_or_else(|| file.corrupt(at, "the table of contents is wrong"))?;
        }
        let [symbols, .., postings_table] = offsets;
        Ok(Self { symbols, postings_table })
    }
}
