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

    /// Whether `self` has the same values at the same times, and of the same series but for those
    /// with the value at the edge: of series that are equal there a ranking may keep any
    /// (Prometheus keeps those that its head has met first).
    #[must_use]
    pub fn agrees_as_ranking(&self, other: &Self) -> bool {
        let (mine, others) = (self.by_time(), other.by_time());
        mine.len() == others.len()
            && mine.iter().zip(&others).all(|((t, one), (u, two))| t == u && rank_alike(one, two))
    }

    /// What is there at each time.
    fn by_time(&self) -> BTreeMap<u64, Vec<Ranked<'_>>> {
        let mut times: BTreeMap<u64, Vec<Ranked<'_>>> = BTreeMap::new();
        for (labels, points) in &self.0 {
            for (time, value) in points {
                times.entry(time.to_bits()).or_default().push((*value, labels));
            }
        }
        times
    }
}

/// A value and whose it is.
type Ranked<'a> = (f64, &'a str);

/// Whether two answers at one time differ at most in whose the values at the edge are: the smallest
/// of the largest, or the largest of the smallest.
fn rank_alike(one: &[Ranked<'_>], two: &[Ranked<'_>]) -> bool {
    let (one, two) = (sorted(one), sorted(two));
    let pairs = || one.iter().zip(&two);
    let alike_within = |edge: Option<&Ranked<'_>>| {
        pairs().all(|(a, b)| a.1 == b.1 || edge.is_some_and(|edge| a.0 == edge.0))
    };
    one.len() == two.len()
        && pairs().all(|(a, b)| is_close(a.0, b.0))
        && (alike_within(one.first()) || alike_within(one.last()))
}

fn sorted<'a>(all: &[Ranked<'a>]) -> Vec<Ranked<'a>> {
    let mut all = all.to_vec();
    all.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(b.1)));
    all
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
    fn a_ranking_may_keep_any_of_those_at_its_edge() {
        let one = vector(&[("x", "3"), ("y", "2"), ("z", "2")]);
        let same = vector(&[("x", "3"), ("v", "2"), ("w", "2")]);
        assert!(!one.agrees_with(&same) && one.agrees_as_ranking(&same));
        let smallest = [vector(&[("x", "1"), ("y", "2")]), vector(&[("x", "1"), ("z", "2")])];
        assert!(smallest[0].agrees_as_ranking(&smallest[1]));
        for other in [
            vector(&[("v", "3"), ("w", "2"), ("z", "2")]),
            vector(&[("x", "3"), ("y", "2")]),
            vector(&[("x", "3"), ("y", "2"), ("z", "1")]),
            vector(&[("x", "2"), ("y", "3"), ("z", "2")]),
        ] {
            assert!(!one.agrees_as_ranking(&other) && !other.agrees_as_ranking(&one), "{other:?}");
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
