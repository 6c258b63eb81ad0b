//! Small caches of one selection.

use std::collections::HashMap;
use std::sync::Arc;

/// The last few things that were read, by number. Neighbours in a block share pages, so a few
/// entries catch nearly everything, even when a handful of threads reads one selection.
#[derive(Debug)]
pub(super) struct Recent<T> {
    entries: Vec<(u32, Arc<T>)>,
    capacity: usize,
}

impl<T> Recent<T> {
    pub(super) fn new(capacity: usize) -> Self {
        Self { entries: Vec::with_capacity(capacity), capacity }
    }

    pub(super) fn get(&mut self, key: u32) -> Option<Arc<T>> {
        let index = self.entries.iter().position(|(k, _)| *k == key)?;
        self.entries.get_mut(..=index)?.rotate_right(1);
        self.entries.first().map(|(_, value)| Arc::clone(value))
    }

    pub(super) fn insert(&mut self, key: u32, value: Arc<T>) {
        self.entries.truncate(self.capacity.saturating_sub(1));
        self.entries.insert(0, (key, value));
    }
}

/// Decoded timestamp streams, up to so many samples; then all are forgotten at once, which is
/// right for shared streams (few, they come back) and for unshared ones (none comes back).
#[derive(Debug)]
pub(super) struct DecodedTimes {
    streams: HashMap<u32, Arc<[i64]>>,
    samples: usize,
    capacity: usize,
}

impl DecodedTimes {
    pub(super) fn new(capacity: usize) -> Self {
        Self { streams: HashMap::new(), samples: 0, capacity }
    }

    pub(super) fn get(&self, stream: u32) -> Option<Arc<[i64]>> {
        self.streams.get(&stream).cloned()
    }

    pub(super) fn insert(&mut self, stream: u32, times: Arc<[i64]>) {
        if self.samples + times.len() > self.capacity {
            self.streams.clear();
            self.samples = 0;
        }
        self.samples += times.len();
        self.streams.insert(stream, times);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recent_forgets_the_longest_unused() {
        let mut recent = Recent::new(2);
        recent.insert(1, Arc::new('a'));
        recent.insert(2, Arc::new('b'));
        assert_eq!(recent.get(1).as_deref(), Some(&'a'));
        recent.insert(3, Arc::new('c'));
        assert_eq!(recent.get(2), None);
        assert_eq!((recent.get(3).as_deref(), recent.get(1).as_deref()), (Some(&'c'), Some(&'a')));
    }

    #[test]
    fn decoded_times_stay_under_their_bound() {
        let mut times = DecodedTimes::new(5);
        times.insert(1, Arc::from([1, 2, 3]));
        times.insert(2, Arc::from([4, 5]));
        assert!(times.get(1).is_some() && times.get(2).is_some());
        times.insert(3, Arc::from([6]));
        assert!(times.get(1).is_none() && times.get(3).is_some());
    }
}
