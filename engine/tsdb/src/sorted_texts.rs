//! Texts from several places, sorted and each once.

use crate::error::Result;

/// Is told how many bytes the texts that are being gathered may take until the next call, and says
/// whether they may. Before long lists this is an estimate, up to four times of what they take then.
pub type Charge<'a> = &'a mut dyn FnMut(u64) -> bool;

/// Calls its argument with texts, sorted, none of them twice, at most so many; or not, if there are none.
pub(crate) type List<'a> = &'a mut dyn FnMut(usize, &mut dyn FnMut(&[String])) -> Result<()>;

/// A place is asked for so many texts before it is known that there is memory for more.
const FIRST: usize = 64 << 10;
/// How many times as many it is asked for then.
const GROWTH: usize = 4;

/// Sorted texts, none of them twice. Places mostly have the same ones, or few.
pub(crate) struct SortedTexts<'a> {
    texts: Vec<String>,
    charge: Charge<'a>,
    /// Whether the memory was refused; then some are missing.
    is_refused: bool,
}

impl<'a> SortedTexts<'a> {
    pub(crate) fn new(charge: Charge<'a>) -> Self {
        Self { texts: Vec::new(), charge, is_refused: false }
    }

    /// Adds the first `limit` (0: all) texts of a place. It is asked for a long list only when there is
    /// memory for it, if it can make a shorter one.
    pub(crate) fn add(&mut self, limit: usize, list: List<'_>) -> Result<()> {
        let limit = if limit == 0 { usize::MAX } else { limit };
        let mut most = FIRST.min(limit);
        let mut has_more = true;
        while has_more && !self.is_refused {
            has_more = false;
            list(most, &mut |texts| {
                has_more = texts.len() == most && most < limit;
                let times = if has_more { GROWTH } else { 1 };
                let bytes = bytes(&self.texts) + times as u64 * bytes(texts);
                self.is_refused = !(self.charge)(bytes);
                if !has_more && !self.is_refused {
                    self.merge(texts);
                }
            })?;
            most = most.saturating_mul(GROWTH).min(limit);
        }
        Ok(())
    }

    /// Adds texts that are sorted, none of them twice.
    fn merge(&mut self, others: &[String]) {
        if self.texts == others {
            return;
        }
        let room = self.texts.len().max(others.len());
        let mut own =
            std::mem::replace(&mut self.texts, Vec::with_capacity(room)).into_iter().peekable();
        for other in others {
            while let Some(before) = own.next_if(|text| text < other) {
                self.texts.push(before);
            }
            self.texts.push(own.next_if_eq(other).unwrap_or_else(|| other.clone()));
        }
        self.texts.extend(own);
    }

    /// At most `limit` (0: all) of them.
    pub(crate) fn limited(mut self, limit: usize) -> Vec<String> {
        if limit > 0 {
            self.texts.truncate(limit);
        }
        self.texts
    }
}

/// What texts take.
fn bytes(texts: &[String]) -> u64 {
    texts.iter().map(|text| (text.len() + size_of::<String>()) as u64).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn numbers(count: usize) -> Vec<String> {
        (0..count).map(|i| format!("{i:08}")).collect()
    }

    /// Adds a list as a place that has it does; the longest list that it was asked for.
    fn add(texts: &mut SortedTexts, limit: usize, all: &[String]) -> usize {
        let mut longest = 0;
        let mut list = |most: usize, take: &mut dyn FnMut(&[String])| {
            longest = longest.max(all.len().min(most));
            take(&all[..all.len().min(most)]);
            Ok(())
        };
        texts.add(limit, &mut list).unwrap();
        longest
    }

    #[test]
    fn what_there_is_no_memory_for_is_not_gathered() {
        let all = numbers(20 * FIRST);
        let room = (FIRST * GROWTH * (8 + size_of::<String>())) as u64;
        let mut most = 0;
        let mut charge = |bytes| {
            most = most.max(bytes);
            bytes <= room
        };
        let mut texts = SortedTexts::new(&mut charge);
        assert_eq!(add(&mut texts, 0, &all), FIRST * GROWTH);
        assert_eq!(add(&mut texts, 0, &all), 0, "nothing more is asked for");
        assert!(texts.limited(0).is_empty());
        assert!(most > room);
    }

    #[test]
    fn long_lists_come_whole_and_their_bytes_are_said() {
        let all = numbers(5 * FIRST + 1);
        let mut most = 0;
        let mut charge = |bytes| {
            most = bytes;
            true
        };
        let mut texts = SortedTexts::new(&mut charge);
        assert_eq!(add(&mut texts, 0, &all), all.len());
        assert_eq!(texts.limited(0), all);
        assert_eq!(most, bytes(&all));
        let mut charge = |_| true;
        let mut texts = SortedTexts::new(&mut charge);
        assert_eq!(add(&mut texts, FIRST + 1, &all), FIRST + 1);
        assert_eq!(texts.limited(FIRST + 1), all[..=FIRST]);
    }

    proptest! {
        #[test]
        fn merging_is_what_a_set_does(
            lists in prop::collection::vec(prop::collection::btree_set("[ab]{0,3}", 0..8), 0..5),
            limit in 0_usize..4,
        ) {
            let mut charge = |_| true;
            let mut merged = SortedTexts::new(&mut charge);
            for list in &lists {
                add(&mut merged, limit, &list.iter().cloned().collect::<Vec<_>>());
            }
            let all: BTreeSet<String> = lists.into_iter().flatten().collect();
            let most = if limit == 0 { usize::MAX } else { limit };
            let expected: Vec<String> = all.into_iter().take(most).collect();
            prop_assert_eq!(merged.limited(limit), expected);
        }
    }
}
