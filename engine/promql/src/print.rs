//! From tree to text: the canonical form of a query.
//!
//! The text is that of Prometheus' `String()`, byte for byte; it parses to an equal tree. (As
//! there, two corners don't: a range below a millisecond is printed as `0s`, and an `@` time beyond
//! 2⁵³ ms loses its last digits.)

mod pretty;

use crate::ast::{
    AggregateExpr, AtModifier, BinaryExpr, DurationExpr, DurationExprKind, DurationOp, Expr,
    ExprKind, MatchCardinality, MatrixSelector, NumberLiteral, RangeMode, Subquery, VectorMatching,
    VectorSelector,
};
use crate::parser::{format_duration, quote, quote_bytes};
use nunatak_index::{METRIC_NAME, MatchOp, Matcher};
use std::fmt::{self, Display, Formatter};

pub use pretty::prettify;

impl Display for Expr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.kind {
            ExprKind::Number(number) => number.fmt(f),
            ExprKind::String(text) => f.write_str(&quote(text)),
            ExprKind::Bytes(bytes) => f.write_str(&quote_bytes(bytes)),
            ExprKind::VectorSelector(selector) => selector.fmt(f),
            ExprKind::MatrixSelector(matrix) => matrix.fmt(f),
            ExprKind::Subquery(subquery) => {
                write!(f, "{}{}", subquery.expr, subquery_suffix(subquery))
            }
            ExprKind::Unary(unary) => write!(f, "{}{}", unary.op, unary.expr),
            ExprKind::Binary(binary) => {
                write!(f, "{} {} {}", binary.lhs, binary_operator(binary), binary.rhs)
            }
            ExprKind::Aggregate(aggregate) => {
                write!(f, "{}(", aggregate_operator(aggregate))?;
                if let Some(param) = &aggregate.param {
                    write!(f, "{param}, ")?;
                }
                write!(f, "{})", aggregate.expr)
            }
            ExprKind::Call(call) => {
                write!(f, "{}(", call.func.name)?;
                for (i, arg) in call.args.iter().enumerate() {
                    write!(f, "{}{arg}", if i == 0 { "" } else { ", " })?;
                }
                f.write_str(")")
            }
            ExprKind::Paren(inner) => write!(f, "({inner})"),
        }
    }
}

impl Display for NumberLiteral {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let value = self.value;
        if self.is_duration {
            // Milliseconds, rounded because 1.001 is a little less than it seems.
            f.write_str(&format_duration((value * 1000.0).round() as i64))
        } else {
            f.write_str(&float(value))
        }
    }
}

/// A float in decimal digits, never with an exponent.
fn float(value: f64) -> String {
    match value {
        _ if value.is_nan() => "NaN".into(),
        f64::INFINITY => "+Inf".into(),
        f64::NEG_INFINITY => "-Inf".into(),
        _ => value.to_string(),
    }
}

impl Display for VectorSelector {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.write_series(f)?;
        write_at(f, self.at)?;
        write_mode(f, self.mode)?;
        write_offset(f, self.offset_ms, self.offset_expr.as_deref())
    }
}

impl VectorSelector {
    /// Writes name and matchers, sorted by their text.
    fn write_series(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let name = self.name.as_deref().unwrap_or_default();
        f.write_str(name)?;
        let mut matchers: Vec<String> =
            self.matchers.iter().filter(|m| !is_name_matcher(m, name)).map(matcher).collect();
        if matchers.is_empty() {
            return if name.is_empty() { f.write_str("{}") } else { Ok(()) };
        }
        matchers.sort();
        write!(f, "{{{}}}", matchers.join(","))
    }
}

/// Whether a matcher is the one that the name before the braces stands for.
fn is_name_matcher(matcher: &Matcher, name: &str) -> bool {
    !name.is_empty()
        && matcher.name() == METRIC_NAME
        && matcher.op() == MatchOp::Equal
        && matcher.value() == name
}

fn matcher(matcher: &Matcher) -> String {
    let op = match matcher.op() {
        MatchOp::Equal => "=",
        MatchOp::NotEqual => "!=",
        MatchOp::Regex => "=~",
        MatchOp::NotRegex => "!~",
    };
    format!("{}{op}{}", label(matcher.name()), quote(matcher.value()))
}

/// A label name, in quotes if it needs them.
fn label(name: &str) -> String {
    let mut bytes = name.bytes();
    let plain = bytes.next().is_some_and(|b| b == b'_' || b.is_ascii_alphabetic())
        && bytes.all(|b| b == b'_' || b.is_ascii_alphanumeric());
    if plain { name.to_owned() } else { quote(name) }
}

fn labels(names: &[String]) -> String {
    names.iter().map(|name| label(name)).collect::<Vec<_>>().join(", ")
}

