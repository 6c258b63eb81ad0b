//! Metrics as samples, as if they had been scraped.

use nunatak::{Batch, LabelsBuilder};
use prometheus::proto::{LabelPair, MetricFamily, MetricType};

/// The metrics as samples at `now_ms` under job and instance.
pub(super) fn batch(families: &[MetricFamily], instance: &str, now_ms: i64) -> Batch {
    let mut scrape = Scrape { batch: Batch::new(), instance, now_ms };
    scrape.push("up", "", &[], None, 1.0);
    for family in families {
        scrape.family(family);
    }
    scrape.batch
}

struct Scrape<'a> {
    batch: Batch,
    instance: &'a str,
    now_ms: i64,
}

impl Scrape<'_> {
    fn family(&mut self, family: &MetricFamily) {
        let name = family.name();
        for metric in family.get_metric() {
            let labels = metric.get_label();
            match family.get_field_type() {
                MetricType::COUNTER => {
                    self.push(name, "", labels, None, metric.get_counter().get_value());
                }
                MetricType::HISTOGRAM => {
                    let histogram = metric.get_histogram();
                    let count = histogram.get_sample_count() as f64;
                    for bucket in histogram.get_bucket() {
                        let le = bucket.upper_bound().to_string();
                        let value = bucket.cumulative_count() as f64;
                        self.push(name, "_bucket", labels, Some(&le), value);
                    }
                    self.push(name, "_bucket", labels, Some("+Inf"), count);
                    self.push(name, "_sum", labels, None, histogram.get_sample_sum());
                    self.push(name, "_count", labels, None, count);
                }
                _ => self.push(name, "", labels, None, metric.get_gauge().get_value()),
            }
        }
    }

    fn push(
        &mut self,
        name: &str,
        suffix: &str,
        labels: &[LabelPair],
        le: Option<&str>,
        value: f64,
    ) {
        let mut builder = LabelsBuilder::default();
        builder.push("__name__", &format!("{name}{suffix}"));
        builder.push("job", "nunatak");
        builder.push("instance", self.instance);
        builder.push("le", le.unwrap_or_default());
        for pair in labels {
            builder.push(pair.name(), pair.value());
        }
        let Ok(set) = builder.build() else { return };
        if let Ok(series) = self.batch.series(&set) {
            self.batch.push(series, self.now_ms, value);
        }
    }
}
