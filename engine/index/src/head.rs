//! The index of the series in memory.

mod cardinality;
mod counts;
mod followers;
mod lists;
mod pairs;

use std::borrow::Cow;
use std::collections::BinaryHeap;
use std::convert::Infallible;

use hashbrown::HashSet;
use roaring::RoaringBitmap;

pub use cardinality::{NameCount, PairCount};
use followers::Followers;
use lists::Lists;

use crate::answers::{Answers, REMEMBERED};
use crate::interner::{Interner, grow};
use crate::labels::{Labels, pack};
use crate::matcher::Matcher;
use crate::postings::{Growing, Postings, Union};
use crate::select::{self, Index};

/// With so many pairs it is worth to remember which follow each other.
const MANY_PAIRS: usize = 512;

/// What belongs to one name.
#[derive(Debug, Default)]
struct NameIndex {
    /// Its pairs, in no order.
    pairs: Vec<u32>,
    /// The series that have it.
    series: Growing,
}

/// Series ids by label pair, for the series in memory.
///
/// Pairs are interned: a series costs 8 bytes, and about 6 to 8 bytes a label (an entry in its list
/// of pairs and one in the pair's postings); a new pair costs its value and about 60 bytes. The
/// caller gives the ids of the series, from 0 on, and may reuse those that it removed.
///
/// ```
/// use nunatak_index::{HeadIndex, MatchOp, Matcher, labels};
///
/// let mut index = HeadIndex::new();
/// let up = labels! { "__name__" => "up", "job" => "node" };
/// index.insert(7, &up);
/// let found = index.select(&[Matcher::new("job", MatchOp::Equal, "node")?]);
/// assert_eq!(found.iter().collect::<Vec<_>>(), [7]);
/// assert_eq!(index.labels(7), up);
/// # Ok::<(), nunatak_index::MatcherError>(())
/// ```
#[derive(Debug, Default)]
pub struct HeadIndex {
    interner: Interner,
    /// By pair id.
    postings: Vec<Postings>,
    /// The pairs whose postings [`settle`](Self::settle) has to look at.
    unsettled: Vec<u32>,
    /// By pair id: where the pair stands in its name's list.
    positions: Vec<u32>,
    /// By name id.
    names: Vec<NameIndex>,
    all: Growing,
    /// The pairs of each series, in the order of their names.
    lists: Lists,
    /// The pairs of the series that was added last: the next one has most of them, too.
    last: Vec<u32>,
    /// Memory for those of another one.
    other: Vec<u32>,
    /// Else it has stretches of an earlier one.
    followers: Followers,
    /// What patterns over many values have found since the last change.
    answers: Answers,
    /// The pairs with so many series that their postings are a bitmap.
    large: HashSet<u32>,
    /// Heap bytes of all postings, of the names' lists and bitmaps.
    set_bytes: usize,
}

impl HeadIndex {
    /// An index without series.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a series. The id must not be in use.
    pub fn insert(&mut self, id: u32, labels: &Labels) {
        self.add(id, labels);
        self.settle();
    }

    /// As [`insert`](Self::insert), for one of many: no question finds the series for certain, and
    /// none may be removed, before [`settle`](Self::settle). That is cheaper if ids are consecutive.
    pub fn add(&mut self, id: u32, labels: &Labels) {
        self.add_unlisted(id, labels);
        self.lists.insert(id, &self.last);
    }

    /// As [`add`](Self::add), for a caller who keeps the list of pairs, which is returned.
    pub(crate) fn add_unlisted(&mut self, id: u32, labels: &Labels) -> &[u32] {
        let mut ids = std::mem::take(&mut self.other);
        ids.clear();
        let mut previous = u32::MAX;
        for (i, pair) in labels.iter().enumerate() {
            let guess = self.last.get(i).copied().unwrap_or(u32::MAX);
            previous = self.insert_pair(id, pair, guess, previous);
            ids.push(previous);
        }
        self.other = std::mem::replace(&mut self.last, ids);
        self.answers.forget();
        let grown = self.all.add(id);
        self.note_growth(grown);
        &self.last
    }

    /// Ends a number of [`add`](Self::add)s.
    pub fn settle(&mut self) {
        let Self { names, unsettled, postings, all, .. } = self;
        let names: isize = names.iter_mut().map(|name| name.series.settle()).sum();
        let pairs: isize = unsettled.drain(..).map(|pair| postings[pair as usize].settle()).sum();
        let grown = names + pairs + all.settle();
        self.note_growth(grown);
    }

