//! What was how large when: the memory of a tenant's counts, for the question of who grows.
//!
//! Once a minute the counts of the largest metrics, labels and pairs are noted. Notes are thinned
//! out as they age (one a minute for ten minutes, one in five minutes for two hours, one an hour for
//! a day), so there are about sixty, each of a bounded size. What stood in no note was smaller than
//! the smallest that did.

use std::collections::VecDeque;
use std::hash::{BuildHasher, RandomState};

const MINUTE: i64 = 60_000;
/// How far apart notes stand, up to which age.
const GRID: [(i64, i64); 3] =
    [(10 * MINUTE, MINUTE), (125 * MINUTE, 5 * MINUTE), (25 * 60 * MINUTE, 60 * MINUTE)];

/// Of what the counts are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Series of a metric.
    Metric,
    /// Values of a label.
    Label,
    /// Series that have a pair.
    Pair,
}

/// The largest of a kind at one time.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Ranking {
    /// Hash of the name and the count, sorted.
    counts: Vec<(u64, u64)>,
    /// Nothing that is missing was larger.
    rest: u64,
}

impl Ranking {
    fn get(&self, hash: u64) -> Option<u64> {
        let found = self.counts.binary_search_by_key(&hash, |entry| entry.0);
        found.ok().and_then(|at| self.counts.get(at)).map(|entry| entry.1)
    }
}

/// The counts of one time.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Note {
    pub(crate) at_ms: i64,
    /// All series in the heads.
    pub(crate) series: u64,
    /// Shards with their next reference: series with a lower one are older than the note.
    references: Vec<(u16, u64)>,
    rankings: [Ranking; 3],
}

/// The notes of a tenant, the oldest first.
#[derive(Debug, Default)]
pub(crate) struct History {
    notes: VecDeque<Note>,
    hasher: RandomState,
}

impl Note {
    pub(crate) fn new(at_ms: i64, series: u64, references: Vec<(u16, u64)>) -> Self {
        Self { at_ms, series, references, ..Self::default() }
    }

    /// The first reference that a series of a shard could get after the note.
    pub(crate) fn next_reference(&self, shard: u16) -> u64 {
        self.references.iter().find(|entry| entry.0 == shard).map_or(0, |entry| entry.1)
    }

    fn heap_bytes(&self) -> usize {
        let counts: usize = self.rankings.iter().map(|ranking| ranking.counts.capacity()).sum();
        counts * size_of::<(u64, u64)>() + self.references.capacity() * size_of::<(u16, u64)>()
    }
}

impl History {
    /// Whether the last note is a minute old.
    pub(crate) fn is_due(&self, now_ms: i64) -> bool {
        // A clock that went back begins anew.
        self.notes.back().is_none_or(|last| now_ms.abs_diff(last.at_ms) >= MINUTE as u64)
    }

    /// Puts the largest of a kind into a note; `is_all` if there are no others.
    pub(crate) fn rank(
        &self,
        note: &mut Note,
        kind: Kind,
        largest: &[(String, u64)],
        is_all: bool,
    ) {
        let least = largest.iter().map(|entry| entry.1).min().unwrap_or(0);
        let hashed = |(name, count): &(String, u64)| (self.hasher.hash_one(name.as_str()), *count);
        let mut counts: Vec<_> = largest.iter().map(hashed).collect();
        counts.sort_unstable();
        note.rankings[kind as usize] = Ranking { counts, rest: if is_all { 0 } else { least } };
    }

    /// Adds a note and thins out the old ones.
    pub(crate) fn add(&mut self, note: Note) {
        let now = note.at_ms;
        self.notes.retain(|old| old.at_ms < now);
        self.notes.push_back(note);
        let mut last = None;
        // The oldest of each cell of the grid stays, so that what stays once stays on.
        self.notes.retain(|note| {
            let width = GRID.iter().find(|(age, _)| now - note.at_ms <= *age).map(|grid| grid.1);
            let cell = width.map(|width| (width, note.at_ms.div_euclid(width)));
            let is_new = cell.is_some() && cell != last;
            last = cell;
            is_new || note.at_ms == now
        });
    }

    /// The note of a time.
    pub(crate) fn at(&self, at_ms: i64) -> Option<&Note> {
        self.notes.iter().find(|note| note.at_ms == at_ms)
    }

    /// The newest note that is at least `age_ms` old, else the oldest of all.
    pub(crate) fn before(&self, now_ms: i64, age_ms: i64) -> Option<&Note> {
        let old = self.notes.iter().rev().find(|note| now_ms - note.at_ms >= age_ms);
        old.or(self.notes.front())
    }

