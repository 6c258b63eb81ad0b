//! Merges segments into one without taking their texts into memory.
//!
//! Names and values are sorted in every part, and so are the ids of series and pairs. So the merged
//! names and values come out of reading the parts side by side, and posting lists of reading them
//! with each id replaced. What is kept is one number for each series and each pair of the parts,
//! and the new image. Collecting the same series in a [`SegmentWriter`](super::SegmentWriter) takes
//! a table of all texts besides, and a hash for each label of each series.

#![expect(
    clippy::indexing_slicing,
    reason = "the numbers are this file's own, or lie in the bounds that the reader has checked"
)]

use std::cmp::Ordering;

use roaring::RoaringBitmap;

use super::reader::{Name, Segment, Walk};
use super::sections::{Sections, SegmentImage};
use super::{MergeError, SegmentError, WriteError};
use crate::postings::Union;

/// No series, or no pair.
const NONE: u32 = u32::MAX;
/// So many pairs or series are handled between two pauses.
const PAUSE: u32 = 16 * 1024;

/// Which series of some segments, its *parts*, one merged segment has.
///
/// The bytes are those that a [`SegmentWriter`](super::SegmentWriter) makes of the same series.
#[derive(Debug)]
pub struct SegmentMerge {
    /// By part and series: the series' id in the merged segment.
    ids: Vec<Vec<u32>>,
    /// By series of the merged segment: a part that has it.
    part_of: Vec<u16>,
}

impl SegmentMerge {
    /// A merge of parts with so many series each, that has no series yet.
    ///
    /// # Errors
    /// [`WriteError::TooLarge`] if there are 2¹⁶ parts.
    pub fn new(series: impl Iterator<Item = u32>) -> Result<Self, WriteError> {
        let ids: Vec<_> = series.map(|count| vec![NONE; count as usize]).collect();
        let limit = u16::MAX;
        if ids.len() > usize::from(limit) {
            return Err(WriteError::TooLarge { what: "parts", limit: u64::from(limit) });
        }
        Ok(Self { ids, part_of: Vec::new() })
    }

    /// Adds the next series by the order of label sets: the parts that have it, and its id there.
    ///
    /// # Errors
    /// [`WriteError::TooLarge`] if there are 2³² − 1 series.
    ///
    /// # Panics
    /// If `members` is empty, or names a part or a series that does not exist.
    pub fn add(&mut self, members: &[(u16, u32)]) -> Result<(), WriteError> {
        let id = u32::try_from(self.part_of.len()).ok().filter(|&id| id < NONE);
        let id = id.ok_or(WriteError::TooLarge { what: "series", limit: u64::from(NONE) })?;
        for &(part, series) in members {
            self.ids[usize::from(part)][series as usize] = id;
        }
        self.part_of.push(members[0].0);
        Ok(())
    }

    /// Number of series so far.
    pub fn len(&self) -> usize {
        self.part_of.len()
    }

    /// Whether there are no series so far.
    pub fn is_empty(&self) -> bool {
        self.part_of.is_empty()
    }

    /// The image of the merged segment. `pause` is called again and again: what was read of the
    /// parts before will not be needed soon.
    ///
    /// # Errors
    /// [`MergeError::Part`] if a part is damaged, [`MergeError::Write`] if the distinct pairs'
    /// values take more than 4 GiB.
    pub fn image<B: AsRef<[u8]>>(
        &self,
        segments: &[&Segment<B>],
        pause: &mut dyn FnMut(),
    ) -> Result<SegmentImage, MergeError> {
        let layouts: Vec<_> = segments.iter().map(|segment| segment.layout()).collect();
        let sections = Sections::with_room_for(&layouts);
        let parts = segments.iter().zip(&self.ids).enumerate();
        let parts = parts.map(|(number, (segment, ids))| Part {
            number,
            segment,
            ids,
            pairs: vec![NONE; segment.pair_count() as usize],
            next_name: 0,
        });
        let mut work = Work { parts: parts.collect(), sections, pause };
        while work.next_name()? {}
        work.series(&self.part_of)?;
        Ok(SegmentImage::new(work.sections))
    }
}

/// A segment that is merged.
struct Part<'a, B> {
    number: usize,
    segment: &'a Segment<B>,
    ids: &'a [u32],
    /// By pair: its id in the merged segment.
    pairs: Vec<u32>,
    next_name: u32,
}

impl<'a, B: AsRef<[u8]>> Part<'a, B> {
    fn read<T>(&self, result: Result<T, SegmentError>) -> Result<T, MergeError> {
        result.map_err(|error| MergeError::Part { part: self.number, error })
    }

