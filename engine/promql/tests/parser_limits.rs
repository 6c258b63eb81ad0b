//! Guards the promise that no query, however big or deep, does harm: it gets an error.

use nunatak_promql::{ParserOptions, parse};

/// Runs on the stack that a test thread has (2 MiB), and drops the tree there.
fn message(query: &str) -> String {
    match parse(query, &ParserOptions::all_features()) {
        Ok(expr) => panic!("read {} bytes", expr.to_string().len()),
        Err(error) => error.message().to_owned(),
    }
}

#[test]
fn deep_queries_are_refused() {
    let n = 100_000;
    let deep = "query is nested deeper than 500 levels";
    assert_eq!(message(&"(".repeat(n)), deep);
    assert_eq!(message(&"-".repeat(n)), deep);
    assert_eq!(message(&"abs(".repeat(n)), deep);
    assert_eq!(message(&"sum by (a) (".repeat(n / 2)), deep);
    assert_eq!(message(&"a^".repeat(n)), deep);
    assert_eq!(message(&"a+".repeat(n)), deep);
    assert_eq!(message(&"a or ".repeat(n)), deep);
    assert_eq!(message(&format!("a{}", "[1m:]".repeat(n))), deep);
    let nested = "duration is nested deeper than 100 levels";
    assert_eq!(message(&format!("a[{}", "(".repeat(n))), nested);
    assert_eq!(message(&format!("a[{}", "-".repeat(n))), nested);
    assert_eq!(message(&format!("a[1{}", "+1".repeat(n))), nested);
    assert_eq!(message(&format!("a offset (1{}", "^1".repeat(n))), nested);
}

#[test]
fn big_queries_are_refused() {
    let many = "query has more than 20000 parts";
    let n = 60_000;
    assert_eq!(message(&format!("label_join({}", "a,".repeat(n))), many);
    assert_eq!(message(&format!("{{{}", "a=\"\",".repeat(n))), many);
    assert_eq!(message(&format!("sum by ({}", "a,".repeat(n))), many);
    let length = (1 << 20) + 1;
    let query = format!("a{}", " ".repeat(length - 1));
    assert_eq!(
        message(&query),
        format!("query of {length} bytes is longer than the limit of 1048576")
    );
}

#[test]
fn queries_at_the_limits_are_read() {
    let read = |query: &str| parse(query, &ParserOptions::default()).unwrap();
    for query in [
        format!("{}a{}", "(".repeat(499), ")".repeat(499)),
        format!("a{}", "+a".repeat(499)),
        format!("{}a", "-".repeat(499)),
        format!("a{}", "^a".repeat(499)),
    ] {
        let expr = read(&query);
        assert_eq!(read(&expr.to_string()), expr);
    }
}

#[test]
fn limits_can_be_set() {
    let options = ParserOptions { max_depth: 2, max_length: 8, max_parts: 2, ..Default::default() };
    assert!(parse("(a)", &options).is_ok());
    for query in ["((a))", "a + b +c", "a+b + cde"] {
        assert!(parse(query, &options).is_err(), "{query:?}");
    }
}