    fn note_growth(&mut self, bytes: isize) {
        self.set_bytes = self.set_bytes.saturating_add_signed(bytes);
    }

    /// Removes a series.
    pub fn remove(&mut self, id: u32) {
        self.answers.forget();
        let mut pairs = std::mem::take(&mut self.other);
        pairs.clear();
        pairs.extend_from_slice(self.lists.get(id));
        for &pair in &pairs {
            self.remove_pair(id, pair);
        }
        self.other = pairs;
        self.lists.remove(id);
        let grown = self.all.remove(id);
        self.note_growth(grown);
        if self.is_empty() {
            // An idle tenant should cost nothing, and the tables of ids never shrink by themselves.
            *self = Self::default();
        }
    }

    /// Gives back the memory that stood for pairs which are gone. Worth a call after many series
    /// were removed.
    pub fn shrink(&mut self) {
        self.lists.shrink();
        let pairs = self.interner.trim();
        if pairs < self.postings.len() {
            self.postings.truncate(pairs);
            self.positions.truncate(pairs);
            self.postings.shrink_to(pairs + pairs / 8);
            self.positions.shrink_to(pairs + pairs / 8);
        }
    }

    /// The pairs that so many series have that they are a bitmap, in no order.
    pub fn frequent_pairs(&self) -> Vec<u32> {
        self.large.iter().copied().collect()
    }

    /// Writes down anew which series have these pairs and their names. Ids that follow one another
    /// take a few bytes when they come, and a bit each when others have left from between them:
    /// worth a call after many were removed.
    pub fn compact(&mut self, pairs: &[u32]) {
        let Self { interner, postings, names, all, .. } = self;
        let mut grown = all.compact();
        for &pair in pairs {
            grown += postings.get_mut(pair as usize).map_or(0, Postings::compact);
            let name = interner.name_of(pair).and_then(|name| names.get_mut(name as usize));
            grown += name.map_or(0, |name| name.series.compact());
        }
        self.note_growth(grown);
    }

    /// The label set of a series, empty if it is not here.
    pub fn labels(&self, id: u32) -> Labels {
        pack(self.pairs(id))
    }

    /// Whether the series has exactly these labels.
    pub fn equals(&self, id: u32, labels: &Labels) -> bool {
        self.pair_ids(id).len() == labels.len() && self.pairs(id).eq(labels.iter())
    }

    /// The label pairs of a series in the order of their names.
    pub fn pairs(&self, id: u32) -> impl Iterator<Item = (&str, &str)> + Clone {
        self.pair_ids(id).iter().filter_map(|&pair| self.interner.get(pair))
    }

    /// The same as ids, to be written into a file together with the pairs that they stand for.
    pub fn pair_ids(&self, id: u32) -> &[u32] {
        self.lists.get(id)
    }

    /// The series that all matchers accept; all series if there are no matchers.
    pub fn select(&self, matchers: &[Matcher]) -> RoaringBitmap {
        match select::select(self, matchers) {
            Ok(selected) => selected,
            Err(never) => match never {},
        }
    }

    /// The names of the labels of the selected series (`None`: of all), sorted.
    pub fn label_names(&self, selected: Option<&RoaringBitmap>) -> Vec<String> {
        let has = |&id: &u32| match (selected, self.names.get(id as usize)) {
            (Some(selected), Some(name)) => !name.series.bitmap().is_disjoint(selected),
            (_, name) => name.is_some(),
        };
        let ids = self.interner.name_ids().filter(has);
        let mut names: Vec<_> = ids.map(|id| self.interner.name(id).to_owned()).collect();
        names.sort_unstable();
        names
    }