    /// The next name, `None` behind the last one.
    fn name(&self) -> Result<Option<Name<'a>>, MergeError> {
        if self.next_name >= self.segment.layout().names {
            return Ok(None);
        }
        self.read(self.segment.name(self.next_name)).map(Some)
    }

    fn value(&self, pair: u32) -> Result<&'a str, MergeError> {
        self.read(self.segment.value(pair))
    }

    fn new_id(&self, series: u32) -> Option<u32> {
        self.ids.get(series as usize).copied().filter(|&id| id != NONE)
    }

    /// Adds the series of a pair by their new ids.
    fn add_pair(&self, pair: u32, to: &mut Union) -> Result<(), MergeError> {
        let posting = self.read(self.segment.posting(pair))?;
        if let Some(series) = posting.one() {
            self.new_id(series).into_iter().for_each(|id| to.push(id));
            return Ok(());
        }
        let series = self.read(self.segment.set(posting))?;
        series.iter().filter_map(|series| self.new_id(series)).for_each(|id| to.push(id));
        Ok(())
    }
}

/// A part that has the name at hand, and the pair that it has come to.
struct Front<'a> {
    part: usize,
    name: Name<'a>,
    pair: u32,
    value: &'a str,
}

struct Work<'a, 'p, B> {
    parts: Vec<Part<'a, B>>,
    sections: Sections,
    pause: &'p mut dyn FnMut(),
}

