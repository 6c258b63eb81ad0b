//! The times of a stream: a rule where they are regular, as those of most scrapes are, else a list.

use std::sync::Arc;

/// The times of a stream, ascending. A clone shares them.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum StreamTimes {
    /// `count` times from `first` on, `step` apart, in ms; the last one is an `i64`, too.
    Regular {
        /// The first time.
        first: i64,
        /// From each time to the next one; positive if there are several.
        step: i64,
        /// How many there are.
        count: usize,
    },
    /// Any others.
    Listed(Arc<[i64]>),
}

impl StreamTimes {
    /// Number of times.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Regular { count, .. } => *count,
            Self::Listed(times) => times.len(),
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The first time.
    #[must_use]
    pub fn first(&self) -> Option<i64> {
        match self {
            Self::Regular { first, count, .. } => (*count > 0).then_some(*first),
            Self::Listed(times) => times.first().copied(),
        }
    }

    /// The last time.
    #[must_use]
    pub fn last(&self) -> Option<i64> {
        match self {
            Self::Regular { first, step, count } => {
                count.checked_sub(1).map(|last| first + step * last as i64)
            }
            Self::Listed(times) => times.last().copied(),
        }
    }

    /// How many times are before `t`.
    #[must_use]
    pub fn before(&self, t: i64) -> usize {
        match self {
            Self::Regular { first, step, count } => {
                let distance = i128::from(t) - i128::from(*first);
                if distance <= 0 {
                    return 0;
                }
                // As many as begin a step before `t`.
                let steps = (distance - 1) / i128::from((*step).max(1)) + 1;
                usize::try_from(steps).unwrap_or(usize::MAX).min(*count)
            }
            Self::Listed(times) => times.partition_point(|&time| time < t),
        }
    }

    /// Appends the times from index `from` up to before `to`; those that are not there are left out.
    pub fn append_to(&self, (from, to): (usize, usize), out: &mut Vec<i64>) {
        match self {
            Self::Regular { first, step, count } => {
                let indices = from..to.min(*count);
                out.extend(indices.map(|index| first + step * index as i64));
            }
            Self::Listed(times) => out.extend_from_slice(times.get(from..to).unwrap_or_default()),
        }
    }

    /// The times from index `from` up to before `to`, if they are in memory.
    #[must_use]
    pub(crate) fn listed(&self, (from, to): (usize, usize)) -> Option<&[i64]> {
        match self {
            Self::Regular { .. } => None,
            Self::Listed(times) => times.get(from..to),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_rule_is_the_list_that_it_stands_for(
            first in prop_oneof![-1_000_i64..1_000, Just(i64::MIN), Just(i64::MAX - 1_000)],
            step in 1_i64..50, count in 0_usize..20, t in -1_100_i64..1_100, near in any::<bool>(),
            from in 0_usize..25, more in 0_usize..25,
        ) {
            let rule = StreamTimes::Regular { first, step, count };
            let times: Vec<i64> = (0..count as i64).map(|i| first + step * i).collect();
            let list = StreamTimes::Listed(times.into());
            let t = if near { first.saturating_add(t) } else { t };
            prop_assert_eq!(rule.before(t), list.before(t));
            prop_assert_eq!((rule.first(), rule.last()), (list.first(), list.last()));
            prop_assert_eq!((rule.len(), rule.is_empty()), (list.len(), list.is_empty()));
            let part = (from.min(count), (from + more).min(count));
            let (mut a, mut b) = (Vec::new(), Vec::new());
            rule.append_to(part, &mut a);
            list.append_to(part, &mut b);
            prop_assert_eq!(a, b);
        }
    }
}
