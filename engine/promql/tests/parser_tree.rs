//! Guards the promise that the tree means what the query says, with the place of each part.

use nunatak_promql::ast::{
    AtModifier, BinaryOp, Expr, ExprKind, MatchCardinality, Span, ValueType,
};
use nunatak_promql::{ParserOptions, parse, parse_metric_selector};

fn read(query: &str) -> Expr {
    parse(query, &ParserOptions::default()).unwrap_or_else(|error| panic!("{query:?}: {error}"))
}

/// The text of each expression of the tree, parents first.
fn parts(query: &str) -> Vec<&str> {
    let mut all = Vec::new();
    read(query).walk(&mut |expr| all.push(&query[expr.span.start..expr.span.end]));
    all
}

#[test]
fn spans_cover_the_text() {
    let query = "sum by (a) ( rate(x[5m] offset 1m) ) / -(y{a=\"é\"} @ 5) ^ 2";
    assert_eq!(
        parts(query),
        [
            query,
            "sum by (a) ( rate(x[5m] offset 1m) )",
            "rate(x[5m] offset 1m)",
            "x[5m] offset 1m",
            "-(y{a=\"é\"} @ 5) ^ 2",
            "(y{a=\"é\"} @ 5) ^ 2",
            "(y{a=\"é\"} @ 5)",
            "y{a=\"é\"} @ 5",
            "2",
        ]
    );
    assert_eq!(parts("sum(a) by (b) + 1"), ["sum(a) by (b) + 1", "sum(a) by (b)", "a", "1"]);
    assert_eq!(parts("a[1h:5m] offset 1m"), ["a[1h:5m] offset 1m", "a"]);
    assert_eq!(parts(" +1 "), ["+1"]);
}

#[test]
fn operators_bind_as_in_arithmetic() {
    let shape = |query: &str| {
        fn show(expr: &Expr) -> String {
            match &expr.kind {
                ExprKind::Binary(b) => format!("({} {} {})", show(&b.lhs), b.op, show(&b.rhs)),
                ExprKind::Unary(unary) => format!("({}{})", unary.op, show(&unary.expr)),
                _ => expr.to_string(),
            }
        }
        show(&read(query))
    };
    assert_eq!(shape("a or b and c unless d"), "(a or ((b and c) unless d))");
    assert_eq!(shape("a - b - c * d ^ e ^ f"), "((a - b) - (c * (d ^ (e ^ f))))");
    assert_eq!(shape("-a ^ b * c == d atan2 e"), "(((-(a ^ b)) * c) == (d atan2 e))");
    assert_eq!(shape("a ^ -b * c"), "((a ^ (-b)) * c)");
    assert_eq!(shape("a < b > c + d"), "((a < b) > (c + d))");
}

#[test]
fn numbers_take_their_sign() {
    let number = |query: &str| match read(query).kind {
        ExprKind::Number(number) => number.value,
        other => panic!("{other:?}"),
    };
    assert_eq!(number("-5m"), -300.0);
    assert_eq!(number("- -1_000"), 1000.0);
    assert_eq!(number("1s1ms"), 1.001);
    assert!(number("-NaN").is_nan() && number("-Inf") == f64::NEG_INFINITY);
}

#[test]
fn selectors_hold_name_matchers_and_time() {
    let ExprKind::MatrixSelector(matrix) = read("a{b!=\"c\"}[5m] @ end() offset -1m").kind else {
        panic!("no range");
    };
    let selector = &matrix.selector;
    assert_eq!(selector.name.as_deref(), Some("a"));
    let matchers: Vec<_> = selector.matchers.iter().map(|m| (m.name(), m.value())).collect();
    assert_eq!(matchers, [("b", "c"), ("__name__", "a")]);
    assert_eq!((matrix.range_ms, selector.offset_ms), (300_000, -60_000));
    assert_eq!(selector.at, Some(AtModifier::End));
    assert_eq!(matrix.selector_span, Span { start: 0, end: 9 });
    let ExprKind::VectorSelector(selector) = read(r#"{"a b", "c d"="e"} @ 1.0005"#).kind else {
        panic!("no selector");
    };
    assert_eq!((selector.name, selector.at), (None, Some(AtModifier::Timestamp(1001))));
}

#[test]
fn matching_is_kept_only_between_vectors() {
    let matching = |query: &str| match read(query).kind {
        ExprKind::Binary(binary) => (binary.op, binary.matching, binary.value_type),
        other => panic!("{other:?}"),
    };
    assert_eq!(matching("1 + 2"), (BinaryOp::Add, None, ValueType::Scalar));
    assert_eq!(matching("a + on() 2"), (BinaryOp::Add, None, ValueType::Vector));
    let card = |query: &str| matching(query).1.unwrap().card;
    assert_eq!(card("a + b"), MatchCardinality::OneToOne);
    assert_eq!(card("a or on (x) b"), MatchCardinality::ManyToMany);
    assert_eq!(card("a * on (x) group_left b"), MatchCardinality::ManyToOne);
    assert_eq!(card("a * ignoring () group_right (y) b"), MatchCardinality::OneToMany);
}

#[test]
fn strings_may_be_bytes() {
    assert_eq!(read(r#""\xc3\xa9""#).kind, ExprKind::String("é".into()));
    assert_eq!(read(r#""a\xff""#).kind, ExprKind::Bytes(b"a\xff".into()));
    assert!(parse(r#"a{b="\xff"}"#, &ParserOptions::default()).is_err());
}

#[test]
fn metric_selectors_stand_alone() {
    let names = |text: &str| -> Vec<(String, String)> {
        let matchers = parse_metric_selector(text).unwrap();
        matchers.iter().map(|m| (m.name().into(), m.value().into())).collect()
    };
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(names("up"), [pair("__name__", "up")]);
    assert_eq!(names(r#"sum{a!="b"}"#), [pair("a", "b"), pair("__name__", "sum")]);
    assert_eq!(names(r#"{"u p",}"#), [pair("__name__", "u p")]);
    assert_eq!(names("{}"), []);
    let error = |text| parse_metric_selector(text).unwrap_err().to_string();
    assert_eq!(error("up[5m]"), "1:3: parse error: unexpected \"[\"");
    assert_eq!(error("up offset 5m"), "1:4: parse error: unexpected <offset>");
    assert_eq!(error("1"), "1:1: parse error: unexpected number \"1\"");
    assert_eq!(error(""), "unknown position: parse error: unexpected end of input");
}

#[test]
fn positions_count_lines() {
    let error = parse("sum(\n  é, foo\n)", &ParserOptions::default()).unwrap_err();
    assert_eq!(error.to_string(), "2:3: parse error: unexpected character: 'é'");
    assert_eq!(error.span().start, 7);
}
