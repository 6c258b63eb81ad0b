//! Known series: raw label bytes → where the series lives, without parsing them.
//!
//! A sender names a series by the same bytes in every request. A keyed 128-bit hash of those
//! bytes finds the shard and the reference at once; the key is random in each process and for
//! each tenant, so that nobody can prepare a collision. The table is a cache and nothing else:
//! the identity of a series is its label set, and a miss parses the labels and asks the shard.

use std::hash::{BuildHasher, RandomState};

use hashbrown::HashTable;
use parking_lot::RwLock;
use xxhash_rust::xxh3::xxh3_128_with_secret;

/// Bytes of a secret, the shortest that XXH3 documents for its full strength.
const SECRET_BYTES: usize = 192;
const STRIPES: usize = 16;

/// Where a known series lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) shard: u16,
    pub(crate) reference: u64,
}

/// Whose bytes are hashed: each notation has its own key, so that equal bytes of two notations
/// are two series.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Notation {
    /// The bytes of a protocol's decoder.
    Raw,
    /// Names and values of a label set in canonical form.
    Canonical,
}

#[derive(Debug)]
struct Entry {
    key: u128,
    place: Place,
}

/// The table of one tenant.
#[derive(Debug)]
pub(crate) struct KnownSeries {
    secrets: [Box<[u8; SECRET_BYTES]>; 2],
    stripes: [RwLock<HashTable<Entry>>; STRIPES],
}

impl KnownSeries {
    pub(crate) fn new() -> Self {
        Self {
            secrets: [random_secret(), random_secret()],
            stripes: std::array::from_fn(|_| RwLock::new(HashTable::new())),
        }
    }

    /// The key of raw bytes.
    pub(crate) fn key(&self, notation: Notation, raw: &[u8]) -> u128 {
        xxh3_128_with_secret(raw, self.secrets[notation as usize].as_slice())
    }

    pub(crate) fn get(&self, key: u128) -> Option<Place> {
        find(&self.stripes[stripe_of(key)].read(), key)
    }

    /// Where the series of all these keys live, in their order. Their entries are far apart in
    /// memory; without a lock between them the processor waits for several at a time.
    pub(crate) fn get_all(&self, keys: &[u128]) -> Vec<Option<Place>> {
        let stripes: [_; STRIPES] = std::array::from_fn(|stripe| self.stripes[stripe].read());
        keys.iter().map(|&key| find(&stripes[stripe_of(key)], key)).collect()
    }

    pub(crate) fn insert(&self, key: u128, place: Place) {
        let mut stripe = self.stripes[stripe_of(key)].write();
        stripe
            .entry(key as u64, |entry| entry.key == key, |entry| entry.key as u64)
            .and_modify(|entry| entry.place = place)
            .or_insert(Entry { key, place });
    }

    /// Forgets the series that `is_alive` does not know any more.
    pub(crate) fn retain(&self, mut is_alive: impl FnMut(Place) -> bool) {
        for stripe in &self.stripes {
            let mut stripe = stripe.write();
            stripe.retain(|entry| is_alive(entry.place));
            // Places of those that left count as taken in its capacity.
            if stripe.len() * 2 <= stripe.num_buckets() {
                stripe.shrink_to(0, |entry| entry.key as u64);
            }
        }
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        let tables: usize = self.stripes.iter().map(|stripe| stripe.read().allocation_size()).sum();
        tables + 2 * SECRET_BYTES
    }
}

fn find(stripe: &HashTable<Entry>, key: u128) -> Option<Place> {
    stripe.find(key as u64, |entry| entry.key == key).map(|entry| entry.place)
}

/// The stripe is taken from the upper half of the key, the place inside it from the lower.
fn stripe_of(key: u128) -> usize {
    (key >> 64) as usize % STRIPES
}

fn random_secret() -> Box<[u8; SECRET_BYTES]> {
    let mut secret = Box::new([0; SECRET_BYTES]);
    for (i, bytes) in secret.chunks_exact_mut(8).enumerate() {
        bytes.copy_from_slice(&RandomState::new().hash_one(i).to_le_bytes());
    }
    secret
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_was_inserted_and_forgets_what_died() {
        let known = KnownSeries::new();
        let keys: Vec<u128> =
            (0..1000u64).map(|i| known.key(Notation::Raw, &i.to_le_bytes())).collect();
        for (i, &key) in keys.iter().enumerate() {
            known.insert(key, Place { shard: 3, reference: i as u64 });
        }
        assert_eq!(known.get(keys[7]), Some(Place { shard: 3, reference: 7 }));
        let full = known.heap_bytes();
        known.retain(|place| place.reference % 8 == 0);
        assert!(known.heap_bytes() < full / 5, "{} of {full}", known.heap_bytes());
        assert_eq!(known.get(keys[7]), None);
        assert_eq!(known.get(keys[8]), Some(Place { shard: 3, reference: 8 }));
        let each: Vec<_> = keys.iter().map(|&key| known.get(key)).collect();
        assert_eq!(known.get_all(&keys), each);
    }

    #[test]
    fn notations_and_tables_have_their_own_keys() {
        let (one, two) = (KnownSeries::new(), KnownSeries::new());
        assert_ne!(one.key(Notation::Raw, b"a"), one.key(Notation::Canonical, b"a"));
        assert_ne!(one.key(Notation::Raw, b"a"), two.key(Notation::Raw, b"a"));
    }
}
