//! Queries over all shards of a tenant.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::tenant::Tenant;
use crate::aggregate::{Aggregation, VisitRollups, Windows};
use crate::block::MOST_BYTES;
use crate::block::tier::{Asked, Cuts};
use crate::error::Result;
use crate::shard::{Found, TenantShard};
use crate::sorted_texts::{Charge, SortedTexts};
use crate::source::{Hints, Selection, Selector, Source, Visit};
use crate::time::TimeRange;

impl Tenant {
    /// The selector without the times that the retention has ended.
    fn within_retention(&self, selector: &Selector) -> Selector {
        let oldest = self.inner().oldest_kept(self.state());
        let range = TimeRange::new(selector.range.start.max(oldest), selector.range.end);
        Selector::new(selector.matchers.clone(), range)
    }

    /// Where tiers serve windows over samples in `range`, if they have at least half of what blocks
    /// hold there: the rest is read as samples, in a larger form.
    fn serving_cuts(&self, range: TimeRange, windows: &Windows<'_>) -> Option<Cuts> {
        self.inner().downsampled_before(self.state())?;
        let range = self.within_retention(&Selector::new(Vec::new(), range)).range;
        let cuts = Cuts::choose(windows, range)?;
        let covers = self.parts().map(|part| part.tier_cover(range));
        let (all, tiers) = covers.fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
        (tiers > 0 && tiers * 2 >= all).then_some(cuts)
    }

    /// Asks the disk for what all shards are going to read.
    fn ask_ahead(&self, selector: &Selector) {
        let mut ahead = Vec::new();
        self.parts().for_each(|part| part.ask_ahead(selector, &mut ahead));
        let mut left = MOST_BYTES;
        for one in ahead {
            one.ask_for_values(&mut left);
        }
    }

    /// As [`Source::label_names`]. `charge` is told how many bytes the names take before more of them are
    /// gathered; if it says no, some or all are missing in what is returned.
    ///
    /// # Errors
    /// If the storage can't be read.
    pub fn label_names_charged(
        &self,
        selector: &Selector,
        limit: usize,
        charge: Charge<'_>,
    ) -> Result<Vec<String>> {
        self.inner().check_open()?;
        let selector = self.within_retention(selector);
        let mut names = SortedTexts::new(charge);
        for part in self.parts() {
            part.label_names(&selector, &mut names)?;
        }
        Ok(names.limited(limit))
    }

    /// As [`Source::label_values`], charged as in [`label_names_charged`](Self::label_names_charged).
    ///
    /// # Errors
    /// If the storage can't be read.
    pub fn label_values_charged(
        &self,
        name: &str,
        selector: &Selector,
        limit: usize,
        charge: Charge<'_>,
    ) -> Result<Vec<String>> {
        self.inner().check_open()?;
        let selector = self.within_retention(selector);
        let mut values = SortedTexts::new(charge);
        for part in self.parts() {
            part.label_values(name, &selector, limit, &mut values)?;
        }
        Ok(values.limited(limit))
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
        if !hints.labels_only {
            self.ask_ahead(&selector);
        }
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
        self.ask_ahead(&selector);
        for part in self.parts() {
            if !part.scan(&selector, hints, &expiry, visit, &mut warnings)? {
                break;
            }
        }
        Ok(warnings)
    }

    fn has_rollups(&self, range: TimeRange, windows: &Windows<'_>) -> bool {
        self.serving_cuts(range, windows).is_some()
    }

    fn rollups(
        &self,
        selector: &Selector,
        windows: &Windows<'_>,
        wanted: Aggregation,
        visit: VisitRollups<'_>,
    ) -> Result<Vec<String>> {
        self.inner().check_open()?;
        let selector = self.within_retention(selector);
        let expiry = self.inner().expiry(self.state());
        let cuts = Cuts::choose(windows, selector.range).unwrap_or_else(|| Cuts::finest(windows));
        let asked = Asked { wanted, cuts: &cuts, range: selector.range };
        self.inner().counters.tier_scans.fetch_add(1, Ordering::Relaxed);
        let mut warnings: Vec<_> = self.inner().log_damage.warning.iter().cloned().collect();
        for part in self.parts() {
            if !part.scan_buckets(&selector, &asked, &expiry, visit, &mut warnings)? {
                break;
            }
        }
        Ok(warnings)
    }

    fn label_names(&self, selector: &Selector, limit: usize) -> Result<Vec<String>> {
        self.label_names_charged(selector, limit, &mut |_| true)
    }

    fn label_values(&self, name: &str, selector: &Selector, limit: usize) -> Result<Vec<String>> {
        self.label_values_charged(name, selector, limit, &mut |_| true)
    }

    fn warnings(&self, range: TimeRange) -> Vec<String> {
        let mut warnings: Vec<_> = self.inner().log_damage.warning.iter().cloned().collect();
        self.parts().for_each(|part| part.warn(range, &mut warnings));
        warnings
    }
}
