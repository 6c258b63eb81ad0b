//! The head's table of label pairs: each distinct (name, value) is kept once and has a u32 id.
//!
//! Pairs are counted: one that nobody uses is forgotten and its id is given again. A pair costs
//! its value's bytes, a record of 20 bytes, 4 bytes in its text page and about 6 in the hash table.

mod arena;

use std::hash::{BuildHasher, RandomState};

use arena::{Arena, Place};
use hashbrown::HashTable;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// No id.
const NONE: u32 = u32::MAX;

#[derive(Debug)]
struct Pair {
    place: Place,
    /// The name's id; of a free record: the next free one.
    name: u32,
    /// Who uses it; 0: the record is free.
    refs: u32,
}

#[derive(Debug)]
struct Name {
    text: Box<str>,
    /// Distinct pairs with this name; 0: the record is free.
    pairs: u32,
}

/// What [`Interner::acquire`] found.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Acquired {
    /// The pair.
    pub(crate) id: u32,
    /// Its name.
    pub(crate) name: u32,
    /// Whether the pair was not there before.
    pub(crate) new: bool,
}

/// The table of pairs and of their names.
#[derive(Debug)]
pub(crate) struct Interner {
    pairs: Vec<Pair>,
    by_pair: HashTable<u32>,
    first_free: u32,
    arena: Arena,
    names: Vec<Name>,
    by_name: HashTable<u32>,
    free_names: Vec<u32>,
    name_bytes: usize,
    /// Random per table, so that nobody can choose values that collide.
    seed: u64,
}

impl Default for Interner {
    fn default() -> Self {
        Self {
            pairs: Vec::new(),
            by_pair: HashTable::new(),
            first_free: NONE,
            arena: Arena::default(),
            names: Vec::new(),
            by_name: HashTable::new(),
            free_names: Vec::new(),
            name_bytes: 0,
            seed: RandomState::new().hash_one(0),
        }
    }
}

impl Interner {
    /// Finds or adds a pair and counts one more user of it.
    pub(crate) fn acquire(&mut self, name: &str, value: &str) -> Acquired {
        let name = self.acquire_name(name);
        let hash = hash_pair(self.seed, name, value);
        if let Some(id) = self.find_hashed(hash, name, value) {
            self.pairs[id as usize].refs += 1;
            return Acquired { id, name, new: false };
        }
        let id = self.free_record();
        let place = self.arena.push(id, value);
        self.pairs[id as usize] = Pair { place, name, refs: 1 };
        self.names[name as usize].pairs += 1;
        let Self { by_pair, pairs, arena, seed, .. } = self;
        by_pair.insert_unique(hash, id, |&id| {
            let pair = &pairs[id as usize];
            hash_pair(*seed, pair.name, arena.get(pair.place))
        });
        Acquired { id, name, new: true }
    }

    /// Counts one more user of the pair `id` if it is this one: for callers who have a guess that
    /// costs less than [`acquire`](Self::acquire).
    pub(crate) fn acquire_if(&mut self, id: u32, name: &str, value: &str) -> Option<Acquired> {
        let pair = self.pairs.get_mut(id as usize).filter(|p| p.refs > 0)?;
        let text = &self.names[pair.name as usize].text;
        if self.arena.get(pair.place) != value || **text != *name {
            return None;
        }
        pair.refs += 1;
        Some(Acquired { id, name: pair.name, new: false })
    }

    /// Counts one more user of a pair that is in use; returns its name's id.
    pub(crate) fn acquire_again(&mut self, id: u32) -> Option<u32> {
        let pair = self.pairs.get_mut(id as usize).filter(|p| p.refs > 0)?;
        pair.refs += 1;
        Some(pair.name)
    }

    /// Counts one user less; returns the name's id if the pair is gone by that.
    pub(crate) fn release(&mut self, id: u32) -> Option<u32> {
        let pair = self.pairs.get_mut(id as usize).filter(|p| p.refs > 0)?;
        pair.refs -= 1;
        if pair.refs > 0 {
            return None;
        }
        let (place, name) = (pair.place, pair.name);
        let hash = hash_pair(self.seed, name, self.arena.get(place));
        if let Ok(entry) = self.by_pair.find_entry(hash, |&other| other == id) {
            entry.remove();
        }
        self.shrink();
        self.pairs[id as usize] = Pair { place: Place::NOWHERE, name: self.first_free, refs: 0 };
        self.first_free = id;
        if let Some(page) = self.arena.remove(place) {
            self.move_out(page);
        }
        self.release_name(name);
        Some(name)
    }

    /// The id of a pair.
    pub(crate) fn find(&self, name: &str, value: &str) -> Option<u32> {
        let name = self.find_name(name)?;
        self.find_hashed(hash_pair(self.seed, name, value), name, value)
    }

    /// Name and value of a pair; `None` if the id is not in use.
    pub(crate) fn get(&self, id: u32) -> Option<(&str, &str)> {
        let pair = self.pairs.get(id as usize).filter(|p| p.refs > 0)?;
        Some((self.name(pair.name), self.arena.get(pair.place)))
    }

