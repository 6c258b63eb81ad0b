//! The head: what a tenant has in memory in one shard.
//!
//! A head is a state machine without threads and clocks. It is changed by the log alone
//! ([`Head::apply`]), so two heads that apply the same log give the same answers; what only moves
//! data ([`Head::release`], [`Head::evict`]) changes no answer.

mod apply;
mod bytes;
mod cardinality;
mod chunk;
mod held;
mod late;
mod leaving;
mod lookup;
mod marks;
mod rhythm;
mod saved;
mod series;
mod slab;
mod snapshot;
mod spill;
mod view;
mod windows;

use std::collections::VecDeque;

use hashbrown::{DefaultHashBuilder, HashMap, HashTable};
use nunatak_index::HeadIndex;

use crate::log::Position;
use crate::time::TimeRange;
pub(crate) use bytes::HeadBytes;
use held::Held;
use marks::LogMarks;
pub(crate) use rhythm::{Idle, Patience};
pub use saved::fuzzing;
pub(crate) use saved::{
    Begin, Loaded, PageFile, PairNumbers, SAVED_ASIDE, SAVED_TEMP, begin_of, check as check_saved,
    load, parse_saved, saved_path,
};
pub(crate) use series::Epoch;
use series::{Epochs, SeriesSamples};
use slab::Slab;
pub(crate) use snapshot::SeriesSnapshot;
pub(crate) use spill::{SpillFile, Unspilled, parse_spill, spill_path};
pub(crate) use view::{Hiding, View};
use windows::Windows;
pub(crate) use windows::{window_end, window_of};

/// A cut that the log has ordered and that no block holds yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PendingCut {
    /// Where the log ordered it.
    pub(crate) position: Position,
    /// Samples before this time are meant,
    pub(crate) before: i64,
    /// if they were written up to this epoch.
    pub(crate) epoch: Epoch,
}

#[derive(Debug)]
struct Series {
    reference: u64,
    hash: u64,
    samples: SeriesSamples,
}

/// All series of one tenant in one shard.
#[derive(Debug)]
pub(crate) struct Head {
    slots: Slab<Series>,
    by_labels: HashTable<u32>,
    by_reference: HashTable<u32>,
    /// Further references of series: one that was evicted and came back has got another.
    aliases: HashMap<u64, u32>,
    index: HeadIndex,
    hasher: DefaultHashBuilder,
    next_reference: u64,
    epochs: Epochs,
    pending: VecDeque<PendingCut>,
    windows: Windows,
    marks: LogMarks,
    newest: Option<i64>,
    sample_bytes: usize,
    created: u64,
    /// The last frame that changed anything.
    changed: Position,
    /// What a file brought, until the log has been replayed.
    resume: Option<Box<saved::Resume>>,
    /// What a replay has not given to the series yet.
    held: Held,
}

impl Head {
    pub(crate) fn new() -> Self {
        Self {
            slots: Slab::new(),
            by_labels: HashTable::new(),
            by_reference: HashTable::new(),
            aliases: HashMap::new(),
            index: HeadIndex::new(),
            hasher: DefaultHashBuilder::default(),
            next_reference: 1,
            epochs: Epochs::default(),
            pending: VecDeque::new(),
            windows: Windows::default(),
            marks: LogMarks::default(),
            newest: None,
            sample_bytes: 0,
            created: 0,
            changed: Position(0),
            resume: None,
            held: Held::default(),
        }
    }

    /// The epoch of what is written now.
    pub(crate) fn epoch(&self) -> Epoch {
        self.epochs.now
    }

    /// The oldest cut whose samples are still here.
    pub(crate) fn pending_cut(&self) -> Option<PendingCut> {
        self.pending.front().copied()
    }

    /// Until when everything may be cut at log time `now`.
    pub(crate) fn cut_due(&self, now: i64) -> Option<i64> {
        self.windows.due(now)
    }

    pub(crate) fn index(&self) -> &HeadIndex {
        &self.index
    }

    pub(crate) fn next_reference(&self) -> u64 {
        self.next_reference
    }

    /// One more than the highest slot.
    pub(crate) fn slot_bound(&self) -> u32 {
        self.slots.bound()
    }

    pub(crate) fn series(&self) -> usize {
        self.slots.len()
    }

    /// Whether a sample that is in no block lies near the range.
    pub(crate) fn has_samples_near(&self, range: &TimeRange) -> bool {
        self.windows.overlap(range)
    }

    /// Series that were ever defined here.
    pub(crate) fn created(&self) -> u64 {
        self.created
    }

    /// Time of the newest sample that was ever here.
    pub(crate) fn newest(&self) -> Option<i64> {
        self.newest
    }

    /// The last frame that changed the head.
    pub(crate) fn changed(&self) -> Position {
        self.changed
    }

    /// The first log position that a sample here still needs.
    pub(crate) fn first_needed(&self) -> Option<Position> {
        self.marks.first_needed()
    }
}

/// Spreads ascending references over a hash table (the finalizer of SplitMix64, Steele et al.
/// 2014).
fn mix(reference: u64) -> u64 {
    let x = (reference ^ (reference >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}
