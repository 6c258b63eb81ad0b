//! A new series that a limit does not let in.

use std::fmt;

use nunatak_index::Labels;

use super::RefusalReason;
use super::check::shown;

/// What a limit says about a series.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RefusedSeries {
    pub(crate) reason: RefusalReason,
    pub(crate) limit: u64,
    /// The label with too many values.
    pub(crate) label: Option<Box<str>>,
}

impl RefusedSeries {
    /// A limit on whole series.
    pub(crate) fn new(reason: RefusalReason, limit: u64) -> Self {
        Self { reason, limit, label: None }
    }

    /// Says which limit, its value, who it is, and what to do.
    pub(crate) fn describe(&self, labels: &Labels) -> String {
        let text = Description { refused: self, labels };
        text.to_string()
    }
}

struct Description<'a> {
    refused: &'a RefusedSeries,
    labels: &'a Labels,
}

impl fmt::Display for Description<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let limit = self.refused.limit;
        let metric = self.labels.metric_name();
        write!(f, "new series {}: ", shown(self.labels))?;
        match self.refused.reason {
            RefusalReason::TooManySeriesOfMetric => write!(
                f,
                "metric {metric} has its limit of {limit} series (series_per_metric); drop the \
                 label that makes so many, or raise the limit"
            ),
            RefusalReason::TooManyLabelValues => write!(
                f,
                "label {} has its limit of {limit} values (values_per_label); drop the label, or \
                 raise the limit",
                self.refused.label.as_deref().unwrap_or_default()
            ),
            RefusalReason::TooManySeries => write!(
                f,
                "the tenant has its limit of {limit} series (active_series); stop what makes new \
                 ones, or raise the limit"
            ),
            RefusalReason::TooManySeriesGlobally => write!(
                f,
                "all tenants together have their limit of {limit} series (global active_series); \
                 stop what makes new ones, or raise the limit"
            ),
            RefusalReason::NewSeriesTooFast => write!(
                f,
                "more than {limit} new series a second (new_series_per_second); later ones are \
                 taken again; stop what makes them, or raise the limit"
            ),
            RefusalReason::NewSeriesTooFastGlobally => write!(
                f,
                "more than {limit} new series a second of all tenants (global \
                 new_series_per_second); later ones are taken again; stop what makes them, or \
                 raise the limit"
            ),
            _ => write!(f, "the memory budget is used up; raise it, or stop what makes new series"),
        }
    }
}

#[cfg(test)]
mod tests {
    use nunatak_index::labels;

    use super::*;

    #[test]
    fn the_text_names_limit_value_culprit_and_remedy() {
        let labels = labels! { "__name__" => "http_total", "id" => "7" };
        let mut refused = RefusedSeries::new(RefusalReason::TooManyLabelValues, 1000);
        refused.label = Some("id".into());
        assert_eq!(
            refused.describe(&labels),
            "new series http_total{id=\"7\"}: label id has its limit of 1000 values \
             (values_per_label); drop the label, or raise the limit"
        );
        let refused = RefusedSeries::new(RefusalReason::TooManySeriesOfMetric, 5);
        let text = refused.describe(&labels);
        assert!(text.contains("metric http_total has its limit of 5 series"), "{text}");
    }
}
