//! Matchers: the four ways in which a selector tests a label's value.

mod engine;
mod parser;
mod pattern;
mod test;

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

pub use pattern::{Groups, Pattern};
pub(crate) use test::Test;

/// How a matcher compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MatchOp {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `=~`
    Regex,
    /// `!~`
    NotRegex,
}

impl fmt::Display for MatchOp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::Regex => "=~",
            Self::NotRegex => "!~",
        })
    }
}

/// Why a matcher can't be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MatcherError {
    /// The pattern is not RE2 syntax; the text is Go's.
    #[error("{message}")]
    BadPattern {
        /// `error parsing regexp: …`
        message: String,
    },
}

/// A label name, a comparison and a value. A label that is not there has the value "".
///
/// Cloning is cheap. Two matchers are equal if name, comparison and value are.
///
/// ```
/// use nunatak_index::{MatchOp, Matcher};
///
/// let matcher = Matcher::new("job", MatchOp::Regex, "node|api-.*")?;
/// assert!(matcher.matches("api-7") && !matcher.matches("my-api-7"));
/// assert_eq!(matcher.to_string(), r#"job=~"node|api-.*""#);
/// # Ok::<(), nunatak_index::MatcherError>(())
/// ```
#[derive(Clone)]
pub struct Matcher(Arc<Inner>);

struct Inner {
    name: Box<str>,
    op: MatchOp,
    value: Box<str>,
    test: Test,
    matches_empty: bool,
    compiled_bytes: usize,
}

impl Matcher {
    /// Makes a matcher; a pattern is RE2 syntax, anchored at both ends, `.` matches newlines.
    ///
    /// # Errors
    /// [`MatcherError::BadPattern`] if `value` is no RE2 pattern, or needs more than 10 MiB when
    /// it is compiled.
    pub fn new(name: &str, op: MatchOp, value: &str) -> Result<Self, MatcherError> {
        let (test, compiled_bytes) = match op {
            MatchOp::Equal | MatchOp::NotEqual => (Test::Exact(value.into()), 0),
            MatchOp::Regex | MatchOp::NotRegex => compile(value)?,
        };
        let negated = matches!(op, MatchOp::NotEqual | MatchOp::NotRegex);
        let matches_empty = test.accepts("") != negated;
        let (name, value) = (name.into(), value.into());
        Ok(Self(Arc::new(Inner { name, op, value, test, matches_empty, compiled_bytes })))
    }

    /// The label name.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The comparison.
    pub fn op(&self) -> MatchOp {
        self.0.op
    }

    /// The value or pattern as it was written.
    pub fn value(&self) -> &str {
        &self.0.value
    }

    /// Whether a label value (empty if the label is not there) matches.
    pub fn matches(&self, value: &str) -> bool {
        self.0.test.accepts(value) != self.is_negated()
    }

    /// Whether the empty value matches, and so a series without the label.
    pub fn matches_empty(&self) -> bool {
        self.0.matches_empty
    }

    /// Bytes of automata and of strings that were made to compile the pattern, 0 if there is none;
    /// a measure of the work that does not depend on the machine. Whoever makes many matchers for
    /// a stranger bounds the sum.
    ///
    /// ```
    /// use nunatak_index::{MatchOp, Matcher};
    ///
    /// let words = Matcher::new("job", MatchOp::Regex, "node|api")?;
    /// let heavy = Matcher::new("job", MatchOp::Regex, r".*a\pL{20}")?;
    /// assert!(words.compiled_bytes() < 200 && heavy.compiled_bytes() > 100_000);
    /// # Ok::<(), nunatak_index::MatcherError>(())
    /// ```
    pub fn compiled_bytes(&self) -> usize {
        self.0.compiled_bytes
    }

    /// Whether the matcher accepts what its test does not.
    pub(crate) fn is_negated(&self) -> bool {
        matches!(self.0.op, MatchOp::NotEqual | MatchOp::NotRegex)
    }

    /// The set of values that the value or pattern names.
    pub(crate) fn test(&self) -> &Test {
        &self.0.test
    }
}

fn compile(pattern: &str) -> Result<(Test, usize), MatcherError> {
    let parsed = parser::parse(pattern).map_err(|e| bad(e.code, &e.fragment))?;
    let (test, bytes) = Test::of(parsed.hir).ok_or_else(|| bad(TOO_LARGE, pattern))?;
    Ok((test, bytes + parsed.ranges * RANGE_BYTES))
}

/// Go's words for a pattern that takes too much.
const TOO_LARGE: &str = "expression too large";
/// Bytes of one range of a character class.
const RANGE_BYTES: usize = size_of::<regex_syntax::hir::ClassUnicodeRange>();

/// Go's notation; a long fragment is cut so that a message stays readable.
fn bad(code: &str, fragment: &str) -> MatcherError {
    const LONGEST: usize = 1000;
    let (shown, dots) = match fragment.char_indices().nth(LONGEST) {
        Some((end, _)) => (&fragment[..end], "…"),
        None => (fragment, ""),
    };
    MatcherError::BadPattern { message: format!("error parsing regexp: {code}: `{shown}{dots}`") }
}

impl PartialEq for Matcher {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name() && self.op() == other.op() && self.value() == other.value()
    }
}

impl Eq for Matcher {}

impl Hash for Matcher {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.name(), self.op(), self.value()).hash(state);
    }
}

impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{:?}", self.name(), self.op(), self.value())
    }
}

impl fmt::Debug for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
