#![no_main]
//! No text makes the parser panic; what it reads it prints so that it reads the same again.

use libfuzzer_sys::fuzz_target;
use nunatak_promql::ast::{
    AtModifier, BinaryOp, DurationExpr, DurationExprKind, DurationOp, Expr, ExprKind,
};
use nunatak_promql::{ParserOptions, parse, parse_duration, parse_metric_selector, prettify};

/// The corners in which Prometheus' notation loses something: times below a millisecond, `@` times
/// beyond 2⁵³ ms, an infinity (printed with a sign) at the left of a power, and an offset whose signs
/// say where it ends but are not printed: `+(5m)`, `++5m * 2`.
fn is_exact(expr: &Expr) -> bool {
    let mut exact = true;
    expr.walk(&mut |expr| {
        let at = match &expr.kind {
            ExprKind::VectorSelector(selector) => {
                exact &= !needs_sign(selector.offset_expr.as_deref());
                selector.at
            }
            ExprKind::MatrixSelector(matrix) => {
                exact &= matrix.range_ms != 0 || matrix.range_expr.is_some();
                exact &= !needs_sign(matrix.selector.offset_expr.as_deref());
                matrix.selector.at
            }
            ExprKind::Subquery(subquery) => {
                exact &= subquery.range_ms != 0 || subquery.range_expr.is_some();
                exact &= !needs_sign(subquery.offset_expr.as_deref());
                subquery.at
            }
            ExprKind::Binary(binary) => {
                exact &= binary.op != BinaryOp::Pow
                    || !matches!(binary.lhs.kind, ExprKind::Number(n) if n.value.is_infinite());
                None
            }
            _ => None,
        };
        if let Some(AtModifier::Timestamp(ms)) = at {
            exact &= ms.unsigned_abs() < 1 << 53;
        }
    });
    exact
}

fn needs_sign(offset: Option<&DurationExpr>) -> bool {
    use DurationOp::{MaxOf, MinOf};
    offset.is_some_and(|offset| match offset.kind {
        DurationExprKind::Paren(_) => true,
        DurationExprKind::Binary { op: MinOf | MaxOf, .. } => false,
        DurationExprKind::Binary { .. } => !offset.to_string().starts_with('('),
        _ => false,
    })
}

fuzz_target!(|text: &str| {
    let _ = parse_metric_selector(text);
    let _ = parse_duration(text);
    for options in [ParserOptions::default(), ParserOptions::all_features()] {
        let expr = match parse(text, &options) {
            Ok(expr) => expr,
            Err(error) => {
                assert!(error.span().start <= text.len(), "{error} lies behind {text:?}");
                continue;
            }
        };
        if !is_exact(&expr) {
            continue;
        }
        for printed in [expr.to_string(), prettify(&expr)] {
            match parse(&printed, &options) {
                Ok(again) => assert_eq!(again, expr, "{text:?} as {printed:?}"),
                Err(error) => panic!("{text:?} as {printed:?}: {error}"),
            }
        }
    }
});
