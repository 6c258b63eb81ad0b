//! Label sets of many series: what neighbours share is looked up once, and what a series shares with
//! the one before it is not even copied again.

use xxhash_rust::xxh3::xxh3_128_with_seed;

use super::series::Walk;
use super::{Section, Segment, SegmentError};
use crate::labels::{Labels, Scratch, Shapes};

/// Slots of the cache at most, a power of two: 160 KiB.
const SLOTS: usize = 4096;
/// Slots for each series that was read: a query for a few should not pay for the cache of many, and a
/// query reads many segments.
const SLOTS_OF_SERIES: usize = 8;
/// Series that are read before the caches are made.
const FEW: usize = 8;

/// A label and its value in the image.
#[derive(Debug, Clone, Copy)]
struct Text<'a> {
    name: &'a str,
    value: &'a str,
    /// The first pair of the name: what comes before it has another name.
    first: u32,
}

/// A pair's number and text.
type Slot<'a> = Option<(u32, Text<'a>)>;

/// Reads label sets of a [`Segment`], one after the other.
///
/// It remembers the texts of pairs that it has met, in a cache of fixed size with one place for
/// each pair: neighbours share most of theirs. Series are sorted, so the first labels of one are mostly
/// those of the one before; these stay where they are.
#[derive(Debug)]
pub struct LabelsReader<'a, B> {
    segment: &'a Segment<B>,
    walk: Walk<'a, B>,
    reads: usize,
    slots: Vec<Slot<'a>>,
    /// The first pair of each name, and the name; both ascend.
    names: Vec<(u32, &'a str)>,
    /// The pairs of the last series, and their texts.
    pairs: Vec<u32>,
    scratch: Scratch,
    shapes: Shapes,
    bytes: Vec<u8>,
}

impl<'a, B: AsRef<[u8]>> LabelsReader<'a, B> {
    pub(super) fn new(segment: &'a Segment<B>) -> Self {
        Self {
            segment,
            walk: Walk::new(segment),
            reads: 0,
            slots: Vec::new(),
            names: Vec::new(),
            pairs: Vec::new(),
            scratch: Scratch::new(),
            shapes: Shapes::default(),
            bytes: Vec::new(),
        }
    }

    /// The label set of a series.
    ///
    /// # Errors
    /// As [`Segment::labels`].
    pub fn labels(&mut self, id: u32) -> Result<Labels, SegmentError> {
        self.read(id)?;
        if self.reads < FEW {
            return Ok(self.scratch.labels());
        }
        Ok(self.scratch.labels_sharing(&mut self.shapes))
    }

    /// A hash of the label set of a series: equal for equal label sets in all segments, and with a
    /// seed that nobody knows different for others.
    ///
    /// # Errors
    /// As [`Segment::labels`].
    pub fn identity(&mut self, id: u32, seed: u64) -> Result<u128, SegmentError> {
        self.read(id)?;
        self.bytes.clear();
        for text in self.scratch.pieces() {
            self.bytes.extend_from_slice(text.as_bytes());
            // No byte of UTF-8.
            self.bytes.push(0xff);
        }
        Ok(xxh3_128_with_seed(&self.bytes, seed))
    }

    fn read(&mut self, id: u32) -> Result<(), SegmentError> {
        self.reads += 1;
        if self.reads == FEW {
            self.names = names(self.segment)?;
        }
        if self.reads.is_power_of_two() && self.reads >= FEW && self.slots.len() < SLOTS {
            self.slots.clear();
            self.slots.resize(SLOTS.min(self.reads * SLOTS_OF_SERIES), None);
        }
        let pairs = self.walk.pairs(id)?;
        let common = self.pairs.iter().zip(pairs).take_while(|(a, b)| a == b).count();
        self.pairs.truncate(common);
        self.scratch.truncate(common);
        for &pair in pairs.get(common..).unwrap_or_default() {
            let text = text(self.segment, &self.names, &mut self.slots, pair)?;
            // Once it is known that the names ascend, it is enough that the last pair is not of this one.
            let ascends = !self.names.is_empty()
                || self.scratch.last_name().is_none_or(|last| last < text.name);
            if self.pairs.last().is_some_and(|&last| last >= text.first) || !ascends {
                let what = "a series has unsorted labels";
                return Err(self.segment.corrupt(Section::Series, 0, what));
            }
            self.pairs.push(pair);
            self.scratch.push(text.name, text.value);
        }
        Ok(())
    }
}

/// The first pair of each name, and the name.
fn names<B: AsRef<[u8]>>(segment: &Segment<B>) -> Result<Vec<(u32, &str)>, SegmentError> {
    let name = |number| segment.name(number).map(|name| (name.first, name.text));
    let names: Vec<_> = (0..segment.layout.names).map(name).collect::<Result<_, _>>()?;
    let ascend = |a: &(u32, &str), b: &(u32, &str)| a.0 <= b.0 && a.1 < b.1;
    if names.is_sorted_by(ascend) {
        return Ok(names);
    }
    Err(segment.corrupt(Section::Names, 0, "the names are not sorted"))
}

/// The text of a pair, from its place in the cache if that holds it.
fn text<'a, B: AsRef<[u8]>>(
    segment: &'a Segment<B>,
    names: &[(u32, &'a str)],
    slots: &mut [Slot<'a>],
    pair: u32,
) -> Result<Text<'a>, SegmentError> {
    // As many as a power of two, or none.
    let slot = slots.get_mut(pair as usize & slots.len().wrapping_sub(1));
    if let Some(Some((held, text))) = &slot
        && *held == pair
    {
        return Ok(*text);
    }
    let known = names.partition_point(|&(first, _)| first <= pair).checked_sub(1);
    let (first, name) = match known.and_then(|index| names.get(index)) {
        Some(&name) => name,
        None => segment.name_of(pair).map(|name| (name.first, name.text))?,
    };
    let text = Text { name, value: segment.value(pair)?, first };
    if let Some(slot) = slot {
        *slot = Some((pair, text));
    }
    Ok(text)
}
