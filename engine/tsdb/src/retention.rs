//! Retention: how long samples are kept, by age, by bytes and by selector.
//!
//! Whichever comes first ends a sample. Ages count from the tenant's newest sample, at most from
//! the clock. What has ended is not shown; its bytes go with the block that holds it, or, by a
//! rule, when a block is written again.

use std::time::Duration;

use nunatak_index::{Labels, Matcher};

use crate::time::TimeRange;

/// Series that are kept for less long than others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetentionRule {
    pub(crate) matchers: Vec<Matcher>,
    pub(crate) keep: Duration,
}

impl RetentionRule {
    /// Samples of the series that all `matchers` (at least one) accept are kept for `keep`, at
    /// least a minute. Of several rules for a series, and the general retention, the shortest
    /// counts.
    #[must_use]
    pub fn new(matchers: Vec<Matcher>, keep: Duration) -> Self {
        Self { matchers, keep }
    }

    /// Which series it is about.
    #[must_use]
    pub fn matchers(&self) -> &[Matcher] {
        &self.matchers
    }

    /// How long their samples are kept.
    #[must_use]
    pub fn keep(&self) -> Duration {
        self.keep
    }
}

/// The rules at one moment: for each its matchers and the first time that is kept.
#[derive(Debug, Clone, Default)]
pub(crate) struct Expiry(Vec<(Vec<Matcher>, i64)>);

impl Expiry {
    pub(crate) fn new(rules: &[RetentionRule], oldest: impl Fn(Duration) -> i64) -> Self {
        Self(rules.iter().map(|rule| (rule.matchers.clone(), oldest(rule.keep))).collect())
    }

    /// The times of a series that have ended.
    pub(crate) fn ended(&self, labels: &Labels) -> Option<TimeRange> {
        let value = |matcher: &Matcher| labels.get(matcher.name()).unwrap_or("");
        let meant = |matchers: &[Matcher]| matchers.iter().all(|m| m.matches(value(m)));
        let rules = self.0.iter().filter(|(matchers, _)| meant(matchers));
        let oldest = rules.map(|(_, oldest)| *oldest).max()?;
        (oldest > i64::MIN).then(|| TimeRange::new(i64::MIN, oldest - 1))
    }

    /// Whether something of these times has ended.
    pub(crate) fn reaches(&self, times: TimeRange) -> bool {
        self.0.iter().any(|(_, oldest)| times.start < *oldest)
    }

    /// The rules that have ended all of `times` for their series, with their numbers.
    pub(crate) fn over(&self, times: TimeRange) -> impl Iterator<Item = (usize, &[Matcher])> {
        let rules = self.0.iter().enumerate();
        let over = rules.filter(move |(_, (_, oldest))| times.end < *oldest);
        over.map(|(number, (matchers, _))| (number, matchers.as_slice()))
    }
}

/// What a block takes and when its last sample is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BlockSize {
    pub(crate) last: i64,
    pub(crate) bytes: u64,
}

/// The first time that is kept so that blocks take at most `limit` bytes; those that end before
/// it go. `None` if all may stay.
pub(crate) fn oldest_within(blocks: &mut [BlockSize], limit: u64) -> Option<i64> {
    blocks.sort_unstable_by_key(|block| std::cmp::Reverse(block.last));
    let mut sum = 0_u64;
    for block in blocks {
        sum = sum.saturating_add(block.bytes);
        if sum > limit {
            return Some(block.last.saturating_add(1));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use nunatak_index::{MatchOp, labels};

    use super::*;

    #[test]
    fn the_shortest_rule_counts() {
        let rule = |name, op, value, keep| {
            let matchers = vec![Matcher::new(name, op, value).unwrap()];
            RetentionRule::new(matchers, Duration::from_millis(keep))
        };
        let rules =
            [rule("job", MatchOp::Equal, "a", 300), rule("env", MatchOp::NotEqual, "prod", 100)];
        let expiry = Expiry::new(&rules, |keep| 1000 - keep.as_millis() as i64);
        let ended = |labels| expiry.ended(&labels).map(|range| range.end);
        assert_eq!(ended(labels! { "job" => "a" }), Some(899));
        assert_eq!(ended(labels! { "job" => "a", "env" => "prod" }), Some(699));
        assert_eq!(ended(labels! { "job" => "b", "env" => "prod" }), None);
        let over: Vec<usize> = expiry.over(TimeRange::new(0, 699)).map(|rule| rule.0).collect();
        assert_eq!(over, [0, 1]);
        let over: Vec<usize> = expiry.over(TimeRange::new(0, 700)).map(|rule| rule.0).collect();
        assert_eq!(over, [1]);
    }

    #[test]
    fn the_oldest_blocks_go_first_and_blocks_of_the_same_time_together() {
        let size = |(last, bytes)| BlockSize { last, bytes };
        let oldest = |limit| {
            let mut blocks = [(10, 5), (30, 5), (20, 5), (20, 5), (40, 5)].map(size);
            oldest_within(&mut blocks, limit)
        };
        assert_eq!(oldest(25), None);
        assert_eq!(oldest(24), Some(11));
        assert_eq!(oldest(20), Some(11));
        assert_eq!(oldest(19), Some(21), "both of the same time");
        assert_eq!(oldest(4), Some(41), "the newest, too, if it alone is too large");
    }
}
