//! Remarks on native histograms.

use super::Notes;
use crate::ast::{AggregateOp, BinaryOp, Span};
use crate::histogram::quantile::NotNumbers;
use crate::parser::quote;

/// How histograms were put together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Joining {
    Addition,
    Subtraction,
    Aggregation,
}

impl Joining {
    fn name(self) -> &'static str {
        match self {
            Self::Addition => "addition",
            Self::Subtraction => "subtraction",
            Self::Aggregation => "aggregation",
        }
    }
}

impl Notes {
    pub(crate) fn incompatible_types(&self, left: &str, op: BinaryOp, right: &str, span: Span) {
        let op = op.symbol();
        let what = "incompatible sample types encountered for binary operator";
        self.info(&format!("{what} {op:?}: {left} {op} {right}"), span);
    }

    pub(crate) fn incompatible_layout(&self, op: BinaryOp, span: Span) {
        let op = op.symbol();
        self.warn(
            &format!("incompatible bucket layout encountered for binary operator {op}"),
            span,
        );
    }

    pub(crate) fn colliding_resets(&self, how: Joining, span: Span) {
        let how = how.name();
        self.warn(&format!("conflicting counter resets during histogram {how}"), span);
    }

    pub(crate) fn reconciled_bounds(&self, how: Joining, span: Span) {
        let how = how.name();
        self.info(&format!("mismatched custom buckets were reconciled during {how}"), span);
    }

    pub(crate) fn ignored_in_aggregation(&self, op: AggregateOp, span: Span) {
        self.info(&format!("ignored histogram in {} aggregation", op.name()), span);
    }

    pub(crate) fn mixed_in_aggregation(&self, span: Span) {
        self.warn("encountered a mix of histograms and floats for aggregation", span);
    }

    pub(crate) fn mixed_in_range(&self, metric: &str, span: Span) {
        let what = "encountered a mix of histograms and floats for metric name";
        self.warn(&format!("{what} {}", quote(metric)), span);
    }

    pub(crate) fn ignored_in_range(&self, metric: &str, span: Span) {
        let what = "ignored histograms in a range containing both floats and histograms for metric \
                    name";
        self.info(&format!("{what} {}", quote(metric)), span);
    }

    pub(crate) fn mixed_schemas(&self, metric: &str, span: Span) {
        let what = "vector contains a mix of histograms with exponential and custom buckets \
                    schemas for metric name";
        self.warn(&format!("{what} {}", quote(metric)), span);
    }

    pub(crate) fn mixed_with_classic(&self, metric: &str, span: Span) {
        let what = "vector contains a mix of classic and native histograms";
        self.warn(&named(what, metric), span);
    }

    pub(crate) fn not_a_counter(&self, metric: &str, span: Span) {
        let what = "this native histogram metric is not a counter:";
        self.warn(&format!("{what} {}", quote(metric)), span);
    }

    pub(crate) fn not_a_gauge(&self, metric: &str, span: Span) {
        let what = "this native histogram metric is not a gauge:";
        self.warn(&format!("{what} {}", quote(metric)), span);
    }

    pub(crate) fn not_numbers_in_quantile(&self, what: NotNumbers, metric: &str, span: Span) {
        let result = match what {
            NotNumbers::Result => "NaN",
            NotNumbers::Skew => "skewed higher",
        };
        let text = format!("input to histogram_quantile has NaN observations, result is {result}");
        self.info(&named(&text, metric), span);
    }

    pub(crate) fn not_numbers_in_fraction(&self, metric: &str, span: Span) {
        let what = "input to histogram_fraction has NaN observations, which are excluded from all \
                    fractions";
        self.info(&named(what, metric), span);
    }
}

/// The newer remarks say nothing of a metric without a name.
fn named(text: &str, metric: &str) -> String {
    if metric.is_empty() { text.to_owned() } else { super::for_metric(text, metric) }
}
