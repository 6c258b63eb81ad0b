//! What the log changes in a head: series, samples, cuts, and what a delete divides.

use std::ops::Range;

use super::{Epoch, Head, PendingCut, Series, SeriesSamples, mix, window_of};
use crate::log::{Definition, Position, Record, Samples};

impl Head {
    /// Makes the change that a frame at `position` with log time `stamp` orders.
    pub(crate) fn apply(&mut self, position: Position, stamp: i64, record: &Record) {
        self.changed = self.changed.max(position);
        match record {
            Record::Write { definitions, samples } => {
                self.define_all(definitions);
                self.insert_range(stamp, samples, 0..samples.times.len());
                self.note_written(position, samples);
            }
            Record::Cut { before } => self.order_cut(position, *before),
            Record::State { next_reference } => {
                self.next_reference = self.next_reference.max(*next_reference);
            }
            // What is deleted is remembered beside the head, which only begins an epoch.
            Record::Delete(_) | Record::Undelete { .. } => {}
        }
    }

    /// Ends an epoch: a delete hides what was written up to and with the one that is returned.
    pub(crate) fn end_epoch(&mut self) -> Epoch {
        self.insert_held();
        let ended = self.epochs.now;
        self.epochs.now += 1;
        self.epochs.deleted = self.epochs.now;
        ended
    }

    /// Ends the open chunks in `slots`, so that what comes next is told apart from what is there.
    pub(crate) fn end_chunks(&mut self, slots: &[u32]) {
        self.insert_held();
        for &slot in slots {
            if let Some(series) = self.slots.get_mut(slot) {
                let grown = series.samples.begin(self.epochs.now);
                self.sample_bytes = self.sample_bytes.saturating_add_signed(grown);
            }
        }
    }

    /// Makes all these series known.
    pub(crate) fn define_all(&mut self, definitions: &[Definition]) {
        for definition in definitions {
            self.define(definition);
        }
        self.index.settle();
    }

    /// As [`define_all`](Self::define_all), for series that are known not to be here, by label set
    /// or by reference; each with what [`hash`](Self::hash) gives for it.
    pub(crate) fn define_new<'a>(
        &mut self,
        definitions: impl Iterator<Item = (&'a Definition, u64)>,
    ) {
        for (definition, hash) in definitions {
            self.next_reference = self.next_reference.max(definition.reference.saturating_add(1));
            self.define_hashed(definition, hash);
        }
        self.index.settle();
    }

    /// Makes a series known under its reference. One that is known gets a further reference: a
    /// replay does not evict, so it meets series again under the reference that they came back
    /// with.
    fn define(&mut self, definition: &Definition) {
        self.next_reference = self.next_reference.max(definition.reference.saturating_add(1));
        if self.slot_of(definition.reference).is_some() {
            return;
        }
        let hash = self.hash(&definition.labels);
        if let Some(slot) = self.find_slot(hash, &definition.labels) {
            self.aliases.insert(definition.reference, slot);
            return;
        }
        self.define_hashed(definition, hash);
    }

    fn define_hashed(&mut self, definition: &Definition, hash: u64) {
        // The index numbers series by slot, so the slot comes first.
        let slot = self.add_series(definition.reference, hash, SeriesSamples::default());
        self.index.add(slot, &definition.labels);
        self.created += 1;
    }

    pub(super) fn add_series(&mut self, reference: u64, hash: u64, samples: SeriesSamples) -> u32 {
        let slot = self.slots.insert(Series { reference, hash, samples });
        let slots = &self.slots;
        self.by_labels.insert_unique(hash, slot, |&s| slots.get(s).map_or(0, |e| e.hash));
        self.by_reference
            .insert_unique(mix(reference), slot, |&s| slots.get(s).map_or(0, |e| mix(e.reference)));
        slot
    }

    /// Stores a stretch of a frame's samples; one whose series is not known is left out.
    /// Returns how many those were.
    pub(crate) fn insert_range(
        &mut self,
        stamp: i64,
        samples: &Samples,
        rows: Range<usize>,
    ) -> u64 {
        self.place_range(stamp, samples, rows, |head, reference, guess, time, value| {
            let slot = head.slot_near(reference, guess)?;
            head.insert(slot, time, value);
            Some(slot)
        })
    }

    /// Puts samples where `place` does, which gets a reference, the slot that it probably has, time
    /// and value, and returns the slot.
    pub(super) fn place_range(
        &mut self,
        stamp: i64,
        samples: &Samples,
        rows: Range<usize>,
        place: impl Fn(&mut Self, u64, u32, i64, f64) -> Option<u32>,
    ) -> u64 {
        let mut unknown = 0;
        let mut last_window = None;
        let mut next_slot = 0;
        for row in rows {
            let (Some(&reference), Some(&time), Some(&value)) =
                (samples.references.get(row), samples.times.get(row), samples.values.get(row))
            else {
                break;
            };
            if let Some(slot) = place(self, reference, next_slot, time, value) {
                next_slot = slot + 1;
                if last_window != Some(window_of(time)) {
                    last_window = Some(window_of(time));
                    self.windows.note(time, stamp, self.epochs.now);
                }
            } else {
                // Its definition is lost; another series must not get the same reference.
                self.next_reference = self.next_reference.max(reference.saturating_add(1));
                unknown += 1;
            }
        }
        unknown
    }

