//! The page table and the footer: where everything in the data file is.

use crate::bytes::put_varint;
use crate::error::{Error, Result};

use super::bytes::ByteReader;
use super::page::{MAX_PAGE, PAGE_HEAD, PageKind};

/// The version of all files of a block.
pub(super) const VERSION: u16 = 0;
/// What to do about a block of another version.
pub(super) const VERSION_HINT: &str =
    "read it with the build that wrote it, or export and import the data";
/// The first bytes of the data file.
pub(super) const MAGIC: [u8; 8] = *b"nunablk\n";
/// The last bytes of the data file before its zeros.
pub(super) const END_MAGIC: [u8; 8] = *b"\nnunaend";
/// `magic[8] version:u16 flags:u16 zero:u32`
pub(super) const HEADER: usize = 16;
/// The footer with its zeros.
pub(super) const FOOTER: usize = 72 + ZEROS;
/// Kernels load up to 32 bytes at once; a file's end must not stop them.
const ZEROS: usize = 32;

/// The first bytes of a data file.
pub(super) fn header() -> [u8; HEADER] {
    let mut bytes = [0; HEADER];
    bytes[..8].copy_from_slice(&MAGIC);
    bytes[8..10].copy_from_slice(&VERSION.to_le_bytes());
    bytes
}

/// Checks the first bytes of the data file `path`.
pub(super) fn check_header(path: &str, bytes: &[u8]) -> Result<()> {
    let mut reader = ByteReader::new(bytes);
    if reader.take(8) != Some(&MAGIC) {
        return Err(Error::corrupt(path, 0, "not the data file of a block"));
    }
    match reader.u16() {
        Some(VERSION) => {}
        found => {
            let found = u32::from(found.unwrap_or(u16::MAX));
            let supported = u32::from(VERSION);
            return Err(Error::Version { path: path.into(), found, supported, hint: VERSION_HINT });
        }
    }
    let flags = (reader.u16(), reader.u32());
    if flags != (Some(0), Some(0)) {
        return Err(Error::corrupt(path, 10, "unknown flags in the header"));
    }
    Ok(())
}

/// The end of the data file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Footer {
    pub(super) table_offset: u64,
    pub(super) table_len: u32,
    pub(super) table_crc: u32,
    pub(super) pages: u32,
    pub(super) series: u32,
    pub(super) streams: u32,
    pub(super) chunks: u64,
    pub(super) samples: u64,
    pub(super) min_t: i64,
    pub(super) max_t: i64,
}

impl Footer {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(FOOTER);
        out.extend_from_slice(&self.table_offset.to_le_bytes());
        for word in [self.table_len, self.table_crc, self.pages, self.series, self.streams] {
            out.extend_from_slice(&word.to_le_bytes());
        }
        out.extend_from_slice(&self.chunks.to_le_bytes());
        out.extend_from_slice(&self.samples.to_le_bytes());
        out.extend_from_slice(&self.min_t.to_le_bytes());
        out.extend_from_slice(&self.max_t.to_le_bytes());
        out.extend_from_slice(&crc32c::crc32c(&out).to_le_bytes());
        out.extend_from_slice(&END_MAGIC);
        out.resize(FOOTER, 0);
        out
    }

    /// Reads the last [`FOOTER`] bytes of a data file of `file_len` bytes.
    pub(super) fn decode(path: &str, file_len: u64, bytes: &[u8]) -> Result<Self> {
        let offset = file_len.saturating_sub(bytes.len() as u64);
        let bad = |what: &str| Error::corrupt(path, offset, what);
        let footer = Self::parse(bytes).ok_or_else(|| bad("the footer is damaged"))?;
        let table_end = footer.table_offset.checked_add(u64::from(footer.table_len));
        if table_end != Some(offset) || footer.table_offset < HEADER as u64 {
            return Err(bad("the footer does not fit the file's length"));
        }
        Ok(footer)
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let mut r = ByteReader::new(bytes);
        let footer = Self {
            table_offset: r.u64()?,
            table_len: r.u32()?,
            table_crc: r.u32()?,
            pages: r.u32()?,
            series: r.u32()?,
            streams: r.u32()?,
            chunks: r.u64()?,
            samples: r.u64()?,
            min_t: r.u64()? as i64,
            max_t: r.u64()? as i64,
        };
        let crc = crc32c::crc32c(bytes.get(..r.at())?);
        let sound = r.u32()? == crc && r.take(8)? == END_MAGIC;
        let zeros = r.take(ZEROS)?.iter().all(|&b| b == 0);
        (sound && zeros && r.is_done()).then_some(footer)
    }
}

/// Where a page is in the file, its head included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) offset: u64,
    pub(super) len: u32,
}

/// A page that is found by a key: the number of the first stream or series in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct KeyedPlace {
    pub(super) first: u32,
    pub(super) place: Place,
}

/// All pages of the data file; the pages of each kind are numbered from 0.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct PageTable {
    pub(super) values: Vec<Place>,
    pub(super) times: Vec<KeyedPlace>,
    pub(super) directory: Vec<KeyedPlace>,
}

