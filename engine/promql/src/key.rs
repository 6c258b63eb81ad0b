//! Numbers for label sets: grouping and matching compare integers, not labels.

use std::hash::{BuildHasherDefault, Hasher};

use crate::parser::quote;
use hashbrown::HashMap;
use nunatak_index::{Labels, METRIC_NAME};
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// Whether a label says what the metric is and not which series: such labels go when an operation
/// changes the meaning of the values.
pub(crate) fn is_metadata(name: &str) -> bool {
    matches!(name, METRIC_NAME | "__type__" | "__unit__")
}

/// The labels without the metric's name, type and unit.
pub(crate) fn without_metadata(labels: &Labels) -> Labels {
    if labels.iter().any(|(name, _)| is_metadata(name)) {
        labels.filtered(|name| !is_metadata(name))
    } else {
        labels.clone()
    }
}

/// Labels as Prometheus prints them in errors: the metric name is a label like the others.
pub(crate) fn braced(labels: &Labels) -> String {
    let pair = |(name, value): (&str, &str)| {
        let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let plain = name.chars().all(word) && !name.starts_with(|c: char| c.is_ascii_digit());
        let name = if plain { name.to_owned() } else { quote(name) };
        format!("{name}={}", quote(value))
    };
    let pairs: Vec<_> = labels.iter().map(pair).collect();
    format!("{{{}}}", pairs.join(", "))
}

/// Hashes whole keys with one call of xxh3.
#[derive(Debug, Default, Clone)]
pub(crate) struct KeyHasher(u64);

impl Hasher for KeyHasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0 = xxh3_64_with_seed(bytes, self.0);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// Maps by keys of bytes.
pub(crate) type KeyMap<V> = HashMap<Box<[u8]>, V, BuildHasherDefault<KeyHasher>>;

/// Gives equal label subsets equal numbers, counting from 0 in order of appearance.
#[derive(Debug, Default)]
pub(crate) struct Interner {
    numbers: KeyMap<usize>,
    scratch: Vec<u8>,
}

impl Interner {
    /// The number of the labels that `keep` accepts by name, and whether it is new.
    pub(crate) fn number(&mut self, labels: &Labels, keep: impl Fn(&str) -> bool) -> (usize, bool) {
        self.scratch.clear();
        for (name, value) in labels.iter().filter(|(name, _)| keep(name)) {
            self.scratch.extend_from_slice(name.as_bytes());
            self.scratch.push(0xff);
            self.scratch.extend_from_slice(value.as_bytes());
            self.scratch.push(0xff);
        }
        if let Some(&number) = self.numbers.get(self.scratch.as_slice()) {
            return (number, false);
        }
        let number = self.numbers.len();
        self.numbers.insert(self.scratch.as_slice().into(), number);
        (number, true)
    }

    /// The number of a whole label set, and whether it is new.
    pub(crate) fn whole(&mut self, labels: &Labels) -> (usize, bool) {
        self.number(labels, |_| true)
    }

    /// How many numbers were given.
    pub(crate) fn len(&self) -> usize {
        self.numbers.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nunatak_index::labels;

    #[test]
    fn equal_subsets_have_equal_numbers() {
        let mut interner = Interner::default();
        let (a, b) = (labels! { "x" => "1", "y" => "2" }, labels! { "x" => "1", "y" => "3" });
        assert_eq!(interner.number(&a, |name| name == "x"), (0, true));
        assert_eq!(interner.number(&b, |name| name == "x"), (0, false));
        assert_eq!(interner.whole(&b), (1, true));
        assert_eq!(interner.len(), 2);
    }

    #[test]
    fn drops_metadata() {
        let labels = labels! { "__name__" => "m", "__type__" => "counter", "a" => "1" };
        assert_eq!(without_metadata(&labels), labels! { "a" => "1" });
    }
}
