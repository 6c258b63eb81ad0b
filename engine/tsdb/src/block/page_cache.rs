//! What queries have read of blocks lately: pages, checked and unpacked, decoded times, and answers
//! of the index.
//!
//! Dashboards ask for the same blocks again and again, and most of what a small query costs is
//! reading and unpacking pages of which it needs a few hundred bytes. There is one cache for the
//! process, because it is the process whose memory is bounded. Blocks never change and are
//! numbered over all databases, so nothing in it can become wrong; entries of a block that is gone
//! fall out like others that nobody asks for.
//!
//! It has two generations. What is found in the old one moves to the young one; when that has
//! half of the room, it becomes the old one and the old one is dropped. So what was used since
//! the last turn stays, and neither hits nor insertions cost more than a map's. Also without
//! insertions there is a turn [now and then](AGE): what a flood has left is nobody's for long.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use nunatak_index::Labels;
use parking_lot::Mutex;

use super::answers::{Selection, Values};
use super::directory::DirectoryPage;
use super::page::Page;
use super::streams::StreamPage;

/// Mebibytes of all kinds together if the memory budget leaves room for them.
const MEBIBYTES: usize = 56;
/// What all kinds may have together, in bytes.
static LIMIT: AtomicUsize = AtomicUsize::new(MEBIBYTES << 20);

/// Bounds what is remembered: a sixteenth of the memory budget of the database that was opened
/// last, at most 56 MiB.
pub(crate) fn remember_within(budget: u64) {
    let bytes = usize::try_from(budget / 16).unwrap_or(usize::MAX);
    LIMIT.store(bytes.min(MEBIBYTES << 20), Ordering::Relaxed);
}

/// Between two turns in time: what nobody asks for twice as long is forgotten. Rules and dashboards
/// ask at least once a minute or are not in a hurry.
const AGE: Duration = Duration::from_mins(2);

/// Forgets what nobody has asked for lately; to be called again and again.
pub(crate) fn forget_in_time() {
    PageCache::shared().turn_after(AGE);
}

/// Bytes of all that is remembered.
pub(crate) fn remembered_bytes() -> usize {
    PageCache::shared().bytes()
}

/// What an entry takes beside its content: key, pointers, place in the map.
const OVERHEAD: usize = 96;

/// All that is remembered, each kind in a room of its own: 56 MiB in all.
#[derive(Debug)]
pub(super) struct PageCache {
    pub(super) values: Remembered<Page>,
    pub(super) streams: Remembered<StreamPage>,
    pub(super) directory: Remembered<DirectoryPage>,
    /// Decoded timestamp streams.
    pub(super) times: Remembered<[i64]>,
    /// What tells the series of a block from others.
    pub(super) identities: Remembered<[u128]>,
    /// Which series matchers select.
    pub(super) selections: Remembered<Selection>,
    /// The values of labels.
    pub(super) label_values: Remembered<Values>,
    /// Label sets of series of small selections.
    pub(super) labels: Remembered<Labels>,
    turned: Mutex<Instant>,
}

impl PageCache {
    /// The cache of this process.
    pub(super) fn shared() -> &'static Self {
        static SHARED: LazyLock<PageCache> = LazyLock::new(|| PageCache {
            values: Remembered::new(28),
            streams: Remembered::new(3),
            directory: Remembered::new(5),
            times: Remembered::new(5),
            identities: Remembered::new(7),
            selections: Remembered::new(2),
            label_values: Remembered::new(2),
            labels: Remembered::new(4),
            turned: Mutex::new(Instant::now()),
        });
        &SHARED
    }

    fn turn_after(&self, age: Duration) {
        let mut turned = self.turned.lock();
        if turned.elapsed() >= age {
            *turned = Instant::now();
            self.kinds().iter().for_each(|kind| kind.turn());
        }
    }

    fn bytes(&self) -> usize {
        self.kinds().iter().map(|kind| kind.bytes()).sum()
    }

    fn kinds(&self) -> [&dyn Kind; 8] {
        let Self { values, streams, directory, times, identities, .. } = self;
        let Self { selections, label_values, labels, .. } = self;
        [values, streams, directory, times, identities, selections, label_values, labels]
    }

    /// Whether so many bytes of value pages of one shard are so many that remembering them would
    /// drive out all else, and themselves before they are asked for again. Queries read all shards.
    pub(super) fn is_flooded_by(&self, bytes: u64) -> bool {
        bytes > self.values.room() as u64 / 4
    }
}

/// What all kinds have in common.
trait Kind {
    /// Forgets what was not asked for since the last turn.
    fn turn(&self);
    /// Bytes of what is remembered.
    fn bytes(&self) -> usize;
}

