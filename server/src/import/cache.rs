//! Series by the bytes that name them in the input, so that known ones are not parsed.

use std::collections::HashMap;

use xxhash_rust::xxh3::Xxh3DefaultBuilder;

/// Bytes that the names may take; when there are more, the cache begins anew.
const MOST_BYTES: usize = 64 << 20;
/// What an entry costs besides its name.
const ENTRY_BYTES: usize = 80;

/// A bounded cache by name.
#[derive(Debug)]
pub(super) struct Cache<V> {
    numbers: HashMap<Box<str>, usize, Xxh3DefaultBuilder>,
    values: Vec<V>,
    bytes: usize,
    generation: u32,
}

impl<V> Default for Cache<V> {
    fn default() -> Self {
        Self { numbers: HashMap::default(), values: Vec::new(), bytes: 0, generation: 0 }
    }
}

impl<V> Cache<V> {
    /// Forgets everything if the sink's series are not those of before.
    pub(super) fn follow(&mut self, generation: u32) {
        if self.generation != generation || self.bytes > MOST_BYTES {
            self.numbers.clear();
            self.values.clear();
            (self.bytes, self.generation) = (0, generation);
        }
    }

    /// Finds what was kept under `name`, or makes it.
    pub(super) fn get_or_try<E>(
        &mut self,
        name: &str,
        make: impl FnOnce() -> Result<V, E>,
    ) -> Result<&mut V, E> {
        let number = if let Some(&number) = self.numbers.get(name) {
            number
        } else {
            self.values.push(make()?);
            self.bytes += ENTRY_BYTES + name.len();
            self.numbers.insert(name.into(), self.values.len() - 1);
            self.values.len() - 1
        };
        Ok(&mut self.values[number])
    }
}
