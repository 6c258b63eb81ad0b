//! The pairing of two reports, figure by figure.

use std::collections::BTreeSet;

use crate::report::model::{Better, Figure, Report, Unit};
use crate::report::spread::Spread;

/// What was found.
#[derive(Debug)]
pub(super) struct Comparison {
    /// Per cent that a median must differ by.
    pub(super) threshold: f64,
    /// Every figure that both have, in the order of the first.
    pub(super) pairs: Vec<Pair>,
    /// What only the first has.
    pub(super) only_before: Vec<String>,
    /// What only the second has.
    pub(super) only_after: Vec<String>,
}

/// A figure that both have.
#[derive(Debug)]
pub(super) struct Pair {
    /// `section/figure`
    pub(super) figure: String,
    /// The target.
    pub(super) target: String,
    /// How values are shown.
    pub(super) unit: Unit,
    pub(super) before: Spread,
    pub(super) after: Spread,
    /// By how much the median grew, per cent; infinite if it was 0.
    pub(super) percent: f64,
    pub(super) verdict: Verdict,
}

/// What became of a figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Within the threshold.
    Same,
    /// Beyond the threshold, but a median lies between the ends of the other run.
    Noise,
    /// Another value, neither better nor worse.
    Changed,
    /// Better.
    Better,
    /// Worse.
    Worse,
}

impl Verdict {
    /// As it is printed.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Noise => "noise",
            Self::Changed => "changed",
            Self::Better => "better",
            Self::Worse => "WORSE",
        }
    }
}

impl Comparison {
    /// Pairs by section, figure and target.
    pub(super) fn new(before: &Report, after: &Report, threshold: f64) -> Self {
        let (first, second) = (values(before), values(after));
        let pairs = first.iter().filter_map(|value| {
            let other = second.iter().find(|other| other.key() == value.key())?;
            Some(pair(value, other, threshold))
        });
        Self {
            threshold,
            pairs: pairs.collect(),
            only_before: missing(&first, &second),
            only_after: missing(&second, &first),
        }
    }

    /// How many figures have this verdict.
    pub(super) fn count(&self, verdict: Verdict) -> usize {
        self.pairs.iter().filter(|pair| pair.verdict == verdict).count()
    }
}

/// A figure of one target that has a value.
struct Value<'a> {
    section: &'a str,
    figure: &'a Figure,
    target: &'a str,
    spread: Spread,
}

impl Value<'_> {
    fn key(&self) -> (&str, &str, &str) {
        (self.section, &self.figure.id, self.target)
    }
}

fn values(report: &Report) -> Vec<Value<'_>> {
    let mut values = Vec::new();
    for section in &report.sections {
        for figure in section.tables.iter().flat_map(|table| &table.figures) {
            values.extend(figure.cells.iter().filter_map(|cell| {
                let spread = Spread::of(&cell.values)?;
                Some(Value { section: &section.id, figure, target: &cell.target, spread })
            }));
        }
    }
    values
}

/// Those of `values` that `others` lack, as `section/figure (target)`.
fn missing(values: &[Value<'_>], others: &[Value<'_>]) -> Vec<String> {
    let known: BTreeSet<_> = others.iter().map(Value::key).collect();
    let missing = values.iter().filter(|value| !known.contains(&value.key()));
    missing
        .map(|value| format!("{}/{} ({})", value.section, value.figure.id, value.target))
        .collect()
}

fn pair(before: &Value<'_>, after: &Value<'_>, threshold: f64) -> Pair {
    let percent = growth(before.spread.median, after.spread.median);
    Pair {
        figure: format!("{}/{}", before.section, before.figure.id),
        target: before.target.to_owned(),
        unit: after.figure.unit,
        before: before.spread,
        after: after.spread,
        percent,
        verdict: verdict(after.figure.better, &before.spread, &after.spread, percent, threshold),
    }
}

/// In per cent of the first.
fn growth(before: f64, after: f64) -> f64 {
    if before == after { 0.0 } else { (after - before) / before.abs() * 100.0 }
}

fn verdict(
    better: Better,
    before: &Spread,
    after: &Spread,
    percent: f64,
    threshold: f64,
) -> Verdict {
    if percent.abs() <= threshold {
        Verdict::Same
    } else if is_within(before, after.median) || is_within(after, before.median) {
        Verdict::Noise
    } else if better == Better::Neither {
        Verdict::Changed
    } else if better.prefers(after.median, before.median) {
        Verdict::Better
    } else {
        Verdict::Worse
    }
}

/// Whether a run saw such a value itself; one repetition alone tells nothing about its noise.
fn is_within(run: &Spread, median: f64) -> bool {
    run.repetitions > 1 && run.holds(median)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(better: Better, before: &[f64], after: &[f64]) -> Verdict {
        let (before, after) = (Spread::of(before).unwrap(), Spread::of(after).unwrap());
        verdict(better, &before, &after, growth(before.median, after.median), 5.0)
    }

    #[test]
    fn what_is_better_depends_on_the_figure() {
        assert_eq!(judge(Better::Lower, &[100.0], &[90.0]), Verdict::Better);
        assert_eq!(judge(Better::Lower, &[100.0], &[110.0]), Verdict::Worse);
        assert_eq!(judge(Better::Higher, &[100.0], &[90.0]), Verdict::Worse);
        assert_eq!(judge(Better::Higher, &[100.0], &[110.0]), Verdict::Better);
        assert_eq!(judge(Better::Neither, &[100.0], &[110.0]), Verdict::Changed);
    }

    #[test]
    fn the_threshold_itself_is_no_change() {
        assert_eq!(judge(Better::Lower, &[100.0], &[105.0]), Verdict::Same);
        assert_eq!(judge(Better::Lower, &[100.0], &[95.0]), Verdict::Same);
        assert_eq!(judge(Better::Lower, &[100.0], &[105.1]), Verdict::Worse);
    }

    #[test]
    fn what_a_run_saw_itself_is_noise() {
        let before = [90.0, 100.0, 120.0];
        assert_eq!(judge(Better::Lower, &before, &[115.0]), Verdict::Noise);
        assert_eq!(judge(Better::Lower, &before, &[115.0, 116.0, 117.0]), Verdict::Noise);
        assert_eq!(judge(Better::Lower, &before, &[99.0, 121.0, 122.0]), Verdict::Noise);
        assert_eq!(judge(Better::Lower, &before, &[119.0, 121.0, 122.0]), Verdict::Worse);
    }

    #[test]
    fn growth_from_nothing_is_a_change() {
        assert_eq!(judge(Better::Lower, &[0.0], &[0.0]), Verdict::Same);
        assert_eq!(judge(Better::Lower, &[0.0], &[1.0]), Verdict::Worse);
        assert_eq!(growth(0.0, 1.0), f64::INFINITY);
        assert_eq!(growth(-10.0, -5.0), 50.0);
    }
}
