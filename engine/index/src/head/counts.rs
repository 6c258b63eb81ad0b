//! Numbers that the index knows without looking at every series.

use super::HeadIndex;

impl HeadIndex {
    /// Series that have a pair.
    pub fn series_with(&self, name: &str, value: &str) -> u64 {
        let pair = self.interner.find(name, value);
        pair.map_or(0, |pair| self.postings[pair as usize].len())
    }

    /// The ids of the series that have a pair, ascending.
    pub fn ids_with(&self, name: &str, value: &str) -> Vec<u32> {
        let pair = self.interner.find(name, value);
        pair.map_or_else(Vec::new, |pair| self.postings[pair as usize].bitmap().iter().collect())
    }

    /// Whether a series has a pair.
    pub fn has_pair(&self, name: &str, value: &str) -> bool {
        self.interner.find(name, value).is_some()
    }

    /// Distinct values of a label name.
    pub fn value_count(&self, name: &str) -> u64 {
        self.name(name).map_or(0, |name| name.pairs.len() as u64)
    }

    /// The number of values of a label name, and at most `most` of them, evenly spread over the
    /// order in which they came.
    pub fn sample_values(&self, name: &str, most: usize) -> (u64, Vec<String>) {
        let pairs = self.name(name).map_or(&[][..], |name| &name.pairs);
        let step = pairs.len().div_ceil(most.max(1)).max(1);
        let sample = pairs.iter().step_by(step);
        let values = sample.map(|&pair| self.interner.value(pair).to_owned()).collect();
        (pairs.len() as u64, values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::labels;

    #[test]
    fn counts_follow_the_series() {
        let mut index = HeadIndex::new();
        for id in 0..10 {
            index.insert(id, &labels! { "a" => "1", "b" => &id.to_string() });
        }
        assert_eq!((index.series_with("a", "1"), index.series_with("a", "2")), (10, 0));
        assert_eq!((index.value_count("b"), index.value_count("c")), (10, 0));
        assert_eq!(index.sample_values("b", 3), (10, vec!["0".into(), "4".into(), "8".into()]));
        assert_eq!(index.sample_values("b", 100).1.len(), 10);
        index.remove(3);
        assert_eq!((index.ids_with("b", "4"), index.ids_with("b", "3")), (vec![4], vec![]));
        assert_eq!((index.series_with("a", "1"), index.has_pair("b", "3")), (9, false));
    }
}
