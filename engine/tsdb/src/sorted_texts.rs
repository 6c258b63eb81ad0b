//! Texts from several places, sorted and each once.

/// Sorted texts, none of them twice. Places mostly have the same ones, or few.
#[derive(Debug, Default)]
pub(crate) struct SortedTexts(Vec<String>);

impl SortedTexts {
    /// Adds texts that are sorted, none of them twice.
    pub(crate) fn merge(&mut self, others: &[String]) {
        if self.0 == others {
            return;
        }
        let room = self.0.len().max(others.len());
        let mut own =
            std::mem::replace(&mut self.0, Vec::with_capacity(room)).into_iter().peekable();
        for other in others {
            while let Some(before) = own.next_if(|text| text < other) {
                self.0.push(before);
            }
            self.0.push(own.next_if_eq(other).unwrap_or_else(|| other.clone()));
        }
        self.0.extend(own);
    }

    /// At most `limit` (0: all) of them.
    pub(crate) fn limited(mut self, limit: usize) -> Vec<String> {
        if limit > 0 {
            self.0.truncate(limit);
        }
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn merging_is_what_a_set_does(
            lists in prop::collection::vec(prop::collection::btree_set("[ab]{0,3}", 0..8), 0..5),
            limit in 0_usize..4,
        ) {
            let mut merged = SortedTexts::default();
            for list in &lists {
                merged.merge(&list.iter().cloned().collect::<Vec<_>>());
            }
            let all: BTreeSet<String> = lists.into_iter().flatten().collect();
            let most = if limit == 0 { usize::MAX } else { limit };
            let expected: Vec<String> = all.into_iter().take(most).collect();
            prop_assert_eq!(merged.limited(limit), expected);
        }
    }
}
