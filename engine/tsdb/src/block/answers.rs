//! What the indexes of blocks have answered queries lately.
//!
//! Dashboards ask the same selectors again and again, of every block in their time. Blocks never
//! change, so an answer stays true: which series match, which values a label has, and the label
//! sets of small selections. All of it is bounded like [the pages](PageCache) that queries have
//! read.

use std::hash::{BuildHasher as _, Hash, Hasher, RandomState};
use std::sync::{Arc, LazyLock};

use nunatak_index::{Labels, Matcher};
use roaring::RoaringBitmap;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::page_cache::PageCache;
use super::reader::Block;
use crate::error::Result;

/// A larger answer is not remembered, bytes.
const LARGEST: usize = 256 << 10;
/// Label sets of selections of at most so many series are remembered: of a larger one the next
/// selection would find little left.
pub(super) const FEW: u64 = 512;

/// The series that some matchers accept.
#[derive(Debug)]
pub(super) struct Selection {
    matchers: Box<[Matcher]>,
    ids: RoaringBitmap,
}

/// The values of a label.
#[derive(Debug)]
pub(super) struct Values {
    matchers: Box<[Matcher]>,
    name: Box<str>,
    limit: usize,
    sorted: Vec<String>,
}

impl Block {
    /// The series that all `matchers` accept.
    ///
    /// # Errors
    /// If the index can't be read.
    pub(super) fn selected(&self, matchers: &[Matcher]) -> Result<RoaringBitmap> {
        let cache = &PageCache::shared().selections;
        let key = (self.number(), hash(matchers));
        if let Some(found) = cache.get(key)
            && *found.matchers == *matchers
        {
            return Ok(found.ids.clone());
        }
        let ids = self.index().select(matchers)?;
        let bytes = ids.serialized_size() + size_of::<Selection>();
        if bytes < LARGEST {
            let selection = Selection { matchers: matchers.into(), ids: ids.clone() };
            cache.insert(key, Arc::new(selection), bytes);
        }
        Ok(ids)
    }

    /// Values of the label `name` of the series that all `matchers` accept, sorted; at most `limit`
    /// (0: all). `take` gets them.
    ///
    /// # Errors
    /// If the index can't be read.
    pub(crate) fn with_label_values(
        &self,
        name: &str,
        matchers: &[Matcher],
        limit: usize,
        take: impl FnOnce(&[String]),
    ) -> Result<()> {
        let cache = &PageCache::shared().label_values;
        let key = (self.number(), hash((name, matchers, limit)));
        if let Some(found) = cache.get(key)
            && (&*found.name, &*found.matchers, found.limit) == (name, matchers, limit)
        {
            take(&found.sorted);
            return Ok(());
        }
        let sorted = self.index().label_values(name, matchers, limit)?;
        take(&sorted);
        let texts = sorted.iter().map(|value| value.len() + size_of::<String>());
        let bytes = texts.sum::<usize>() + size_of::<Values>();
        if bytes < LARGEST {
            let (matchers, name) = (matchers.into(), name.into());
            cache.insert(key, Arc::new(Values { matchers, name, limit, sorted }), bytes);
        }
        Ok(())
    }

    /// The label set of a series of a small selection; `read` reads it.
    ///
    /// # Errors
    /// That of `read`.
    pub(super) fn labels_of_few(
        &self,
        id: u32,
        read: impl FnOnce() -> Result<Labels>,
    ) -> Result<Labels> {
        let cache = &PageCache::shared().labels;
        let key = (self.number(), id);
        if let Some(found) = cache.get(key) {
            return Ok(Labels::clone(&found));
        }
        let labels = read()?;
        let bytes = labels.text_len() + size_of::<Labels>() + LABELS_OVERHEAD;
        cache.insert(key, Arc::new(labels.clone()), bytes);
        Ok(labels)
    }
}

/// Ends of labels and pointers that a label set has beside its text, bytes.
const LABELS_OVERHEAD: usize = 120;

/// Not to be foreseen by a client, who could otherwise make questions that push each other out.
fn hash(question: impl Hash) -> u32 {
    static SEED: LazyLock<u64> = LazyLock::new(|| RandomState::new().hash_one(0));
    let mut hasher = Xxh3Hasher(*SEED);
    question.hash(&mut hasher);
    hasher.finish() as u32
}

/// Hashes texts with one call for each.
struct Xxh3Hasher(u64);

impl Hasher for Xxh3Hasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0 = xxh3_64_with_seed(bytes, self.0);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
