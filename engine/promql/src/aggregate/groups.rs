//! Groups: which series an aggregation puts together.

use nunatak_index::{Labels, METRIC_NAME};

use crate::key::Interner;
use crate::plan::AggregatePlan;

/// Label sets whose groups are remembered; a power of two.
const REMEMBERED: usize = 256;

/// The groups seen so far, in order of appearance.
#[derive(Debug, Default)]
pub(super) struct Groups {
    /// Groups of label sets that came lately, by address: a scan hands the same ones on again and
    /// again. Holding them keeps the addresses from being used for others.
    lately: Vec<Option<(Labels, usize)>>,
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
        self.lately.resize(REMEMBERED, None);
        let address = labels.address();
        // The lowest bits are those of the alignment.
        let slot = (address >> 4) % REMEMBERED;
        if let Some((known, number)) = &self.lately[slot]
            && known.address() == address
        {
            self.drop_name[*number] |= drop_name;
            return (*number, false);
        }
        let keep = |name: &str| keeps(plan, name);
        let (number, new) = self.numbers.number(labels, keep);
        self.lately[slot] = Some((labels.clone(), number));
        if new {
            self.labels.push(labels.filtered(keep));
            self.drop_name.push(drop_name);
        } else {
            self.drop_name[number] |= drop_name;
        }
        (number, new)
    }
}

impl Groups {
    /// Labels of the groups, whether their names are due to go, and what each has gathered: in the
    /// order of appearance, or sorted if the series appeared in no order.
    pub(super) fn with<T>(self, plan: &AggregatePlan, gathered: Vec<T>) -> Vec<(Labels, bool, T)> {
        let groups = self.labels.into_iter().zip(self.drop_name).zip(gathered);
        let mut groups: Vec<_> = groups.map(|((labels, drop), of)| (labels, drop, of)).collect();
        if plan.input.is_unsorted() {
            groups.sort_by(|(a, ..), (b, ..)| a.cmp(b));
        }
        groups
    }
}

/// Whether a label is one of the group's.
pub(super) fn keeps(plan: &AggregatePlan, name: &str) -> bool {
    let named = plan.grouping.iter().any(|label| label == name);
    if plan.without { !named && name != METRIC_NAME } else { named }
}
