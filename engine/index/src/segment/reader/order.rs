//! Whether everything in an image is in order.
//!
//! Names and values are sorted, so their numbers have the order of their texts: each text is read
//! once, and series are compared by the numbers of their pairs.

use super::series::Walk;
use super::{Section, Segment};
use crate::labels::METRIC_NAME;
use crate::segment::Result;

impl<B: AsRef<[u8]>> Segment<B> {
    /// Checks that all label names and values can be read and ascend, that each label of a series has
    /// one value, and that series are in the order of [`Labels::series_cmp`](crate::Labels::series_cmp).
    ///
    /// # Errors
    /// [`SegmentError::Corrupt`](crate::SegmentError::Corrupt) if not, or if a part is damaged.
    pub fn verify_order(&self) -> Result<()> {
        let ends = self.verify_dictionary()?;
        let metrics = self.find_name(METRIC_NAME)?;
        // Of the series before: the pair of the metric's name, and all pairs.
        let (mut walk, mut last_metric, mut last_pairs) = (Walk::new(self), None, Vec::new());
        for id in 0..self.layout.series {
            let pairs = walk.pairs(id)?;
            let end_of = |pair: &u32| ends.get(*pair as usize).copied().unwrap_or(0);
            if !pairs.is_sorted_by(|a, b| end_of(a) <= *b) {
                return Err(self.corrupt(Section::Series, 0, "a series has unsorted labels"));
            }
            let has = |pair: &&u32| metrics.as_ref().is_some_and(|name| name.has(**pair));
            let metric = pairs.iter().find(has).copied();
            if id > 0 && (last_metric, last_pairs.as_slice()) >= (metric, pairs) {
                return Err(self.corrupt(Section::Series, 0, "series are not in order"));
            }
            last_metric = metric;
            last_pairs.clear();
            last_pairs.extend_from_slice(pairs);
        }
        Ok(())
    }

    /// Reads all names and values; returns for each pair the end of those of its name.
    fn verify_dictionary(&self) -> Result<Vec<u32>> {
        let unsorted = |section| self.corrupt(section, 0, "names or values are not in order");
        let (mut ends, mut before) = (Vec::new(), None);
        for number in 0..self.layout.names {
            let name = self.name(number)?;
            if before >= Some(name.text) || name.first as usize != ends.len() {
                return Err(unsorted(Section::Names));
            }
            before = Some(name.text);
            let mut value = None;
            for pair in name.first..name.end() {
                let next = Some(self.value(pair)?);
                if value >= next {
                    return Err(unsorted(Section::ValueText));
                }
                value = next;
            }
            ends.resize(name.end() as usize, name.end());
        }
        if ends.len() == self.layout.pairs as usize {
            Ok(ends)
        } else {
            Err(unsorted(Section::Names))
        }
    }
}
