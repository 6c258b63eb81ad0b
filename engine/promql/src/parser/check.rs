//! The check of types, and of what the grammar alone can't see.
//!
//! It walks in the order of Prometheus, which reports the first mistake that it meets.

use super::error::{Fault, Place};
use super::quote::quote;
use crate::ast::{
    AggregateExpr, AggregateOp, BinaryExpr, Call, Expr, ExprKind, MatchCardinality, Span,
    ValueType, VectorSelector,
};
use crate::functions::{FunctionId, Variadic};
use nunatak_index::METRIC_NAME;

type Result<T> = std::result::Result<T, Fault>;

/// Checks a tree, and drops the vector matching of operations that have scalars.
pub(super) fn check(expr: &mut Expr) -> Result<ValueType> {
    let span = expr.span;
    match &mut expr.kind {
        ExprKind::Number(_) | ExprKind::String(_) | ExprKind::Bytes(_) => {}
        ExprKind::VectorSelector(selector) => check_selector(selector, span)?,
        ExprKind::MatrixSelector(matrix) => check_selector(&matrix.selector, matrix.selector_span)?,
        ExprKind::Paren(inner) => {
            check(inner)?;
        }
        ExprKind::Subquery(subquery) => {
            let found = check(&mut subquery.expr)?;
            if found != ValueType::Vector {
                let message =
                    format!("subquery is only allowed on instant vector, got {found} instead");
                return Err(Fault::at(span, message));
            }
        }
        ExprKind::Unary(unary) => {
            let found = check(&mut unary.expr)?;
            if !is_operand(found) {
                let found = quote(found.documented());
                return Err(Fault::at(
                    span,
                    format!(
                        "unary expression only allowed on expressions of type scalar or instant \
                         vector, got {found}"
                    ),
                ));
            }
        }
        ExprKind::Aggregate(aggregate) => check_aggregate(aggregate)?,
        ExprKind::Binary(binary) => check_binary(binary, span)?,
        ExprKind::Call(call) => check_call(call, span)?,
    }
    Ok(expr.value_type())
}

fn is_operand(value: ValueType) -> bool {
    matches!(value, ValueType::Scalar | ValueType::Vector)
}

fn expect(expr: &mut Expr, want: ValueType, context: &str) -> Result<()> {
    let found = check(expr)?;
    if found == want {
        return Ok(());
    }
    let (want, found) = (want.documented(), found.documented());
    Err(Fault::at(expr.span, format!("expected type {want} in {context}, got {found}")))
}

fn check_aggregate(aggregate: &mut AggregateExpr) -> Result<()> {
    expect(&mut aggregate.expr, ValueType::Vector, "aggregation expression")?;
    let want = match aggregate.op {
        AggregateOp::CountValues => ValueType::String,
        _ => ValueType::Scalar,
    };
    match &mut aggregate.param {
        Some(param) => expect(param, want, "aggregation parameter"),
        None => Ok(()),
    }
}

fn check_binary(binary: &mut BinaryExpr, span: Span) -> Result<()> {
    let (left, right) = (check(&mut binary.lhs)?, check(&mut binary.rhs)?);
    let scalars = left == ValueType::Scalar && right == ValueType::Scalar;
    if binary.return_bool && !binary.op.is_comparison() {
        return at_operator(binary, "bool modifier can only be used on comparison operators");
    }
    if binary.op.is_comparison() && !binary.return_bool && scalars {
        return at_operator(binary, "comparisons between scalars must use BOOL modifier");
    }
    check_labels(binary)?;
    for (operand, found) in [(&binary.lhs, left), (&binary.rhs, right)] {
        if !is_operand(found) {
            let message = "binary expression must contain only scalar and instant vector types";
            return Err(Fault::at(operand.span, message));
        }
    }
    check_matching(binary, span, left == ValueType::Vector && right == ValueType::Vector)?;
    let has_scalar = left == ValueType::Scalar || right == ValueType::Scalar;
    if has_scalar && binary.op.is_set() {
        let op = quote(binary.op.symbol());
        let message = format!("set operator {op} not allowed in binary scalar expression");
        return Err(Fault::at(span, message));
    }
    Ok(())
}

