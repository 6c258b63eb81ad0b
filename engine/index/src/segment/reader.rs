//! Answers questions from the image of a segment.

mod counts;
mod labels;
mod order;
mod projected;
mod select;
mod series;

pub use labels::LabelsReader;
pub use projected::ProjectedReader;
pub(super) use series::Walk;

use std::ops::Range;

use roaring::RoaringBitmap;

use super::layout::{BLOCK_SERIES, Layout, NAME_BYTES, Section, u32_at, u64_at};
use super::pages::Pages;
use super::posting::{LIST_HEADER, ListHeader, Posting};
use super::table::Table;
use super::{Result, SegmentError, varint};
use crate::answers::Answers;
use crate::labels::Labels;
use crate::matcher::Matcher;
use crate::postings::Union;

/// An immutable index over bytes that are kept elsewhere, mapped or in memory.
///
/// Series ids are dense, 0 to [`series_count`](Self::series_count) − 1, in the order of
/// [`Labels::series_cmp`]. Each page is checked against its checksum when it is touched first;
/// damage is an error of the call that met it and harms no other.
#[derive(Debug)]
pub struct Segment<B> {
    pages: Pages<B>,
    layout: Layout,
    /// What patterns over many values have found; bounded.
    answers: Answers,
}

/// The record of a label name.
#[derive(Debug, Clone, Copy)]
pub(super) struct Name<'a> {
    pub(super) text: &'a str,
    /// Id of the pair with its first value.
    pub(super) first: u32,
    /// Number of its values.
    pub(super) count: u32,
    /// The series that have it.
    present: Posting,
}

impl Name<'_> {
    /// One more than the pair with its last value.
    fn end(&self) -> u32 {
        self.first.saturating_add(self.count)
    }

    pub(super) fn has(&self, pair: u32) -> bool {
        pair.checked_sub(self.first).is_some_and(|ordinal| ordinal < self.count)
    }
}

impl<B: AsRef<[u8]>> Segment<B> {
    /// Opens a segment. Only header and footer are read.
    ///
    /// # Errors
    /// [`SegmentError`] if the bytes are no segment, have another version, or header or footer
    /// are damaged.
    pub fn open(bytes: B) -> std::result::Result<Self, SegmentError> {
        let layout = Layout::read(bytes.as_ref())?;
        Ok(Self { pages: Pages::new(bytes, &layout), layout, answers: Answers::default() })
    }

    pub(super) fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Number of series.
    pub fn series_count(&self) -> u32 {
        self.layout.series
    }

    /// Number of distinct label pairs.
    pub fn pair_count(&self) -> u32 {
        self.layout.pairs
    }

    /// Bytes of the image.
    pub fn byte_len(&self) -> usize {
        self.pages.len()
    }

    /// The series that all matchers accept; all series if there are no matchers.
    ///
    /// # Errors
    /// [`SegmentError::Corrupt`] if a part that is needed is damaged.
    pub fn select(&self, matchers: &[Matcher]) -> std::result::Result<RoaringBitmap, SegmentError> {
        crate::select::select(self, matchers)
    }

    /// The label set of a series.
    ///
    /// # Errors
    /// [`SegmentError::NoSuchSeries`], or [`SegmentError::Corrupt`] if a part that is needed is
    /// damaged.
    pub fn labels(&self, id: u32) -> std::result::Result<Labels, SegmentError> {
        let mut pairs = Vec::new();
        self.pairs_of(id, &mut pairs)?;
        self.texts(&pairs)
    }

