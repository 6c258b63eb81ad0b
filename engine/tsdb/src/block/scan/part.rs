//! One block of a scan.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Arc, LazyLock};

use nunatak_index::Labels;
use roaring::RoaringBitmap;

use crate::block::answers::FEW;
use crate::block::page_cache::PageCache;
use crate::block::reader::Block;
use crate::block::selection::Selected;
use crate::block::series::Labelling;
use crate::error::Result;
use crate::source::{Hints, Selector};

use super::reader::Reader;
use super::unless_damaged;

/// Series whose identities are remembered together.
const IDENTITIES: u32 = 256;

/// One block of a scan.
pub(super) struct Part<'a> {
    ids: roaring::bitmap::IntoIter,
    /// The series that comes next; `None` at the end.
    pub(super) id: Option<u32>,
    pub(super) block: &'a Block,
    pub(super) labelling: Labelling<'a>,
    /// Whether the label sets of the series are remembered.
    few: bool,
    /// Identities of the series around the next one, with the number of the first.
    identities: Option<(u32, Arc<[u128]>)>,
    pub(super) reader: Reader,
}

impl<'a> Part<'a> {
    pub(super) fn new(
        block: &'a Block,
        ids: RoaringBitmap,
        selector: &Selector,
        hints: &Hints,
    ) -> Result<Self> {
        let few = hints.labels.is_none() && ids.len() <= FEW;
        let series = ids.len();
        let mut ids = ids.into_iter();
        let labelling = block.index().labelling(hints.labels.as_deref())?;
        let selected = Arc::new(Selected::new(block.clone(), selector.range).for_query());
        let reader = Reader::new(selected, hints.presence_only, series);
        Ok(Self { id: ids.next(), ids, block, labelling, few, identities: None, reader })
    }

    /// The labels of a series that are wanted.
    pub(super) fn labels(&mut self, id: u32) -> Result<Labels> {
        let labelling = &mut self.labelling;
        if self.few {
            self.block.labels_of_few(id, || labelling.labels(id))
        } else {
            labelling.labels(id)
        }
    }

    /// The identity of the next series.
    pub(super) fn identity(&mut self, id: u32) -> Result<u128> {
        let first = id - id % IDENTITIES;
        let at = (id - first) as usize;
        if let Some((held, identities)) = &self.identities
            && *held == first
            && let Some(&identity) = identities.get(at)
        {
            return Ok(identity);
        }
        let identities = self.read_identities(first)?;
        let identity = identities.get(at).copied();
        self.identities = Some((first, identities));
        identity.ok_or_else(|| self.block.corrupt(0, "a series is not in the index"))
    }

    fn read_identities(&mut self, first: u32) -> Result<Arc<[u128]>> {
        static SEED: LazyLock<u64> = LazyLock::new(|| RandomState::new().hash_one(0));
        let cache = &PageCache::shared().identities;
        let key = (self.block.number(), first);
        if let Some(found) = cache.get(key) {
            return Ok(found);
        }
        let end = self.block.index().series_count().min(first.saturating_add(IDENTITIES));
        let identities = (first..end).map(|id| self.labelling.identity(id, *SEED));
        let identities: Arc<[u128]> = identities.collect::<Result<_>>()?;
        cache.insert(key, Arc::clone(&identities), size_of_val::<[u128]>(&identities));
        Ok(identities)
    }

    pub(super) fn advance(&mut self) {
        self.id = self.ids.next();
    }

    /// Remembers damage of the block and goes on without it.
    pub(super) fn tolerate<T>(&mut self, result: Result<T>) -> Result<Option<T>> {
        let result = unless_damaged(self.block.noted(result))?;
        if result.is_none() {
            self.id = None;
        }
        Ok(result)
    }
}
