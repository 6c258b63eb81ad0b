//! Guards the promise that experimental syntax is read if, and only if, its switch is on.

use nunatak_promql::ast::{DurationExprKind, ExprKind, RangeMode};
use nunatak_promql::{ParseError, ParserOptions, parse};

/// The printed form with everything on, and the error with nothing on.
fn check(table: &[(&str, &str, &str)]) {
    for (query, want, refused) in table {
        let options = ParserOptions::all_features();
        let expr = parse(query, &options).unwrap_or_else(|error| panic!("{query:?}: {error}"));
        assert_eq!(expr.to_string(), *want, "{query:?}");
        assert_eq!(parse(want, &options), Ok(expr), "{query:?}");
        let error = parse(query, &ParserOptions::default()).err();
        assert_eq!(error.as_ref().map(ParseError::message), Some(*refused), "{query:?}");
    }
}

#[test]
fn functions() {
    let disabled = |name: &str| format!("function \"{name}\" is not enabled");
    let aggregation = |name: &str| {
        format!(
            "{name}() is experimental and must be enabled with \
             --enable-feature=promql-experimental-functions"
        )
    };
    check(&[
        ("mad_over_time(a[5m])", "mad_over_time(a[5m])", &disabled("mad_over_time")),
        ("end() - start()", "end() - start()", &disabled("end")),
        ("min_of(1, step())", "min_of(1, step())", &disabled("step")),
        ("info(a)", "info(a)", &disabled("info")),
        ("info(a, {b=\"\"})", "info(a, {b=\"\"})", &disabled("info")),
        ("sort_by_label(a, \"b\")", "sort_by_label(a, \"b\")", &disabled("sort_by_label")),
        ("limitk by (x) (1, a)", "limitk by (x) (1, a)", &aggregation("limitk")),
        ("limit_ratio(-0.5, a)", "limit_ratio(-0.5, a)", &aggregation("limit_ratio")),
    ]);
}

#[test]
fn durations() {
    let off = "experimental duration expression is not enabled";
    check(&[
        ("a[5m*2]", "a[5m * 2]", off),
        ("a[(5m)]", "a[(5m)]", off),
        ("a[step()]", "a[step()]", off),
        ("a[ range() / 2 : -(-step())]", "a[range() / 2:-(-step())]", off),
        ("a[min_of(step()+1,1h)]", "a[min_of(step() + 1, 1h)]", off),
        ("a[2^3^-1 - 5 % 3]", "a[2 ^ 3 ^ -1 - 5 % 3]", off),
        ("a offset step()", "a offset step()", off),
        ("a offset -min_of(5m, 1m)", "a offset -min_of(5m, 1m)", off),
        ("a offset (5m + 1m) * 2", "a offset (5m + 1m) * 2", off),
        ("a offset -(5m)", "a offset -(5m)", off),
        ("a[5m] offset --step()", "a[5m] offset --step()", off),
    ]);
}

/// Behind an offset that starts with no parenthesis an operator belongs to the query.
#[test]
fn offsets_end_at_operators() {
    let options = ParserOptions::all_features();
    for query in ["a offset step() + 8000", "a offset -min_of(1, 2) ^ 0", "a offset -(1m) * 2"] {
        let expr = parse(query, &options).unwrap();
        assert!(matches!(expr.kind, ExprKind::Binary(_)), "{query:?}");
    }
    let ExprKind::VectorSelector(selector) = parse("a offset (1m) * 2", &options).unwrap().kind
    else {
        panic!("no selector");
    };
    let kind = selector.offset_expr.map(|expr| expr.kind);
    assert!(matches!(kind, Some(DurationExprKind::Binary { .. })));
}

#[test]
fn extended_ranges() {
    let off = |word: &str| format!("{word} modifier is experimental and not enabled");
    check(&[
        ("a[5m] anchored", "a[5m] anchored", &off("anchored")),
        ("rate(a[5m] smoothed offset 1m)", "rate(a[5m] smoothed offset 1m)", &off("smoothed")),
        ("a smoothed @ 1", "a @ 1.000 smoothed", &off("smoothed")),
        ("anchored anchored", "anchored anchored", &off("anchored")),
    ]);
    let options = ParserOptions::all_features();
    let ExprKind::MatrixSelector(matrix) = parse("a[5m] smoothed", &options).unwrap().kind else {
        panic!("no range");
    };
    assert_eq!(matrix.selector.mode, Some(RangeMode::Smoothed));
    let error = |query| parse(query, &options).unwrap_err().message().to_owned();
    assert_eq!(error("a[5m:] smoothed"), "smoothed modifier is not supported for subqueries");
    assert_eq!(error("1 anchored"), "anchored modifier not implemented");
    assert_eq!(error("a anchored smoothed"), {
        "anchored and smoothed modifiers cannot be used together"
    });
}

#[test]
fn fill() {
    let off = "binop fill modifiers are experimental and not enabled";
    check(&[
        ("a + fill(0) b", "a + fill (0) b", off),
        ("a + on(x) fill_left(-1) b", "a + on (x) fill_left (-1) b", off),
        ("a + fill_right(5m) fill_left(2) b", "a + fill_left (2) fill_right (300) b", off),
        ("a * on(x) group_left fill(1) b", "a * on (x) group_left () fill (1) b", off),
    ]);
    let options = ParserOptions::all_features();
    let error = |query| parse(query, &options).unwrap_err().message().to_owned();
    assert_eq!(error("a or fill(1) b"), "filling in missing series not allowed for set operators");
    assert_eq!(error("a + fill(1) 2"), {
        "filling in missing series only allowed between instant vectors"
    });
    // Without a parenthesis it is a metric.
    assert_eq!(parse("fill + fill_left", &options).unwrap().to_string(), "fill + fill_left");
}

#[test]
fn info_wants_labels_only() {
    let error =
        |query| parse(query, &ParserOptions::all_features()).unwrap_err().message().to_owned();
    assert_eq!(error("info(a, b)"), "expected label selectors only, got vector selector instead");
    assert_eq!(error("info(a, sum(b))"), "expected label selectors only");
    assert_eq!(error("info(a, 1)"), {
        "expected type instant vector in call to function \"info\", got scalar"
    });
}
