//! Some labels of many series: what an aggregation needs to find the group of each.

use std::ops::Range;

use hashbrown::HashMap;

use super::Segment;
use super::series::Walk;
use crate::labels::{Labels, pack};
use crate::segment::Result;

/// Reads of the series of a [`Segment`] the labels with some names.
///
/// Series that agree in them get clones of one label set, made once: their
/// [address](Labels::address) is the same.
#[derive(Debug)]
pub struct ProjectedReader<'a, B> {
    segment: &'a Segment<B>,
    walk: Walk<'a, B>,
    /// The pairs of each name that the segment has.
    wanted: Vec<Range<u32>>,
    none: Labels,
    known: HashMap<Box<[u32]>, Labels>,
    /// The wanted pairs of the series.
    found: Vec<u32>,
}

impl<'a, B: AsRef<[u8]>> ProjectedReader<'a, B> {
    pub(super) fn new(segment: &'a Segment<B>, names: &[String]) -> Result<Self> {
        let mut wanted = Vec::with_capacity(names.len());
        for name in names {
            wanted.extend(segment.find_name(name)?.map(|name| name.first..name.end()));
        }
        let (walk, none) = (Walk::new(segment), Labels::empty());
        Ok(Self { segment, walk, wanted, none, known: HashMap::new(), found: Vec::new() })
    }

    /// The wanted labels of a series.
    ///
    /// # Errors
    /// As [`Segment::labels`].
    pub fn labels(&mut self, id: u32) -> Result<Labels> {
        if self.wanted.is_empty() {
            return Ok(self.none.clone());
        }
        self.found.clear();
        let is_wanted = |pair: &u32| self.wanted.iter().any(|range| range.contains(pair));
        self.found.extend(self.walk.pairs(id)?.iter().filter(|pair| is_wanted(pair)));
        if let Some(labels) = self.known.get(self.found.as_slice()) {
            return Ok(labels.clone());
        }
        let labels = self.segment.texts(&self.found)?;
        self.known.insert(self.found.as_slice().into(), labels.clone());
        Ok(labels)
    }
}

impl<B: AsRef<[u8]>> Segment<B> {
    /// The label set of some pairs of a series.
    pub(super) fn texts(&self, pairs: &[u32]) -> Result<Labels> {
        let mut texts = Vec::with_capacity(pairs.len());
        for &pair in pairs {
            texts.push((self.name_of(pair)?.text, self.value(pair)?));
        }
        if !texts.is_sorted_by(|a, b| a.0 < b.0) {
            let what = "a series has unsorted labels";
            return Err(self.corrupt(super::Section::Series, 0, what));
        }
        Ok(pack(texts.into_iter()))
    }
}