    /// The values of the label `name` of the selected series (`None`: of all), sorted; the first
    /// `limit` of them (0: all).
    pub fn label_values(
        &self,
        name: &str,
        selected: Option<&RoaringBitmap>,
        limit: usize,
    ) -> Vec<String> {
        let Some(index) = self.name(name) else { return Vec::new() };
        if selected.is_some_and(|selected| index.series.bitmap().is_disjoint(selected)) {
            return Vec::new();
        }
        let limit = if limit == 0 { usize::MAX } else { limit };
        let mut first = BinaryHeap::new();
        for &id in &index.pairs {
            let value = self.interner.value(id);
            let is_full = first.len() >= limit;
            // Values are compared before postings: few of very many come in.
            let comes_later = is_full && first.peek().is_some_and(|last| *last < value);
            let is_other = |selected| !self.postings[id as usize].meets(selected);
            if comes_later || selected.is_some_and(is_other) {
                continue;
            }
            first.push(value);
            if is_full {
                first.pop();
            }
        }
        first.into_sorted_vec().into_iter().map(str::to_owned).collect()
    }

    /// Number of series.
    pub fn len(&self) -> usize {
        self.all.len() as usize
    }

    /// Whether there are no series.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Number of distinct label pairs.
    pub fn pair_count(&self) -> usize {
        self.interner.len()
    }

    /// Bytes on the heap. Bitmaps are counted when they have changed by an eighth, all else at
    /// every change.
    pub fn heap_bytes(&self) -> usize {
        self.interner.heap_bytes()
            + self.postings.capacity() * size_of::<Postings>()
            + (self.positions.capacity() + self.unsettled.capacity()) * size_of::<u32>()
            + self.names.capacity() * size_of::<NameIndex>()
            + self.large.allocation_size()
            + (self.last.capacity() + self.other.capacity()) * size_of::<u32>()
            + self.followers.heap_bytes()
            + self.lists.heap_bytes()
            + self.set_bytes
    }

    /// The part of [`heap_bytes`](Self::heap_bytes) that the series' lists of pairs take.
    pub fn list_bytes(&self) -> usize {
        self.lists.heap_bytes()
    }

    /// The part of [`heap_bytes`](Self::heap_bytes) that names and values take with their table.
    pub fn label_bytes(&self) -> usize {
        self.interner.heap_bytes()
    }

    /// Puts a series under a pair, which is mostly `guess` or what followed the series' `previous`
    /// one before: comparing with a guess costs less than looking the pair up.
    fn insert_pair(
        &mut self,
        id: u32,
        (name, value): (&str, &str),
        guess: u32,
        previous: u32,
    ) -> u32 {
        let Self { interner, followers, .. } = self;
        let mut guessed = interner.acquire_if(guess, name, value);
        if guessed.is_none() {
            guessed = interner.acquire_if(followers.after(previous), name, value);
        }
        let is_guessed = guessed.is_some();
        let pair = guessed.unwrap_or_else(|| interner.acquire(name, value));
        if pair.new {
            self.add_pair(pair.id, pair.name);
        } else if !is_guessed && self.postings.len() >= MANY_PAIRS {
            self.followers.note(previous, pair.id);
        }
        self.post(id, pair.id, pair.name);
        pair.id
    }

    /// Puts a series under a pair and its name.
    fn post(&mut self, id: u32, pair: u32, name: u32) {
        let postings = &mut self.postings[pair as usize];
        let name = &mut self.names[name as usize];
        self.set_bytes -= postings.heap_bytes();
        let was_large = postings.is_large();
        if postings.add(id) {
            self.unsettled.push(pair);
        }
        self.set_bytes += postings.heap_bytes();
        let grown = name.series.add(id);
        if postings.is_large() && !was_large {
            self.large.insert(pair);
        }
        self.note_growth(grown);
    }

    fn add_pair(&mut self, pair: u32, name: u32) {
        while self.postings.len() <= pair as usize {
            grow(&mut self.postings);
            grow(&mut self.positions);
            self.postings.push(Postings::default());
            self.positions.push(0);
        }
        while self.names.len() <= name as usize {
            self.names.push(NameIndex::default());
        }
        let pairs = &mut self.names[name as usize].pairs;
        let before = pairs.capacity();
        grow(pairs);
        self.set_bytes += (pairs.capacity() - before) * size_of::<u32>();
        self.positions[pair as usize] = pairs.len() as u32;
        pairs.push(pair);
    }

    fn remove_pair(&mut self, id: u32, pair: u32) {
        let Some(name) = self.interner.name_of(pair) else { return };
        let postings = &mut self.postings[pair as usize];
        let index = &mut self.names[name as usize];
        let grown = index.series.remove(id);
        self.set_bytes -= postings.heap_bytes();
        let was_large = postings.is_large();
        postings.remove(id);
        self.set_bytes += postings.heap_bytes();
        if was_large && !postings.is_large() {
            self.large.remove(&pair);
        }
        self.note_growth(grown);
        if self.interner.release(pair).is_some() {
            self.forget_pair(pair, name);
        }
    }

