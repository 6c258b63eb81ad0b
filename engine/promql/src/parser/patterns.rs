//! Matchers with patterns that were compiled lately.
//!
//! Dashboards ask the same patterns again and again, and compiling one takes longer than most of
//! their queries.

use std::collections::VecDeque;

use nunatak_index::{MatchOp, Matcher};
use parking_lot::Mutex;

/// Bytes that all patterns together may have needed, and a fourth of it a single one.
const BYTES: usize = 2 << 20;
/// Patterns that are kept; few, for they are compared one by one.
const MOST: usize = 64;

static RECENT: Mutex<Recent> = Mutex::new(Recent { matchers: VecDeque::new(), bytes: 0 });

/// The last patterns, the newest first.
#[derive(Debug)]
struct Recent {
    matchers: VecDeque<Matcher>,
    bytes: usize,
}

/// The matcher of a name, a comparison and a pattern, if it is known.
pub(super) fn known(name: &str, op: MatchOp, pattern: &str) -> Option<Matcher> {
    let is = |m: &&Matcher| m.value() == pattern && m.op() == op && m.name() == name;
    RECENT.lock().matchers.iter().find(is).cloned()
}

/// Remembers a matcher with a pattern.
pub(super) fn remember(matcher: &Matcher) {
    if cost(matcher) <= BYTES / 4 {
        RECENT.lock().push(matcher);
    }
}

fn cost(matcher: &Matcher) -> usize {
    matcher.compiled_bytes() + matcher.name().len() + matcher.value().len()
}

impl Recent {
    fn push(&mut self, matcher: &Matcher) {
        self.matchers.push_front(matcher.clone());
        self.bytes += cost(matcher);
        while self.bytes > BYTES || self.matchers.len() > MOST {
            let Some(oldest) = self.matchers.pop_back() else { break };
            self.bytes -= cost(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_ones_stay_within_their_bytes() {
        let mut recent = Recent { matchers: VecDeque::new(), bytes: 0 };
        for i in 0..200 {
            let pattern = format!("a.*{i}[0-9]+");
            recent.push(&Matcher::new("a", MatchOp::Regex, &pattern).unwrap());
        }
        assert!(recent.matchers.len() <= MOST && recent.bytes <= BYTES);
        assert_eq!(recent.bytes, recent.matchers.iter().map(cost).sum::<usize>());
        assert_eq!(recent.matchers[0].value(), "a.*199[0-9]+");
    }

    #[test]
    fn what_is_known_is_told_apart() {
        let matcher = Matcher::new("told_apart", MatchOp::Regex, "x.*y").unwrap();
        assert_eq!(known("told_apart", MatchOp::Regex, "x.*y"), None);
        remember(&matcher);
        assert_eq!(known("told_apart", MatchOp::Regex, "x.*y"), Some(matcher));
        assert_eq!(known("told_apart", MatchOp::NotRegex, "x.*y"), None);
    }
}
