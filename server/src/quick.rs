//! Which requests were quick the last time.
//!
//! Work that may block or take long goes to a thread of its own. Handing it over and its answer
//! back wakes two threads, which costs more than many a panel's query does. Dashboards ask the same
//! again and again: what was quick the last time is done where the request was read, within a time
//! after which it is begun anew elsewhere.

use std::hash::{BuildHasher as _, Hash, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Requests that are remembered; a power of two.
const PLACES: usize = 1024;
/// What counts as quick.
const QUICK: Duration = Duration::from_millis(2);

/// How long a request that was quick may keep others of its thread waiting.
pub(crate) const PATIENCE: Duration = Duration::from_millis(10);

/// What tells requests apart.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Key(u64);

/// The requests that were quick, each in the place that its hash gives it.
#[derive(Debug)]
pub(crate) struct Quick {
    random: RandomState,
    known: Box<[AtomicU64]>,
}

impl Default for Quick {
    fn default() -> Self {
        Self { random: RandomState::new(), known: (0..PLACES).map(|_| AtomicU64::new(0)).collect() }
    }
}

impl Quick {
    /// The key of a request.
    pub(crate) fn key(&self, request: impl Hash) -> Key {
        Key(self.random.hash_one(request) | 1)
    }

    /// Whether the request was quick the last time.
    pub(crate) fn knows(&self, key: Key) -> bool {
        self.place(key).load(Ordering::Relaxed) == key.0
    }

    /// Says how long the request has taken.
    pub(crate) fn note(&self, key: Key, took: Duration) {
        let place = self.place(key);
        if took < QUICK {
            place.store(key.0, Ordering::Relaxed);
        } else if place.load(Ordering::Relaxed) == key.0 {
            place.store(0, Ordering::Relaxed);
        }
    }

    fn place(&self, key: Key) -> &AtomicU64 {
        &self.known[(key.0 >> 1) as usize % PLACES]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_time_counts() {
        let quick = Quick::default();
        let (a, b) = (quick.key("a"), quick.key(("b", 1)));
        assert!(!quick.knows(a));
        quick.note(a, Duration::ZERO);
        quick.note(b, QUICK);
        assert!(quick.knows(a) && !quick.knows(b));
        quick.note(a, QUICK);
        assert!(!quick.knows(a));
    }
}
