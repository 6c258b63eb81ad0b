//! What a look at the series of one metric needs.

use super::Head;

impl Head {
    /// The reference of the series in a slot; the later a series came, the higher it is.
    pub(crate) fn reference_at(&self, slot: u32) -> Option<u64> {
        self.slots.get(slot).map(|series| series.reference)
    }

    /// The labels of the series in a slot.
    pub(crate) fn pairs_at(&self, slot: u32) -> impl Iterator<Item = (&str, &str)> {
        self.index.pairs(slot)
    }
}
