//! Durations that are computed: `[5m * 2]`, `offset step()` (experimental).

use super::Span;
use std::fmt;

/// A duration that needs the query's step or range, or arithmetic, to be known.
#[derive(Debug, Clone)]
pub struct DurationExpr {
    /// What it is.
    pub kind: DurationExprKind,
    /// Its place in the query.
    pub span: Span,
}

impl PartialEq for DurationExpr {
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind
    }
}

/// The kinds of computed duration.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum DurationExprKind {
    /// A number or a duration.
    Number(super::NumberLiteral),
    /// `step()`: the step of the query.
    Step,
    /// `range()`: the range of the query, from the first step to the last.
    Range,
    /// `-5m`
    Negate(Box<DurationExpr>),
    /// `5m * 2`, `min_of(step(), 5m)`
    Binary {
        /// The operator.
        op: DurationOp,
        /// The left operand.
        lhs: Box<DurationExpr>,
        /// The right operand.
        rhs: Box<DurationExpr>,
    },
    /// `(5m)`
    Paren(Box<DurationExpr>),
}

/// What is done with two durations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DurationOp {
    /// `+`
    Add,
    /// `-`
    Sub,
    /// `*`
    Mul,
    /// `/`
    Div,
    /// `%`
    Mod,
    /// `^`
    Pow,
    /// `min_of(a, b)`
    MinOf,
    /// `max_of(a, b)`
    MaxOf,
}

impl fmt::Display for DurationOp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Add => "+",
            Self::Sub => "-",
            Self::Mul => "*",
            Self::Div => "/",
            Self::Mod => "%",
            Self::Pow => "^",
            Self::MinOf => "min_of",
            Self::MaxOf => "max_of",
        })
    }
}
