//! `load_with_nhcb`: native histograms with custom buckets, made of classic ones.

use std::collections::BTreeMap;

use nunatak::{CUSTOM_SCHEMA, Histogram};
use nunatak_index::{Labels, LabelsBuilder, METRIC_NAME};
use nunatak_promql::MemorySource;

use crate::script::{Item, SeriesLine, number};

/// A classic histogram at one time.
#[derive(Default)]
struct Classic {
    /// Bounds and cumulative counts.
    buckets: Vec<(f64, f64)>,
    count: Option<f64>,
    sum: f64,
}

/// Which part of a classic histogram a series is.
enum Part {
    Bucket(f64),
    Count,
    Sum,
}

pub(crate) fn load(source: &mut MemorySource, step_ms: i64, series: &[SeriesLine]) {
    let mut all: BTreeMap<Labels, BTreeMap<i64, Classic>> = BTreeMap::new();
    for line in series {
        let Some((labels, part)) = part_of(&line.labels) else { continue };
        let times = all.entry(labels).or_default();
        for (i, item) in line.values.iter().enumerate() {
            let Item::Number(value) = item else { continue };
            let classic = times.entry(i as i64 * step_ms).or_default();
            match part {
                Part::Bucket(bound) => classic.buckets.push((bound, *value)),
                Part::Count => classic.count = Some(*value),
                Part::Sum => classic.sum = *value,
            }
        }
    }
    for (labels, times) in all {
        for (t, classic) in times {
            source.push_histogram(&labels, t, native(classic));
        }
    }
}

/// The labels of the whole, and which part of it the series is.
fn part_of(labels: &Labels) -> Option<(Labels, Part)> {
    let name = labels.metric_name();
    let (base, part) = if let Some(base) = name.strip_suffix("_bucket") {
        (base, Part::Bucket(number(labels.get("le")?).ok()?))
    } else if let Some(base) = name.strip_suffix("_count") {
        (base, Part::Count)
    } else {
        (name.strip_suffix("_sum")?, Part::Sum)
    };
    let mut builder = LabelsBuilder::from_labels(labels);
    builder.set(METRIC_NAME, base);
    builder.remove("le");
    Some((builder.build().ok()?, part))
}

fn native(mut classic: Classic) -> Histogram {
    classic.buckets.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    let mut before = 0.0;
    let mut counts = Vec::new();
    let mut bounds = Vec::new();
    for &(bound, cumulative) in &classic.buckets {
        counts.push(cumulative - before);
        before = cumulative;
        if bound < f64::INFINITY {
            bounds.push(bound);
        }
    }
    let count = classic.count.unwrap_or(before);
    if bounds.len() == counts.len() {
        counts.push(count - before);
    }
    Histogram {
        schema: CUSTOM_SCHEMA,
        count,
        sum: classic.sum,
        positive: (0..).zip(counts).filter(|&(_, count)| count != 0.0).collect(),
        bounds: bounds.into(),
        ..Histogram::default()
    }
}
