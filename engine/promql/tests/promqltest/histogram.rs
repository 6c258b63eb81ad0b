//! Native histograms in the scripts: `{{schema:0 sum:5 count:4 buckets:[1 2 1]}}`.

use nunatak::{Histogram, ResetHint, labels};
use nunatak_promql::{MemorySource, Value, query};

use crate::run::equal;
use crate::script::number;

/// A histogram, and whether its hint is named.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Described {
    pub(crate) histogram: Histogram,
    names_hint: bool,
}

impl Described {
    /// Whether a histogram of the engine is this one.
    pub(crate) fn fits(&self, got: &Histogram) -> bool {
        let (mut wanted, mut got) = (self.histogram.clone(), got.clone());
        wanted.compact();
        got.compact();
        let list = |a: &[(i32, f64)], b: &[(i32, f64)]| {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.0 == b.0 && equal(a.1, b.1))
        };
        wanted.schema == got.schema
            && wanted.zero_threshold == got.zero_threshold
            && wanted.bounds == got.bounds
            && (!self.names_hint || wanted.hint == got.hint)
            && equal(wanted.count, got.count)
            && equal(wanted.sum, got.sum)
            && equal(wanted.zero_count, got.zero_count)
            && list(&wanted.positive, &got.positive)
            && list(&wanted.negative, &got.negative)
    }
}

/// `{{…}}`, `{{…}}xN`, `{{…}}+{{…}}xN` or `{{…}}-{{…}}xN`.
pub(crate) fn series(item: &str) -> Result<Vec<Described>, String> {
    let bad = || format!("{item:?} is no histogram");
    let (first, rest) = braced(item).ok_or_else(bad)?;
    let first = describe(first)?;
    if rest.is_empty() {
        return Ok(vec![first]);
    }
    let (op, delta, rest) = match rest.split_at(1) {
        (op @ ("+" | "-"), rest) => {
            let (delta, rest) = braced(rest).ok_or_else(bad)?;
            (op, Some(describe(delta)?), rest)
        }
        _ => ("", None, rest),
    };
    let times = rest.strip_prefix('x').and_then(|n| n.parse::<usize>().ok()).ok_or_else(bad)?;
    let mut all = vec![first];
    for _ in 0..times {
        let last = &all[all.len() - 1];
        let next = match &delta {
            None => last.clone(),
            Some(delta) => {
                let histogram = joined(&last.histogram, op, &delta.histogram)?;
                Described { histogram, names_hint: last.names_hint }
            }
        };
        all.push(next);
    }
    Ok(all)
}

fn braced(text: &str) -> Option<(&str, &str)> {
    text.strip_prefix("{{")?.split_once("}}")
}

/// The sum or difference, as the engine computes it.
fn joined(a: &Histogram, op: &str, b: &Histogram) -> Result<Histogram, String> {
    let mut source = MemorySource::new();
    source.push_histogram(&labels! { "__name__" => "a" }, 0, a.clone());
    source.push_histogram(&labels! { "__name__" => "b" }, 0, b.clone());
    let value = query(&source, &format!("a {op} b"), 0).map_err(|error| error.to_string())?.value;
    let Value::Vector(samples) = value else { return Err("no vector".to_owned()) };
    let histogram = samples.first().and_then(|sample| sample.histogram.as_deref());
    let mut histogram = histogram.cloned().ok_or("histograms that can't be added")?;
    if op == "-" {
        // The operator makes a gauge; a series that falls is still what it was.
        histogram.hint = a.hint;
    }
    Ok(histogram)
}

fn describe(text: &str) -> Result<Described, String> {
    let mut histogram = Histogram::default();
    let (mut offset, mut n_offset) = (0, 0);
    let (mut positive, mut negative) = (Vec::new(), Vec::new());
    let mut names_hint = false;
    for (key, value) in pairs(text)? {
        let one = || number(value.trim());
        let whole = || value.trim().parse::<i32>().map_err(|error| format!("{value:?}: {error}"));
        match key {
            "schema" => histogram.schema = whole()?,
            "sum" => histogram.sum = one()?,
            "count" => histogram.count = one()?,
            "z_bucket" => histogram.zero_count = one()?,
            "z_bucket_w" => histogram.zero_threshold = one()?,
            "buckets" => positive = numbers(value)?,
            "n_buckets" => negative = numbers(value)?,
            "offset" => offset = whole()?,
            "n_offset" => n_offset = whole()?,
            "custom_values" => histogram.bounds = numbers(value)?.into(),
            "counter_reset_hint" => {
                names_hint = true;
                histogram.hint = hint(value)?;
            }
            other => return Err(format!("unknown key {other:?}")),
        }
    }
    let indexed = |counts: Vec<f64>, offset| (offset..).zip(counts).collect();
    histogram.positive = indexed(positive, offset);
    histogram.negative = indexed(negative, n_offset);
    Ok(Described { histogram, names_hint })
}

fn hint(value: &str) -> Result<ResetHint, String> {
    match value {
        "unknown" => Ok(ResetHint::Unknown),
        "reset" => Ok(ResetHint::Reset),
        "not_reset" => Ok(ResetHint::NotReset),
        "gauge" => Ok(ResetHint::Gauge),
        other => Err(format!("unknown hint {other:?}")),
    }
}

/// Keys and their values; a list is a value without its brackets.
fn pairs(text: &str) -> Result<Vec<(&str, &str)>, String> {
    let mut pairs = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let (key, tail) = rest.split_once(':').ok_or_else(|| format!("{rest:?} has no key"))?;
        let (value, tail) = match tail.strip_prefix('[') {
            Some(tail) => tail.split_once(']').ok_or_else(|| format!("{tail:?} does not end"))?,
            None => tail.split_once(char::is_whitespace).unwrap_or((tail, "")),
        };
        pairs.push((key.trim(), value));
        rest = tail.trim_start();
    }
    Ok(pairs)
}

fn numbers(text: &str) -> Result<Vec<f64>, String> {
    text.split_whitespace().map(number).collect()
}
