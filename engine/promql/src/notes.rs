//! Warnings and infos: what may be wrong with a query or its data though there is an answer.

mod histograms;

use std::cell::RefCell;
use std::collections::BTreeMap;

use nunatak_index::Labels;

use crate::ast::Span;
use crate::number::format_general;
use crate::parser::quote;

pub(crate) use histograms::Joining;

/// The remarks of one query, each text once: of several places Prometheus names the last one, and
/// what stands to the right or further out is evaluated later.
#[derive(Debug)]
pub(crate) struct Notes {
    query: String,
    warnings: Remarks,
    infos: Remarks,
}

/// Text → its place.
type Remarks = RefCell<BTreeMap<String, Option<Span>>>;

impl Notes {
    pub(crate) fn new(query: &str) -> Self {
        Self { query: query.to_owned(), warnings: RefCell::default(), infos: RefCell::default() }
    }

    /// A remark of the storage, as it is.
    pub(crate) fn storage(&self, text: String) {
        self.warnings.borrow_mut().insert(text, None);
    }

    pub(crate) fn warn(&self, text: &str, span: Span) {
        self.warnings.borrow_mut().insert(format!("PromQL warning: {text}"), Some(span));
    }

    pub(crate) fn info(&self, text: &str, span: Span) {
        self.infos.borrow_mut().insert(format!("PromQL info: {text}"), Some(span));
    }

    /// Warnings and infos, sorted.
    pub(crate) fn finish(self) -> (Vec<String>, Vec<String>) {
        let line = |(text, span): (String, Option<Span>)| match span {
            Some(span) => format!("{text} ({})", span.position(&self.query)),
            None => text,
        };
        let list = |remarks: Remarks| remarks.into_inner().into_iter().map(line).collect();
        (list(self.warnings), list(self.infos))
    }

    pub(crate) fn invalid_quantile(&self, q: f64, span: Span) {
        let q = format_general(q);
        self.warn(&format!("quantile value should be between 0 and 1, got {q}"), span);
    }

    pub(crate) fn invalid_ratio(&self, ratio: f64, cap: f64, span: Span) {
        let (ratio, cap) = (format_general(ratio), format_general(cap));
        let text = format!("ratio value should be between -1 and 1, got {ratio}, capping to {cap}");
        self.warn(&text, span);
    }

    pub(crate) fn bad_bucket_label(&self, le: &str, metric: &str, span: Span) {
        let le = quote(le);
        let text = format!("bucket label \"le\" is missing or has a malformed value of {le}");
        self.warn(&for_metric(&text, metric), span);
    }

    pub(crate) fn forced_monotonic(&self, metric: &str, span: Span) {
        let text = "input to histogram_quantile needed to be fixed for monotonicity (see \
                    https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile)";
        self.info(&for_metric(text, metric), span);
    }

    pub(crate) fn sort_of_range(&self, span: Span) {
        let text =
            "sort is ineffective for range queries since results are always ordered by labels";
        self.warn(text, span);
    }

    /// `rate` or `increase` of a metric whose name is not a counter's.
    pub(crate) fn possible_non_counter(&self, labels: &Labels, span: Span) {
        let metric = labels.metric_name();
        let counter = ["_total", "_sum", "_count", "_bucket"].iter().any(|s| metric.ends_with(s));
        if !metric.is_empty() && !counter {
            let rule = "name does not end in _total/_sum/_count/_bucket";
            let metric = quote(metric);
            self.info(&format!("metric might not be a counter, {rule}: {metric}"), span);
        }
    }
}

fn for_metric(text: &str, metric: &str) -> String {
    format!("{text} for metric name {}", quote(metric))
}
