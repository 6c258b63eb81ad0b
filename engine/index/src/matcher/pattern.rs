//! Patterns whose groups capture, for those who rewrite a label's value.

use regex_automata::nfa::thompson::{self, NFA};
use regex_automata::util::captures::Captures;
use regex_automata::{Anchored, Input, meta};
use regex_syntax::hir::Hir;

use super::engine::{NFA_BYTES, whole};
use super::{MatcherError, RANGE_BYTES, TOO_LARGE, bad, parser};

/// A pattern in RE2 syntax that must match the whole string and says what its groups captured.
///
/// It means what the pattern of a [`Matcher`](super::Matcher) means: ASCII `\d`, `\s` and `\w`, and
/// `.` matches newlines.
///
/// ```
/// use nunatak_index::Pattern;
///
/// let pattern = Pattern::new(r"(?P<host>[^:]+):(\d+)")?;
/// let groups = pattern.captures("api-7:9090").expect("it matches");
/// assert_eq!((groups.name("host"), groups.get(2)), (Some("api-7"), Some("9090")));
/// assert!(pattern.captures("api-7:\u{664}").is_none());
/// # Ok::<(), nunatak_index::MatcherError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Pattern {
    regex: meta::Regex,
    /// The first belongs to group 1; "" if it has none.
    names: Box<[Box<str>]>,
    compiled_bytes: usize,
}

impl Pattern {
    /// Compiles a pattern.
    ///
    /// # Errors
    /// [`MatcherError::BadPattern`] if `pattern` is no RE2 pattern, or if it, or what is needed to
    /// search with it, takes more than 10 MiB.
    pub fn new(pattern: &str) -> Result<Self, MatcherError> {
        let parsed = parser::parse_groups(pattern).map_err(|e| bad(e.code, &e.fragment))?;
        let compiled = compile(&whole(parsed.hir));
        let (regex, bytes) = compiled.ok_or_else(|| bad(TOO_LARGE, pattern))?;
        let compiled_bytes = bytes + parsed.ranges * RANGE_BYTES;
        Ok(Self { regex, names: parsed.groups.into(), compiled_bytes })
    }

    /// What the groups captured if the pattern matches the whole text.
    pub fn captures<'a>(&'a self, text: &'a str) -> Option<Groups<'a>> {
        let mut spans = self.regex.create_captures();
        self.regex.search_captures(&Input::new(text).anchored(Anchored::Yes), &mut spans);
        spans.is_match().then_some(Groups { text, names: &self.names, spans })
    }

    /// Bytes that the pattern takes, and that a search with it may take; as
    /// [`Matcher::compiled_bytes`](super::Matcher::compiled_bytes) it measures the work.
    pub fn compiled_bytes(&self) -> usize {
        self.compiled_bytes
    }
}

/// The regex, and the bytes of it and of a search.
fn compile(whole: &Hir) -> Option<(meta::Regex, usize)> {
    let config = thompson::Config::new().utf8(false).nfa_size_limit(Some(NFA_BYTES));
    let nfa = NFA::compiler().configure(config).build_from_hir(whole).ok()?;
    // A search notes twice where each group was in each state.
    let slots = nfa.group_info().slot_len().saturating_mul(nfa.states().len());
    let search = slots.saturating_mul(2 * size_of::<usize>());
    if search > NFA_BYTES {
        return None;
    }
    // Values are short: automata that are made as a search goes would cost more than they save.
    let config = meta::Config::new()
        .utf8_empty(false)
        .auto_prefilter(false)
        .hybrid(false)
        .dfa(false)
        .nfa_size_limit(Some(NFA_BYTES));
    let regex = meta::Builder::new().configure(config).build_from_hir(whole).ok()?;
    Some((regex, 3 * nfa.memory_usage() + search))
}

/// What the groups of a [`Pattern`] captured.
#[derive(Debug)]
pub struct Groups<'a> {
    text: &'a str,
    names: &'a [Box<str>],
    spans: Captures,
}

impl<'a> Groups<'a> {
    /// The text of a group; 0 is the whole text. `None` if there is no such group or it took no
    /// part in the match.
    pub fn get(&self, index: usize) -> Option<&'a str> {
        self.text.get(self.spans.get_group(index)?.range())
    }

    /// The text of the first group of this name that took part in the match.
    pub fn name(&self, name: &str) -> Option<&'a str> {
        let is_named = |other: &str| !name.is_empty() && other == name;
        let mut named = self.names.iter().enumerate().filter(|(_, other)| is_named(other));
        named.find_map(|(at, _)| self.get(at + 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn groups(pattern: &str, text: &str) -> Vec<Option<String>> {
        let pattern = Pattern::new(pattern).unwrap();
        let groups = pattern.captures(text).unwrap();
        (1..=pattern.names.len()).map(|at| groups.get(at).map(str::to_owned)).collect()
    }

    fn some(texts: &[&str]) -> Vec<Option<String>> {
        texts.iter().map(|text| Some((*text).to_owned())).collect()
    }

    #[test]
    fn greed_decides_what_groups_take() {
        assert_eq!(groups("(a+)(a*)", "aaa"), some(&["aaa", ""]));
        assert_eq!(groups("(a+?)(a*)", "aaa"), some(&["a", "aa"]));
        assert_eq!(groups("(?U)(a+)(a*)", "aaa"), some(&["a", "aa"]));
        assert_eq!(groups("(?U:(a+?))(a*)", "aaa"), some(&["aaa", ""]));
        assert_eq!(groups("(a|ab)(c|bcd)?(d*)", "abcd"), some(&["a", "bcd", ""]));
    }

    #[test]
    fn groups_count_from_the_left() {
        assert_eq!(groups("((a)(?:x)?(b))(c)", "abc"), some(&["ab", "a", "b", "c"]));
        assert_eq!(groups("(a)|(b)", "b"), [None, Some("b".into())]);
        assert_eq!(groups("(z){0}(b)(y)?", "b"), [None, Some("b".into()), None]);
        assert_eq!(groups("(.)*", "aé"), some(&["é"]));
    }

    #[test]
    fn names_may_repeat() {
        let pattern = Pattern::new("(?P<n>a)|(?<n>b)").unwrap();
        assert_eq!(pattern.captures("b").unwrap().name("n"), Some("b"));
        assert_eq!(pattern.captures("b").unwrap().name("m"), None);
        assert_eq!(Pattern::new("(b)").unwrap().captures("b").unwrap().name(""), None);
    }

    #[test]
    fn means_what_a_matcher_means() {
        for (pattern, text) in [(r"\d", "٤"), (r"\w", "é"), (r"\s", "\u{a0}"), ("b", "ab")] {
            assert!(Pattern::new(pattern).unwrap().captures(text).is_none(), "{pattern}");
        }
        assert!(Pattern::new("(?i)k.").unwrap().captures("\u{212a}\n").is_some());
        let error = Pattern::new("a)(b").unwrap_err().to_string();
        assert_eq!(error, "error parsing regexp: unexpected ): `a)(b`");
    }

    #[test]
    fn many_groups_in_many_states_are_refused() {
        let error = Pattern::new(&"(a)".repeat(5000)).unwrap_err().to_string();
        assert!(error.starts_with("error parsing regexp: expression too large"), "{error}");
        assert!(Pattern::new(&"(a)".repeat(100)).unwrap().compiled_bytes() < 1 << 20);
    }
}
