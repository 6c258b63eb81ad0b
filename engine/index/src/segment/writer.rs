//! Makes the image of a segment.

use super::WriteError;
use super::sections::{Sections, SegmentImage};
use crate::head::HeadIndex;
use crate::labels::Labels;

/// Collects series in their order and makes a segment of them.
///
/// Everything is kept in memory until [`finish`](Self::finish): about 40 bytes a series besides
/// the distinct label pairs, and the image itself at the end.
#[derive(Debug, Default)]
pub struct SegmentWriter {
    index: HeadIndex,
    /// Pair ids of all series, one after the other.
    pairs: Vec<u32>,
    /// Number of labels of each series.
    counts: Vec<u32>,
    last: Option<Labels>,
}

impl SegmentWriter {
    /// A writer without series.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a series and returns its id: 0 for the first, one more for each next.
    ///
    /// # Errors
    /// [`WriteError::OutOfOrder`] if the series does not come after the one before by
    /// [`Labels::series_cmp`]; [`WriteError::TooLarge`] if there are 2³² − 1 of them. The writer
    /// is then as before.
    pub fn add(&mut self, labels: &Labels) -> Result<u32, WriteError> {
        if self.last.as_ref().is_some_and(|last| last.series_cmp(labels).is_ge()) {
            return Err(WriteError::OutOfOrder { labels: labels.to_string() });
        }
        let id = u32::try_from(self.counts.len()).ok().filter(|&id| id < u32::MAX);
        let id = id.ok_or(WriteError::TooLarge { what: "series", limit: u64::from(u32::MAX) })?;
        let pairs = self.index.add_unlisted(id, labels);
        self.counts.push(pairs.len() as u32);
        self.pairs.extend_from_slice(pairs);
        self.last = Some(labels.clone());
        Ok(id)
    }

    /// Number of series so far.
    pub fn len(&self) -> usize {
        self.counts.len()
    }

    /// Whether there are no series so far.
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// Bytes on the heap.
    pub fn heap_bytes(&self) -> usize {
        self.index.heap_bytes() + (self.pairs.capacity() + self.counts.capacity()) * 4
    }

    /// The segment's image. The same series give the same bytes.
    ///
    /// # Errors
    /// [`WriteError::TooLarge`] if the distinct pairs' values take more than 4 GiB.
    pub fn finish(self) -> Result<Vec<u8>, WriteError> {
        Ok(self.image()?.into_bytes())
    }

    /// As [`finish`](Self::finish), to be written piece by piece.
    ///
    /// # Errors
    /// As [`finish`](Self::finish).
    pub fn image(mut self) -> Result<SegmentImage, WriteError> {
        self.index.settle();
        let mut sections = Sections::default();
        let mut new_ids = vec![0; self.index.pair_slots()];
        for (name, id) in self.index.names_sorted() {
            add_name(&mut sections, &self.index, (name, id), &mut new_ids)?;
        }
        let Self { index, pairs, counts, .. } = self;
        // The series take as much again.
        drop(index);
        let (mut rest, mut body) = (&pairs[..], Vec::new());
        for count in counts {
            let (pairs, others) = rest.split_at(count as usize);
            rest = others;
            let new_id = |&pair: &u32| new_ids.get(pair as usize).copied().unwrap_or(0);
            sections.add_series(pairs.iter().map(new_id), &mut body);
        }
        Ok(SegmentImage::new(sections))
    }
}

fn add_name(
    sections: &mut Sections,
    index: &HeadIndex,
    (name, name_id): (&str, u32),
    new_ids: &mut [u32],
) -> Result<(), WriteError> {
    let first_pair = sections.pairs();
    for (value, id) in index.pairs_sorted(name_id) {
        let new_id = sections.add_pair(value, &index.series_of_pair(id))?;
        if let Some(slot) = new_ids.get_mut(id as usize) {
            *slot = new_id;
        }
    }
    sections.end_name(name, first_pair, &index.series_of_name(name_id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::labels;
    use crate::segment::Segment;

    fn writer() -> SegmentWriter {
        let mut writer = SegmentWriter::new();
        for (metric, job) in [("a", "x"), ("a", "y"), ("b", "x")] {
            writer.add(&labels! { "__name__" => metric, "job" => job }).unwrap();
        }
        writer
    }

    #[test]
    fn series_out_of_order_with_right_checksums_are_found() {
        let verify = |writer: SegmentWriter| {
            let segment = Segment::open(writer.finish().unwrap()).unwrap();
            segment.verify().unwrap();
            segment.verify_order().map_err(|error| error.to_string())
        };
        verify(writer()).unwrap();
        for (from, to) in [(0, 1), (0, 2), (1, 2)] {
            let mut swapped = writer();
            for i in 0..2 {
                swapped.pairs.swap(2 * from + i, 2 * to + i);
            }
            let error = verify(swapped).unwrap_err();
            assert!(error.contains("series are not in order"), "{from} and {to}: {error}");
        }
        let mut twice = writer();
        // The second series has two metric names.
        twice.pairs[3] = twice.pairs[4];
        assert!(verify(twice).unwrap_err().contains("unsorted labels"));
    }
}