    fn forget_pair(&mut self, pair: u32, name: u32) {
        let index = &mut self.names[name as usize];
        let at = self.positions[pair as usize];
        index.pairs.swap_remove(at as usize);
        if let Some(&moved) = index.pairs.get(at as usize) {
            self.positions[moved as usize] = at;
        }
        if index.pairs.len() < index.pairs.capacity() / 2 {
            let before = index.pairs.capacity();
            index.pairs.shrink_to(index.pairs.len() + index.pairs.len() / 8);
            self.set_bytes -= (before - index.pairs.capacity()) * size_of::<u32>();
        }
    }

    /// One more than the largest pair id that was ever given.
    pub(crate) fn pair_slots(&self) -> usize {
        self.postings.len()
    }

    /// All names, sorted, with their ids.
    pub(crate) fn names_sorted(&self) -> Vec<(&str, u32)> {
        let mut names: Vec<_> =
            self.interner.name_ids().map(|id| (self.interner.name(id), id)).collect();
        names.sort_unstable();
        names
    }

    /// The pairs of a name with their values, sorted by value.
    pub(crate) fn pairs_sorted(&self, name: u32) -> Vec<(&str, u32)> {
        let pairs = self.names.get(name as usize).map_or(&[][..], |name| &name.pairs);
        let mut pairs: Vec<_> = pairs.iter().map(|&id| (self.interner.value(id), id)).collect();
        pairs.sort_unstable();
        pairs
    }

    /// The series that have a pair.
    pub(crate) fn series_of_pair(&self, pair: u32) -> Cow<'_, RoaringBitmap> {
        self.postings.get(pair as usize).map_or_else(Cow::default, Postings::bitmap)
    }

    /// The series that have a name.
    pub(crate) fn series_of_name(&self, name: u32) -> Cow<'_, RoaringBitmap> {
        let name = self.names.get(name as usize);
        name.map_or_else(Cow::default, |name| Cow::Borrowed(name.series.bitmap()))
    }

    fn name(&self, name: &str) -> Option<&NameIndex> {
        self.names.get(self.interner.find_name(name)? as usize)
    }

    fn union_of(&self, pairs: impl Iterator<Item = u32>) -> RoaringBitmap {
        let mut union = Union::default();
        for pair in pairs {
            self.postings[pair as usize].add_to(&mut union);
        }
        union.finish()
    }
}

impl Index for HeadIndex {
    type Error = Infallible;

    fn all(&self) -> Result<Cow<'_, RoaringBitmap>, Infallible> {
        Ok(Cow::Borrowed(self.all.bitmap()))
    }

    fn present(&self, name: &str) -> Result<Cow<'_, RoaringBitmap>, Infallible> {
        Ok(self.name(name).map_or_else(Cow::default, |name| Cow::Borrowed(name.series.bitmap())))
    }

    fn exact(&self, name: &str, value: &str) -> Result<Cow<'_, RoaringBitmap>, Infallible> {
        let pair = self.interner.find(name, value);
        Ok(pair.map_or_else(Cow::default, |pair| self.postings[pair as usize].bitmap()))
    }

    fn one_of(&self, name: &str, values: &[Box<str>]) -> Result<RoaringBitmap, Infallible> {
        Ok(self.union_of(values.iter().filter_map(|value| self.interner.find(name, value))))
    }

    fn walk(
        &self,
        matcher: &Matcher,
        _among: Option<&RoaringBitmap>,
    ) -> Result<RoaringBitmap, Infallible> {
        let test = matcher.test();
        let pairs = self.name(matcher.name()).map_or(&[][..], |name| &name.pairs);
        let is_remembered = pairs.len() >= REMEMBERED;
        if is_remembered && let Some(found) = self.answers.get(matcher) {
            return Ok((*found).clone());
        }
        let accepted = |&pair: &u32| test.accepts(self.interner.value(pair));
        let found = self.union_of(pairs.iter().copied().filter(accepted));
        if is_remembered {
            self.answers.insert(matcher, &found);
        }
        Ok(found)
    }
}