impl<T: ?Sized> Kind for Remembered<T> {
    fn turn(&self) {
        let mut generations = self.generations.lock();
        let dropped = generations.turn();
        drop(generations);
        // Without the lock: it may be much.
        drop(dropped);
    }

    fn bytes(&self) -> usize {
        let generations = self.generations.lock();
        generations.young.bytes + generations.old.bytes
    }
}

/// A block's number, and the number of something in it.
pub(super) type Key = (u64, u32);

/// Mixes keys: they are numbers that no client chooses.
#[derive(Debug, Default)]
struct KeyHasher(u64);

impl Hasher for KeyHasher {
    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u64(byte.into());
        }
    }

    fn write_u32(&mut self, number: u32) {
        self.write_u64(number.into());
    }

    fn write_u64(&mut self, number: u64) {
        let mixed = (self.0 ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = mixed ^ mixed >> 32;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// Things of one kind.
#[derive(Debug)]
pub(super) struct Remembered<T: ?Sized> {
    /// Its part of the [`MEBIBYTES`].
    mebibytes: usize,
    generations: Mutex<Generations<T>>,
}

#[derive(Debug)]
struct Generations<T: ?Sized> {
    young: Generation<T>,
    old: Generation<T>,
}

#[derive(Debug)]
struct Generation<T: ?Sized> {
    entries: HashMap<Key, (Arc<T>, usize), BuildHasherDefault<KeyHasher>>,
    bytes: usize,
}

impl<T: ?Sized> Default for Generation<T> {
    fn default() -> Self {
        Self { entries: HashMap::default(), bytes: 0 }
    }
}

impl<T: ?Sized> Remembered<T> {
    fn new(mebibytes: usize) -> Self {
        let generations = Generations { young: Generation::default(), old: Generation::default() };
        Self { mebibytes, generations: Mutex::new(generations) }
    }

    pub(super) fn get(&self, key: Key) -> Option<Arc<T>> {
        self.generations.lock().get(key, self.room())
    }

    /// Remembers something of so many bytes.
    pub(super) fn insert(&self, key: Key, value: Arc<T>, bytes: usize) {
        self.generations.lock().put(key, value, bytes + OVERHEAD, self.room());
    }

    /// Bytes that a generation may have.
    fn room(&self) -> usize {
        LIMIT.load(Ordering::Relaxed) / MEBIBYTES * self.mebibytes / 2
    }
}

impl<T: ?Sized> Generations<T> {
    fn get(&mut self, key: Key, room: usize) -> Option<Arc<T>> {
        if let Some((found, _)) = self.young.entries.get(&key) {
            return Some(Arc::clone(found));
        }
        let (found, bytes) = self.old.entries.remove(&key)?;
        self.old.bytes -= bytes;
        self.put(key, Arc::clone(&found), bytes, room);
        Some(found)
    }

    /// Makes the young generation the old one; returns that which was old.
    fn turn(&mut self) -> Generation<T> {
        std::mem::replace(&mut self.old, std::mem::take(&mut self.young))
    }

    fn put(&mut self, key: Key, value: Arc<T>, bytes: usize, room: usize) {
        if self.young.bytes + bytes > room {
            self.turn();
        }
        if self.young.entries.insert(key, (value, bytes)).is_none() {
            self.young.bytes += bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(len: usize) -> Arc<[i64]> {
        vec![0; len].into()
    }

    #[test]
    fn what_is_asked_for_stays_and_the_rest_goes() {
        let mut all = Generations { young: Generation::default(), old: Generation::default() };
        for number in 0..20 {
            all.put((1, number), times(10), 80, 160);
            assert!(all.get((1, 0), 160).is_some(), "forgotten after {number}");
            assert!(all.young.bytes + all.old.bytes <= 320);
        }
        let holds = |number| all.young.entries.contains_key(&(1, number));
        assert!(holds(19) && !holds(10) && !all.old.entries.contains_key(&(1, 10)));
    }

    #[test]
    fn what_nobody_asks_for_is_forgotten_in_time() {
        let cache = Remembered::new(1);
        cache.insert((1, 1), times(3), 24);
        cache.insert((1, 2), times(3), 24);
        cache.turn();
        assert!(cache.get((1, 1)).is_some());
        assert_eq!(cache.bytes(), 2 * (24 + OVERHEAD));
        cache.turn();
        assert!(cache.get((1, 2)).is_none());
        assert_eq!(cache.bytes(), 24 + OVERHEAD);
    }

    #[test]
    fn blocks_are_told_apart() {
        let cache = Remembered::new(1);
        cache.insert((1, 1), times(3), 24);
        assert!(cache.get((2, 1)).is_none());
        assert_eq!(cache.get((1, 1)).map(|times| times.len()), Some(3));
    }
}
