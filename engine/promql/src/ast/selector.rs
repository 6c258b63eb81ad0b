//! Selectors and subqueries: where samples come from, and from when.

use super::{DurationExpr, Expr, Span};
use nunatak_index::{MatchOp, Matcher};

/// The `@` modifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AtModifier {
    /// `@ 1609746000`: milliseconds since the epoch.
    Timestamp(i64),
    /// `@ start()`: the first step of the query.
    Start,
    /// `@ end()`: the last step of the query.
    End,
}

/// What a selector takes at the borders of its window (experimental).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RangeMode {
    /// `anchored`: the last sample before each border stands at the border.
    Anchored,
    /// `smoothed`: the value at each border is interpolated.
    Smoothed,
}

/// The series that fit all matchers, at one instant.
#[derive(Debug, Clone, Default)]
pub struct VectorSelector {
    /// The metric name if it was written before the braces. (One that is quoted inside them is just
    /// a matcher.)
    pub name: Option<String>,
    /// All matchers, among them (the last) that of the metric name if `name` is there.
    pub matchers: Vec<Matcher>,
    /// `offset`, positive is into the past; in milliseconds. 0 if `offset_expr` is there.
    pub offset_ms: i64,
    /// The offset if it has to be computed when the query's step is known (experimental).
    pub offset_expr: Option<Box<DurationExpr>>,
    /// `@`
    pub at: Option<AtModifier>,
    /// `anchored` or `smoothed` (experimental).
    pub mode: Option<RangeMode>,
}

impl PartialEq for VectorSelector {
    /// The order of the matchers does not count.
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
            && sorted(&self.matchers) == sorted(&other.matchers)
            && self.offset_ms == other.offset_ms
            && self.offset_expr == other.offset_expr
            && self.at == other.at
            && self.mode == other.mode
    }
}

fn sorted(matchers: &[Matcher]) -> Vec<(&str, &str, &str)> {
    let text = |op| match op {
        MatchOp::Equal => "=",
        MatchOp::NotEqual => "!=",
        MatchOp::Regex => "=~",
        MatchOp::NotRegex => "!~",
    };
    let mut all: Vec<_> = matchers.iter().map(|m| (m.name(), text(m.op()), m.value())).collect();
    all.sort_unstable();
    all
}

/// A selector and a window: (t − range, t].
#[derive(Debug, Clone)]
pub struct MatrixSelector {
    /// The series, with offset and `@` that were written behind the range.
    pub selector: VectorSelector,
    /// The span of the selector without the range.
    pub selector_span: Span,
    /// The length of the window in milliseconds. 0 if `range_expr` is there.
    pub range_ms: i64,
    /// The range if it has to be computed when the query's step is known (experimental).
    pub range_expr: Option<Box<DurationExpr>>,
}

impl PartialEq for MatrixSelector {
    fn eq(&self, other: &Self) -> bool {
        self.selector == other.selector
            && self.range_ms == other.range_ms
            && self.range_expr == other.range_expr
    }
}

/// An expression that is evaluated at many steps to make a window.
#[derive(Debug, Clone, PartialEq)]
pub struct Subquery {
    /// An instant vector.
    pub expr: Expr,
    /// The length of the window in milliseconds. 0 if `range_expr` is there.
    pub range_ms: i64,
    /// The range if it has to be computed when the query's step is known (experimental).
    pub range_expr: Option<Box<DurationExpr>>,
    /// The step in milliseconds; `None` is the engine's default.
    pub step_ms: Option<i64>,
    /// The step if it has to be computed when the query's step is known (experimental).
    pub step_expr: Option<Box<DurationExpr>>,
    /// `offset`, positive is into the past; in milliseconds. 0 if `offset_expr` is there.
    pub offset_ms: i64,
    /// The offset if it has to be computed when the query's step is known (experimental).
    pub offset_expr: Option<Box<DurationExpr>>,
    /// `@`
    pub at: Option<AtModifier>,
}
