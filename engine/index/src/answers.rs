//! What patterns over many values have found: dashboards ask the same patterns again and again.

use std::sync::{Arc, Mutex, PoisonError};

use roaring::RoaringBitmap;

use crate::matcher::Matcher;

/// From so many values on what a pattern finds among them is remembered.
pub(crate) const REMEMBERED: usize = 4096;

/// Bytes of all bitmaps that an index remembers.
const BYTES: usize = 64 << 10;

/// The last answers of one index, as long as it does not change. Mostly there are none: only a
/// pattern that had to look at many values is worth it.
#[derive(Debug, Default)]
pub(crate) struct Answers(Mutex<Vec<Answer>>);

#[derive(Debug)]
struct Answer {
    matcher: Matcher,
    found: Arc<RoaringBitmap>,
    bytes: usize,
}

impl Answers {
    /// What a matcher's pattern has found.
    pub(crate) fn get(&self, matcher: &Matcher) -> Option<Arc<RoaringBitmap>> {
        let mut answers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = answers.iter().position(|answer| answer.matcher == *matcher)?;
        answers.get_mut(..=at)?.rotate_right(1);
        answers.first().map(|answer| Arc::clone(&answer.found))
    }

    /// The index has changed.
    pub(crate) fn forget(&mut self) {
        self.0.get_mut().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Remembers what a pattern has found, if that is not too much, and forgets what was not asked
    /// for the longest time.
    pub(crate) fn insert(&self, matcher: &Matcher, found: &RoaringBitmap) {
        let bytes = found.serialized_size() + size_of::<Answer>();
        if bytes > BYTES {
            return;
        }
        let answer = Answer { matcher: matcher.clone(), found: Arc::new(found.clone()), bytes };
        let mut answers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        answers.retain(|other| other.matcher != *matcher);
        answers.insert(0, answer);
        let mut sum = 0;
        answers.retain(|answer| {
            sum += answer.bytes;
            sum <= BYTES
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matcher::MatchOp;

    #[test]
    fn the_last_answers_stay_within_their_bytes() {
        let answers = Answers::default();
        let pattern = |i: u32| Matcher::new("a", MatchOp::Regex, &format!(".*{i}[0-9]")).unwrap();
        let found = |i: u32| -> RoaringBitmap { (0..5000).map(|id| id * 2 + i).collect() };
        (0..20).for_each(|i| answers.insert(&pattern(i), &found(i)));
        assert_eq!(answers.get(&pattern(0)), None);
        assert_eq!(answers.get(&pattern(19)).as_deref(), Some(&found(19)));
        assert!(answers.get(&pattern(15)).is_some());
        (20..25).for_each(|i| answers.insert(&pattern(i), &found(i)));
        assert!(answers.get(&pattern(15)).is_some() && answers.get(&pattern(18)).is_none());
        answers.insert(&pattern(99), &(0..1_000_000).map(|id| id * 3).collect());
        assert_eq!(answers.get(&pattern(99)), None, "too large");
        let sum: usize = answers.0.lock().unwrap().iter().map(|answer| answer.bytes).sum();
        assert!(sum <= BYTES);
    }
}
