//! Who grows: notes of the counts once a minute, and what they say.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::cardinality::Parts;
use super::open::Inner;
use super::tenant::TenantState;
use crate::cardinality::{GROWTH_SPANS_MS, Grown, Growth, RankBy};
use crate::growth::{History, Kind, Note};
use crate::shard::Shard;

/// How many of each kind are noted: a hundredth of the series, within these bounds.
const NOTED: (u64, u64) = (10, 100);
/// Among how many of the largest those that grow are looked for.
const RANKED: usize = 256;

impl Inner {
    /// Notes the counts of all tenants whose last note is a minute old.
    pub(super) fn note_growth(&self) {
        let now = self.now();
        let mut bytes = 0;
        for name in self.tenant_names() {
            let state = self.tenant_state(&name);
            if state.growth.lock().is_due(now) {
                note(&state, &Parts::of(self, &name), now);
                self.note_usage(&name);
            }
            bytes += state.growth.lock().heap_bytes() as u64;
        }
        self.growth_bytes.store(bytes, Ordering::Relaxed);
    }

    /// The tenants that have a part in a shard.
    fn tenant_names(&self) -> Vec<Arc<str>> {
        let parts = self.shards.iter().flat_map(Shard::tenants);
        let mut names: Vec<_> = parts.map(|part| part.name()).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// The `top` largest of a tenant and those that grow most.
    pub(super) fn growth(&self, tenant: &str, top: usize, by: RankBy) -> Growth {
        let parts = Parts::of(self, tenant);
        let state = self.tenant_state(tenant);
        let asked = top.max(RANKED);
        let lists = [parts.metrics(asked), parts.values(asked), parts.pairs(asked)];
        let series = parts.series();
        let history = state.growth.lock();
        let view = View::new(&history, self.now());
        let [metrics, labels, pairs] = lists;
        Growth {
            since_ms: view.notes.map(|note| note.map(|note| note.at_ms)),
            series: view.all(series),
            metrics: view.ranked(Kind::Metric, metrics, top, by),
            labels: view.ranked(Kind::Label, labels, top, by),
            pairs: view.ranked(Kind::Pair, pairs, top, by),
        }
    }
}

/// Notes the counts of a tenant.
fn note(state: &TenantState, parts: &Parts, now: i64) {
    let series = parts.series();
    let references =
        parts.all().iter().map(|part| (part.shard(), part.head().read().next_reference()));
    let mut note = Note::new(now, series, references.collect());
    let top = (series / 100).clamp(NOTED.0, NOTED.1) as usize;
    let lists = [
        (Kind::Metric, parts.metrics(top)),
        (Kind::Label, parts.values(top)),
        (Kind::Pair, parts.pairs(top)),
    ];
    let mut history = state.growth.lock();
    for (kind, list) in lists {
        history.rank(&mut note, kind, &list, list.len() < top);
    }
    history.add(note);
}

/// The notes with which the counts of this moment are compared.
pub(super) struct View<'a> {
    history: &'a History,
    pub(super) notes: [Option<&'a Note>; 3],
}

impl<'a> View<'a> {
    pub(super) fn new(history: &'a History, now: i64) -> Self {
        Self { history, notes: GROWTH_SPANS_MS.map(|span| history.before(now, span)) }
    }

    fn grown(&self, name: String, count: u64, before: impl Fn(&Note) -> u64) -> Grown {
        let more = |note: Option<&Note>| {
            note.map_or(0, |note| count.cast_signed() - before(note).cast_signed())
        };
        Grown { name, count, growth: self.notes.map(more) }
    }

    fn all(&self, series: u64) -> Grown {
        self.grown(String::new(), series, |note| note.series)
    }

    pub(super) fn one(&self, kind: Kind, name: String, count: u64) -> Grown {
        let mut grown = self
            .grown(String::new(), count, |note| self.history.count_at(note, kind, &name, count));
        grown.name = name;
        grown
    }

    fn ranked(&self, kind: Kind, list: Vec<(String, u64)>, top: usize, by: RankBy) -> Vec<Grown> {
        let mut all: Vec<_> =
            list.into_iter().map(|(name, count)| self.one(kind, name, count)).collect();
        if let RankBy::Growth(span) = by {
            let growth = |grown: &Grown| grown.growth.get(span).copied().unwrap_or(0);
            all.sort_by_key(|grown| std::cmp::Reverse(growth(grown)));
        }
        all.truncate(top);
        all
    }
}
