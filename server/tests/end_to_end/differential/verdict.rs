//! Whether two replies of the HTTP API say the same.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// Relative: the rule of Prometheus' compliance tester.
const TOLERANCE: f64 = 1e-5;

/// Status and text of a reply.
pub(crate) type Reply = (u16, String);

/// How much of the order of an answer counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// The language leaves it open.
    Open,
    /// By value; equal values may stand in any order.
    ByValue,
    /// The order of the series.
    OfSeries,
}

/// A remark of newer versions than the one that we compare with.
const NEWER: &str = "sort is ineffective for range queries";
/// Errors of newer versions: 3.5 overlooks letters behind a number in brackets, or has another text, and
/// does not count the matches that a comparison drops.
const NEWER_ERRORS: &[&str] =
    &[", expected ':'", "unexpected \",\" in subquery selector", "multiple matches for labels"];

const SAME_LABELS: &str = "vector cannot contain metrics with the same labelset";

/// What counts in the answers to a query.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    pub(crate) order: Order,
    /// Of series with equal values others may be there.
    pub(crate) ties: bool,
    /// Newer versions merge series that the query makes equal if they never meet.
    pub(crate) merges: bool,
    /// Nothing is forgiven because of another version.
    pub(crate) strict: bool,
    /// What rounding may leave where there should be 0: in the spread of equal values.
    pub(crate) noise: f64,
}

/// What differs, if anything.
pub(crate) fn differ(ours: &Reply, theirs: &Reply, rules: Rules) -> Option<String> {
    let (Some(mine), Some(other)) = (json(&ours.1), json(&theirs.1)) else {
        return (ours != theirs).then(|| format!("ours {ours:?}\n    theirs {theirs:?}"));
    };
    let newer = |error: &str| NEWER_ERRORS.iter().any(|text| error.contains(text));
    if !rules.strict && mine["error"] != other["error"] {
        let merged = rules.merges && mine["error"].is_null() && other["error"] == SAME_LABELS;
        if merged || mine["error"].as_str().is_some_and(newer) {
            return None;
        }
    }
    if ours.0 != theirs.0 || mine["status"] != other["status"] {
        return Some(format!(
            "ours {} {}\n    theirs {} {}",
            ours.0,
            cut(&mine),
            theirs.0,
            cut(&other)
        ));
    }
    for key in ["error", "errorType", "warnings", "infos"] {
        let (mine, other) = (texts(&mine[key]), texts(&other[key]));
        if !same_texts(&mine, &other) {
            return Some(format!("{key}: ours {mine:?}\n    theirs {other:?}"));
        }
    }
    let (mine, other) = (&mine["data"], &other["data"]);
    if mine.get("resultType").is_none() && other.get("resultType").is_none() {
        return (mine != other).then(|| format!("ours {}\n    theirs {}", cut(mine), cut(other)));
    }
    if mine["resultType"] != other["resultType"] {
        return Some(format!("ours {}\n    theirs {}", cut(mine), cut(other)));
    }
    match other["resultType"].as_str() {
        Some("scalar" | "string") => point(&mine["result"], &other["result"], rules),
        _ if rules.ties && values(&mine["result"]) == values(&other["result"]) => None,
        _ => series(&mine["result"], &other["result"], rules),
    }
}

/// All times and values, without the labels.
fn values(result: &Value) -> Option<Vec<String>> {
    let points = result.as_array()?.iter().flat_map(|one| match one["values"].as_array() {
        Some(points) => points.iter().collect::<Vec<_>>(),
        None => vec![&one["value"]],
    });
    let mut all: Vec<String> = points.map(Value::to_string).collect();
    all.sort();
    Some(all)
}

fn json(text: &str) -> Option<Value> {
    serde_json::from_str(text).ok()
}

/// An answer is long; its beginning says what it is.
fn cut(value: &Value) -> String {
    value.to_string().chars().take(600).collect()
}

/// Prometheus keeps its remarks in a map: their order is chance.
fn texts(value: &Value) -> BTreeSet<String> {
    let texts = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
    let texts = texts.iter().filter_map(Value::as_str).filter(|text| !text.contains(NEWER));
    texts.map(without_chance).collect()
}

