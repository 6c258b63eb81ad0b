//! Label sets of many series: what neighbours share is looked up once.

use super::{Section, Segment, SegmentError};
use crate::labels::{Labels, pack};

/// Slots of the cache, a power of two: 40 KiB.
const SLOTS: usize = 1024;

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
    slots: Vec<Slot<'a>>,
    pairs: Vec<u32>,
    texts: Vec<Text<'a>>,
}

impl<'a, B: AsRef<[u8]>> LabelsReader<'a, B> {
    pub(super) fn new(segment: &'a Segment<B>) -> Self {
        Self { segment, slots: Vec::new(), pairs: Vec::new(), texts: Vec::new() }
    }

    /// The label set of a series.
    ///
    /// # Errors
    /// As [`Segment::labels`].
    pub fn labels(&mut self, id: u32) -> Result<Labels, SegmentError> {
        self.segment.pairs_of(id, &mut self.pairs)?;
        self.texts.clear();
        for &pair in &self.pairs {
            self.texts.push(text(self.segment, &mut self.slots, pair)?);
        }
        if !self.texts.is_sorted_by(|a, b| a.0 < b.0) {
            return Err(self.segment.corrupt(Section::Series, 0, "a series has unsorted labels"));
        }
        Ok(pack(self.texts.iter().copied()))
    }
}

/// The text of a pair, from its place in the cache if that holds it.
fn text<'a, B: AsRef<[u8]>>(
    segment: &'a Segment<B>,
    slots: &mut Vec<Slot<'a>>,
    pair: u32,
) -> Result<Text<'a>, SegmentError> {
    // Made at the first use, so that a selection without series costs nothing.
    slots.resize(SLOTS, None);
    let slot = slots.get_mut(pair as usize % SLOTS);
    if let Some(Some((held, text))) = &slot
        && *held == pair
    {
        return Ok(*text);
    }
    let text = (segment.name_of(pair)?.text, segment.value(pair)?);
    if let Some(slot) = slot {
        *slot = Some((pair, text));
    }
    Ok(text)
}