    /// Reads the label sets of many series for less than [`labels`](Self::labels) does.
    pub fn labels_reader(&self) -> LabelsReader<'_, B> {
        LabelsReader::new(self)
    }

    /// Reads of many series the labels with these names alone.
    ///
    /// # Errors
    /// [`SegmentError::Corrupt`] if a part that is needed is damaged.
    pub fn projected_reader(
        &self,
        names: &[String],
    ) -> std::result::Result<ProjectedReader<'_, B>, SegmentError> {
        ProjectedReader::new(self, names)
    }

    /// The names of the labels of the selected series (`None`: of all), sorted.
    ///
    /// # Errors
    /// [`SegmentError::Corrupt`] if a part that is needed is damaged.
    pub fn label_names(
        &self,
        selected: Option<&RoaringBitmap>,
    ) -> std::result::Result<Vec<String>, SegmentError> {
        let mut names = Vec::new();
        for i in 0..self.layout.names {
            let name = self.name(i)?;
            let wanted = match selected {
                Some(selected) => self.meets(name.present, selected)?,
                None => true,
            };
            if wanted {
                names.push(name.text.to_owned());
            }
        }
        Ok(names)
    }

    /// The values of the label `name` of the selected series (`None`: of all), sorted, at most
    /// `limit` (0: all).
    ///
    /// # Errors
    /// [`SegmentError::Corrupt`] if a part that is needed is damaged.
    pub fn label_values(
        &self,
        name: &str,
        selected: Option<&RoaringBitmap>,
        limit: usize,
    ) -> std::result::Result<Vec<String>, SegmentError> {
        let Some(name) = self.find_name(name)? else { return Ok(Vec::new()) };
        let limit = if limit == 0 { usize::MAX } else { limit };
        let mut values = Vec::new();
        let mut pairs: Box<dyn Iterator<Item = Result<u32>>> = match selected {
            None => Box::new((name.first..name.end()).map(Ok)),
            Some(selected) if self.is_few(selected, name.count) => {
                Box::new(self.pairs_among(&name, selected)?.into_iter().map(Ok))
            }
            Some(selected) => Box::new(self.pairs_meeting(&name, selected)),
        };
        while let Some(pair) = pairs.next().filter(|_| values.len() < limit) {
            values.push(self.value(pair?)?.to_owned());
        }
        Ok(values)
    }

    /// Checks every byte against its checksum.
    ///
    /// # Errors
    /// The first damage, as [`SegmentError::Corrupt`].
    pub fn verify(&self) -> std::result::Result<(), SegmentError> {
        self.pages.verify()
    }

    /// Whether it is cheaper to look at the labels of so few series than at all values.
    #[expect(clippy::unused_self, reason = "reads as a question to the segment")]
    fn is_few(&self, series: &RoaringBitmap, values: u32) -> bool {
        series.len() * 4 < u64::from(values)
    }

    /// The pairs of a name that the given series have.
    fn pairs_among(&self, name: &Name<'_>, series: &RoaringBitmap) -> Result<RoaringBitmap> {
        let mut found = RoaringBitmap::new();
        let mut pairs = Vec::new();
        for id in series.iter().take_while(|&id| id < self.layout.series) {
            self.pairs_of(id, &mut pairs)?;
            found.extend(pairs.iter().find(|&&pair| name.has(pair)));
        }
        Ok(found)
    }

    /// The pairs of a name whose postings meet the given series.
    fn pairs_meeting<'a>(
        &'a self,
        name: &Name<'_>,
        series: &'a RoaringBitmap,
    ) -> impl Iterator<Item = Result<u32>> + 'a {
        let pairs = name.first..name.end();
        pairs.filter_map(move |pair| {
            let meets = self.posting(pair).and_then(|posting| self.meets(posting, series));
            meets.map(|meets| meets.then_some(pair)).transpose()
        })
    }

    /// Replaces `pairs` by the pairs of a series, ascending.
    fn pairs_of(&self, id: u32, pairs: &mut Vec<u32>) -> Result<()> {
        let mut block = self.series_block(id)?;
        self.next_pairs(&mut block, id % BLOCK_SERIES, pairs)
    }

    /// The bytes of the series that share an offset with this one.
    fn series_block(&self, id: u32) -> Result<&[u8]> {
        if id >= self.layout.series {
            return Err(SegmentError::NoSuchSeries { id, count: self.layout.series });
        }
        let bounds = self.entries(Section::SeriesBlocks, id / BLOCK_SERIES, 2)?;
        self.part(Section::Series, bounds.get(0), bounds.get(1))
    }

    /// Replaces `pairs` by those of the series that comes after `skip` others in the rest of a
    /// block, and moves behind it.
    fn next_pairs(&self, block: &mut &[u8], skip: u32, pairs: &mut Vec<u32>) -> Result<()> {
        pairs.clear();
        read_series(block, skip, pairs)
            .filter(|()| pairs.last().is_none_or(|&last| last < self.layout.pairs))
            .ok_or_else(|| self.corrupt(Section::Series, 0, "bad series"))
    }

    pub(super) fn value(&self, pair: u32) -> Result<&str> {
        let bounds = self.entries(Section::ValueEnds, pair, 2)?;
        let start = bounds.get(0);
        let text = self.part(Section::ValueText, start, bounds.get(1))?;
        std::str::from_utf8(text).map_err(|_| self.corrupt(Section::ValueText, start, "bad UTF-8"))
    }

    pub(super) fn name(&self, number: u32) -> Result<Name<'_>> {
        let offset = u64::from(number) * NAME_BYTES;
        let record = self.part(Section::Names, offset, offset + NAME_BYTES)?;
        let short = |at| u32_at(record, at).unwrap_or(0);
        let start = u64::from(short(0));
        let text = self.part(Section::NameText, start, start + u64::from(short(4)))?;
        let text = std::str::from_utf8(text)
            .map_err(|_| self.corrupt(Section::NameText, start, "bad UTF-8"))?;
        let (first, count) = (short(8), short(12));
        if u64::from(first) + u64::from(count) > u64::from(self.layout.pairs) {
            return Err(self.corrupt(Section::Names, offset, "a name has pairs outside"));
        }
        let present = Posting::unpack(u64_at(record, 16).unwrap_or(0));
        Ok(Name { text, first, count, present })
    }

    fn find_name(&self, wanted: &str) -> Result<Option<Name<'_>>> {
        let found = self.search_names(|name| name.text <= wanted)?;
        Ok(found.filter(|name| name.text == wanted))
    }

    fn name_of(&self, pair: u32) -> Result<Name<'_>> {
        let found = self.search_names(|name| name.first <= pair)?;
        found
            .filter(|name| name.has(pair))
            .ok_or_else(|| self.corrupt(Section::Names, 0, "a pair has no name"))
    }

    /// The last name for which `before` holds; it holds for those at the front.
    fn search_names(&self, before: impl Fn(&Name<'_>) -> bool) -> Result<Option<Name<'_>>> {
        let (mut low, mut high) = (0, self.layout.names);
        let mut found = None;
        while low < high {
            let middle = low + (high - low) / 2;
            let name = self.name(middle)?;
            if before(&name) {
                low = middle + 1;
                found = Some(name);
            } else {
                high = middle;
            }
        }
        Ok(found)
    }

    /// The pair of a value of the name.
    fn find_value(&self, name: &Name<'_>, value: &str) -> Result<Option<u32>> {
        let pair = self.first_pair(name, |other| other >= value.as_bytes())?;
        let found = name.has(pair) && self.value(pair)? == value;
        Ok(found.then_some(pair))
    }

    /// The pairs whose values start with `prefix`.
    fn pairs_with_prefix(&self, name: &Name<'_>, prefix: &str) -> Result<Range<u32>> {
        // UTF-8 has no byte 0xff, so the last byte can grow by one.
        let mut after = prefix.as_bytes().to_vec();
        let Some(last) = after.last_mut() else { return Ok(name.first..name.end()) };
        *last = last.saturating_add(1);
        let start = self.first_pair(name, |value| value >= prefix.as_bytes())?;
        Ok(start..self.first_pair(name, |value| value >= &after[..])?)
    }

    /// The first pair of the name for whose value `reached` holds, or the end of its pairs; from
    /// some pair on it holds for all.
    fn first_pair(&self, name: &Name<'_>, reached: impl Fn(&[u8]) -> bool) -> Result<u32> {
        let (mut low, mut high) = (name.first, name.end());
        while low < high {
            let middle = low + (high - low) / 2;
            if reached(self.value(middle)?.as_bytes()) {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        Ok(low)
    }

    pub(super) fn posting(&self, pair: u32) -> Result<Posting> {
        let bits = self.entries(Section::Postings, pair, 1)?.get(0);
        let is_short = self.layout.width(Section::Postings) < 8;
        Ok(if is_short { Posting::unpack_short(bits) } else { Posting::unpack(bits) })
    }

    fn list_header(&self, offset: u64) -> Result<ListHeader> {
        let (start, end) = self.layout.section(Section::Lists);
        let room = (end - start).saturating_sub(offset).min(LIST_HEADER);
        let header = self.part(Section::Lists, offset, offset.saturating_add(room))?;
        let corrupt = || self.corrupt(Section::Lists, offset, "bad posting list");
        ListHeader::read(header).ok_or_else(corrupt)
    }

    fn add_list(&self, offset: u64, union: &mut Union) -> Result<()> {
        let start = self.layout.section(Section::Lists).0;
        let header = self.list_header(offset)?;
        let body_at = offset + header.header_len;
        let body = self.part(Section::Lists, body_at, body_at.saturating_add(header.body_len))?;
        header.decode(body, start + offset, self.layout.series, union)
    }

    fn add_posting(&self, posting: Posting, union: &mut Union) -> Result<()> {
        if let Posting::List(offset) = posting {
            return self.add_list(offset, union);
        }
        if !posting.fits(self.layout.series) {
            return Err(self.corrupt(Section::Postings, 0, "a posting lies outside"));
        }
        posting.add_to(union);
        Ok(())
    }

    pub(super) fn set(&self, posting: Posting) -> Result<RoaringBitmap> {
        let mut union = Union::default();
        self.add_posting(posting, &mut union)?;
        Ok(union.finish())
    }

    fn meets(&self, posting: Posting, series: &RoaringBitmap) -> Result<bool> {
        match posting {
            Posting::List(_) => Ok(!self.set(posting)?.is_disjoint(series)),
            inline => Ok(inline.meets(series)),
        }
    }

    /// Checked entries of a table of numbers.
    fn entries(&self, section: Section, first: u32, count: usize) -> Result<Table<'_>> {
        let width = self.layout.width(section);
        let start = u64::from(first) * width;
        let bytes = self.part(section, start, start + count as u64 * width)?;
        Ok(Table::new(bytes, width))
    }

    /// Checked bytes of a section, by offsets from its start.
    fn part(&self, section: Section, start: u64, end: u64) -> Result<&[u8]> {
        let (first, last) = self.layout.section(section);
        let place = |offset: u64| first.checked_add(offset).filter(|&place| place <= last);
        match (place(start), place(end)) {
            (Some(start), Some(end)) => self.pages.get(start, end),
            _ => Err(self.corrupt(section, start, "a part lies outside of its section")),
        }
    }

    fn corrupt(&self, section: Section, offset: u64, what: &'static str) -> SegmentError {
        let start = self.layout.section(section).0;
        SegmentError::Corrupt { offset: start.saturating_add(offset), what }
    }
}

/// Reads the series that comes after `skip` others, and moves behind it.
fn read_series(block: &mut &[u8], skip: u32, pairs: &mut Vec<u32>) -> Option<()> {
    for _ in 0..skip {
        let len = varint::take(block)?;
        *block = block.get(usize::try_from(len).ok()?..)?;
    }
    let len = varint::take(block)?;
    let (mut body, rest) = block.split_at_checked(usize::try_from(len).ok()?)?;
    *block = rest;
    let mut pair = 0u32;
    while !body.is_empty() {
        pair = pair.checked_add(varint::take_u32(&mut body)?)?;
        pairs.push(pair);
    }
    Some(())
}