/// The text without what is chance in Prometheus: which of several matches is ambiguous (it walks
/// through a map), and the numbers that its parser's generator gives to tokens.
fn without_chance(text: &str) -> String {
    let text = text.replace("\"<Item 57400>\" ", "");
    match (text.find("for the match group"), text.find("on the ")) {
        (Some(group), Some(side)) if group < side => {
            let end = text.find(": [").map_or(text.len(), |at| at.max(side));
            let rest = text.rfind("];").map_or("", |at| &text[at..]);
            format!("{}{}{rest}", &text[..group], &text[side..end])
        }
        _ => text,
    }
}

/// Of more than ten remarks of a kind ten are there, and how many more there were; which ones is
/// chance.
fn same_texts(ours: &BTreeSet<String>, theirs: &BTreeSet<String>) -> bool {
    let omitted = |texts: &BTreeSet<String>| {
        texts.iter().find(|text| text.ends_with("annotations omitted")).cloned()
    };
    let (mine, other) = (omitted(ours), omitted(theirs));
    ours == theirs || (mine.is_some() && mine == other && ours.len() == theirs.len())
}

fn series(ours: &Value, theirs: &Value, rules: Rules) -> Option<String> {
    let (Some(ours), Some(theirs)) = (ours.as_array(), theirs.as_array()) else {
        return (ours != theirs).then(|| format!("ours {}\n    theirs {}", cut(ours), cut(theirs)));
    };
    let (mine, other) = (by_labels(ours), by_labels(theirs));
    if mine.len() != ours.len() {
        return Some("a label set comes twice".to_owned());
    }
    if let Some(missing) = other.keys().find(|labels| !mine.contains_key(*labels)) {
        return Some(format!("{} series, not {}; missing: {missing}", mine.len(), other.len()));
    }
    if let Some(more) = mine.keys().find(|labels| !other.contains_key(*labels)) {
        return Some(format!("{} series, not {}; one more: {more}", mine.len(), other.len()));
    }
    let wrong = other.iter().find_map(|(labels, expected)| {
        points(mine[labels], expected, rules).map(|what| format!("{labels}: {what}"))
    });
    wrong.or_else(|| in_order(ours, theirs, rules))
}

fn in_order(ours: &[Value], theirs: &[Value], rules: Rules) -> Option<String> {
    let same = |(ours, theirs): (&Value, &Value)| match rules.order {
        Order::Open => true,
        Order::OfSeries => ours["metric"] == theirs["metric"],
        Order::ByValue => point(&ours["value"], &theirs["value"], rules).is_none(),
    };
    let place = ours.iter().zip(theirs).position(|pair| !same(pair))?;
    Some(format!(
        "another order at {place}: {}\n    theirs {}",
        cut(&ours[place]),
        cut(&theirs[place])
    ))
}

fn by_labels(series: &[Value]) -> BTreeMap<String, &Value> {
    // serde_json sorts the keys of its objects.
    series.iter().map(|one| (one["metric"].to_string(), one)).collect()
}

fn points(ours: &Value, theirs: &Value, rules: Rules) -> Option<String> {
    let (Some(mine), Some(other)) = (ours["values"].as_array(), theirs["values"].as_array()) else {
        return point(&ours["value"], &theirs["value"], rules);
    };
    let first = mine.iter().zip(other).find_map(|(mine, other)| point(mine, other, rules));
    first.or_else(|| {
        (mine.len() != other.len()).then(|| format!("{} points, not {}", mine.len(), other.len()))
    })
}

/// `[time, "value"]`
fn point(ours: &Value, theirs: &Value, rules: Rules) -> Option<String> {
    let same_time = ours[0] == theirs[0];
    let same = match (number(&ours[1]), number(&theirs[1])) {
        (Some(a), Some(b)) => near(a, b) || (a - b).abs() < rules.noise,
        _ => ours[1] == theirs[1],
    };
    (!same_time || !same).then(|| format!("ours {ours}, theirs {theirs}"))
}

fn number(value: &Value) -> Option<f64> {
    value.as_str()?.parse().ok()
}

fn near(a: f64, b: f64) -> bool {
    a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= TOLERANCE * a.abs().max(b.abs())
}