    /// The value of a pair, empty if the id is not in use.
    pub(crate) fn value(&self, id: u32) -> &str {
        self.pairs.get(id as usize).map_or("", |pair| self.arena.get(pair.place))
    }

    /// The id of the name of a pair that is in use.
    pub(crate) fn name_of(&self, id: u32) -> Option<u32> {
        self.pairs.get(id as usize).filter(|p| p.refs > 0).map(|p| p.name)
    }

    /// A name by its id.
    pub(crate) fn name(&self, id: u32) -> &str {
        self.names.get(id as usize).map_or("", |n| &n.text)
    }

    /// The id of a name.
    pub(crate) fn find_name(&self, name: &str) -> Option<u32> {
        let hash = hash_text(self.seed, name);
        self.by_name.find(hash, |&id| *self.names[id as usize].text == *name).copied()
    }

    /// Distinct pairs.
    pub(crate) fn len(&self) -> usize {
        self.by_pair.len()
    }

    /// Ids of all names in use, in no order.
    pub(crate) fn name_ids(&self) -> impl Iterator<Item = u32> + '_ {
        self.by_name.iter().copied()
    }

    /// Bytes on the heap.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.pairs.capacity() * size_of::<Pair>()
            + self.names.capacity() * size_of::<Name>()
            + self.by_pair.allocation_size()
            + self.by_name.allocation_size()
            + self.free_names.capacity() * size_of::<u32>()
            + self.name_bytes
            + self.arena.heap_bytes()
    }

    /// Gives back the records behind the last pair in use, if they are many; returns how many
    /// records are left.
    pub(crate) fn trim(&mut self) -> usize {
        let used = self.pairs.iter().rposition(|pair| pair.refs > 0).map_or(0, |last| last + 1);
        if used < self.pairs.len() - self.pairs.len() / 4 {
            self.pairs.truncate(used);
            self.pairs.shrink_to(used + used / 8);
            self.link_free();
        }
        self.pairs.len()
    }

    /// Chains the free records anew, so that the first ones are used first.
    fn link_free(&mut self) {
        self.first_free = NONE;
        for (id, pair) in self.pairs.iter_mut().enumerate().rev() {
            if pair.refs == 0 {
                pair.name = std::mem::replace(&mut self.first_free, id as u32);
            }
        }
    }

    fn find_hashed(&self, hash: u64, name: u32, value: &str) -> Option<u32> {
        let same = |&id: &u32| {
            let pair = &self.pairs[id as usize];
            pair.name == name && self.arena.get(pair.place) == value
        };
        self.by_pair.find(hash, same).copied()
    }

    fn free_record(&mut self) -> u32 {
        if self.first_free != NONE {
            let id = self.first_free;
            self.first_free = self.pairs[id as usize].name;
            return id;
        }
        grow(&mut self.pairs);
        self.pairs.push(Pair { place: Place::NOWHERE, name: 0, refs: 0 });
        (self.pairs.len() - 1) as u32
    }

    fn acquire_name(&mut self, name: &str) -> u32 {
        if let Some(id) = self.find_name(name) {
            return id;
        }
        let entry = Name { text: name.into(), pairs: 0 };
        let id = self.free_names.pop().unwrap_or(self.names.len() as u32);
        if id as usize == self.names.len() {
            self.names.push(entry);
        } else {
            self.names[id as usize] = entry;
        }
        self.name_bytes += name.len();
        let Self { by_name, names, seed, .. } = self;
        by_name.insert_unique(hash_text(*seed, name), id, |&id| {
            hash_text(*seed, &names[id as usize].text)
        });
        id
    }

    fn release_name(&mut self, name: u32) {
        let Some(entry) = self.names.get_mut(name as usize) else { return };
        entry.pairs -= 1;
        if entry.pairs > 0 {
            return;
        }
        let text = std::mem::take(&mut entry.text);
        if let Ok(found) =
            self.by_name.find_entry(hash_text(self.seed, &text), |&other| other == name)
        {
            found.remove();
        }
        self.name_bytes -= text.len();
        self.free_names.push(name);
    }

    /// Gives back a hash table that has become far too large.
    fn shrink(&mut self) {
        let Self { by_pair, pairs, arena, seed, .. } = self;
        if by_pair.len() < by_pair.capacity() / 4 {
            by_pair.shrink_to(by_pair.len() * 2, |&id| {
                let pair = &pairs[id as usize];
                hash_pair(*seed, pair.name, arena.get(pair.place))
            });
        }
    }

    /// Moves the living strings out of a sparse page.
    fn move_out(&mut self, page: u32) {
        let Some(taken) = self.arena.take(page) else { return };
        for &owner in &taken.owners {
            // An owner that left, or that has moved already, stands elsewhere or nowhere.
            if let Some(pair) = self.pairs.get_mut(owner as usize)
                && let Some(text) = taken.get(pair.place)
            {
                pair.place = self.arena.push(owner, text);
            }
        }
        self.arena.give_back(&taken);
    }
}

