//! Series that a shard does not know yet, and who decides whether they may come in.
//!
//! The question is asked once for all of a request, under the writer's lock but no head's: its
//! answer looks at other shards. Requests of known series never get here.

use hashbrown::{HashMap, HashSet};
use nunatak_index::Labels;

use super::write::Plan;
use super::{LOCK_PIECE, SeriesRef, TenantShard};
use crate::limits::RefusedSeries;

/// Decides which new series come in.
pub(crate) trait Gate {
    /// Whether it refuses anything, and so has to be asked.
    fn counts_series(&self) -> bool;

    /// Told of a sample that is not stored because its series may not come in.
    fn note_refused(&self, labels: &Labels, refused: &RefusedSeries);

    /// Those of `newcomers` that may not; the others count as let in.
    fn refuse(&self, newcomers: &[&Labels]) -> HashMap<Labels, RefusedSeries>;
}

impl Plan<'_> {
    /// Asks the request's gate, if it has one.
    pub(super) fn ask_gate<'s>(
        &mut self,
        tenant: &TenantShard,
        series: &impl Fn(u32) -> &'s SeriesRef,
    ) {
        let takes_new = self.request.takes_new_series;
        let Some(gate) = self.request.gate.filter(|gate| takes_new && gate.counts_series()) else {
            return;
        };
        let newcomers = self.newcomers(tenant, series);
        if !newcomers.is_empty() {
            self.refused = gate.refuse(&newcomers);
        }
    }

    /// The label sets with a sample to be stored that the head does not have, in their order.
    fn newcomers<'s>(
        &self,
        tenant: &TenantShard,
        series: &impl Fn(u32) -> &'s SeriesRef,
    ) -> Vec<&'s Labels> {
        let (mut looked_at, mut seen) = (HashSet::new(), HashSet::new());
        let mut newcomers = Vec::new();
        for rows in self.request.rows.chunks(LOCK_PIECE) {
            let head = tenant.head().read();
            for row in rows.iter().filter(|row| self.check_time(row).is_ok()) {
                let SeriesRef::Labels(labels) = series(row.series) else { continue };
                if looked_at.insert(row.series)
                    && head.find(head.hash(labels), labels).is_none()
                    && seen.insert(labels)
                {
                    newcomers.push(labels);
                }
            }
        }
        newcomers
    }
}
