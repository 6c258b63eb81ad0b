//! The tree of a query as the JSON of `parse_query`, which Prometheus' page draws.

use nunatak::{MatchOp, Matcher};
use nunatak_promql::ast::{
    AggregateExpr, AtModifier, BinaryExpr, Call, Expr, ExprKind, Subquery, VectorMatching,
    VectorSelector,
};
use nunatak_promql::{Function, Variadic};
use serde_json::{Value, json};

/// The JSON of an expression; as deep as the parser allows.
pub(super) fn tree(expr: &Expr) -> Value {
    match &expr.kind {
        ExprKind::Number(number) => json!({"type": "numberLiteral", "val": plain(number.value)}),
        ExprKind::String(text) => json!({"type": "stringLiteral", "val": text}),
        ExprKind::Bytes(bytes) => {
            json!({"type": "stringLiteral", "val": String::from_utf8_lossy(bytes)})
        }
        ExprKind::VectorSelector(selector) => self::selector("vectorSelector", selector),
        ExprKind::MatrixSelector(matrix) => {
            let mut json = selector("matrixSelector", &matrix.selector);
            json["range"] = matrix.range_ms.into();
            json
        }
        ExprKind::Subquery(inner) => subquery(inner),
        ExprKind::Unary(unary) => {
            let parts = [("op", unary.op.to_string().into()), ("expr", tree(&unary.expr))];
            node("unaryExpr", parts)
        }
        ExprKind::Binary(inner) => binary(inner),
        ExprKind::Aggregate(inner) => aggregate(inner),
        ExprKind::Call(inner) => call(inner),
        ExprKind::Paren(inner) => node("parenExpr", [("expr", tree(inner))]),
        _ => Value::Null,
    }
}

/// A node with its parts. (`json!` would copy whole subtrees at each level.)
fn node<const N: usize>(kind: &str, parts: [(&str, Value); N]) -> Value {
    let kind = std::iter::once(("type", kind.into()));
    kind.chain(parts).map(|(name, value)| (name.to_owned(), value)).collect()
}

/// Without an exponent.
fn plain(value: f64) -> String {
    if value == f64::INFINITY {
        "+Inf".to_owned()
    } else if value == f64::NEG_INFINITY {
        "-Inf".to_owned()
    } else {
        value.to_string()
    }
}

fn selector(kind: &str, selector: &VectorSelector) -> Value {
    let (timestamp, start_or_end) = at(selector.at);
    json!({
        "type": kind,
        "name": selector.name.as_deref().unwrap_or_default(),
        "offset": selector.offset_ms,
        "matchers": selector.matchers.iter().map(matcher).collect::<Vec<_>>(),
        "timestamp": timestamp,
        "startOrEnd": start_or_end,
    })
}

fn matcher(matcher: &Matcher) -> Value {
    let op = match matcher.op() {
        MatchOp::Equal => "=",
        MatchOp::NotEqual => "!=",
        MatchOp::Regex => "=~",
        MatchOp::NotRegex => "!~",
    };
    json!({"name": matcher.name(), "type": op, "value": matcher.value()})
}

/// `timestamp` in ms, and `startOrEnd`.
fn at(at: Option<AtModifier>) -> (Option<i64>, Option<&'static str>) {
    match at {
        None => (None, None),
        Some(AtModifier::Timestamp(ms)) => (Some(ms), None),
        Some(AtModifier::Start) => (None, Some("start")),
        Some(AtModifier::End) => (None, Some("end")),
    }
}

fn subquery(subquery: &Subquery) -> Value {
    let (timestamp, start_or_end) = at(subquery.at);
    let parts = [
        ("expr", tree(&subquery.expr)),
        ("range", subquery.range_ms.into()),
        ("offset", subquery.offset_ms.into()),
        ("step", subquery.step_ms.unwrap_or(0).into()),
        ("timestamp", timestamp.into()),
        ("startOrEnd", start_or_end.into()),
    ];
    node("subquery", parts)
}

fn binary(binary: &BinaryExpr) -> Value {
    let parts = [
        ("op", binary.op.symbol().into()),
        ("lhs", tree(&binary.lhs)),
        ("rhs", tree(&binary.rhs)),
        ("matching", binary.matching.as_ref().map(matching).into()),
        ("bool", binary.return_bool.into()),
    ];
    node("binaryExpr", parts)
}

fn matching(matching: &VectorMatching) -> Value {
    json!({
        "card": matching.card.to_string(),
        "labels": matching.labels,
        "on": matching.on,
        "include": matching.include,
    })
}

fn aggregate(aggregate: &AggregateExpr) -> Value {
    let parts = [
        ("op", aggregate.op.name().into()),
        ("expr", tree(&aggregate.expr)),
        ("param", aggregate.param.as_ref().map(tree).into()),
        ("grouping", aggregate.grouping.clone().into()),
        ("without", aggregate.without.into()),
    ];
    node("aggregation", parts)
}

fn call(call: &Call) -> Value {
    let Function { name, args, variadic, returns, .. } = call.func;
    let variadic = match variadic {
        Variadic::No => 0,
        Variadic::UpTo(more) => i64::from(*more),
        Variadic::Any => -1,
    };
    let types: Vec<String> = args.iter().map(ToString::to_string).collect();
    let func = json!({
        "name": name,
        "argTypes": types,
        "variadic": variadic,
        "returnType": returns.to_string(),
    });
    node("call", [("func", func), ("args", call.args.iter().map(tree).collect())])
}

#[cfg(test)]
mod tests {
    use super::*;
    use nunatak_promql::{ParserOptions, parse};

    fn of(query: &str) -> Value {
        tree(&parse(query, &ParserOptions::default()).unwrap())
    }

    #[test]
    fn numbers_are_plain() {
        for (query, val) in
            [("1e21", "1000000000000000000000"), ("-Inf", "-Inf"), ("5m", "300"), ("NaN", "NaN")]
        {
            assert_eq!(of(query), json!({"type": "numberLiteral", "val": val}));
        }
    }

    /// On the stack of a thread of the server: 2 MiB, as that of a test.
    #[test]
    fn the_highest_trees_are_written() {
        let deep = 499;
        for query in [
            format!("{}a{}", "(".repeat(deep), ")".repeat(deep)),
            format!("a{}", "+a".repeat(deep)),
            format!("{}a{}", "abs(".repeat(deep), ")".repeat(deep)),
            format!("a{}", "^a".repeat(deep)),
        ] {
            assert!(of(&query).to_string().len() > 20 * deep, "{query}");
        }
    }

    #[test]
    fn a_tree_has_everything() {
        let json = of("sum by (x) (rate(a{b!=\"c\"}[5m] @ end() offset -1s)) + on () group_left d");
        assert_eq!(json["matching"]["card"], "many-to-one");
        assert_eq!(json["lhs"]["grouping"], json!(["x"]));
        let call = &json["lhs"]["expr"];
        assert_eq!(call["func"]["argTypes"], json!(["matrix"]));
        let name = json!({"name": "__name__", "type": "=", "value": "a"});
        let b = json!({"name": "b", "type": "!=", "value": "c"});
        assert_eq!(
            call["args"][0],
            json!({
                "type": "matrixSelector", "name": "a", "range": 300_000, "offset": -1000,
                "matchers": [b, name], "timestamp": null, "startOrEnd": "end",
            })
        );
    }
}
