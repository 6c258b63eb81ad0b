//! Guards the promise that a bad pattern is an error of the query, not of its evaluation, and that a
//! pattern which matches the empty value does not count as a choice of series.

use nunatak_promql::{ParserOptions, parse, parse_metric_selector};

fn error(query: &str) -> String {
    match parse(query, &ParserOptions::default()) {
        Ok(expr) => panic!("{query:?} was read as {expr}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn bad_patterns_are_refused() {
    for (pattern, want) in [
        ("(", "missing closing ): `(`"),
        ("x{2,1}", "invalid repeat count: `{2,1}`"),
        ("a{1001}", "invalid repeat count: `{1001}`"),
        ("[z-a]", "invalid character class range: `z-a`"),
        ("*", "missing argument to repetition operator: `*`"),
        ("a**", "invalid nested repetition operator: `**`"),
        ("(?P<x", "invalid named capture: `(?P<x`"),
        // RE2 has no look-around and no back-references.
        ("(?=b)", "invalid or unsupported Perl syntax: `(?=`"),
        (r"(b)\\1", "invalid escape sequence: `\\1`"),
    ] {
        let want = format!("parse error: error parsing regexp: {want}");
        assert_eq!(error(&format!("foo{{b=\"c\",a=~\"{pattern}\"}}")), format!("1:11: {want}"));
        let selector = parse_metric_selector(&format!("{{a!~\"{pattern}\"}}"));
        assert_eq!(selector.unwrap_err().to_string(), format!("1:2: {want}"));
    }
}

#[test]
fn empty_matches_choose_nothing() {
    let empty = "vector selector must contain at least one non-empty matcher";
    for query in [r#"{a=~".*"}"#, r#"{a=~"|b"}"#, r#"{a!~".+"}"#, r#"{a=~""}"#] {
        assert_eq!(error(query), format!("1:1: parse error: {empty}"), "{query:?}");
    }
    for query in [r#"{a=~".+"}"#, r#"{a!~".*"}"#, r#"{a!~""}"#, r#"foo{a=~".*"}"#] {
        assert!(parse(query, &ParserOptions::default()).is_ok(), "{query:?}");
    }
}