    pub(super) fn insert(&mut self, slot: u32, time: i64, value: f64) {
        let epochs = self.epochs;
        let Some(series) = self.slots.get_mut(slot) else { return };
        let grown = series.samples.insert(time, value, epochs);
        self.sample_bytes = self.sample_bytes.saturating_add_signed(grown);
        self.newest = self.newest.max(Some(time));
    }

    /// Notes which log position the samples of a frame need until they are cut.
    pub(crate) fn note_written(&mut self, position: Position, samples: &Samples) {
        self.changed = self.changed.max(position);
        if let Some(&newest) = samples.times.iter().max() {
            self.marks.note(position, newest);
        }
    }

    fn order_cut(&mut self, position: Position, before: i64) {
        self.insert_held();
        self.pending.push_back(PendingCut { position, before, epoch: self.epochs.now });
        self.epochs.now += 1;
        self.epochs.cut = self.epochs.now;
    }

    /// Lets go of the samples of a cut in the slots `slots`: blocks hold them.
    pub(crate) fn release(&mut self, cut: PendingCut, slots: Range<u32>) {
        for slot in slots {
            if let Some(series) = self.slots.get_mut(slot) {
                let grown = series.samples.cut(cut.epoch, cut.before);
                self.sample_bytes = self.sample_bytes.saturating_add_signed(grown);
            }
        }
    }

    /// Ends a cut: all slots were released.
    pub(crate) fn finish_cut(&mut self, cut: PendingCut) {
        self.pending.retain(|pending| pending != &cut);
        self.windows.cut(cut.before, cut.epoch);
        self.marks.cut(cut.position, cut.before);
    }

