//! Label sets of many series: what neighbours share is looked up once.

use xxhash_rust::xxh3::xxh3_128_with_seed;

use super::series::Walk;
use super::{Section, Segment, SegmentError};
use crate::labels::{Labels, pack};

/// Slots of the cache, a power of two: 160 KiB.
const SLOTS: usize = 4096;
/// Series that are read before the caches are made: a query for one should not pay for them.
const FEW: usize = 8;

/// A pair of a label and its value in the image.
type Text<'a> = (&'a str, &'a str);

/// A pair's number and text.
type Slot<'a> = Option<(u32, Text<'a>)>;

/// Reads label sets of a [`Segment`], one after the other.
///
/// It remembers the texts of pairs that it has met, in a cache of fixed size with one place for
/// each pair: neighbours share most of theirs.
#[derive(Debug)]
pub struct LabelsReader<'a, B> {
    segment: &'a Segment<B>,
    walk: Walk<'a, B>,
    read: usize,
    slots: Vec<Slot<'a>>,
    /// The first pair of each name, and the name.
    names: Vec<(u32, &'a str)>,
    texts: Vec<Text<'a>>,
    bytes: Vec<u8>,
}

impl<'a, B: AsRef<[u8]>> LabelsReader<'a, B> {
    pub(super) fn new(segment: &'a Segment<B>) -> Self {
        let (walk, slots, names) = (Walk::new(segment), Vec::new(), Vec::new());
        Self { segment, walk, read: 0, slots, names, texts: Vec::new(), bytes: Vec::new() }
    }

    /// The label set of a series.
    ///
    /// # Errors
    /// As [`Segment::labels`].
    pub fn labels(&mut self, id: u32) -> Result<Labels, SegmentError> {
        self.read_texts(id)?;
        Ok(pack(self.texts.iter().copied()))
    }

    /// A hash of the label set of a series: equal for equal label sets in all segments, and with a
    /// seed that nobody knows different for others.
    ///
    /// # Errors
    /// As [`Segment::labels`].
    pub fn identity(&mut self, id: u32, seed: u64) -> Result<u128, SegmentError> {
        self.read_texts(id)?;
        self.bytes.clear();
        for (name, value) in &self.texts {
            for text in [name, value] {
                self.bytes.extend_from_slice(text.as_bytes());
                // No byte of UTF-8.
                self.bytes.push(0xff);
            }
        }
        Ok(xxh3_128_with_seed(&self.bytes, seed))
    }

    fn read_texts(&mut self, id: u32) -> Result<(), SegmentError> {
        self.read += 1;
        if self.read == FEW {
            self.slots.resize(SLOTS, None);
            for number in 0..self.segment.layout.names {
                let name = self.segment.name(number)?;
                self.names.push((name.first, name.text));
            }
        }
        self.texts.clear();
        for &pair in self.walk.pairs(id)? {
            self.texts.push(text(self.segment, &self.names, &mut self.slots, pair)?);
        }
        if self.texts.is_sorted_by(|a, b| a.0 < b.0) {
            return Ok(());
        }
        Err(self.segment.corrupt(Section::Series, 0, "a series has unsorted labels"))
    }
}

/// The text of a pair, from its place in the cache if that holds it.
fn text<'a, B: AsRef<[u8]>>(
    segment: &'a Segment<B>,
    names: &[(u32, &'a str)],
    slots: &mut [Slot<'a>],
    pair: u32,
) -> Result<Text<'a>, SegmentError> {
    let slot = slots.get_mut(pair as usize % SLOTS);
    if let Some(Some((held, text))) = &slot
        && *held == pair
    {
        return Ok(*text);
    }
    let known = names.partition_point(|&(first, _)| first <= pair).checked_sub(1);
    let name = match known.and_then(|index| names.get(index)) {
        Some(&(_, name)) => name,
        None => segment.name_of(pair)?.text,
    };
    let text = (name, segment.value(pair)?);
    if let Some(slot) = slot {
        *slot = Some((pair, text));
    }
    Ok(text)
}
