#![no_main]
//! No text makes the parser panic; what it reads it prints so that it reads the same again.

use libfuzzer_sys::fuzz_target;
use nunatak_promql::ast::{AtModifier, BinaryOp, DurationExpr, DurationExprKind, Expr, ExprKind};
use nunatak_promql::{ParserOptions, parse, parse_duration, parse_metric_selector, prettify};

/// The corners in which Prometheus' notation loses something: times below a millisecond, `@` times
/// beyond 2⁵³ ms, an infinity (printed with a sign) at the left of a power, and an offset that was
/// written `+(…)` (printed without the sign, it takes the operators behind it).
fn is_exact(expr: &Expr) -> bool {
    let mut exact = true;
    expr.walk(&mut |expr| {
        let at = match &expr.kind {
            ExprKind::VectorSelector(selector) => {
                exact &= !is_paren(selector.offset_expr.as_deref());
                selector.at
            }
            ExprKind::MatrixSelector(matrix) => {
                exact &= matrix.range_ms != 0 || matrix.range_expr.is_some();
                exact &= !is_paren(matrix.selector.offset_expr.as_deref());
                matrix.selector.at
            }
            ExprKind::Subquery(subquery) => {
                exact &= subquery.range_ms != 0 || subquery.range_expr.is_some();
                exact &= !is_paren(subquery.offset_expr.as_deref());
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

fn is_paren(offset: Option<&DurationExpr>) -> bool {
    offset.is_some_and(|offset| matches!(offset.kind, DurationExprKind::Paren(_)))
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
