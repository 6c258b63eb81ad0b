//! Which pair came after which.
//!
//! Requests bring series of many targets in turn. Two neighbours may differ in all that tells the
//! targets apart, but what follows a target's first such label has followed it before.

/// A power of two: 8 KiB.
const SLOTS: usize = 1024;
/// No pair.
const NONE: u32 = u32::MAX;

/// For some pairs, the pair that was seen behind them last. Only a hint: a pair may be gone, and
/// another one have its id.
#[derive(Debug, Default)]
pub(super) struct Followers(Vec<(u32, u32)>);

impl Followers {
    /// What came after a pair, or no pair.
    pub(super) fn after(&self, pair: u32) -> u32 {
        match self.0.get(pair as usize % SLOTS) {
            Some(&(known, next)) if known == pair => next,
            _ => NONE,
        }
    }

    /// Remembers that `next` came after `pair`.
    pub(super) fn note(&mut self, pair: u32, next: u32) {
        if self.0.is_empty() {
            self.0 = vec![(NONE, NONE); SLOTS];
        }
        if let Some(slot) = self.0.get_mut(pair as usize % SLOTS) {
            *slot = (pair, next);
        }
    }

    /// Bytes on the heap.
    pub(super) fn heap_bytes(&self) -> usize {
        self.0.capacity() * size_of::<(u32, u32)>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_one_is_remembered_and_others_are_no_answer() {
        let mut followers = Followers::default();
        assert_eq!(followers.after(3), NONE);
        followers.note(3, 7);
        followers.note(3, 8);
        assert_eq!((followers.after(3), followers.after(3 + SLOTS as u32)), (8, NONE));
        assert_eq!(followers.after(NONE), NONE);
    }
}