fn at_operator(binary: &BinaryExpr, message: impl Into<String>) -> Result<()> {
    let gap = Span { start: binary.lhs.span.end, end: binary.rhs.span.start };
    Err(Fault { place: Place::Between(gap), message: message.into() })
}

/// A label must not be matched on and copied at once.
fn check_labels(binary: &BinaryExpr) -> Result<()> {
    let Some(matching) = binary.matching.as_ref().filter(|matching| matching.on) else {
        return Ok(());
    };
    match matching.labels.iter().find(|&label| matching.include.contains(label)) {
        None => Ok(()),
        Some(label) => {
            let label = quote(label);
            let message = format!("label {label} must not occur in ON and GROUP clause at once");
            at_operator(binary, message)
        }
    }
}

fn check_matching(binary: &mut BinaryExpr, span: Span, vectors: bool) -> Result<()> {
    let op = binary.op;
    let Some(matching) = &mut binary.matching else { return Ok(()) };
    let fills = matching.fill_left.is_some() || matching.fill_right.is_some();
    if !vectors {
        if !matching.labels.is_empty() {
            return Err(Fault::at(span, "vector matching only allowed between instant vectors"));
        }
        if fills {
            let message = "filling in missing series only allowed between instant vectors";
            return Err(Fault::at(span, message));
        }
        binary.matching = None;
        return Ok(());
    }
    if !op.is_set() {
        return Ok(());
    }
    if matching.card != MatchCardinality::OneToOne {
        let op = quote(op.symbol());
        return Err(Fault::at(span, format!("no grouping allowed for {op} operation")));
    }
    if fills {
        return Err(Fault::at(span, "filling in missing series not allowed for set operators"));
    }
    matching.card = MatchCardinality::ManyToMany;
    Ok(())
}

fn check_call(call: &mut Call, span: Span) -> Result<()> {
    let func = call.func;
    let (name, count) = (quote(func.name), call.args.len());
    let (min, max) = (func.min_args(), func.max_args());
    let bound = match func.variadic {
        Variadic::No if count != min => Some(format!("{min}")),
        Variadic::No => None,
        _ if count < min => Some(format!("at least {min}")),
        _ => max.filter(|&max| count > max).map(|max| format!("at most {max}")),
    };
    if let Some(bound) = bound {
        let message = format!("expected {bound} argument(s) in call to {name}, got {count}");
        return Err(Fault::at(span, message));
    }
    let info = func.id == FunctionId::Info;
    for (i, arg) in call.args.iter_mut().enumerate() {
        let Some(&want) = func.args.get(i).or(func.args.last()) else { continue };
        let context = format!("call to function {name}");
        match &arg.kind {
            _ if !info || i != 1 => expect(arg, want, &context)?,
            // The second argument of info() names labels: it may be empty, but has no metric.
            ExprKind::VectorSelector(selector) if selector.name.is_none() => {}
            ExprKind::VectorSelector(_) => {
                let message = "expected label selectors only, got vector selector instead";
                return Err(Fault::at(arg.span, message));
            }
            _ if arg.value_type() != want => {
                let (want, found) = (want.documented(), arg.value_type().documented());
                let message = format!("expected type {want} in {context}, got {found}");
                return Err(Fault::at(span, message));
            }
            _ => return Err(Fault::at(arg.span, "expected label selectors only")),
        }
    }
    Ok(())
}

fn check_selector(selector: &VectorSelector, span: Span) -> Result<()> {
    if let Some(name) = &selector.name {
        // The last matcher is that of the name itself.
        let others = selector.matchers.split_last().map_or(&[][..], |(_, others)| others);
        return match others.iter().find(|matcher| matcher.name() == METRIC_NAME) {
            None => Ok(()),
            Some(twice) => {
                let (name, twice) = (quote(name), quote(twice.value()));
                let message = format!("metric name must not be set twice: {name} or {twice}");
                Err(Fault::at(span, message))
            }
        };
    }
    if selector.matchers.iter().all(|matcher| matcher.matches("")) {
        let message = "vector selector must contain at least one non-empty matcher";
        return Err(Fault::at(span, message));
    }
    Ok(())
}