impl PageTable {
    /// Decodes a table whose checksum is right; still trusts nothing in it.
    pub(super) fn decode(path: &str, footer: &Footer, bytes: &[u8]) -> Result<Self> {
        let bad = |what: &str| Error::corrupt(path, footer.table_offset, what);
        let table = Self::parse(footer, bytes).ok_or_else(|| bad("the page table is damaged"))?;
        let streams_fit = table.times.last().is_none_or(|page| page.first < footer.streams);
        let series_fit = table.directory.last().is_none_or(|page| page.first < footer.series);
        if !streams_fit || !series_fit {
            return Err(bad("the page table names streams or series that are not there"));
        }
        Ok(table)
    }

    fn parse(footer: &Footer, bytes: &[u8]) -> Option<Self> {
        let mut table = Self::default();
        let mut reader = ByteReader::new(bytes);
        let mut offset = HEADER as u64;
        for _ in 0..footer.pages {
            let word = reader.varint()?;
            let len = u32::try_from(word >> 2).ok()?;
            if !(PAGE_HEAD..=PAGE_HEAD + MAX_PAGE).contains(&(len as usize)) {
                return None;
            }
            let place = Place { offset, len };
            match PageKind::from_code(word & 3)? {
                PageKind::Values => table.values.push(place),
                PageKind::Times => push_keyed(&mut table.times, place, &mut reader, 1)?,
                PageKind::Directory => push_keyed(&mut table.directory, place, &mut reader, 0)?,
            }
            offset += u64::from(len);
        }
        (reader.is_done() && offset == footer.table_offset).then_some(table)
    }
}

/// Adds a page whose key is at least `step` above the one before; the first key is 0.
fn push_keyed(
    pages: &mut Vec<KeyedPlace>,
    place: Place,
    reader: &mut ByteReader<'_>,
    step: u32,
) -> Option<()> {
    let delta = reader.varint_u32()?;
    let first = match pages.last() {
        None if delta == 0 => 0,
        Some(before) if delta >= step => before.first.checked_add(delta)?,
        _ => return None,
    };
    pages.push(KeyedPlace { first, place });
    Some(())
}

/// Writes the page table while the pages are written.
#[derive(Debug, Default)]
pub(super) struct TableBuilder {
    bytes: Vec<u8>,
    pages: u32,
    times: u32,
    directory: u32,
}

impl TableBuilder {
    /// Notes the next page in the file: its length with its head, and its key if it has one.
    pub(super) fn push(&mut self, kind: PageKind, len: usize, first: u32) {
        put_varint(&mut self.bytes, (len as u64) << 2 | kind.code());
        let before = match kind {
            PageKind::Values => None,
            PageKind::Times => Some(&mut self.times),
            PageKind::Directory => Some(&mut self.directory),
        };
        if let Some(before) = before {
            put_varint(&mut self.bytes, u64::from(first - *before));
            *before = first;
        }
        self.pages += 1;
    }

    /// The table's bytes and the number of pages.
    pub(super) fn finish(self) -> (Vec<u8>, u32) {
        (self.bytes, self.pages)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn footer(pages: u32, table_offset: u64, table_len: u32) -> Footer {
        Footer {
            table_offset,
            table_len,
            table_crc: 1,
            pages,
            series: 9,
            streams: 8,
            chunks: 7,
            samples: 6,
            min_t: -5,
            max_t: 4,
        }
    }

    #[test]
    fn the_footer_comes_back_and_any_flip_is_found() {
        let footer = footer(3, 100, 20);
        let bytes = footer.encode();
        assert_eq!(bytes.len(), FOOTER);
        let len = 120 + FOOTER as u64;
        assert_eq!(Footer::decode("data", len, &bytes).unwrap(), footer);
        assert!(Footer::decode("data", len + 1, &bytes).is_err());
        for i in 0..bytes.len() * 8 {
            let mut bad = bytes.clone();
            bad[i / 8] ^= 1 << (i % 8);
            assert!(Footer::decode("data", len, &bad).is_err(), "bit {i}");
        }
    }

    #[test]
    fn the_table_comes_back_and_lies_are_refused() {
        let mut builder = TableBuilder::default();
        builder.push(PageKind::Values, 100, 0);
        builder.push(PageKind::Times, 50, 0);
        builder.push(PageKind::Times, 60, 7);
        builder.push(PageKind::Directory, 13, 0);
        builder.push(PageKind::Directory, 14, 0);
        let (bytes, pages) = builder.finish();
        let sum = HEADER as u64 + 237;
        let table = PageTable::decode("data", &footer(pages, sum, 0), &bytes).unwrap();
        assert_eq!(table.values, [Place { offset: 16, len: 100 }]);
        assert_eq!(table.times[1], KeyedPlace { first: 7, place: Place { offset: 166, len: 60 } });
        assert_eq!(table.directory.len(), 2);
        assert!(PageTable::decode("data", &footer(pages, sum + 1, 0), &bytes).is_err());
        assert!(PageTable::decode("data", &footer(pages - 1, sum, 0), &bytes).is_err());
        assert!(PageTable::decode("data", &footer(pages + 1, sum, 0), &bytes).is_err());
    }

    #[test]
    fn the_header_tells_version_from_damage() {
        assert!(check_header("data", &header()).is_ok());
        let mut other = header();
        other[8] = 7;
        assert!(matches!(
            check_header("data", &other),
            Err(Error::Version { found: 7, supported: 0, .. })
        ));
        for i in [0, 10, 11, 12, 15] {
            let mut bad = header();
            bad[i] ^= 1;
            assert!(matches!(check_header("data", &bad), Err(Error::Corrupt { .. })), "{i}");
        }
        assert!(check_header("data", &header()[..9]).is_err());
    }
}
