//! Queries over all shards of a tenant.

use std::sync::Arc;

use super::tenant::Tenant;
use crate::error::Result;
use crate::shard::{Found, TenantShard};
use crate::sorted_texts::SortedTexts;
use crate::source::{Hints, Selection, Selector, Source, Visit};
use crate::time::TimeRange;

impl Tenant {
    /// The selector without the times that the retention has ended.
    fn within_retention(&self, selector: &Selector) -> Selector {
        let oldest = self.inner().oldest_kept(self.state());
        let range = TimeRange::new(selector.range.start.max(oldest), selector.range.end);
        Selector::new(selector.matchers.clone(), range)
    }

    fn parts(&self) -> impl Iterator<Item = Arc<TenantShard>> {
        self.inner().shards.iter().filter_map(|shard| shard.find_tenant(self.name()))
    }
}

impl Source for Tenant {
    fn select(&self, selector: &Selector, hints: &Hints) -> Result<Selection> {
        self.inner().check_open()?;
        let selector = self.within_retention(selector);
        let expiry = self.inner().expiry(self.state());
        let mut selection = Selection::default();
        selection.warnings.extend(self.inner().log_damage.warning.clone());
        for part in self.parts() {
            // A series lives in exactly one shard, so shards need no merging.
            let mut found = Found::default();
            part.select(&selector, hints.labels_only, &expiry, &mut found)?;
            selection.warnings.append(&mut found.warnings);
            selection.series.extend(found.into_series());
        }
        // The shards' series are sorted already: a stable sort merges such runs.
        selection.series.sort_by(|a, b| a.labels.cmp(&b.labels));
        if hints.limit > 0 {
            selection.series.truncate(hints.limit);
        }
        Ok(selection)
    }

    fn scan(&self, selector: &Selector, hints: &Hints, visit: Visit) -> Result<Vec<String>> {
        self.inner().check_open()?;
        let selector = self.within_retention(selector);
        let expiry = self.inner().expiry(self.state());
        let mut warnings: Vec<_> = self.inner().log_damage.warning.iter().cloned().collect();
        for part in self.parts() {
            if !part.scan(&selector, hints, &expiry, visit, &mut warnings)? {
                break;
            }
        }
        Ok(warnings)
    }

    fn label_names(&self, selector: &Selector, limit: usize) -> Result<Vec<String>> {
        self.inner().check_open()?;
        let selector = self.within_retention(selector);
        let mut names = SortedTexts::default();
        for part in self.parts() {
            part.label_names(&selector, &mut names)?;
        }
        Ok(names.limited(limit))
    }

    fn label_values(&self, name: &str, selector: &Selector, limit: usize) -> Result<Vec<String>> {
        self.inner().check_open()?;
        let selector = self.within_retention(selector);
        let mut values = SortedTexts::default();
        for part in self.parts() {
            part.label_values(name, &selector, limit, &mut values)?;
        }
        Ok(values.limited(limit))
    }

    fn warnings(&self, range: TimeRange) -> Vec<String> {
        let mut warnings: Vec<_> = self.inner().log_damage.warning.iter().cloned().collect();
        self.parts().for_each(|part| part.warn(range, &mut warnings));
        warnings
    }
}
