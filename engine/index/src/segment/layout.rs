//! Header and footer: what stands where.

use super::{Result, SegmentError};

pub(super) const MAGIC: [u8; 8] = *b"NUNATIDX";
pub(super) const END_MAGIC: [u8; 4] = *b"XDIN";
pub(super) const VERSION: u16 = 0;
pub(super) const HEADER_BYTES: usize = 16;
pub(super) const FOOTER_BYTES: usize = 96;
/// Bytes that share a checksum.
pub(super) const PAGE_BYTES: u64 = 4096;
/// Series that share an offset.
pub(super) const BLOCK_SERIES: u32 = 16;
/// Bytes of a name's record.
pub(super) const NAME_BYTES: u64 = 24;

/// The parts of the body, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Section {
    /// Values of all pairs, one after the other.
    ValueText,
    /// Ends of the values, with a 0 before them.
    ValueEnds,
    /// The posting of each pair.
    Postings,
    /// Blocks of 16 series.
    Series,
    /// Start of each block, and the end.
    SeriesBlocks,
    /// Posting lists that are not inline.
    Lists,
    /// All names, one after the other.
    NameText,
    /// A record per name.
    Names,
}

pub(super) const SECTIONS: usize = 8;

/// What the footer says.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout {
    /// Where each section begins; the last is the end of all, where the page table begins.
    pub(super) starts: [u64; SECTIONS + 1],
    pub(super) series: u32,
    pub(super) pairs: u32,
    pub(super) names: u32,
    /// Checksum of the page table.
    pub(super) table_crc: u32,
}

impl Layout {
    /// First byte and end of a section.
    pub(super) fn section(&self, section: Section) -> (u64, u64) {
        let at = section as usize;
        let start = |i: usize| self.starts.get(i).copied().unwrap_or(0);
        (start(at), start(at + 1))
    }

    /// Where the page table begins: everything before it is in pages.
    pub(super) fn body_end(&self) -> u64 {
        self.starts[SECTIONS]
    }

    /// Numbers, or records, of a section that is a table; 0 of the others.
    fn entries(&self, section: Section) -> u64 {
        match section {
            Section::ValueEnds => u64::from(self.pairs) + 1,
            Section::Postings => self.pairs.into(),
            Section::SeriesBlocks => u64::from(self.series.div_ceil(BLOCK_SERIES)) + 1,
            Section::Names => self.names.into(),
            _ => 0,
        }
    }

    /// Bytes of an entry of a table: its size tells.
    #[inline]
    pub(super) fn width(&self, section: Section) -> u64 {
        let (start, end) = self.section(section);
        end.wrapping_sub(start).checked_div(self.entries(section)).unwrap_or(0)
    }

    pub(super) fn page_count(&self) -> u64 {
        self.body_end().div_ceil(PAGE_BYTES)
    }

    pub(super) fn footer(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(FOOTER_BYTES);
        for start in self.starts {
            out.extend_from_slice(&start.to_le_bytes());
        }
        for number in [self.series, self.pairs, self.names, self.table_crc] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        let crc = crc32c::crc32c(&out);
        out.extend_from_slice(&crc.to_le_bytes());
        out.extend_from_slice(&END_MAGIC);
        out
    }

    /// Reads header and footer of a whole image.
    pub(super) fn read(image: &[u8]) -> Result<Self> {
        check_header(image)?;
        let footer_at = image.len().saturating_sub(FOOTER_BYTES);
        let corrupt = |what| SegmentError::Corrupt { offset: footer_at as u64, what };
        let footer = image
            .get(footer_at.max(HEADER_BYTES)..)
            .filter(|footer| footer.len() == FOOTER_BYTES)
            .ok_or(corrupt("the file is too short"))?;
        let (content, end) = footer.split_at(FOOTER_BYTES - 8);
        if !end.ends_with(&END_MAGIC) {
            return Err(corrupt("the file does not end with a footer"));
        }
        if u32_at(end, 0) != Some(crc32c::crc32c(content)) {
            return Err(corrupt("the footer's checksum differs"));
        }
        let layout = Self::parse(content).ok_or(corrupt("the footer is cut off"))?;
        if layout.fits(footer_at as u64) { Ok(layout) } else { Err(corrupt("the footer is wrong")) }
    }

    fn parse(footer: &[u8]) -> Option<Self> {
        let mut starts = [0; SECTIONS + 1];
        for (i, start) in starts.iter_mut().enumerate() {
            *start = u64_at(footer, i * 8)?;
        }
        let number = |i: usize| u32_at(footer, (SECTIONS + 1) * 8 + i * 4);
        let (series, pairs, names) = (number(0)?, number(1)?, number(2)?);
        Some(Self { starts, series, pairs, names, table_crc: number(3)? })
    }

    /// Whether the sections follow each other, end at the footer, and the tables have as many
    /// entries as the counts ask for, of a width that they may have.
    fn fits(&self, footer_at: u64) -> bool {
        let is_table = |section, widths: &[u64]| {
            let (start, end) = self.section(section);
            let (size, entries) = (end.wrapping_sub(start), self.entries(section));
            widths.iter().any(|width| entries * width == size)
        };
        self.starts.first() == Some(&(HEADER_BYTES as u64))
            && self.starts.is_sorted()
            && self.body_end() <= footer_at
            && self.body_end() + self.page_count() * 4 == footer_at
            && is_table(Section::ValueEnds, &[2, 4])
            && is_table(Section::Postings, &[4, 8])
            && is_table(Section::SeriesBlocks, &[2, 4, 8])
            && is_table(Section::Names, &[NAME_BYTES])
    }
}

pub(super) fn header() -> Vec<u8> {
    let mut out = Vec::with_capacity(HEADER_BYTES);
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&VERSION.to_le_bytes());
    out.extend_from_slice(&[0; 2]);
    let crc = crc32c::crc32c(&out);
    out.extend_from_slice(&crc.to_le_bytes());
    out
}

fn check_header(image: &[u8]) -> Result<()> {
    let corrupt = |what| SegmentError::Corrupt { offset: 0, what };
    if !image.starts_with(&MAGIC) {
        return Err(SegmentError::NotASegment { found: image.iter().take(8).copied().collect() });
    }
    let Some((content, crc)) = image.get(..HEADER_BYTES).map(|h| h.split_at(HEADER_BYTES - 4))
    else {
        return Err(corrupt("the file is too short"));
    };
    if u32_at(crc, 0) != Some(crc32c::crc32c(content)) {
        return Err(corrupt("the header's checksum differs"));
    }
    let found = content.get(8..10).and_then(|v| v.try_into().ok()).map_or(0, u16::from_le_bytes);
    if found == VERSION { Ok(()) } else { Err(SegmentError::Version { found, supported: VERSION }) }
}

/// A little-endian u32.
pub(super) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|chunk| u32::from_le_bytes(*chunk))
}

/// A little-endian u64.
pub(super) fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().map(|chunk| u64::from_le_bytes(*chunk))
}
