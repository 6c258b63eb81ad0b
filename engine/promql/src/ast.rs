//! The syntax tree: what a query means, and where in its text each part stands.
//!
//! The tree is typed: [`parse`](crate::parse) has checked arguments, operands and modifiers, so a
//! consumer may rely on, say, the operand of an aggregation being an instant vector. Its height
//! never exceeds [`ParserOptions::max_depth`](crate::ParserOptions), so walks may recurse.
//!
//! Equality of trees ignores spans and takes two NaN literals as equal: two trees are equal if they
//! ask the same question.

mod duration;
mod operator;
mod selector;
mod span;

pub use duration::{DurationExpr, DurationExprKind, DurationOp};
pub use operator::{AggregateOp, BinaryOp, MatchCardinality, UnaryOp, VectorMatching};
pub use selector::{AtModifier, MatrixSelector, RangeMode, Subquery, VectorSelector};
pub use span::{Position, Span};

use crate::functions::Function;
use std::fmt;

/// What an expression evaluates to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ValueType {
    /// One number for each step.
    Scalar,
    /// An instant vector: one sample for each series.
    Vector,
    /// A range vector: a window of samples for each series.
    Matrix,
    /// A string.
    String,
}

impl ValueType {
    /// The name in error texts: "instant vector", …
    #[must_use]
    pub fn documented(self) -> &'static str {
        match self {
            Self::Scalar => "scalar",
            Self::Vector => "instant vector",
            Self::Matrix => "range vector",
            Self::String => "string",
        }
    }
}

impl fmt::Display for ValueType {
    /// The name in the HTTP API: "vector", …
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Scalar => "scalar",
            Self::Vector => "vector",
            Self::Matrix => "matrix",
            Self::String => "string",
        })
    }
}

/// An expression and its place in the query.
#[derive(Debug, Clone)]
pub struct Expr {
    /// What the expression is.
    pub kind: ExprKind,
    /// The bytes of the query that it was read from.
    pub span: Span,
}

impl PartialEq for Expr {
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind
    }
}

/// The kinds of expression.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum ExprKind {
    /// `1.5`, `0x10`, `5m`
    Number(NumberLiteral),
    /// `"text"`
    String(String),
    /// `"\xff"`: a string that is not UTF-8. No label can hold it, so every use of it is an error
    /// of the evaluation, not of the parser.
    Bytes(Vec<u8>),
    /// `up{job="node"} offset 5m`
    VectorSelector(Box<VectorSelector>),
    /// `up{job="node"}[5m] offset 5m`
    MatrixSelector(Box<MatrixSelector>),
    /// `rate(up[5m])[1h:1m]`
    Subquery(Box<Subquery>),
    /// `-up`; the operand is a scalar or an instant vector.
    Unary(Box<UnaryExpr>),
    /// `a / on (job) b`
    Binary(Box<BinaryExpr>),
    /// `sum by (job) (up)`
    Aggregate(Box<AggregateExpr>),
    /// `rate(up[5m])`
    Call(Box<Call>),
    /// `(up)`
    Paren(Box<Expr>),
}

impl Expr {
    /// The type that the expression evaluates to.
    #[must_use]
    pub fn value_type(&self) -> ValueType {
        match &self.kind {
            ExprKind::Number(_) => ValueType::Scalar,
            ExprKind::String(_) | ExprKind::Bytes(_) => ValueType::String,
            ExprKind::VectorSelector(_) | ExprKind::Aggregate(_) => ValueType::Vector,
            ExprKind::MatrixSelector(_) | ExprKind::Subquery(_) => ValueType::Matrix,
            ExprKind::Unary(unary) => unary.expr.value_type(),
            ExprKind::Binary(binary) => binary.value_type,
            ExprKind::Call(call) => call.func.returns,
            ExprKind::Paren(inner) => inner.value_type(),
        }
    }

    /// The expression without the parentheses around it.
    #[must_use]
    pub fn unwrap_parens(&self) -> &Self {
        let mut expr = self;
        while let ExprKind::Paren(inner) = &expr.kind {
            expr = inner;
        }
        expr
    }

    /// The direct children, in the order in which the engine of Prometheus visits them: the
    /// operand of an aggregation comes before its parameter.
    #[must_use]
    pub fn children(&self) -> Vec<&Self> {
        match &self.kind {
            ExprKind::Number(_)
            | ExprKind::String(_)
            | ExprKind::Bytes(_)
            | ExprKind::VectorSelector(_)
            | ExprKind::MatrixSelector(_) => Vec::new(),
            ExprKind::Subquery(subquery) => vec![&subquery.expr],
            ExprKind::Unary(unary) => vec![&unary.expr],
            ExprKind::Binary(binary) => vec![&binary.lhs, &binary.rhs],
            ExprKind::Aggregate(agg) => std::iter::once(&agg.expr).chain(&agg.param).collect(),
            ExprKind::Call(call) => call.args.iter().collect(),
            ExprKind::Paren(inner) => vec![inner],
        }
    }

    /// Calls `visit` for the expression and everything below it, parents first.
    pub fn walk<'a>(&'a self, visit: &mut impl FnMut(&'a Self)) {
        visit(self);
        for child in self.children() {
            child.walk(visit);
        }
    }
}

/// A number; a duration stands for its seconds.
#[derive(Debug, Clone, Copy)]
pub struct NumberLiteral {
    /// The value; of a duration the seconds.
    pub value: f64,
    /// Whether it was written as a duration (`5m`), for printing.
    pub is_duration: bool,
}

impl PartialEq for NumberLiteral {
    fn eq(&self, other: &Self) -> bool {
        // A duration has no negative zero.
        let same = operator::same_number(self.value, other.value)
            || (self.is_duration && self.value == other.value);
        same && self.is_duration == other.is_duration
    }
}

/// A sign before an expression.
#[derive(Debug, Clone, PartialEq)]
pub struct UnaryExpr {
    /// The sign.
    pub op: UnaryOp,
    /// A scalar or an instant vector.
    pub expr: Expr,
}

/// An operation on two scalars, two instant vectors, or one of each.
#[derive(Debug, Clone, PartialEq)]
pub struct BinaryExpr {
    /// The operator.
    pub op: BinaryOp,
    /// The left operand.
    pub lhs: Expr,
    /// The right operand.
    pub rhs: Expr,
    /// Whether a comparison gives 0 or 1 instead of filtering (`bool`).
    pub return_bool: bool,
    /// How series find their partners; `None` unless both operands are vectors.
    pub matching: Option<VectorMatching>,
    /// Scalar if both operands are scalars, else vector.
    pub value_type: ValueType,
}

/// An aggregation over an instant vector.
#[derive(Debug, Clone, PartialEq)]
pub struct AggregateExpr {
    /// The operator.
    pub op: AggregateOp,
    /// The instant vector.
    pub expr: Expr,
    /// The parameter, there exactly if [`AggregateOp::has_param`]: a string for `count_values`,
    /// else a scalar.
    pub param: Option<Expr>,
    /// The labels of `by` or `without`, in the order in which they were written.
    pub grouping: Vec<String>,
    /// Whether the labels are those to drop.
    pub without: bool,
}

/// A function call; the arguments fit the signature.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// The function.
    pub func: &'static Function,
    /// The arguments that were given; optional ones may be missing.
    pub args: Vec<Expr>,
}
