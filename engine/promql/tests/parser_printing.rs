//! Guards the promise that valid queries are read, and printed as Prometheus prints them.
//!
//! The right sides are answers of `format_query` of Prometheus 3.5.3, but for labels that need
//! quotes, which later versions print with them.

use nunatak_promql::{ParserOptions, parse, prettify};

fn check(table: &[(&str, &str)]) {
    let options = ParserOptions::default();
    for (query, want) in table {
        let expr = parse(query, &options).unwrap_or_else(|error| panic!("{query:?}: {error}"));
        assert_eq!(prettify(&expr), *want, "{query:?}");
        assert_eq!(parse(&expr.to_string(), &options), Ok(expr), "{query:?}");
    }
}

#[test]
fn literals() {
    check(&[
        ("1", "1"),
        ("+1", "1"),
        ("-1", "-1"),
        ("--1", "1"),
        ("+-+1", "-1"),
        (".5", "0.5"),
        ("5.", "5"),
        ("5e-3", "0.005"),
        ("0xc", "12"),
        ("0755", "493"),
        ("-0755", "-493"),
        ("09", "9"),
        ("1_000", "1000"),
        ("0x_1F", "31"),
        ("Inf", "+Inf"),
        ("-inf", "-Inf"),
        ("+Inf", "+Inf"),
        ("nAn", "NaN"),
        (
            "1e300",
            "1000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000",
        ),
        ("123456789012345678901", "123456789012345680000"),
        ("5m", "5m"),
        ("1h30m", "1h30m"),
        ("-5m", "-5m"),
        ("1w", "1w"),
        ("90d", "90d"),
        ("1y", "1y"),
        ("100w", "100w"),
        ("0s", "0s"),
        ("1ms", "1ms"),
        ("-(1)", "-(1)"),
        ("1 + 1", "1 + 1"),
        (r#""a'b""#, r#""a'b""#),
        (r#"'a"b'"#, r#""a\"b""#),
        (r#"`a\d"b`"#, r#""a\\d\"b""#),
        (r#""\t\x41\u00e9\U0001F600\101""#, r#""\tAé😀A""#),
        (r#""\xff""#, r#""\xff""#),
        (r#""""#, r#""""#),
    ]);
}

#[test]
fn selectors() {
    check(&[
        ("foo", "foo"),
        ("foo{}", "foo"),
        (r#"foo{a="b"}"#, r#"foo{a="b"}"#),
        (r#"{a="b"}"#, r#"{a="b"}"#),
        (r#"foo{b="1",a!="2"}"#, r#"foo{a!="2",b="1"}"#),
        (r#"foo{a="b",}"#, r#"foo{a="b"}"#),
        (r#"{"foo"}"#, r#"{__name__="foo"}"#),
        (r#"{"my.metric", "label.name"="x"}"#, r#"{"label.name"="x",__name__="my.metric"}"#),
        (r#"{"my.metric", a="b", c!="d",}"#, r#"{__name__="my.metric",a="b",c!="d"}"#),
        (r#"{__name__="foo"}"#, r#"{__name__="foo"}"#),
        (r#"{__name__="foo",a="b"}"#, r#"{__name__="foo",a="b"}"#),
        ("a:b:c", "a:b:c"),
        ("sum", "sum"),
        (r#"min{a="b"}"#, r#"min{a="b"}"#),
        ("and", "and"),
        ("by", "by"),
        ("offset", "offset"),
        ("or + unless", "or + unless"),
        ("start", "start"),
        ("end{}", "end"),
        ("topk + 1", "topk + 1"),
        (r#"foo{and="b",sum="c",offset="d"}"#, r#"foo{and="b",offset="d",sum="c"}"#),
        (r"foo{a='\x41'}", r#"foo{a="A"}"#),
        (r"foo{a=`\d`}", r#"foo{a="\\d"}"#),
        ("foo # comment\n{ # x\na=\"b\"}", r#"foo{a="b"}"#),
        ("bar # at the end", "bar"),
        ("FOO", "FOO"),
        ("_x:y", "_x:y"),
        (r#"foo{_="a"}"#, r#"foo{_="a"}"#),
        ("inf_x", "inf_x"),
        ("group_left_x", "group_left_x"),
        ("count_values", "count_values"),
    ]);
}

#[test]
fn modifiers() {
    check(&[
        ("foo offset 5m", "foo offset 5m"),
        ("foo offset -5m", "foo offset -5m"),
        ("foo offset 0s", "foo"),
        ("foo offset +1w", "foo offset 1w"),
        ("foo offset 300", "foo offset 5m"),
        ("foo offset -1.5", "foo offset -1s500ms"),
        ("foo @ 10", "foo @ 10.000"),
        ("foo @ -10.5", "foo @ -10.500"),
        ("foo @ 1e3", "foo @ 1000.000"),
        ("foo @ 5m", "foo @ 300.000"),
        ("foo @ start()", "foo @ start()"),
        ("foo @ END()", "foo @ end()"),
        ("foo offset 5m @ 10", "foo @ 10.000 offset 5m"),
        ("foo @ 10 offset 5m", "foo @ 10.000 offset 5m"),
        ("foo[5m]", "foo[5m]"),
        ("foo[5m] offset 1h", "foo[5m] offset 1h"),
        ("foo[5m] @ 1 offset -1h", "foo[5m] @ 1.000 offset -1h"),
        ("foo[300]", "foo[5m]"),
        ("foo[1.5]", "foo[1s500ms]"),
        ("foo[0x10]", "foo[16s]"),
        ("foo[5m:]", "foo[5m:]"),
        ("foo[5m:1m]", "foo[5m:1m]"),
        ("rate(foo[5m])[1h:1m] @ start() offset 1d", "rate(foo[5m])[1h:1m] @ start() offset 1d"),
        ("foo[5m:1m] offset -1m", "foo[5m:1m] offset -1m"),
        ("(foo + bar)[5m:]", "(foo + bar)[5m:]"),
        ("foo offset 0s offset 5m", "foo offset 5m"),
        ("max_over_time(foo[1h:5m])[2h:10m]", "max_over_time(foo[1h:5m])[2h:10m]"),
        ("foo[ 5m ]", "foo[5m]"),
        ("foo [5m]", "foo[5m]"),
        ("foo[5m : 1m]", "foo[5m:1m]"),
        ("foo[1y]", "foo[1y]"),
        ("foo offset 5m + 1", "foo offset 5m + 1"),
        ("foo offset -2^2", "foo offset -2s ^ 2"),
        ("-foo offset 5m", "-foo offset 5m"),
        ("foo[+5m]", "foo[5m]"),
        ("OFFSET offset 5m", "OFFSET offset 5m"),
        ("foo OFFSET 5m", "foo offset 5m"),
    ]);
}

#[test]
fn operators() {
    check(&[
        ("1 + 2 * 3", "1 + 2 * 3"),
        ("(1 + 2) * 3", "(1 + 2) * 3"),
        ("-1 ^ 2", "-1 ^ 2"),
        ("-foo ^ 2", "-foo ^ 2"),
        ("2 ^ -foo ^ 2", "2 ^ -foo ^ 2"),
        ("2 ^ 3 ^ 4", "2 ^ 3 ^ 4"),
        ("a - b - c", "a - b - c"),
        ("a * -b + c", "a * -b + c"),
        ("a or b and c", "a or b and c"),
        ("a and b or c unless d", "a and b or c unless d"),
        ("a == b", "a == b"),
        ("a==bool b", "a == bool b"),
        ("a > bool 1", "a > bool 1"),
        ("a + on() b", "a + on () b"),
        ("a + on(x,) b", "a + on (x) b"),
        ("a + ignoring() b", "a + b"),
        ("a + ignoring(x) b", "a + ignoring (x) b"),
        ("a * on(x, y) group_left b", "a * on (x, y) group_left () b"),
        ("a * on(x) group_left(z) b", "a * on (x) group_left (z) b"),
        (
            r#"a * ignoring(x) group_right(z, "w.v") b"#,
            r#"a * ignoring (x) group_right (z, "w.v") b"#,
        ),
        (r#"a * on("x y") b"#, r#"a * on ("x y") b"#),
        ("a and on(x) b", "a and on (x) b"),
        ("a or ignoring(x) b", "a or ignoring (x) b"),
        ("a atan2 b", "a atan2 b"),
        ("a ATAN2 b", "a atan2 b"),
        ("a AND b", "a and b"),
        ("a UNLESS ON (x) b", "a unless on (x) b"),
        ("a <= b != c", "a <= b != c"),
        ("a % b / c", "a % b / c"),
        (
            "a * on(by, bool, on, group_left, offset, start, and, atan2) b",
            "a * on (by, bool, on, group_left, offset, start, and, atan2) b",
        ),
        ("1 > bool 2", "1 > bool 2"),
        ("foo + 1 == bar", "foo + 1 == bar"),
        ("a+b*c^d-e", "a + b * c ^ d - e"),
        ("- - a", "--a"),
        ("a + on(x) group_left sum(b)", "a + on (x) group_left () sum(b)"),
        ("a + on(x) group_left (y) (b)", "a + on (x) group_left (y) (b)"),
    ]);
}

#[test]
fn calls() {
    check(&[
        ("time()", "time()"),
        ("rate(foo[5m])", "rate(foo[5m])"),
        ("sum(foo)", "sum(foo)"),
        ("sum (foo) by (a)", "sum by (a) (foo)"),
        ("sum by(a)(foo)", "sum by (a) (foo)"),
        ("SUM BY (a, b) (foo)", "sum by (a, b) (foo)"),
        ("sum by () (foo)", "sum(foo)"),
        ("sum without () (foo)", "sum without () (foo)"),
        ("sum without (a,) (foo)", "sum without (a) (foo)"),
        (r#"sum by ("a.b", c) (foo)"#, r#"sum by ("a.b", c) (foo)"#),
        ("topk(5, foo)", "topk(5, foo)"),
        ("topk by (a) (5, foo)", "topk by (a) (5, foo)"),
        ("quantile(0.9, foo)", "quantile(0.9, foo)"),
        (r#"count_values("x", foo)"#, r#"count_values("x", foo)"#),
        (r#"count_values without (a) ("x", foo)"#, r#"count_values without (a) ("x", foo)"#),
        (
            "histogram_quantile(0.9, sum by (le) (rate(foo[5m])))",
            "histogram_quantile(0.9, sum by (le) (rate(foo[5m])))",
        ),
        ("round(foo)", "round(foo)"),
        ("round(foo, 5)", "round(foo, 5)"),
        (
            r#"label_replace(foo, "a", "$1", "b", "(.*)")"#,
            r#"label_replace(foo, "a", "$1", "b", "(.*)")"#,
        ),
        (r#"label_join(foo, "a", "b", "c", "d")"#, r#"label_join(foo, "a", "b", "c", "d")"#),
        (r#"label_join(foo, "a", "b")"#, r#"label_join(foo, "a", "b")"#),
        ("hour()", "hour()"),
        ("hour(foo)", "hour(foo)"),
        (r#"absent(foo{a="b"})"#, r#"absent(foo{a="b"})"#),
        ("vector(1)", "vector(1)"),
        ("scalar(foo)", "scalar(foo)"),
        ("sum(sum(sum(foo)))", "sum(sum(sum(foo)))"),
        ("stddev(foo) / stdvar(foo)", "stddev(foo) / stdvar(foo)"),
        ("group(foo)", "group(foo)"),
        ("min(max(foo))", "min(max(foo))"),
        ("pi()", "pi()"),
        ("clamp(foo, -1, 1)", "clamp(foo, -1, 1)"),
        ("predict_linear(foo[1h], 3600)", "predict_linear(foo[1h], 3600)"),
        ("sum(count)", "sum(count)"),
        ("count(sum(by))", "count(sum(by))"),
        ("sum by (sum) (sum)", "sum by (sum) (sum)"),
    ]);
}

#[test]
fn pretty() {
    check(&[
        (
            r#"sum by(job)(rate(a_rather_long_metric_name_total{job="api",instance="host:9090",path="/some/long/path"}[5m])) / sum by (job) (rate(a_rather_long_metric_name_total[5m]))"#,
            "  sum by (job) (\n    rate(a_rather_long_metric_name_total{instance=\"host:9090\",job=\"api\",path=\"/some/long/path\"}[5m])\n  )\n/\n  sum by (job) (rate(a_rather_long_metric_name_total[5m]))",
        ),
        (
            r#"topk(5, a_rather_long_metric_name_total{a="b"} + on(instance, job, path) group_left(team) a_rather_long_metric_name_total{c="d"} * a_rather_long_metric_name_total{e="f"} ^ 2)"#,
            "topk(\n  5,\n    a_rather_long_metric_name_total{a=\"b\"}\n  + on (instance, job, path) group_left (team)\n    a_rather_long_metric_name_total{c=\"d\"} * a_rather_long_metric_name_total{e=\"f\"} ^ 2\n)",
        ),
        (
            "-(a_rather_long_metric_name_total + a_rather_long_metric_name_total + a_rather_long_metric_name_total + a_rather_long_metric_name_total + a_rather_long_metric_name_total)",
            "-(\n      a_rather_long_metric_name_total + a_rather_long_metric_name_total + a_rather_long_metric_name_total\n    +\n      a_rather_long_metric_name_total\n  +\n    a_rather_long_metric_name_total\n)",
        ),
        (
            "max_over_time(sum(rate(a_rather_long_metric_name_total[5m]) + rate(a_rather_long_metric_name_total[5m]) + rate(a_rather_long_metric_name_total[5m]))[1h:5m] offset 5m)",
            "max_over_time(\n  sum(\n      rate(a_rather_long_metric_name_total[5m]) + rate(a_rather_long_metric_name_total[5m])\n    +\n      rate(a_rather_long_metric_name_total[5m])\n  )[1h:5m] offset 5m\n)",
        ),
        (
            r#"label_replace(sum(a_rather_long_metric_name_total or a_rather_long_metric_name_total or a_rather_long_metric_name_total), "dst", "$1-some-long-replacement-text", "src", "(.*)")"#,
            "label_replace(\n  sum(\n      a_rather_long_metric_name_total or a_rather_long_metric_name_total\n    or\n      a_rather_long_metric_name_total\n  ),\n  \"dst\",\n  \"$1-some-long-replacement-text\",\n  \"src\",\n  \"(.*)\"\n)",
        ),
        (
            r#"count_values("a rather long name of a label", a_rather_long_metric_name_total > bool on(instance) (a_rather_long_metric_name_total == a_rather_long_metric_name_total{x="y"}))"#,
            "count_values(\n  \"a rather long name of a label\",\n    a_rather_long_metric_name_total\n  > bool on (instance)\n    (a_rather_long_metric_name_total == a_rather_long_metric_name_total{x=\"y\"})\n)",
        ),
        (
            "a_rather_long_metric_name_total offset 5m + ((a_rather_long_metric_name_total - a_rather_long_metric_name_total) * (a_rather_long_metric_name_total @ start() - a_rather_long_metric_name_total @ end())) unless ignoring(a, b) a_rather_long_metric_name_total",
            "    a_rather_long_metric_name_total offset 5m\n  +\n    (\n        (a_rather_long_metric_name_total - a_rather_long_metric_name_total)\n      *\n        (a_rather_long_metric_name_total @ start() - a_rather_long_metric_name_total @ end())\n    )\nunless ignoring (a, b)\n  a_rather_long_metric_name_total",
        ),
        (
            r#"a_rather_long_metric_name_total{a="aaaaaaaaaaaaaaaaaaaaaaaaa",b="bbbbbbbbbbbbbbbbbbbbbbbbbbbb",c="cccccccccccccccccccccccc"}"#,
            r#"a_rather_long_metric_name_total{a="aaaaaaaaaaaaaaaaaaaaaaaaa",b="bbbbbbbbbbbbbbbbbbbbbbbbbbbb",c="cccccccccccccccccccccccc"}"#,
        ),
        (
            "sum(avg_over_time(a_rather_long_metric_name_total[5m:1m])) + sum(avg_over_time((a_rather_long_metric_name_total + a_rather_long_metric_name_total + a_rather_long_metric_name_total + a_rather_long_metric_name_total)[5m:1m]))",
            "  sum(avg_over_time(a_rather_long_metric_name_total[5m:1m]))\n+\n  sum(\n    avg_over_time(\n      (\n          a_rather_long_metric_name_total + a_rather_long_metric_name_total + a_rather_long_metric_name_total\n        +\n          a_rather_long_metric_name_total\n      )[5m:1m]\n    )\n  )",
        ),
    ]);
}
