//! Answers of Prometheus' API, in a form that two of them can be compared in.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{Error, Result};

/// Two values count as equal up to this part of them: the compliance tester's rule
/// (<https://github.com/prometheus/compliance>).
const TOLERANCE: f64 = 1e-5;

/// An answer: times and values by label set. The values of a label and label sets without samples
/// have no points.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Answers(BTreeMap<String, Vec<(f64, f64)>>);

impl Answers {
    /// Reads an answer.
    ///
    /// # Errors
    /// If it is an error, or has not Prometheus' form.
    pub fn parse(text: &str) -> Result<Self> {
        let shown = || Error::Target(text.chars().take(300).collect());
        let parsed: Value = serde_json::from_str(text).map_err(|_| shown())?;
        let data = parsed.get("data").ok_or_else(shown)?;
        let list = data.get("result").unwrap_or(data).as_array().ok_or_else(shown)?;
        let entries = list.iter().map(|one| match (one, one.get("metric")) {
            (Value::String(value), _) => Some((value.clone(), Vec::new())),
            (_, Some(metric)) => Some((metric.to_string(), points(one)?)),
            // Two numbers and no object: a scalar, which is a pair of time and value.
            (labels, None) if labels.is_object() => Some((labels.to_string(), Vec::new())),
            _ => None,
        });
        entries.collect::<Option<_>>().map(Self).ok_or_else(shown)
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `self` has the same series, at the same times, with equal values.
    #[must_use]
    pub fn agrees_with(&self, other: &Self) -> bool {
        self.0.len() == other.0.len()
            && self.0.iter().zip(&other.0).all(|((one, points), (two, others))| {
                one == two
                    && points.len() == others.len()
                    && points.iter().zip(others).all(|(a, b)| a.0 == b.0 && is_close(a.1, b.1))
            })
    }
}

/// The only value of a PromQL vector or of an InfluxQL table.
#[must_use]
pub fn number(text: &str) -> Option<f64> {
    let parsed: Value = serde_json::from_str(text).ok()?;
    let of_promql = parsed.pointer("/data/result/0/value/1").and_then(Value::as_str);
    let of_influxql = parsed.pointer("/results/0/series/0/values/0/1").and_then(Value::as_f64);
    of_promql.and_then(|text| text.parse().ok()).or(of_influxql)
}

fn points(one: &Value) -> Option<Vec<(f64, f64)>> {
    let many = one.get("values").and_then(Value::as_array);
    let single = one.get("value").map(std::slice::from_ref);
    many.map(Vec::as_slice).or(single)?.iter().map(point).collect()
}

fn point(pair: &Value) -> Option<(f64, f64)> {
    Some((pair.get(0)?.as_f64()?, pair.get(1)?.as_str()?.parse().ok()?))
}

fn is_close(a: f64, b: f64) -> bool {
    a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= TOLERANCE * a.abs().max(b.abs())
}

#[cfg(test)]
mod tests {
    use super::{Answers, number};

    fn vector(rows: &[(&str, &str)]) -> Answers {
        let rows: Vec<String> = rows
            .iter()
            .map(|(name, value)| {
                format!(r#"{{"metric":{{"a":"{name}"}},"value":[1.5,"{value}"]}}"#)
            })
            .collect();
        let result = rows.join(",");
        let text = format!(r#"{{"status":"success","data":{{"result":[{result}]}}}}"#);
        Answers::parse(&text).unwrap()
    }

    #[test]
    fn order_and_the_last_digits_do_not_matter() {
        let one = vector(&[("x", "1"), ("y", "NaN"), ("z", "+Inf")]);
        assert!(one.agrees_with(&vector(&[("z", "+Inf"), ("y", "NaN"), ("x", "1.000009")])));
    }

    #[test]
    fn what_differs_is_seen() {
        let one = vector(&[("x", "1"), ("y", "2")]);
        for other in [
            vector(&[("x", "1")]),
            vector(&[("x", "1"), ("z", "2")]),
            vector(&[("x", "1"), ("y", "2.0001")]),
            vector(&[("x", "1"), ("y", "NaN")]),
        ] {
            assert!(!one.agrees_with(&other) && !other.agrees_with(&one), "{other:?}");
        }
    }

    #[test]
    fn matrices_and_lists_are_answers() {
        let matrix = r#"{"data":{"result":[{"metric":{},"values":[[1,"2"],[2,"3"]]}]}}"#;
        assert!(!Answers::parse(matrix).unwrap().is_empty());
        let list = Answers::parse(r#"{"data":["a","b"]}"#).unwrap();
        assert!(list.agrees_with(&Answers::parse(r#"{"data":["b","a"]}"#).unwrap()));
        assert!(!list.agrees_with(&Answers::parse(r#"{"data":["b"]}"#).unwrap()));
    }

    #[test]
    fn the_only_number_is_found_in_both_languages() {
        let promql = r#"{"data":{"result":[{"metric":{},"value":[1,"42"]}]}}"#;
        assert_eq!(number(promql), Some(42.0));
        let influxql = r#"{"results":[{"series":[{"values":[[0,42]]}]}]}"#;
        assert_eq!(number(influxql), Some(42.0));
        assert_eq!(number(r#"{"data":{"result":[]}}"#), None);
    }

    #[test]
    fn an_error_is_no_answer() {
        assert!(Answers::parse(r#"{"status":"error","error":"no"}"#).is_err());
        assert!(Answers::parse(r#"{"data":{"result":[{"metric":{},"value":[1,2]}]}}"#).is_err());
        assert!(Answers::parse("Bad Gateway").is_err());
    }
}
