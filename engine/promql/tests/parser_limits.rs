//! Guards the promise that no query, however big or deep, does harm: it gets an error.

use nunatak_index::{MatchOp, Matcher};
use nunatak_promql::{MemorySource, ParserOptions, parse, query};

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

/// A pattern that needs an automaton of its own; as long as all others of its kind.
fn heavy(i: usize) -> String {
    format!(".*a[a-z]{{9}}.*{i:05}")
}

#[test]
fn heavy_patterns_are_refused_before_they_are_all_compiled() {
    let matcher = |i: usize| format!("a=~\"{}\",", heavy(i));
    let all = (0..19_000).map(matcher).collect::<Vec<_>>().concat();
    let options = ParserOptions::all_features();
    let error = parse(&format!("{{{all}}}"), &options).unwrap_err();
    assert_eq!(error.message(), "patterns of the query need more than 33554432 bytes");
    // Compiled are those up to the place of the error.
    let compiled = error.span().start / matcher(0).len() + 1;
    let cost = Matcher::new("a", MatchOp::Regex, &heavy(0)).unwrap().compiled_bytes();
    assert!(cost > 100_000, "{cost}");
    assert!((compiled - 1) * cost / 2 < options.max_pattern_bytes, "{compiled} of {cost}");
}

#[test]
fn a_repeated_pattern_counts_once() {
    let max_pattern_bytes = Matcher::new("a", MatchOp::Regex, &heavy(1)).unwrap().compiled_bytes();
    let options = ParserOptions { max_pattern_bytes, ..ParserOptions::default() };
    let one = format!("{{a=~\"{}\"}}", heavy(1));
    let sum = vec![one.as_str(); 400].join(" + ");
    assert!(parse(&sum, &options).is_ok());
    let other = format!("{sum} + {{a=~\"{}\"}}", heavy(2));
    assert!(parse(&other, &options).is_err());
    let tighter = ParserOptions { max_pattern_bytes: max_pattern_bytes - 1, ..options };
    assert!(parse(&one, &tighter).is_err());
}

#[test]
fn many_plain_patterns_are_read() {
    let pair = |i: usize| format!("a=~\"x{i}|y\",b!~\"p{i}.*\",");
    let all: Vec<_> = (0..9_000).map(pair).collect();
    assert!(parse(&format!("m{{{}}}", all.concat()), &ParserOptions::default()).is_ok());
}

#[test]
fn heavy_patterns_of_label_replace_are_refused() {
    let mut nested = "m".to_owned();
    for i in 0..100 {
        nested = format!("label_replace({nested}, \"a\", \"$1\", \"b\", \"(\\\\pL{{200}}){i}\")");
    }
    let error = query(&MemorySource::new(), &nested, 0).unwrap_err();
    assert_eq!(error.to_string(), "patterns of label_replace() need more than 33554432 bytes");
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
