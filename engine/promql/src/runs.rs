//! Sorting what is nearly sorted: the series of an answer.
//!
//! Each shard hands on its series in their order, so an answer is a handful of sorted runs, one
//! behind the other. A sort that merges two at a time looks at each label set once for each
//! doubling, and finds it in no cache. Here all runs are merged at once: a tournament compares their
//! heads, which stay in the cache, and each label set comes into it once, in the order in which it
//! lies in memory.
//!
//! Most comparisons look at no text at all. Of each head it is known how many names and values it has in
//! common with the head that it lost to, or for the newcomer, that won last. Both come after that one, so
//! who has more in common with it comes first; and if both have as many, these need not be compared.
//! (Ng and Kakehi, "Merging String Sequences by Longest Common Prefixes", 2008.)

use std::cmp::Ordering;

use nunatak_index::Labels;

/// With more runs than this it is not nearly sorted.
const MOST_RUNS: usize = 256;

/// Sorts by labels; equal ones keep their order.
pub(crate) fn sort_by_labels<T>(mut items: Vec<T>, labels: impl Fn(&T) -> &Labels) -> Vec<T> {
    let Some(runs) = Runs::of(&items, &labels) else {
        items.sort_by(|a, b| labels(a).cmp(labels(b)));
        return items;
    };
    if runs.starts.len() > 1 {
        let order = Tournament::new(&items, &labels, &runs).order();
        arrange(&mut items, order);
    }
    items
}

/// What is known of items that come in sorted runs.
struct Runs {
    /// Where runs begin.
    starts: Vec<usize>,
    /// How many names and values each item has in common with the one before it.
    common: Vec<u32>,
}

impl Runs {
    /// `None` if there are too many.
    fn of<T>(items: &[T], labels: impl Fn(&T) -> &Labels) -> Option<Self> {
        let mut runs = Self { starts: Vec::new(), common: Vec::with_capacity(items.len()) };
        let mut before = None;
        for item in items.iter().map(labels) {
            let compared = before.replace(item).map(|before: &Labels| before.cmp_behind(item, 0));
            let (order, common) = compared.unwrap_or((Ordering::Greater, 0));
            if order == Ordering::Greater {
                runs.starts.push(runs.common.len());
            }
            if runs.starts.len() > MOST_RUNS {
                return None;
            }
            runs.common.push(common as u32);
        }
        Some(runs)
    }
}

/// The first item of a run that has not won yet.
#[derive(Clone, Copy)]
struct Head {
    next: usize,
    end: usize,
    /// Names and values that it has in common with the head that it lost to, or of the newcomer, with
    /// the one that won last.
    common: u32,
}

/// Finds the order of items in sorted runs.
struct Tournament<'a, T, L> {
    items: &'a [T],
    labels: L,
    runs: &'a Runs,
    /// The leaves, as many as a power of two.
    heads: Vec<Head>,
    /// Who lost at each place.
    losers: Vec<usize>,
    winner: usize,
}

impl<'a, T, L: Fn(&T) -> &Labels> Tournament<'a, T, L> {
    fn new(items: &'a [T], labels: L, runs: &'a Runs) -> Self {
        let starts = &runs.starts;
        let ends = starts.iter().skip(1).copied().chain([items.len()]);
        let head = |(&next, end)| Head { next, end, common: 0 };
        let mut heads: Vec<_> = starts.iter().zip(ends).map(head).collect();
        let leaves = heads.len().next_power_of_two();
        heads.resize(leaves, Head { next: 0, end: 0, common: 0 });
        let losers = vec![0; leaves];
        let mut tournament = Self { items, labels, runs, heads, losers, winner: 0 };
        let mut winners: Vec<usize> = vec![0; leaves].into_iter().chain(0..leaves).collect();
        for place in (1..leaves).rev() {
            let (a, b) = (winners[2 * place], winners[2 * place + 1]);
            let (winner, loser) = if tournament.comes_first(a, b) { (a, b) } else { (b, a) };
            (winners[place], tournament.losers[place]) = (winner, loser);
        }
        tournament.winner = winners[1];
        tournament
    }

    /// The indices of the items in the order of all.
    fn order(mut self) -> Vec<usize> {
        (0..self.items.len()).map(|_| self.next()).collect()
    }

    fn next(&mut self) -> usize {
        let mut winner = self.winner;
        let head = &mut self.heads[winner];
        let first = head.next;
        head.next += 1;
        head.common = self.runs.common.get(head.next).copied().unwrap_or(0);
        let mut place = self.heads.len().midpoint(winner);
        while place > 0 {
            let loser = self.losers[place];
            if self.comes_first(loser, winner) {
                (self.losers[place], winner) = (winner, loser);
            }
            place /= 2;
        }
        self.winner = winner;
        first
    }

    /// Whether the head of run `a` comes before that of `b`; who does not remembers what they have in
    /// common.
    fn comes_first(&mut self, a: usize, b: usize) -> bool {
        let (of_a, of_b) = (self.heads[a], self.heads[b]);
        if of_a.next == of_a.end || of_b.next == of_b.end {
            return of_a.next < of_a.end;
        }
        if of_a.common != of_b.common {
            return of_a.common > of_b.common;
        }
        let labels = |head: Head| (self.labels)(&self.items[head.next]);
        let (order, common) = labels(of_a).cmp_behind(labels(of_b), of_a.common as usize);
        let first = order.then(a.cmp(&b)).is_lt();
        self.heads[if first { b } else { a }].common = common as u32;
        first
    }
}

/// Puts the item with index `order[i]` at `i`; each index is there once.
fn arrange<T>(items: &mut [T], mut order: Vec<usize>) {
    for first in 0..order.len() {
        // What is at `at` belongs elsewhere, and is carried along until its place comes.
        let mut at = first;
        loop {
            let from = std::mem::replace(&mut order[at], at);
            if from == first {
                break;
            }
            items.swap(at, from);
            at = from;
        }
    }
}

#[cfg(test)]
mod tests {
    use nunatak_index::labels;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn runs_are_merged_as_a_sort_does(
            runs in prop::collection::vec(prop::collection::vec(0_u32..500, 0..40), 0..20),
            sorted in any::<bool>(),
        ) {
            let mut items = Vec::new();
            for mut run in runs {
                if sorted {
                    run.sort_unstable();
                }
                let label = |n: u32| {
                    let [a, b, c] = [n / 100, n / 10 % 10, n % 10].map(|digit| digit.to_string());
                    // An empty value is no label, so sets differ in length, too.
                    labels! { "__name__" => "m", "a" => &a, "b" => &b, "c" => c.trim_matches('0') }
                };
                items.extend(run.into_iter().map(label));
            }
            // Equal labels are told apart by where they were.
            let items: Vec<_> = items.into_iter().enumerate().collect();
            let mut wanted = items.clone();
            wanted.sort_by(|a, b| a.1.cmp(&b.1));
            prop_assert_eq!(sort_by_labels(items, |item| &item.1), wanted);
        }
    }
}
