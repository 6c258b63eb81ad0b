//! When two answers agree.

use std::collections::BTreeMap;

use super::web::Answer;

/// Sums in another order differ in the last bits; nothing else may.
const TOLERANCE: f64 = 1e-9;

type Labels = BTreeMap<String, String>;

/// What is wrong with `ours`, if anything; `ordered` if the order of the series counts.
pub(crate) fn agree(
    query: &str,
    ours: Result<Vec<Answer>, String>,
    theirs: Result<Vec<Answer>, String>,
    ordered: bool,
) -> Option<String> {
    let complain = |text: String| Some(format!("{query}\n    {text}"));
    let (ours, theirs) = match (ours, theirs) {
        (Ok(ours), Ok(theirs)) => (ours, theirs),
        (ours, theirs) => {
            return complain(format!("ours: {:?}, Prometheus: {:?}", ours.err(), theirs.err()));
        }
    };
    if theirs.is_empty() && !query.contains("nothing_of_this_name") {
        return complain("Prometheus has no answer: the query tests nothing".to_owned());
    }
    if ordered {
        let order = |answers: &[Answer]| -> Vec<Labels> {
            answers.iter().map(|answer| answer.labels.clone()).collect()
        };
        if order(&ours) != order(&theirs) {
            return complain("another order".to_owned());
        }
    }
    differences(&ours, &theirs).and_then(complain)
}

fn differences(ours: &[Answer], theirs: &[Answer]) -> Option<String> {
    let by_labels = |answers: &[Answer]| -> BTreeMap<Labels, Vec<(String, String)>> {
        answers.iter().map(|answer| (answer.labels.clone(), answer.points.clone())).collect()
    };
    let (mine, other) = (by_labels(ours), by_labels(theirs));
    if mine.len() != ours.len() {
        return Some("a label set comes twice".to_owned());
    }
    if let Some(missing) = other.keys().find(|labels| !mine.contains_key(*labels)) {
        return Some(format!("{} of {} series; missing: {missing:?}", mine.len(), other.len()));
    }
    if let Some(more) = mine.keys().find(|labels| !other.contains_key(*labels)) {
        return Some(format!("{} series, not {}; one more: {more:?}", mine.len(), other.len()));
    }
    other.iter().find_map(|(labels, expected)| {
        let found = &mine[labels];
        let equal = found.len() == expected.len()
            && found
                .iter()
                .zip(expected)
                .all(|(a, b)| number(&a.0) == number(&b.0) && near(&a.1, &b.1));
        (!equal).then(|| format!("{labels:?}: ours {found:?}, Prometheus {expected:?}"))
    })
}

fn near(ours: &str, theirs: &str) -> bool {
    let (a, b) = (number(ours), number(theirs));
    a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= TOLERANCE * a.abs().max(b.abs())
}

fn number(text: &str) -> f64 {
    text.parse().unwrap_or_else(|_| panic!("no number: {text}"))
}

/// Samples by series, exactly as written: time in ms, value as text. Equal texts are equal bits
/// (but for the payload of a NaN, which the API does not show).
pub(crate) fn samples(answers: Vec<Answer>) -> BTreeMap<Labels, Vec<(i64, String)>> {
    answers
        .into_iter()
        .map(|answer| {
            let points = answer.points.into_iter();
            let samples = points.map(|(t, v)| ((number(&t) * 1e3).round() as i64, v)).collect();
            (answer.labels, samples)
        })
        .collect()
}
