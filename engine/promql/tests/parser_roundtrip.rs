//! Guards the promise that a printed tree parses to an equal tree, and that no text makes the
//! parser panic.

use nunatak_promql::{ParserOptions, parse, prettify};
use proptest::prelude::*;
use proptest::sample::select;

/// A text made of parts that were drawn already.
fn join(parts: &[String]) -> String {
    parts.concat()
}

fn name() -> impl Strategy<Value = String> {
    select(&["foo", "a:b", "sum", "and", "offset", "start", "x_1", "by", "Topk", "infix"][..])
        .prop_map(str::to_owned)
}

fn label() -> impl Strategy<Value = String> {
    select(&["a", "le", "on", "group_left", "\"b.c\"", "'é'", "`d e`"][..]).prop_map(str::to_owned)
}

fn labels() -> impl Strategy<Value = String> {
    prop::collection::vec(label(), 0..3).prop_map(|labels| format!("({})", labels.join(", ")))
}

fn number() -> impl Strategy<Value = String> {
    let literal = select(
        &["0", "1", "0x1F", "017", "1_000", ".5", "1e-7", "NaN", "5m", "1h30m", "1w", "1ms"][..],
    );
    (select(&["", "-", "+", "- -"][..]), literal)
        .prop_map(|(sign, number)| format!("{sign}{number}"))
}

fn duration() -> impl Strategy<Value = String> {
    select(&["5m", "1h30m", "300", "0.5", "1y", "15d", "0x10", "+1m"][..]).prop_map(str::to_owned)
}

fn matchers() -> impl Strategy<Value = String> {
    let value = select(&[r#""""#, r#""x""#, r"'\n\x41\u00e9'", r"`\d`", "\"é\u{200b}\""][..]);
    let matcher = (select(&["a", "le", "\"b.c\""][..]), select(&["=", "!="][..]), value)
        .prop_map(|(name, op, value)| format!("{name} {op} {value}"));
    prop::collection::vec(matcher, 0..3).prop_map(|all| all.join(","))
}

/// `offset` and `@` in some order, or nothing.
fn times() -> impl Strategy<Value = String> {
    let offset = select(&["", " offset 5m", " offset -1h", " OFFSET 90", " offset 0s"][..]);
    let at = select(&["", " @ 10", " @ -1.5", " @ start()", "@end ( )"][..]);
    (offset, at, any::<bool>()).prop_map(|(offset, at, swap)| {
        if swap { format!("{at}{offset}") } else { format!("{offset}{at}") }
    })
}

fn series() -> impl Strategy<Value = String> {
    prop_oneof![
        name(),
        (name(), matchers()).prop_map(|(name, matchers)| format!("{name}{{{matchers}}}")),
        matchers().prop_map(|matchers| format!("{{\"m n\",{matchers}}}")),
        matchers().prop_map(|matchers| format!("{{z!=\"\",{matchers}}}")),
    ]
}

fn modifiers() -> impl Strategy<Value = String> {
    let matching = (select(&["on", "IGNORING"][..]), labels());
    let group = (select(&["group_left", "group_right"][..]), labels());
    prop_oneof![
        Just(String::new()),
        matching.prop_map(|(word, labels)| format!("{word}{labels}")),
        (select(&["on", "ignoring"][..]), group)
            .prop_map(|(word, (group, labels))| format!("{word} (zz) {group} {labels}")),
    ]
}

/// An expression that is an instant vector.
fn vector() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        4 => (series(), times()).prop_map(|(series, times)| format!("{series}{times}")),
        1 => number().prop_map(|number| format!("vector({number})")),
        2 => (series(), duration(), times()).prop_map(|(series, range, times)| {
            format!("rate({series}[{range}]{times})")
        }),
    ];
    leaf.prop_recursive(6, 40, 3, |inner| {
        let pair = (inner.clone(), inner.clone());
        let arithmetic = select(&["+", "-", "*", "/", "%", "^", "==", ">=", "atan2"][..]);
        let comparison = select(&["==", "!=", "<", "<=", ">", ">="][..]);
        let set = select(&["and", "OR", "unless"][..]);
        prop_oneof![
            (pair.clone(), arithmetic, modifiers())
                .prop_map(|((l, r), op, modifiers)| format!("{l} {op} {modifiers} ({r})")),
            (inner.clone(), comparison, number())
                .prop_map(|(l, op, r)| format!("({l} {op} bool {r})")),
            (pair.clone(), set, labels())
                .prop_map(|((l, r), op, labels)| format!("{l} {op} on{labels} {r}")),
            pair.prop_map(|(l, r)| format!("{l} + {r}")),
            inner.clone().prop_map(|inner| format!("({inner})")),
            inner.clone().prop_map(|inner| format!("-{inner}")),
            (select(&["sum", "Avg", "group"][..]), labels(), inner.clone(), 0..3).prop_map(
                |(op, labels, inner, form)| match form {
                    0 => format!("{op}({inner})"),
                    1 => format!("{op} by {labels} ({inner})"),
                    _ => format!("{op}({inner}) without{labels}"),
                }
            ),
            (number(), inner.clone()).prop_map(|(k, inner)| format!("topk({k}, {inner})")),
            inner.clone().prop_map(|inner| format!("count_values(\"x\\n\", {inner})")),
            (inner.clone(), duration(), prop::option::of(duration()), times()).prop_map(
                |(inner, range, step, times)| {
                    let step = step.unwrap_or_default();
                    format!("max_over_time(({inner})[{range}:{step}]{times})")
                }
            ),
            inner.prop_map(|inner| format!("label_join({inner}, 'a', \"\", `b`)")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn printed_trees_parse_to_equal_trees(query in vector()) {
        let options = ParserOptions::default();
        let expr = parse(&query, &options)
            .map_err(|error| TestCaseError::fail(format!("{query:?}: {error}")))?;
        for text in [expr.to_string(), prettify(&expr)] {
            let again = parse(&text, &options);
            prop_assert_eq!(again.as_ref(), Ok(&expr), "{:?} as {:?}", query, text);
        }
    }

    /// What is made of tokens in any order is mostly wrong, but never a panic; what is right by
    /// chance is printed right.
    #[test]
    fn any_tokens_are_survived(query in prop::collection::vec(token(), 0..12).prop_map(|all| join(&all))) {
        let options = ParserOptions::all_features();
        if let Ok(expr) = parse(&query, &options) {
            let text = expr.to_string();
            prop_assert!(parse(&text, &options).is_ok(), "{query:?} as {text:?}");
        }
    }

    #[test]
    fn any_text_is_survived(query in ".{0,60}") {
        let _ = parse(&query, &ParserOptions::all_features());
        let _ = nunatak_promql::parse_metric_selector(&query);
        let _ = nunatak_promql::parse_duration(&query);
    }
}

fn token() -> impl Strategy<Value = String> {
    let fixed = select(
        &[
            "(",
            ")",
            "{",
            "}",
            "[",
            "]",
            ",",
            "@ ",
            "=",
            "=~",
            " offset ",
            ":",
            "#\n",
            " ",
            "+",
            "-",
            "^",
            " and ",
            " bool ",
            " on ",
            " by ",
            "foo",
            "sum",
            "rate",
            "step()",
            "5m",
            "1",
            "min_of",
            "\"a\"",
            "[5m]",
            "(foo)",
            "{a=\"b\"}",
            " fill(1) ",
            " smoothed ",
            " < ",
        ][..],
    );
    prop_oneof![
        8 => fixed.prop_map(str::to_owned),
        1 => name(),
        1 => number(),
        1 => vector(),
    ]
}