/// Makes room for one more in steps of an eighth: half of a doubled table would stand empty.
pub(crate) fn grow<T>(table: &mut Vec<T>) {
    if table.len() == table.capacity() {
        table.reserve_exact((table.len() / 8).max(16));
    }
}

fn hash_text(seed: u64, text: &str) -> u64 {
    xxh3_64_with_seed(text.as_bytes(), seed)
}

fn hash_pair(seed: u64, name: u32, value: &str) -> u64 {
    xxh3_64_with_seed(
        value.as_bytes(),
        seed ^ (u64::from(name) + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_stable_counted_and_reused() {
        let mut interner = Interner::default();
        let a = interner.acquire("a", "1");
        assert!(a.new && !interner.acquire("a", "1").new);
        let other = interner.acquire("b", "1");
        assert_ne!((a.id, a.name), (other.id, other.name));
        assert_eq!(interner.release(a.id), None);
        assert_eq!(interner.get(a.id), Some(("a", "1")));
        assert_eq!(interner.release(a.id), Some(a.name));
        assert_eq!((interner.get(a.id), interner.find("a", "1")), (None, None));
        assert_eq!(interner.find_name("a"), None);
        let reused = interner.acquire("c", "3");
        assert_eq!((reused.id, reused.name), (a.id, a.name));
        assert_eq!(interner.get(reused.id), Some(("c", "3")));
        assert_eq!(interner.release(77), None);
        assert!(interner.acquire_if(reused.id, "c", "2").is_none());
        assert!(interner.acquire_if(reused.id, "b", "3").is_none());
        assert!(interner.acquire_if(77, "c", "3").is_none());
        assert!(interner.acquire_if(reused.id, "c", "3").is_some());
        assert_eq!(interner.release(reused.id), None, "it has two users");
    }

    #[test]
    fn strings_survive_the_moves_of_their_neighbours() {
        let mut interner = Interner::default();
        let text = |i: usize| "x".repeat(i * 37 % 900) + &i.to_string();
        let mut kept = Vec::new();
        for i in 0..5000 {
            let id = interner.acquire("n", &text(i)).id;
            if i % 7 == 0 {
                kept.push((i, id));
            } else if i % 2 == 0 {
                interner.release(id);
            }
        }
        let large = "y".repeat(200_000);
        let large_id = interner.acquire("n", &large).id;
        for (i, id) in kept {
            assert_eq!(interner.get(id), Some(("n", text(i).as_str())));
            assert_eq!(interner.find("n", &text(i)), Some(id));
        }
        assert_eq!(interner.get(large_id).map(|(_, v)| v.len()), Some(200_000));
    }

    #[test]
    fn records_behind_the_last_pair_are_given_back() {
        let mut interner = Interner::default();
        let ids: Vec<_> = (0..10_000).map(|i| interner.acquire("n", &i.to_string()).id).collect();
        let full = interner.heap_bytes();
        for &id in ids.iter().skip(50) {
            interner.release(id);
        }
        interner.release(ids[7]);
        assert_eq!(interner.trim(), 50);
        assert!(interner.heap_bytes() < full / 20, "{} of {full}", interner.heap_bytes());
        let again: Vec<_> = (0..3).map(|i| interner.acquire("m", &i.to_string()).id).collect();
        assert_eq!(again, [7, 50, 51]);
        assert_eq!(interner.get(49), Some(("n", "49")));
        // The text pages still name those who have left.
        for &id in ids.iter().take(49).filter(|id| **id != ids[7]) {
            interner.release(id);
        }
        assert_eq!(interner.get(49), Some(("n", "49")));
    }

    #[test]
    fn strings_survive_when_ids_come_back_to_the_page_that_they_left() {
        let mut interner = Interner::default();
        let mut living = std::collections::VecDeque::new();
        for i in 0..60_000_usize {
            let text = format!("{}-{i}", "x".repeat(i * 7919 % 60));
            living.push_back((interner.acquire("n", &text).id, text));
            // Some live long, most leave soon, so that pages become sparse.
            if living.len() > 300 {
                let at = if i % 5 == 0 { 0 } else { 250 };
                let (id, _) = living.remove(at).unwrap();
                interner.release(id);
            }
            if i % 500 == 0 {
                interner.trim();
                for (id, text) in &living {
                    assert_eq!(interner.get(*id), Some(("n", text.as_str())), "after {i}");
                }
            }
        }
    }

    #[test]
    fn memory_returns_when_everything_leaves() {
        let mut interner = Interner::default();
        let ids: Vec<_> =
            (0..20_000).map(|i| interner.acquire("n", &format!("value-{i:020}")).id).collect();
        let full = interner.heap_bytes();
        assert!(full < 20_000 * (26 + 45), "{full}");
        for id in ids {
            interner.release(id);
        }
        assert!(interner.heap_bytes() < full * 6 / 10, "{} of {full}", interner.heap_bytes());
        assert_eq!(interner.len(), 0);
    }
}