    /// How large something was at a note that is `now` large now. What is not in the note was at
    /// most as large as the smallest that is, and is not taken to have shrunk.
    pub(crate) fn count_at(&self, note: &Note, kind: Kind, name: &str, now: u64) -> u64 {
        let ranking = &note.rankings[kind as usize];
        ranking.get(self.hasher.hash_one(name)).unwrap_or(ranking.rest.min(now))
    }

    /// Times and counts of something that is `now` large now, the oldest first.
    pub(crate) fn counts(&self, kind: Kind, name: &str, now: u64) -> Vec<(i64, u64)> {
        self.notes.iter().map(|note| (note.at_ms, self.count_at(note, kind, name, now))).collect()
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        self.notes.iter().map(Note::heap_bytes).sum::<usize>()
            + self.notes.capacity() * size_of::<Note>()
    }
}

/// Fewer more are no flood.
const LEAST_RISE: u64 = 100;

/// Since when a count has been rising to what it is now: the time before its rise began. `None` if
/// it has not risen by a tenth and by 100.
pub(crate) fn rising_since(history: &[(i64, u64)], now: u64) -> Option<i64> {
    let base = history.iter().map(|entry| entry.1).min()?;
    let rise = now.saturating_sub(base);
    if rise < LEAST_RISE.max(base / 10) {
        return None;
    }
    let low = base + rise / 20;
    history.iter().rev().find(|entry| entry.1 <= low).map(|entry| entry.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const T0: i64 = 1_700_000_040_000;

    fn with_counts(minutes: i64, count: impl Fn(i64) -> u64) -> History {
        let mut history = History::default();
        for minute in 0..=minutes {
            let now = T0 + minute * MINUTE;
            assert!(history.is_due(now));
            let mut note = Note::new(now, count(minute), vec![(0, minute as u64)]);
            let names = [("a".to_owned(), count(minute)), ("b".to_owned(), 7)];
            history.rank(&mut note, Kind::Metric, &names, false);
            history.add(note);
            assert!(!history.is_due(now + MINUTE - 1));
        }
        history
    }

    #[test]
    fn old_notes_stand_further_apart_and_are_bounded() {
        let history = with_counts(3 * 24 * 60, |_| 5);
        let now = T0 + 3 * 24 * 60 * MINUTE;
        let ages: Vec<_> = history.notes.iter().map(|note| (now - note.at_ms) / MINUTE).collect();
        assert!(ages.len() <= 61 && ages.last() == Some(&0), "{ages:?}");
        for wanted in [5, 60, 24 * 60] {
            let age = (now - history.before(now, wanted * MINUTE).unwrap().at_ms) / MINUTE;
            let width = if wanted == 5 { 1 } else { wanted / 12 };
            assert!((wanted..=wanted + width).contains(&age), "{age} for {wanted}");
        }
        assert!(history.heap_bytes() < 20_000, "{}", history.heap_bytes());
    }

    #[test]
    fn what_is_in_no_note_was_no_larger_than_the_smallest() {
        let history = with_counts(20, |minute| 100 + minute as u64);
        let now = T0 + 20 * MINUTE;
        let note = history.before(now, 5 * MINUTE).unwrap();
        assert_eq!(history.count_at(note, Kind::Metric, "a", 120), 115);
        assert_eq!(history.count_at(note, Kind::Metric, "unknown", 50), 7);
        assert_eq!(history.count_at(note, Kind::Metric, "unknown", 3), 3);
        assert_eq!(history.count_at(note, Kind::Label, "a", 9), 0);
        assert_eq!((note.next_reference(0), note.next_reference(1)), (15, 0));
        assert_eq!(history.before(now, 90 * MINUTE).unwrap().at_ms, T0, "as far as it goes");
        assert!(History::default().before(now, 0).is_none());
    }

    #[test]
    fn a_rise_is_dated() {
        let history = with_counts(9, |minute| if minute < 6 { 1000 } else { 900 * minute as u64 });
        let counts = history.counts(Kind::Metric, "a", 9000);
        assert_eq!(rising_since(&counts, 9000), Some(T0 + 5 * MINUTE));
        assert_eq!(rising_since(&counts[..6], 1050), None, "too little");
        assert_eq!(rising_since(&[], 1000), None);
    }

    #[test]
    fn a_clock_that_goes_back_begins_anew() {
        let mut history = with_counts(5, |_| 1);
        history.add(Note::new(T0 + MINUTE / 2, 1, Vec::new()));
        let times: Vec<_> = history.notes.iter().map(|note| note.at_ms).collect();
        assert_eq!(times, [T0, T0 + MINUTE / 2]);
    }
}