impl<'a, B: AsRef<[u8]>> Work<'a, '_, B> {
    /// Merges the next name with all its pairs; `false` if there is none.
    fn next_name(&mut self) -> Result<bool, MergeError> {
        let mut fronts: Vec<Front<'a>> = Vec::new();
        for (number, part) in self.parts.iter().enumerate() {
            let Some(name) = part.name()? else { continue };
            match fronts.first().map_or(Ordering::Equal, |front| name.text.cmp(front.name.text)) {
                Ordering::Less => fronts.clear(),
                Ordering::Equal => {}
                Ordering::Greater => continue,
            }
            fronts.push(Front { part: number, name, pair: name.first, value: "" });
        }
        let Some(text) = fronts.first().map(|front| front.name.text) else { return Ok(false) };
        for front in &fronts {
            self.parts[front.part].next_name += 1;
        }
        self.name(text, fronts)?;
        Ok(true)
    }

    fn name(&mut self, text: &str, mut fronts: Vec<Front<'a>>) -> Result<(), MergeError> {
        let first = self.sections.pairs();
        let mut present = Union::default();
        fronts.retain(|front| front.name.count > 0);
        for front in &mut fronts {
            front.value = self.parts[front.part].value(front.pair)?;
        }
        let mut members = Vec::new();
        while let Some(value) = fronts.iter().map(|front| front.value).min() {
            let series = self.value(value, &mut fronts, &mut members)?;
            if !series.is_empty() {
                self.add_pair(value, &series, &members)?;
                present.push_bitmap(&series);
            }
        }
        let present = present.finish();
        if !present.is_empty() {
            self.sections.end_name(text, first, &present)?;
        }
        Ok(())
    }

    /// The series that have a value, and its pair in each part that has it, in `members`. Those
    /// parts go on to their next value.
    fn value(
        &mut self,
        value: &str,
        fronts: &mut Vec<Front<'a>>,
        members: &mut Vec<(usize, u32)>,
    ) -> Result<RoaringBitmap, MergeError> {
        let mut union = Union::default();
        members.clear();
        let mut has_ended = false;
        for front in fronts.iter_mut().filter(|front| front.value == value) {
            let part = &self.parts[front.part];
            part.add_pair(front.pair, &mut union)?;
            members.push((front.part, front.pair));
            front.pair += 1;
            if front.name.has(front.pair) {
                front.value = part.value(front.pair)?;
            } else {
                has_ended = true;
            }
        }
        if has_ended {
            fronts.retain(|front| front.name.has(front.pair));
        }
        Ok(union.finish())
    }

    fn add_pair(
        &mut self,
        value: &str,
        series: &RoaringBitmap,
        members: &[(usize, u32)],
    ) -> Result<(), MergeError> {
        let id = self.sections.add_pair(value, series)?;
        for &(part, pair) in members {
            self.parts[part].pairs[pair as usize] = id;
        }
        if id % PAUSE == PAUSE - 1 {
            (self.pause)();
        }
        Ok(())
    }

    /// Adds the series, each from the part that is named for it.
    fn series(&mut self, part_of: &[u16]) -> Result<(), MergeError> {
        let mut walks: Vec<_> =
            self.parts.iter().map(|part| (Walk::new(part.segment), 0_u32)).collect();
        let mut body = Vec::new();
        for (id, &part) in part_of.iter().enumerate() {
            let (part, (walk, next)) =
                (&self.parts[usize::from(part)], &mut walks[usize::from(part)]);
            // What lies between went nowhere, or was taken from another part.
            while part.ids[*next as usize] != id as u32 {
                *next += 1;
            }
            let pairs = part.read(walk.pairs(*next))?;
            *next += 1;
            let new = |&pair: &u32| part.pairs.get(pair as usize).copied().filter(|&n| n != NONE);
            self.sections.add_series(pairs.iter().filter_map(new), &mut body);
            if id as u32 % PAUSE == PAUSE - 1 {
                (self.pause)();
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::labels;
    use crate::labels::Labels;
    use crate::segment::SegmentWriter;

    fn segment(series: &[Labels]) -> Segment<Vec<u8>> {
        let mut writer = SegmentWriter::new();
        for labels in series {
            writer.add(labels).unwrap();
        }
        Segment::open(writer.finish().unwrap()).unwrap()
    }

    /// Merges segments of these series, without those that `left_out` names.
    fn merged(parts: &[Vec<Labels>], left_out: &[Labels]) -> Vec<u8> {
        let segments: Vec<_> = parts.iter().map(|series| segment(series)).collect();
        let counts = segments.iter().map(Segment::series_count);
        let mut merge = SegmentMerge::new(counts).unwrap();
        for labels in sorted(parts.concat()) {
            if left_out.contains(&labels) {
                continue;
            }
            let find = |series: &Vec<Labels>| series.iter().position(|other| *other == labels);
            let members =
                parts.iter().enumerate().filter_map(|(p, series)| Some((p, find(series)?)));
            let members: Vec<_> = members.map(|(p, id)| (p as u16, id as u32)).collect();
            merge.add(&members).unwrap();
        }
        let segments: Vec<_> = segments.iter().collect();
        merge.image(&segments, &mut || {}).unwrap().into_bytes()
    }

    fn sorted(mut series: Vec<Labels>) -> Vec<Labels> {
        series.sort_by(Labels::series_cmp);
        series.dedup();
        series
    }

    fn label_set() -> impl Strategy<Value = Labels> {
        prop::collection::btree_map("[a-d]", "[xyzé]{1,3}", 1..4)
            .prop_map(|pairs| Labels::from_pairs(pairs).unwrap())
    }

    proptest! {
        #[test]
        fn the_bytes_are_those_of_a_writer(
            parts in prop::collection::vec(prop::collection::vec(label_set(), 0..60), 0..6),
            every in 1_usize..9,
        ) {
            let parts: Vec<_> = parts.into_iter().map(sorted).collect();
            let all = sorted(parts.concat());
            let (left_out, kept): (Vec<_>, Vec<_>) =
                all.iter().cloned().enumerate().partition(|(i, _)| i % every == every - 1);
            let only = |series: Vec<(usize, Labels)>| series.into_iter().map(|s| s.1).collect::<Vec<_>>();
            let (left_out, kept) = (only(left_out), only(kept));
            let mut writer = SegmentWriter::new();
            for labels in &kept {
                writer.add(labels).unwrap();
            }
            prop_assert_eq!(merged(&parts, &left_out), writer.finish().unwrap());
        }
    }

    #[test]
    fn many_series_and_pages_come_out_as_of_a_writer() {
        let series = |from: usize, to: usize, step: usize| {
            let one = |i: usize| {
                let (name, id) = (["a", "b", "b"][i % 3], format!("{:05}", i * 7919 % 100_000));
                labels! { "__name__" => name, "id" => &id, "job" => "node" }
            };
            sorted((from..to).step_by(step).map(one).collect())
        };
        let parts = [series(0, 9000, 1), series(5000, 30_000, 3), series(0, 30_000, 7)];
        let whole = segment(&sorted(parts.concat()));
        let bytes = merged(&parts, &[]);
        assert_eq!(bytes.len(), whole.byte_len());
        let other = Segment::open(bytes).unwrap();
        other.verify().unwrap();
        for id in (0..whole.series_count()).step_by(97) {
            assert_eq!(other.labels(id), whole.labels(id));
        }
    }

    #[test]
    fn damage_in_a_part_names_the_part() {
        let whole = segment(&[labels! { "name" => "a" }]);
        let mut writer = SegmentWriter::new();
        writer.add(&labels! { "name" => "b" }).unwrap();
        let mut bytes = writer.finish().unwrap();
        bytes[20] ^= 1;
        let damaged = Segment::open(bytes).unwrap();
        let mut merge = SegmentMerge::new([1, 1].into_iter()).unwrap();
        merge.add(&[(0, 0)]).unwrap();
        let error = merge.image(&[&whole, &damaged], &mut || {}).unwrap_err();
        assert!(matches!(error, MergeError::Part { part: 1, .. }), "{error}");
    }
}
