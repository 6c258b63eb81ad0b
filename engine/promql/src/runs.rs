//! Sorting what is nearly sorted: the series of an answer.
//!
//! Each shard hands on its series in their order, so an answer is a handful of sorted runs, one
//! behind the other. A sort that merges two at a time looks at each label set once for each
//! doubling, and finds it in no cache. Here all runs are merged at once: a tournament compares their
//! heads, which stay in the cache, and each label set comes into it once, in the order in which it
//! lies in memory.

use nunatak_index::Labels;

/// With more runs than this it is not nearly sorted.
const MOST_RUNS: usize = 256;

/// Sorts by labels; equal ones keep their order.
pub(crate) fn sort_by_labels<T>(mut items: Vec<T>, labels: impl Fn(&T) -> &Labels) -> Vec<T> {
    let starts = run_starts(&items, &labels);
    if starts.len() > MOST_RUNS {
        items.sort_by(|a, b| labels(a).cmp(labels(b)));
    } else if starts.len() > 1 {
        let order = merged(&items, &starts, &labels);
        let mut slots: Vec<Option<T>> = items.into_iter().map(Some).collect();
        return order.into_iter().filter_map(|index| slots[index].take()).collect();
    }
    items
}

/// Where sorted runs begin; ends when there are too many.
fn run_starts<T>(items: &[T], labels: impl Fn(&T) -> &Labels) -> Vec<usize> {
    let falls = items.windows(2).enumerate();
    let falls = falls.filter(|(_, pair)| labels(&pair[1]) < labels(&pair[0]));
    let behind = falls.map(|(index, _)| index + 1);
    (!items.is_empty()).then_some(0).into_iter().chain(behind).take(MOST_RUNS + 1).collect()
}

/// The indices of the items in the order of all.
fn merged<T>(items: &[T], starts: &[usize], labels: impl Fn(&T) -> &Labels) -> Vec<usize> {
    let ends = starts.iter().skip(1).copied().chain([items.len()]);
    let mut runs: Vec<_> = starts.iter().copied().zip(ends).collect();
    runs.resize(runs.len().next_power_of_two(), (0, 0));
    let first = |runs: &[(usize, usize)], a: usize, b: usize| {
        let head = |(next, end): (usize, usize)| (next < end).then(|| labels(&items[next]));
        match (head(runs[a]), head(runs[b])) {
            (Some(of_a), Some(of_b)) => (of_a, a) < (of_b, b),
            (of_a, _) => of_a.is_some(),
        }
    };
    // Who lost at each place of the tournament; its leaves are the runs.
    let leaves = runs.len();
    let mut losers = vec![0; leaves];
    let mut winners: Vec<usize> = vec![0; leaves].into_iter().chain(0..leaves).collect();
    for place in (1..leaves).rev() {
        let (a, b) = (winners[2 * place], winners[2 * place + 1]);
        (winners[place], losers[place]) = if first(&runs, a, b) { (a, b) } else { (b, a) };
    }
    let mut winner = winners[1];
    let mut order = Vec::with_capacity(items.len());
    for _ in items {
        order.push(runs[winner].0);
        runs[winner].0 += 1;
        let mut place = leaves.midpoint(winner);
        while place > 0 {
            if first(&runs, losers[place], winner) {
                std::mem::swap(&mut losers[place], &mut winner);
            }
            place /= 2;
        }
    }
    order
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
                let label = |n: u32| labels! { "__name__" => "m", "n" => &format!("{n:03}") };
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
