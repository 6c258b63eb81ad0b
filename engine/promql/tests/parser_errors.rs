//! Guards the promise that a query with a mistake gets the error text of Prometheus, with its place.
//!
//! The texts were compared with a running Prometheus 3.5.3. Where 3.14 differs (words of newer
//! syntax) they are those of 3.14.

#![expect(clippy::too_many_lines, reason = "tables")]

use nunatak_promql::{ParserOptions, parse};

fn check(table: &[(&str, &str)]) {
    for (query, want) in table {
        match parse(query, &ParserOptions::default()) {
            Ok(expr) => panic!("{query:?} was read as {expr}"),
            Err(error) => assert_eq!(error.to_string(), *want, "{query:?}"),
        }
    }
}

#[test]
fn nothing() {
    check(&[
        ("", "unknown position: parse error: no expression found in input"),
        ("  ", "1:1: parse error: no expression found in input"),
        ("# just a comment\n\n", "1:1: parse error: no expression found in input"),
        ("\n#x", "1:1: parse error: no expression found in input"),
    ]);
}

#[test]
fn operands() {
    check(&[
        ("1+", "1:3: parse error: unexpected end of input"),
        ("1 /", "1:4: parse error: unexpected end of input"),
        ("*1", "1:1: parse error: unexpected <op:*>"),
        ("(1", "1:3: parse error: unclosed left parenthesis"),
        ("((1)", "1:5: parse error: unclosed left parenthesis"),
        ("(1))", "1:5: parse error: unexpected right parenthesis ')'"),
        ("(", "1:2: parse error: unclosed left parenthesis"),
        (")", "1:2: parse error: unexpected right parenthesis ')'"),
        ("@@", "1:1: parse error: unexpected <op:@>"),
        ("1 2", r#"1:3: parse error: unexpected number "2""#),
        ("foo bar", r#"1:5: parse error: unexpected identifier "bar""#),
        ("foo\nbar baz", r#"2:1: parse error: unexpected identifier "bar""#),
        ("a + * b", "1:5: parse error: unexpected <op:*>"),
        ("a + bool b", "1:3: parse error: bool modifier can only be used on comparison operators"),
        ("bool", "1:1: parse error: unexpected <bool>"),
        ("on", "1:1: parse error: unexpected <on>"),
        ("a - on(b) ignoring(c) d", "1:11: parse error: unexpected <ignoring>"),
        ("a unless", "1:9: parse error: unexpected end of input"),
        (r#"foo "bar""#, r#"1:5: parse error: unexpected string "\"bar\"""#),
        ("foo 5m", r#"1:5: parse error: unexpected duration "5m""#),
        ("a:b (c)", r#"1:5: parse error: unexpected "(""#),
        ("5 @", "1:4: parse error: unexpected end of input in @, expected timestamp"),
        ("foo[5m][5m]", "1:8: parse error: ranges only allowed for vector selectors"),
        ("=", r#"1:1: parse error: unexpected "=""#),
        ("1 = 1", r#"1:3: parse error: unexpected "=""#),
        ("foo;", "1:4: parse error: unexpected character: ';'"),
    ]);
}

#[test]
fn characters() {
    check(&[
        (".", "1:1: parse error: unexpected character: '.'"),
        ("$", "1:1: parse error: unexpected character: '$'"),
        ("é", "1:1: parse error: unexpected character: 'é'"),
        ("foo ~ bar", "1:5: parse error: unexpected character: '~'"),
        ("1 !~ 1", "1:3: parse error: unexpected character after '!': '~'"),
        ("1 =~ 1", "1:3: parse error: unexpected character after '=': '~'"),
        ("!", "1:1: parse error: unexpected character after '!': '�'"),
        ("foo[5m]]", "1:8: parse error: unexpected right bracket ']'"),
        ("foo]", "1:4: parse error: unexpected right bracket ']'"),
        (r#"foo{a="b"}}"#, "1:11: parse error: unexpected character: '}'"),
        ("foo{{", "1:5: parse error: unexpected left brace '{'"),
        ("foo[5m:[", "1:8: parse error: unexpected left bracket '['"),
        ("`abc", "1:1: parse error: unterminated raw string"),
        (r#""abc"#, "1:1: parse error: unterminated quoted string"),
        ("'a\nb'", "1:1: parse error: unterminated quoted string"),
        (r#""\q""#, "1:1: parse error: unknown escape sequence U+0071 'q'"),
        (r#""\x4""#, r#"1:1: parse error: illegal character U+0022 '"' in escape sequence"#),
        (r#""\xg1""#, "1:1: parse error: illegal character U+0067 'g' in escape sequence"),
        (r#""\777""#, "1:1: parse error: escape sequence is an invalid Unicode code point"),
        (r#""\ud800""#, "1:1: parse error: escape sequence is an invalid Unicode code point"),
        (r#""\"#, "1:1: parse error: escape sequence not terminated"),
        (r#""\U00110000""#, "1:1: parse error: escape sequence is an invalid Unicode code point"),
        ("a\u{200b}b", r"1:2: parse error: unexpected character: '\u200b'"),
    ]);
}

#[test]
fn numbers() {
    check(&[
        ("2.5.", r#"1:1: parse error: bad number or duration syntax: "2.5.""#),
        ("100..4", r#"1:1: parse error: bad number or duration syntax: "100..""#),
        ("0deadbeef", r#"1:1: parse error: bad number or duration syntax: "0de""#),
        (
            "1e400",
            r#"1:1: parse error: error parsing number: strconv.ParseFloat: parsing "1e400": value out of range"#,
        ),
        ("1_", r#"1:1: parse error: bad number or duration syntax: "1_""#),
        ("1__0", r#"1:1: parse error: bad number or duration syntax: "1__""#),
        (
            "0x",
            r#"1:1: parse error: error parsing number: strconv.ParseFloat: parsing "0x": invalid syntax"#,
        ),
        ("0x1.5", r#"1:1: parse error: bad number or duration syntax: "0x1.""#),
        ("1e", r#"1:1: parse error: bad number or duration syntax: "1e""#),
        (
            "1_ + 2",
            r#"1:1: parse error: error parsing number: strconv.ParseFloat: parsing "1_": invalid syntax"#,
        ),
        ("5z", r#"1:1: parse error: bad number or duration syntax: "5""#),
        ("1.5h", r#"1:1: parse error: unknown unit "." in duration "1.5h""#),
        ("1h1d", r#"1:1: parse error: not a valid duration string: "1h1d""#),
        ("1d1d", r#"1:1: parse error: not a valid duration string: "1d1d""#),
        ("300y", "1:1: parse error: duration out of range"),
        ("1ms5s", r#"1:1: parse error: not a valid duration string: "1ms5s""#),
        ("5hs", r#"1:1: parse error: unknown unit "hs" in duration "5hs""#),
        (
            "99999999999999999999s",
            r#"1:1: parse error: not a valid duration string: "99999999999999999999s""#,
        ),
        ("0b1", r#"1:1: parse error: bad number or duration syntax: "0""#),
    ]);
}

#[test]
fn braces() {
    check(&[
        ("foo{", "1:5: parse error: unexpected end of input inside braces"),
        ("foo{a", "1:6: parse error: unexpected end of input inside braces"),
        (
            "foo{a}",
            r#"1:6: parse error: unexpected "}" in label matching, expected label matching operator"#,
        ),
        ("foo{a=}", r#"1:7: parse error: unexpected "}" in label matching, expected string"#),
        (
            "foo{a=b}",
            r#"1:7: parse error: unexpected identifier "b" in label matching, expected string"#,
        ),
        (
            r#"foo{a="b" c="d"}"#,
            r#"1:11: parse error: unexpected identifier "c" in label matching, expected "," or "}""#,
        ),
        (
            "foo{,}",
            r#"1:5: parse error: unexpected "," in label matching, expected identifier or "}""#,
        ),
        (
            r#"foo{a="b",,}"#,
            r#"1:11: parse error: unexpected "," in label matching, expected identifier or "}""#,
        ),
        (r#"foo{a>"b"}"#, "1:6: parse error: unexpected character inside braces: '>'"),
        (r#"foo{1="b"}"#, "1:5: parse error: unexpected character inside braces: '1'"),
        (r#"foo{a!"b"}"#, r#"1:6: parse error: unexpected character after '!' inside braces: '"'"#),
        (
            r#"foo{a=="b"}"#,
            r#"1:7: parse error: unexpected "=" in label matching, expected string"#,
        ),
        (r#"foo{"a"=}"#, r#"1:9: parse error: unexpected "}" in label matching, expected string"#),
        (
            r#"foo{"a" "b"}"#,
            r#"1:9: parse error: unexpected string "\"b\"" in label matching, expected "," or "}""#,
        ),
        (r#"foo{a="b""#, "1:10: parse error: unexpected end of input inside braces"),
        ("{}", "1:1: parse error: vector selector must contain at least one non-empty matcher"),
        (
            r#"{a=""}"#,
            "1:1: parse error: vector selector must contain at least one non-empty matcher",
        ),
        (
            r#"foo{__name__="bar"}"#,
            r#"1:1: parse error: metric name must not be set twice: "foo" or "bar""#,
        ),
        (r#"foo{"bar"}"#, r#"1:1: parse error: metric name must not be set twice: "foo" or "bar""#),
        (r#"{"bar", "baz""#, "1:14: parse error: unexpected end of input inside braces"),
        (
            r#"{""}"#,
            "1:1: parse error: vector selector must contain at least one non-empty matcher",
        ),
        (
            "foo{a!~b}",
            r#"1:8: parse error: unexpected identifier "b" in label matching, expected string"#,
        ),
        (
            r#"foo{"x"="y" z}"#,
            r#"1:13: parse error: unexpected identifier "z" in label matching, expected "," or "}""#,
        ),
    ]);
}

#[test]
fn ranges() {
    check(&[
        ("foo[", "1:5: parse error: unexpected end of input in duration expression"),
        (
            "foo[]",
            r#"1:5: parse error: unexpected "]" in subquery selector, expected number or duration"#,
        ),
        ("foo[5m", "1:7: parse error: unclosed left bracket"),
        ("foo[5m5", r#"1:5: parse error: bad number or duration syntax: "5m5""#),
        ("foo[bar]", "1:5: parse error: unexpected character in duration expression: 'b'"),
        ("foo[-5m]", "1:5: parse error: duration must be greater than 0"),
        ("foo[0]", "1:5: parse error: duration must be greater than 0"),
        ("foo[0s]", "1:5: parse error: duration must be greater than 0"),
        (
            "foo[5m 6m]",
            r#"1:8: parse error: unexpected duration "6m" in subquery or range, expected ":" or "]""#,
        ),
        ("foo[5m:6m:7m]", "1:10: parse error: unexpected colon ':'"),
        ("foo[5m:", "1:8: parse error: unclosed left bracket"),
        ("foo[5m:bar]", "1:8: parse error: unexpected character: 'b', expected ':'"),
        ("foo[5m:0s]", "1:8: parse error: duration must be greater than 0"),
        ("foo[5m:-1m]", "1:8: parse error: duration must be greater than 0"),
        ("foo[:1m]", "1:6: parse error: unexpected colon before duration in duration expression"),
        (
            "foo[5m:6m 7m]",
            r#"1:11: parse error: unexpected duration "7m" in subquery selector, expected "]""#,
        ),
        ("(foo)[5m]", "1:6: parse error: ranges only allowed for vector selectors"),
        (
            "foo[5m][5m:]",
            "1:1: parse error: subquery is only allowed on instant vector, got matrix instead",
        ),
        ("1[5m]", "1:2: parse error: ranges only allowed for vector selectors"),
        ("sum(foo)[5m]", "1:9: parse error: ranges only allowed for vector selectors"),
        ("foo offset 5m [5m]", "1:15: parse error: no offset modifiers allowed before range"),
        ("foo @ 1 [5m]", "1:9: parse error: no @ modifiers allowed before range"),
        (
            "foo[5m] + 1",
            "1:1: parse error: binary expression must contain only scalar and instant vector types",
        ),
        ("foo[300y]", "1:5: parse error: duration out of range"),
        ("foo[1e10]", "1:5: parse error: duration out of range"),
        (
            r#""a"[5m:]"#,
            "1:1: parse error: subquery is only allowed on instant vector, got string instead",
        ),
        (
            "1[5m:]",
            "1:1: parse error: subquery is only allowed on instant vector, got scalar instead",
        ),
        (
            "foo[5m][5m:][5m:]",
            "1:1: parse error: subquery is only allowed on instant vector, got matrix instead",
        ),
        ("foo[5m*2]", "1:5: parse error: experimental duration expression is not enabled"),
        ("foo[(5m)]", "1:6: parse error: experimental duration expression is not enabled"),
        ("foo[5m/0]", "1:5: parse error: experimental duration expression is not enabled"),
    ]);
}

#[test]
fn modifiers() {
    check(&[
        (
            "foo offset",
            "1:11: parse error: unexpected end of input in offset, expected number or duration",
        ),
        (
            "foo offset bar",
            r#"1:12: parse error: unexpected identifier "bar" in offset, expected number or duration"#,
        ),
        ("foo offset 5m offset 6m", "1:1: parse error: offset may not be set multiple times"),
        (
            "1 offset 5m",
            "1:1: parse error: offset modifier must be preceded by an instant vector selector or range vector selector or a subquery",
        ),
        (
            "(foo) offset 5m",
            "1:1: parse error: offset modifier must be preceded by an instant vector selector or range vector selector or a subquery",
        ),
        (
            "sum(foo) offset 5m",
            "1:1: parse error: offset modifier must be preceded by an instant vector selector or range vector selector or a subquery",
        ),
        (
            "foo offset -",
            "1:13: parse error: unexpected end of input in offset, expected number or duration",
        ),
        ("foo offset 300y", "1:12: parse error: duration out of range"),
        ("foo offset (5m)", "1:13: parse error: experimental duration expression is not enabled"),
        ("foo offset 1e11", "1:12: parse error: duration out of range"),
        ("foo offset -1e11", "1:12: parse error: duration out of range"),
        ("foo @", "1:6: parse error: unexpected end of input in @, expected timestamp"),
        ("foo @ bar", r#"1:7: parse error: unexpected identifier "bar" in @, expected timestamp"#),
        ("foo @ start", "1:12: parse error: unexpected end of input in @, expected timestamp"),
        ("foo @ start(", "1:13: parse error: unclosed left parenthesis"),
        ("foo @ start(1)", r#"1:13: parse error: unexpected number "1" in @, expected timestamp"#),
        ("foo @ 1 @ 2", "1:1: parse error: @ <timestamp> may not be set multiple times"),
        ("foo @ start() @ 2", "1:1: parse error: @ <timestamp> may not be set multiple times"),
        (
            "1 @ 1",
            "1:1: parse error: @ modifier must be preceded by an instant vector selector or range vector selector or a subquery",
        ),
        (
            "rate(foo[5m]) @ 1",
            "1:1: parse error: @ modifier must be preceded by an instant vector selector or range vector selector or a subquery",
        ),
        ("foo @ Inf", "1:1: parse error: timestamp out of bounds for @ modifier: +Inf"),
        ("foo @ -Inf", "1:1: parse error: timestamp out of bounds for @ modifier: -Inf"),
        ("foo @ NaN", "1:1: parse error: timestamp out of bounds for @ modifier: NaN"),
        (
            "foo @ 9223372036854775807",
            "1:1: parse error: timestamp out of bounds for @ modifier: 9223372036854775808.000000",
        ),
        (
            "foo @ 1 offset",
            "1:15: parse error: unexpected end of input in offset, expected number or duration",
        ),
        ("foo @ +", "1:8: parse error: unexpected end of input in @, expected timestamp"),
        ("sum(foo @ )", r#"1:11: parse error: unexpected ")" in @, expected timestamp"#),
    ]);
}

#[test]
fn aggregations() {
    check(&[
        ("sum()", "1:1: parse error: no arguments for aggregate expression provided"),
        ("sum(", "1:5: parse error: unclosed left parenthesis"),
        ("sum(foo", "1:8: parse error: unclosed left parenthesis"),
        ("sum(foo bar)", r#"1:9: parse error: unexpected identifier "bar" in aggregation"#),
        (
            "sum(1)",
            "1:5: parse error: expected type instant vector in aggregation expression, got scalar",
        ),
        (
            "sum(foo[5m])",
            "1:5: parse error: expected type instant vector in aggregation expression, got range vector",
        ),
        (
            r#"sum("a")"#,
            "1:5: parse error: expected type instant vector in aggregation expression, got string",
        ),
        (
            "sum(foo, bar)",
            "1:1: parse error: wrong number of arguments for aggregate expression provided, expected 1, got 2",
        ),
        (
            "topk(foo)",
            "1:1: parse error: wrong number of arguments for aggregate expression provided, expected 2, got 1",
        ),
        (
            "topk(foo, bar)",
            "1:6: parse error: expected type scalar in aggregation parameter, got instant vector",
        ),
        (
            r#"topk("a", foo)"#,
            "1:6: parse error: expected type scalar in aggregation parameter, got string",
        ),
        (
            "topk(1, 2)",
            "1:9: parse error: expected type instant vector in aggregation expression, got scalar",
        ),
        (
            "topk(1, foo, bar)",
            "1:1: parse error: wrong number of arguments for aggregate expression provided, expected 2, got 3",
        ),
        (
            "quantile(foo)",
            "1:1: parse error: wrong number of arguments for aggregate expression provided, expected 2, got 1",
        ),
        (
            "count_values(foo)",
            "1:1: parse error: wrong number of arguments for aggregate expression provided, expected 2, got 1",
        ),
        (
            "count_values(1, foo)",
            "1:14: parse error: expected type string in aggregation parameter, got scalar",
        ),
        (
            r#"count_values("a", 1)"#,
            "1:19: parse error: expected type instant vector in aggregation expression, got scalar",
        ),
        (
            "sum by foo",
            r#"1:8: parse error: unexpected identifier "foo" in grouping opts, expected "(""#,
        ),
        ("sum by (foo", "1:12: parse error: unclosed left parenthesis"),
        (
            "sum by (foo bar) (x)",
            r#"1:13: parse error: unexpected identifier "bar" in grouping opts, expected "," or ")""#,
        ),
        (
            "sum by (1) (x)",
            r#"1:9: parse error: unexpected number "1" in grouping opts, expected label"#,
        ),
        (
            "sum by (foo,,bar) (x)",
            r#"1:13: parse error: unexpected "," in grouping opts, expected label"#,
        ),
        ("sum by (,) (x)", r#"1:9: parse error: unexpected "," in grouping opts, expected label"#),
        (
            "sum by (without) (x)",
            "1:9: parse error: unexpected <without> in grouping opts, expected label",
        ),
        ("sum by (a) x", r#"1:12: parse error: unexpected identifier "x" in aggregation"#),
        ("sum by (a)", "1:11: parse error: unexpected end of input in aggregation"),
        (
            "sum(x) by",
            r#"1:10: parse error: unexpected end of input in grouping opts, expected "(""#,
        ),
        ("sum(x) by (a) by (b)", "1:15: parse error: unexpected <by>"),
        ("sum(x,)", "1:6: parse error: trailing commas not allowed in function call args"),
        ("sum(,x)", r#"1:5: parse error: unexpected "," in aggregation"#),
        (r#"sum by ("") (x)"#, r#"1:9: parse error: invalid label name for grouping: """#),
        ("sum without (a", "1:15: parse error: unclosed left parenthesis"),
        (
            "limitk(1, foo)",
            "1:1: parse error: limitk() is experimental and must be enabled with --enable-feature=promql-experimental-functions",
        ),
        (
            "limit_ratio(0.5, foo)",
            "1:1: parse error: limit_ratio() is experimental and must be enabled with --enable-feature=promql-experimental-functions",
        ),
        ("limitk()", "1:1: parse error: no arguments for aggregate expression provided"),
        ("sum(foo) bar", r#"1:10: parse error: unexpected identifier "bar""#),
        ("sum(rate(foo)", "1:14: parse error: unclosed left parenthesis"),
        ("sum((foo)", "1:10: parse error: unclosed left parenthesis"),
        ("rate(sum(foo bar))", r#"1:14: parse error: unexpected identifier "bar" in aggregation"#),
    ]);
}

#[test]
fn calls() {
    check(&[
        ("foo(1)", r#"1:1: parse error: unknown function with name "foo""#),
        ("rate()", r#"1:1: parse error: expected 1 argument(s) in call to "rate", got 0"#),
        (
            "rate(foo)",
            r#"1:6: parse error: expected type range vector in call to function "rate", got instant vector"#,
        ),
        (
            "rate(foo[5m], 1)",
            r#"1:1: parse error: expected 1 argument(s) in call to "rate", got 2"#,
        ),
        (
            "rate(1)",
            r#"1:6: parse error: expected type range vector in call to function "rate", got scalar"#,
        ),
        (
            r#"rate("x")"#,
            r#"1:6: parse error: expected type range vector in call to function "rate", got string"#,
        ),
        ("RATE(foo[5m])", r#"1:1: parse error: unknown function with name "RATE""#),
        ("time(1)", r#"1:1: parse error: expected 0 argument(s) in call to "time", got 1"#),
        (
            "round()",
            r#"1:1: parse error: expected at least 1 argument(s) in call to "round", got 0"#,
        ),
        (
            "round(foo, 1, 2)",
            r#"1:1: parse error: expected at most 2 argument(s) in call to "round", got 3"#,
        ),
        (
            "round(1)",
            r#"1:7: parse error: expected type instant vector in call to function "round", got scalar"#,
        ),
        (
            "round(foo, bar)",
            r#"1:12: parse error: expected type scalar in call to function "round", got instant vector"#,
        ),
        (
            r#"label_replace(foo, "a", "b", "c")"#,
            r#"1:1: parse error: expected 5 argument(s) in call to "label_replace", got 4"#,
        ),
        (
            r#"label_replace(foo, 1, "b", "c", "d")"#,
            r#"1:20: parse error: expected type string in call to function "label_replace", got scalar"#,
        ),
        (
            "label_join(foo)",
            r#"1:1: parse error: expected at least 3 argument(s) in call to "label_join", got 1"#,
        ),
        (
            r#"label_join(foo, "a", "b", "c", 5)"#,
            r#"1:32: parse error: expected type string in call to function "label_join", got scalar"#,
        ),
        (
            r#"label_join(foo, "a", "b", "c", "d", bar)"#,
            r#"1:37: parse error: expected type string in call to function "label_join", got instant vector"#,
        ),
        ("clamp(foo, 1)", r#"1:1: parse error: expected 3 argument(s) in call to "clamp", got 2"#),
        (
            "vector(foo)",
            r#"1:8: parse error: expected type scalar in call to function "vector", got instant vector"#,
        ),
        (
            "scalar(1)",
            r#"1:8: parse error: expected type instant vector in call to function "scalar", got scalar"#,
        ),
        ("abs(foo,)", "1:8: parse error: trailing commas not allowed in function call args"),
        ("abs(,)", r#"1:5: parse error: unexpected ",""#),
        ("abs(foo bar)", r#"1:9: parse error: unexpected identifier "bar""#),
        ("abs(foo", "1:8: parse error: unclosed left parenthesis"),
        (
            "histogram_quantile(foo, bar)",
            r#"1:20: parse error: expected type scalar in call to function "histogram_quantile", got instant vector"#,
        ),
        (
            "predict_linear(foo, 1)",
            r#"1:16: parse error: expected type range vector in call to function "predict_linear", got instant vector"#,
        ),
        (
            "hour(foo, bar)",
            r#"1:1: parse error: expected at most 1 argument(s) in call to "hour", got 2"#,
        ),
        (
            "hour(1)",
            r#"1:6: parse error: expected type instant vector in call to function "hour", got scalar"#,
        ),
        (
            "absent(foo[5m])",
            r#"1:8: parse error: expected type instant vector in call to function "absent", got range vector"#,
        ),
        ("unknown(1) ~", r#"1:1: parse error: unknown function with name "unknown""#),
        ("abs(foo{)", "1:9: parse error: unexpected character inside braces: ')'"),
        (
            "quantile_over_time(foo[5m], 0.5)",
            r#"1:20: parse error: expected type scalar in call to function "quantile_over_time", got range vector"#,
        ),
    ]);
}

#[test]
fn types() {
    check(&[
        (
            "1 and 1",
            r#"1:1: parse error: set operator "and" not allowed in binary scalar expression"#,
        ),
        (
            "1 or 1",
            r#"1:1: parse error: set operator "or" not allowed in binary scalar expression"#,
        ),
        (
            "1 unless 1",
            r#"1:1: parse error: set operator "unless" not allowed in binary scalar expression"#,
        ),
        (
            "foo and 1",
            r#"1:1: parse error: set operator "and" not allowed in binary scalar expression"#,
        ),
        (
            "1 or foo",
            r#"1:1: parse error: set operator "or" not allowed in binary scalar expression"#,
        ),
        ("1 == 1", "1:3: parse error: comparisons between scalars must use BOOL modifier"),
        ("1 > 1 + 1", "1:3: parse error: comparisons between scalars must use BOOL modifier"),
        ("1 + bool 1", "1:3: parse error: bool modifier can only be used on comparison operators"),
        (
            "foo and bool bar",
            "1:5: parse error: bool modifier can only be used on comparison operators",
        ),
        (
            "foo + bool bar",
            "1:5: parse error: bool modifier can only be used on comparison operators",
        ),
        (
            r#""a" + 1"#,
            "1:1: parse error: binary expression must contain only scalar and instant vector types",
        ),
        (
            r#"1 + "a""#,
            "1:5: parse error: binary expression must contain only scalar and instant vector types",
        ),
        (
            "foo + bar[5m]",
            "1:7: parse error: binary expression must contain only scalar and instant vector types",
        ),
        (
            "foo[5m] * bar",
            "1:1: parse error: binary expression must contain only scalar and instant vector types",
        ),
        (
            r#"-"a""#,
            r#"1:1: parse error: unary expression only allowed on expressions of type scalar or instant vector, got "string""#,
        ),
        (
            "-foo[5m]",
            r#"1:1: parse error: unary expression only allowed on expressions of type scalar or instant vector, got "range vector""#,
        ),
        (
            r#"+"a""#,
            r#"1:1: parse error: unary expression only allowed on expressions of type scalar or instant vector, got "string""#,
        ),
        ("1 + on(a) 1", "1:1: parse error: vector matching only allowed between instant vectors"),
        ("foo + on(a) 1", "1:1: parse error: vector matching only allowed between instant vectors"),
        (
            "1 * ignoring(a) foo",
            "1:1: parse error: vector matching only allowed between instant vectors",
        ),
        (
            "foo and on(a) group_left bar",
            r#"1:1: parse error: no grouping allowed for "and" operation"#,
        ),
        (
            "foo or ignoring(a) group_right bar",
            r#"1:1: parse error: no grouping allowed for "or" operation"#,
        ),
        (
            "foo + on(a) group_left(a) bar",
            r#"1:5: parse error: label "a" must not occur in ON and GROUP clause at once"#,
        ),
        (
            "foo + on(a,b) group_left(b, a) bar",
            r#"1:5: parse error: label "a" must not occur in ON and GROUP clause at once"#,
        ),
        ("foo + on(a) group_left(", "1:24: parse error: unclosed left parenthesis"),
        (
            "foo + on a",
            r#"1:10: parse error: unexpected identifier "a" in grouping opts, expected "(""#,
        ),
        ("foo + on(a", "1:11: parse error: unclosed left parenthesis"),
        (
            "foo + on(a) group_left * bar",
            r#"1:24: parse error: unexpected <op:*> in grouping opts, expected "(""#,
        ),
        ("foo + group_left bar", "1:7: parse error: unexpected <group_left>"),
        ("foo group_left bar", "1:5: parse error: unexpected <group_left>"),
        ("foo + ignoring(a) bool bar", "1:19: parse error: unexpected <bool>"),
        ("1 ==\n  1", "1:3: parse error: comparisons between scalars must use BOOL modifier"),
        (
            "a + on() (1 == 1)",
            "1:13: parse error: comparisons between scalars must use BOOL modifier",
        ),
    ]);
}