    /// Forgets what windows before `before` need of the log up to `position`: blocks have it.
    pub(crate) fn forget_cut(&mut self, position: Position, before: i64) {
        self.windows.cut(before, Epoch::MAX);
        self.marks.cut(position, before);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use nunatak_index::{MatchOp, Matcher, labels};
    use proptest::prelude::*;

    use super::*;
    use crate::head::{Idle, Patience, View};
    use crate::source::SampleBatch;
    use crate::time::TimeRange;

    const URGENT: Idle = Idle { patience: Patience::Urgent, now: 9000 };

    fn definition(reference: u64) -> Definition {
        let instance = format!("host-{reference}");
        Definition { reference, labels: labels! { "__name__" => "up", "instance" => &instance } }
    }

    fn find(head: &Head, reference: u64) -> Option<u64> {
        let labels = definition(reference).labels;
        head.find(head.hash(&labels), &labels)
    }

    fn samples(reference: u64, rows: &[(i64, f64)]) -> Samples {
        Samples {
            references: vec![reference; rows.len()],
            times: rows.iter().map(|row| row.0).collect(),
            values: rows.iter().map(|row| row.1).collect(),
        }
    }

    fn write(head: &mut Head, position: u64, reference: u64, rows: &[(i64, f64)]) {
        let definitions = vec![definition(reference)];
        let record = Record::Write { definitions, samples: samples(reference, rows) };
        head.apply(Position(position), 0, &record);
    }

    fn read(head: &Head, slot: u32, epoch: Epoch) -> Vec<(i64, u64)> {
        let view = View::up_to(TimeRange::ALL, epoch);
        let Some(snapshot) = head.snapshot(slot, &view) else { return Vec::new() };
        let mut cursor = snapshot.into_cursor();
        let (mut batch, mut all) = (SampleBatch::default(), Vec::new());
        while cursor.next_batch(&mut batch).unwrap() {
            all.extend(batch.times.iter().zip(&batch.values).map(|(&t, v)| (t, v.to_bits())));
        }
        all
    }

    fn release(head: &mut Head, cut: PendingCut) {
        head.release(cut, 0..head.slot_bound());
        head.finish_cut(cut);
    }

    #[test]
    fn a_series_is_found_by_labels_and_by_reference() {
        let mut head = Head::new();
        write(&mut head, 1, 7, &[(1000, 1.0)]);
        assert_eq!(find(&head, 7), Some(7));
        assert_eq!(find(&head, 8), None);
        assert_eq!(head.newest_near(7, 3), Some((0, Some(1000))));
        assert_eq!(head.newest_near(8, 0), None);
        assert_eq!(head.next_reference(), 8);
        let matcher = Matcher::new("instance", MatchOp::Equal, "host-7").unwrap();
        assert_eq!(head.select(&[matcher]).len(), 1);
    }

    #[test]
    fn a_sample_without_a_series_is_counted() {
        let mut head = Head::new();
        assert_eq!(head.insert_range(0, &samples(3, &[(1, 1.0), (2, 2.0)]), 0..2), 2);
        assert_eq!(head.next_reference(), 4, "nobody else gets the reference");
    }

    #[test]
    fn what_is_written_after_a_cut_was_ordered_stays() {
        let mut head = Head::new();
        write(&mut head, 1, 1, &[(1000, 1.0), (2000, 2.0)]);
        head.apply(Position(2), 0, &Record::Cut { before: 5000 });
        write(&mut head, 3, 1, &[(1500, 9.0), (3000, 3.0)]);
        let cut = head.pending_cut().unwrap();
        assert_eq!(read(&head, 0, cut.epoch), [(1000, 1f64.to_bits()), (2000, 2f64.to_bits())]);
        release(&mut head, cut);
        assert_eq!(read(&head, 0, Epoch::MAX), [(1500, 9f64.to_bits()), (3000, 3f64.to_bits())]);
        assert_eq!((head.pending_cut(), head.first_needed()), (None, Some(Position(3))));
    }

    #[test]
    fn only_empty_idle_series_are_evicted_and_slots_are_used_again() {
        let mut head = Head::new();
        write(&mut head, 1, 1, &[(500, 1.0), (1000, 1.0)]);
        write(&mut head, 2, 2, &[(8000, 1.0), (9000, 1.0)]);
        assert_eq!(head.evict(URGENT, 0..2), 0, "both have samples");
        head.apply(Position(3), 0, &Record::Cut { before: i64::MAX });
        let cut = head.pending_cut().unwrap();
        release(&mut head, cut);
        assert_eq!(head.evict(URGENT, 0..2), 1);
        assert_eq!((find(&head, 1), head.has_reference(1)), (None, false));
        write(&mut head, 4, 3, &[(9000, 1.0)]);
        assert_eq!((head.series(), head.slot_bound()), (2, 2));
        assert_eq!(head.index().len(), 2);
    }

    #[test]
    fn a_series_that_came_back_is_known_by_both_references() {
        let mut head = Head::new();
        head.define(&definition(5));
        head.define(&Definition { reference: 9, labels: definition(5).labels });
        head.define(&definition(5));
        assert_eq!(head.insert_range(0, &samples(5, &[(1000, 1.0)]), 0..1), 0);
        assert_eq!(head.insert_range(0, &samples(9, &[(2000, 2.0)]), 0..1), 0);
        assert_eq!(read(&head, 0, Epoch::MAX).len(), 2);
        assert_eq!((head.series(), head.next_reference()), (1, 10));
    }

    #[test]
    fn bytes_are_given_back() {
        let mut head = Head::new();
        let rows: Vec<_> = (0..1000).map(|i| (i * 1000, i as f64)).collect();
        write(&mut head, 1, 1, &rows);
        let late: Vec<_> = (0..300).map(|i| (i * 1000 + 5, 0.5)).collect();
        write(&mut head, 2, 1, &late);
        assert!(head.sample_bytes > 1000, "{}", head.sample_bytes);
        head.apply(Position(3), 0, &Record::Cut { before: i64::MAX });
        let cut = head.pending_cut().unwrap();
        release(&mut head, cut);
        assert_eq!(head.sample_bytes, 0);
    }

    #[derive(Debug, Clone)]
    enum Step {
        Insert(i64, f64),
        Cut(i64),
        Release,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            20 => (0..400i64, any::<f64>()).prop_map(|(t, v)| Step::Insert(t, v)),
            20 => (0..400i64, 0..3i32).prop_map(|(t, v)| Step::Insert(t, f64::from(v))),
            1 => (0..500i64).prop_map(Step::Cut),
            1 => Just(Step::Release),
        ]
    }

    proptest! {
        /// Against a map from time to the last value: cuts and releases change no answer, if what
        /// was released is read from where it went. Nor does it that samples are held back.
        #[test]
        fn agrees_with_a_map(steps in prop::collection::vec(step(), 1..700), held: bool) {
            let mut head = Head::new();
            head.define(&definition(1));
            let mut expected = BTreeMap::new();
            let mut blocks: Vec<BTreeMap<i64, u64>> = Vec::new();
            for (position, step) in steps.into_iter().enumerate() {
                let position = Position(position as u64 + 1);
                match step {
                    Step::Insert(time, value) => {
                        expected.insert(time, value.to_bits());
                        let samples = samples(1, &[(time, value)]);
                        if held { head.hold(0, &samples) } else { head.insert_range(0, &samples, 0..1) };
                    }
                    Step::Cut(before) => head.apply(position, 0, &Record::Cut { before }),
                    Step::Release => {
                        let Some(cut) = head.pending_cut() else { continue };
                        let all = read(&head, 0, cut.epoch);
                        blocks.push(all.into_iter().filter(|s| s.0 < cut.before).collect());
                        release(&mut head, cut);
                    }
                }
            }
            let mut found = BTreeMap::new();
            for block in &blocks {
                found.extend(block);
            }
            head.end_replay();
            found.extend(read(&head, 0, Epoch::MAX));
            prop_assert_eq!(found, expected);
        }
    }
}
