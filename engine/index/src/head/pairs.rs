//! Pairs by their ids: how a head is written to a file and read back without hashing every label
//! of every series again.

use super::HeadIndex;

impl HeadIndex {
    /// Name and value of a pair that a series here has; `None` for other ids.
    pub fn pair(&self, id: u32) -> Option<(&str, &str)> {
        self.interner.get(id)
    }

    /// Makes a pair known, without a series, until [`release_pair`](Self::release_pair) has been
    /// called as often; returns its id.
    pub fn hold_pair(&mut self, name: &str, value: &str) -> u32 {
        let pair = self.interner.acquire(name, value);
        if pair.new {
            self.add_pair(pair.id, pair.name);
        }
        pair.id
    }

    /// Lets go of a pair that was held; it stays as long as a series has it.
    pub fn release_pair(&mut self, pair: u32) {
        if let Some(name) = self.interner.release(pair) {
            self.forget_pair(pair, name);
        }
    }

    /// As [`add`](Self::add), of pairs that are known by their ids. `None` if one is not, or if their
    /// names don't ascend; nothing has then changed.
    pub fn add_pairs(&mut self, id: u32, pairs: &[u32]) -> Option<()> {
        let mut before = None;
        for &pair in pairs {
            let (name, _) = self.interner.get(pair)?;
            if before >= Some(name) {
                return None;
            }
            before = Some(name);
        }
        for &pair in pairs {
            let name = self.interner.acquire_again(pair)?;
            self.post(id, pair, name);
        }
        self.lists.insert(id, pairs);
        self.answers.forget();
        let grown = self.all.add(id);
        self.note_growth(grown);
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::labels;
    use crate::matcher::{MatchOp, Matcher};

    #[test]
    fn a_series_by_ids_is_the_series_by_labels() {
        let up = labels! { "__name__" => "up", "job" => "node" };
        let mut index = HeadIndex::new();
        let held: Vec<u32> = up.iter().map(|(name, value)| index.hold_pair(name, value)).collect();
        index.add_pairs(3, &held).unwrap();
        index.settle();
        for &pair in &held {
            index.release_pair(pair);
        }
        assert_eq!((index.labels(3), index.pair_count()), (up.clone(), 2));
        let job = Matcher::new("job", MatchOp::Equal, "node").unwrap();
        assert_eq!(index.select(&[job]).iter().collect::<Vec<_>>(), [3]);
        index.insert(4, &up);
        assert_eq!(index.pair_ids(4), index.pair_ids(3), "the pairs are the same");
        index.remove(3);
        index.remove(4);
        assert_eq!((index.pair_count(), index.heap_bytes()), (0, HeadIndex::new().heap_bytes()));
    }

    #[test]
    fn what_is_no_label_set_changes_nothing() {
        let mut index = HeadIndex::new();
        let (b, a) = (index.hold_pair("b", "1"), index.hold_pair("a", "1"));
        assert_eq!(index.add_pairs(1, &[b, a]), None);
        assert_eq!(index.add_pairs(1, &[a, a]), None);
        assert_eq!(index.add_pairs(1, &[a, 77]), None);
        index.release_pair(a);
        assert_eq!((index.pair(a), index.pair(b)), (None, Some(("b", "1"))));
        assert!(index.is_empty() && index.select(&[]).is_empty());
    }
}
