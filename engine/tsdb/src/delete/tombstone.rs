//! What a shard remembers of a tenant's deletes.

use std::sync::Arc;

use nunatak_index::Labels;

use crate::head::{Epoch, Hiding, PendingCut};
use crate::hidden::Hidden;
use crate::log::{Deletion, Position};
use crate::time::TimeRange;

/// A delete in one shard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tombstone {
    /// Where the log ordered it: what has a lower position is meant.
    pub(crate) position: Position,
    /// Log time of the order, in ms.
    pub(crate) stamp: i64,
    pub(crate) deletion: Deletion,
    /// What the head has of epochs up to this one is meant; `None` as long as the head has
    /// nothing that is newer than the delete.
    pub(crate) epoch: Option<Epoch>,
    /// Whether it can't be taken back any more.
    pub(crate) is_final: bool,
    /// Whether it is final and has nothing left to hide. It is remembered as long as a replay may
    /// meet its record, which would bring it back as if it could be undone.
    pub(crate) is_done: bool,
}

impl Tombstone {
    /// Whether the series is meant.
    pub(crate) fn matches(&self, labels: &Labels) -> bool {
        self.deletion.matchers.iter().all(|m| m.matches(labels.get(m.name()).unwrap_or("")))
    }

    /// Whether the tombstone may hide something in a block of this position and times.
    pub(crate) fn reaches(&self, block: Position, times: TimeRange) -> bool {
        block <= self.position && self.deletion.range.overlaps(&times)
    }

    /// What the tombstone hides in the head.
    pub(crate) fn hiding(&self) -> Option<Hiding> {
        self.epoch.map(|epoch| Hiding { epoch, range: self.deletion.range })
    }
}

/// The tombstones of a tenant in a shard, by position. Cheap to clone; a clone stays as it is.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tombstones(Arc<Vec<Arc<Tombstone>>>);

impl Tombstones {
    pub(crate) fn new(mut all: Vec<Arc<Tombstone>>) -> Self {
        all.sort_unstable_by_key(|tombstone| tombstone.position);
        Self(Arc::new(all))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Tombstone>> + Clone {
        self.0.iter()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The names of their deletes.
    pub(crate) fn ids(&self) -> Vec<u64> {
        self.iter().map(|tombstone| tombstone.deletion.id).collect()
    }

    pub(crate) fn find(&self, id: u64) -> Option<&Arc<Tombstone>> {
        self.iter().find(|tombstone| tombstone.deletion.id == id)
    }

    /// With another one.
    pub(crate) fn with(&self, new: Tombstone) -> Self {
        Self::new(self.iter().cloned().chain([Arc::new(new)]).collect())
    }

    /// Without those that `gone` names.
    pub(crate) fn without(&self, gone: impl Fn(&Tombstone) -> bool) -> Self {
        Self::new(self.iter().filter(|tombstone| !gone(tombstone)).cloned().collect())
    }

    /// Each as `change` leaves it.
    pub(crate) fn changed(&self, change: impl Fn(&mut Tombstone)) -> Self {
        let changed = |tombstone: &Arc<Tombstone>| {
            let mut tombstone = Tombstone::clone(tombstone);
            change(&mut tombstone);
            Arc::new(tombstone)
        };
        Self::new(self.iter().map(changed).collect())
    }

    /// Those that may hide something in a block of this position and times.
    pub(crate) fn reaching(&self, block: Position, times: TimeRange) -> Self {
        if self.is_empty() {
            return self.clone();
        }
        self.without(|tombstone| !tombstone.reaches(block, times))
    }

    /// Those that may hide something that a cut takes out of the head.
    pub(crate) fn in_cut(&self, cut: PendingCut) -> Self {
        self.without(|t| t.position > cut.position || t.epoch.is_none())
    }

    /// Those that can't be taken back, or those that can.
    pub(crate) fn only(&self, is_final: bool) -> Self {
        self.without(|tombstone| tombstone.is_final != is_final)
    }

    /// Those that mean the series.
    pub(crate) fn meaning(&self, labels: &Labels) -> Self {
        if self.is_empty() {
            return self.clone();
        }
        self.without(|tombstone| !tombstone.matches(labels))
    }

    /// The epochs before the tombstone at `position` and after the one before it.
    pub(crate) fn epochs_of(&self, position: Position) -> Option<(Epoch, Epoch)> {
        let last = self.iter().find(|t| t.position == position)?.epoch?;
        let before = self.iter().filter(|t| t.position < position).filter_map(|t| t.epoch).max();
        let first = before.map_or(0, |epoch| epoch + 1);
        (first <= last).then_some((first, last))
    }

    /// What they hide in the head.
    pub(crate) fn hidings(&self) -> Vec<Hiding> {
        self.iter().filter_map(|tombstone| tombstone.hiding()).collect()
    }

    /// The times that they hide.
    pub(crate) fn hidden(&self) -> Hidden {
        Hidden::new(self.iter().map(|tombstone| tombstone.deletion.range))
    }

    /// Those that mean the series.
    pub(crate) fn matching(&self, labels: &Labels) -> impl Iterator<Item = &Arc<Tombstone>> {
        self.iter().filter(|tombstone| tombstone.matches(labels))
    }

    /// What is hidden of a series in the head.
    pub(crate) fn hiding_of(&self, labels: &Labels) -> Vec<Hiding> {
        self.matching(labels).filter_map(|tombstone| tombstone.hiding()).collect()
    }

    /// The times that are hidden of a series whose samples are all older, with those that have
    /// `ended`.
    pub(crate) fn hidden_of(&self, labels: &Labels, ended: Option<TimeRange>) -> Hidden {
        let deleted = self.matching(labels).map(|tombstone| tombstone.deletion.range);
        Hidden::new(deleted.chain(ended))
    }
}

#[cfg(test)]
mod tests {
    use nunatak_index::{MatchOp, Matcher, labels};

    use super::*;

    fn tombstone(position: u64, job: &str, start: i64, end: i64) -> Tombstone {
        Tombstone {
            position: Position(position),
            stamp: 0,
            deletion: Deletion {
                id: position,
                matchers: vec![Matcher::new("job", MatchOp::Equal, job).unwrap()],
                range: TimeRange::new(start, end),
            },
            epoch: None,
            is_final: false,
            is_done: false,
        }
    }

    #[test]
    fn only_what_is_older_and_matches_is_hidden() {
        let all = Tombstones::default();
        let all = all.with(tombstone(9, "a", 0, 10)).with(tombstone(4, "", 5, 20));
        let times = TimeRange::new(0, 8);
        assert_eq!(all.reaching(Position(4), times).len(), 2);
        assert_eq!(all.reaching(Position(5), times).len(), 1, "the block is newer than one");
        assert_eq!(all.reaching(Position(10), times).len(), 0);
        assert_eq!(all.reaching(Position(1), TimeRange::new(11, 12)).len(), 1);
        let a = all.hidden_of(&labels! { "job" => "a" }, None);
        assert!(a.covers(TimeRange::new(0, 10)) && !a.covers(TimeRange::new(0, 11)));
        let bare = all.hidden_of(&labels! { "x" => "y" }, None);
        assert!(bare.covers(TimeRange::new(5, 20)), "a label that is not there is empty");
        assert!(all.hidden_of(&labels! { "job" => "b" }, None).is_empty());
        let positions: Vec<_> = all.iter().map(|tombstone| tombstone.position.0).collect();
        assert_eq!(positions, [4, 9]);
    }
}
