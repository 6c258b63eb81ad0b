//! Guards the promise that we read the language and not a dialect of it: another parser accepts and
//! refuses the same queries, but for its known faults.

use nunatak_promql::{ParserOptions, parse};
use proptest::prelude::*;
use proptest::sample::select;

/// Queries that version 0.11 of the other parser judges unlike Prometheus, and whether Prometheus
/// accepts them.
const KNOWN_FAULTS: &[(&str, bool)] = &[
    ("1_000", true),
    ("foo offset + -1h", true),
    ("foo offset 0s", true),
    ("foo{a=`\\d`}", true),
    ("+\"a\"", false),
    ("1e400", false),
    ("foo[300y]", false),
    ("sum by (a:b) (foo)", true),
    ("foo @ end() [5m]", true),
];

/// What Prometheus complains of and the other parser does not (`offset Inf` makes it panic).
const UNKNOWN_COMPLAINTS: &[&str] = &["unary expression only allowed", "duration out of range"];

/// Queries, cut into tokens by blanks, that are changed at random.
const QUERIES: &[&str] = &[
    "sum by ( a , b ) ( rate ( foo {a=\"b\"} [5m] offset 5m ) ) / 2",
    "foo * on ( a ) group_left ( c ) bar @ 10 and ignoring ( x ) baz",
    "topk ( 3 , - foo ^ 2 ) == bool 1 or vector ( 1 )",
    "histogram_quantile ( 0.9 , sum ( rate ( foo [5m] ) ) by ( le ) ) > 0.5",
    "max_over_time ( ( foo + bar ) [1h:5m] @ start() offset 1h ) unless on () baz",
    "label_replace ( foo , \"a\" , \"$1\" , 'b' , \"(.*)\" )",
    "count_values without ( a ) ( \"x\" , foo ) atan2 scalar ( bar ) % time ( )",
];

const TOKENS: &[&str] = &[
    "(",
    ")",
    "[5m]",
    "[1h:5m]",
    "[5m:]",
    ",",
    "+",
    "-",
    "*",
    "^",
    "==",
    "<=",
    "and",
    "or",
    "unless",
    "bool",
    "on",
    "ignoring",
    "group_left",
    "group_right",
    "by",
    "without",
    "(a)",
    "offset 5m",
    "offset",
    "@ 10",
    "@ end()",
    "@",
    "foo",
    "sum",
    "topk",
    "rate",
    "abs",
    "time",
    "vector",
    "1",
    "Inf",
    "0x1F",
    "5m",
    "\"s\"",
    "{a=\"b\"}",
    "{a!=\"b\",}",
    "{}",
];

fn query() -> impl Strategy<Value = String> {
    let edits = prop::collection::vec((any::<prop::sample::Index>(), 0..3, select(TOKENS)), 0..3);
    (select(QUERIES), edits).prop_map(|(query, edits)| {
        let mut tokens: Vec<&str> = query.split(' ').collect();
        for (place, kind, token) in edits {
            let place = place.index(tokens.len());
            match kind {
                0 => tokens[place] = token,
                1 => tokens.insert(place, token),
                _ => {
                    tokens.remove(place);
                }
            }
        }
        tokens.join(" ")
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4096, ..ProptestConfig::default() })]

    #[test]
    fn both_accept_or_both_refuse(query in query()) {
        // A known fault that is drawn often.
        prop_assume!(!query.contains("() [5m]"));
        let ours = parse(&query, &ParserOptions::default());
        if let Err(error) = &ours {
            prop_assume!(!UNKNOWN_COMPLAINTS.iter().any(|text| error.message().starts_with(text)));
        }
        let theirs = promql_parser::parser::parse(&query);
        prop_assert_eq!(
            ours.is_ok(), theirs.is_ok(), "{:?}: we say {:?}, they say {:?}", query, ours, theirs
        );
    }
}

/// If the other parser mends a fault, its line can go.
#[test]
fn known_faults_are_the_other_parsers() {
    for &(query, accepted) in KNOWN_FAULTS {
        let ours = parse(query, &ParserOptions::default());
        assert_eq!(ours.is_ok(), accepted, "{query:?}: {ours:?}");
        assert_eq!(promql_parser::parser::parse(query).is_ok(), !accepted, "{query:?}");
    }
}