impl Display for MatrixSelector {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let selector = &self.selector;
        selector.write_series(f)?;
        write!(f, "[{}]", duration(self.range_ms, self.range_expr.as_deref()))?;
        write_mode(f, selector.mode)?;
        write_at(f, selector.at)?;
        write_offset(f, selector.offset_ms, selector.offset_expr.as_deref())
    }
}

/// What stands behind the expression of a subquery.
fn subquery_suffix(subquery: &Subquery) -> String {
    struct Suffix<'a>(&'a Subquery);
    impl Display for Suffix<'_> {
        fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
            let Self(subquery) = self;
            write!(f, "[{}:", duration(subquery.range_ms, subquery.range_expr.as_deref()))?;
            if subquery.step_ms.is_some() || subquery.step_expr.is_some() {
                let step_ms = subquery.step_ms.unwrap_or(0);
                f.write_str(&duration(step_ms, subquery.step_expr.as_deref()))?;
            }
            f.write_str("]")?;
            write_at(f, subquery.at)?;
            write_offset(f, subquery.offset_ms, subquery.offset_expr.as_deref())
        }
    }
    Suffix(subquery).to_string()
}

fn duration(ms: i64, expr: Option<&DurationExpr>) -> String {
    expr.map_or_else(|| format_duration(ms), ToString::to_string)
}

fn write_at(f: &mut Formatter<'_>, at: Option<AtModifier>) -> fmt::Result {
    match at {
        None => Ok(()),
        Some(AtModifier::Start) => f.write_str(" @ start()"),
        Some(AtModifier::End) => f.write_str(" @ end()"),
        Some(AtModifier::Timestamp(ms)) => write!(f, " @ {:.3}", ms as f64 / 1000.0),
    }
}

fn write_mode(f: &mut Formatter<'_>, mode: Option<RangeMode>) -> fmt::Result {
    f.write_str(match mode {
        None => "",
        Some(RangeMode::Anchored) => " anchored",
        Some(RangeMode::Smoothed) => " smoothed",
    })
}

fn write_offset(f: &mut Formatter<'_>, ms: i64, expr: Option<&DurationExpr>) -> fmt::Result {
    if ms == 0 && expr.is_none() {
        return Ok(());
    }
    write!(f, " offset {}", duration(ms, expr))
}

/// The operator of an aggregation with its labels.
fn aggregate_operator(aggregate: &AggregateExpr) -> String {
    let AggregateExpr { op, grouping, .. } = aggregate;
    if aggregate.without {
        format!("{op} without ({}) ", labels(grouping))
    } else if grouping.is_empty() {
        op.to_string()
    } else {
        format!("{op} by ({}) ", labels(grouping))
    }
}

/// A binary operator with its modifiers.
fn binary_operator(binary: &BinaryExpr) -> String {
    let mut out = binary.op.to_string();
    if binary.return_bool {
        out.push_str(" bool");
    }
    if let Some(matching) = &binary.matching {
        out.push_str(&matching_text(matching));
    }
    out
}

fn matching_text(matching: &VectorMatching) -> String {
    let mut out = String::new();
    let group = match matching.card {
        MatchCardinality::ManyToOne => Some("left"),
        MatchCardinality::OneToMany => Some("right"),
        _ => None,
    };
    if matching.on || group.is_some() || !matching.labels.is_empty() {
        let word = if matching.on { "on" } else { "ignoring" };
        out = format!(" {word} ({})", labels(&matching.labels));
    }
    if let Some(side) = group {
        out = format!("{out} group_{side} ({})", labels(&matching.include));
    }
    out + &fill_text(matching)
}

fn fill_text(matching: &VectorMatching) -> String {
    match (matching.fill_left, matching.fill_right) {
        (Some(left), Some(right)) if left.to_bits() == right.to_bits() => {
            format!(" fill ({})", float(left))
        }
        (left, right) => {
            let side = |word: &str, value: Option<f64>| {
                value.map_or_else(String::new, |value| format!(" fill_{word} ({})", float(value)))
            };
            side("left", left) + &side("right", right)
        }
    }
}

impl Display for DurationExpr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.kind {
            DurationExprKind::Number(number) => number.fmt(f),
            DurationExprKind::Step => f.write_str("step()"),
            DurationExprKind::Range => f.write_str("range()"),
            DurationExprKind::Negate(inner) => write!(f, "-{inner}"),
            DurationExprKind::Paren(inner) => write!(f, "({inner})"),
            DurationExprKind::Binary {
                op: op @ (DurationOp::MinOf | DurationOp::MaxOf),
                lhs,
                rhs,
            } => {
                write!(f, "{op}({lhs}, {rhs})")
            }
            DurationExprKind::Binary { op, lhs, rhs } => write!(f, "{lhs} {op} {rhs}"),
        }
    }
}
