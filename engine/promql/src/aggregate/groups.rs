//! Groups: which series an aggregation puts together.

use nunatak_index::{Labels, METRIC_NAME};

use crate::key::Interner;
use crate::plan::AggregatePlan;

/// The groups seen so far, in order of appearance.
#[derive(Debug, Default)]
pub(super) struct Groups {
    numbers: Interner,
    pub(super) labels: Vec<Labels>,
    /// Whether the name of some series in the group is due to go.
    pub(super) drop_name: Vec<bool>,
}

impl Groups {
    /// The group of a series, and whether it is new.
    pub(super) fn of(
        &mut self,
        plan: &AggregatePlan,
        labels: &Labels,
        drop_name: bool,
    ) -> (usize, bool) {
        let keep = |name: &str| keeps(plan, name);
        let (number, new) = self.numbers.number(labels, keep);
        if new {
            self.labels.push(labels.filtered(keep));
            self.drop_name.push(drop_name);
        } else {
            self.drop_name[number] |= drop_name;
        }
        (number, new)
    }
}

/// Whether a label is one of the group's.
pub(super) fn keeps(plan: &AggregatePlan, name: &str) -> bool {
    let named = plan.grouping.iter().any(|label| label == name);
    if plan.without { !named && name != METRIC_NAME } else { named }
}
