//! Captured samples as requests, in the order of time, moved to where the workload begins.

use indicatif::ProgressBar;

use super::{Extent, Packing, Prepared, selectors};
use crate::requests::{Writer, encode_labels};
use crate::workload::Capture;

impl Prepared {
    /// Encodes a capture so that its first sample is at `start_ms`. Each series stays with a
    /// connection; the samples of one moment go together, as one scrape does.
    #[must_use]
    pub fn capture(
        capture: &Capture,
        start_ms: i64,
        packing: Packing,
        progress: &ProgressBar,
    ) -> Self {
        let sets: Vec<_> = capture.series.iter().map(|one| one.labels.as_slice()).collect();
        let labels: Vec<Vec<u8>> = sets.iter().map(|set| encode_labels(set)).collect();
        let mut extent = Extent::of(&sets);
        let metrics = sets.iter().filter_map(|set| metric(set));
        let parts = selectors("__name__", metrics);
        let mut writers = packing.writers();
        let connections = writers.len();
        let moments = moments(capture);
        let shift = start_ms - moments.first().map_or(0, |(t, ..)| *t);
        progress.set_length(moments.len() as u64);
        for (t, series, sample) in moments {
            let v = capture.series[series].values[sample];
            if let Some(writer) = writers.get_mut(series % connections) {
                writer.add(&labels[series], t + shift, v);
                extent.count(t + shift, v);
            }
            progress.inc(1);
        }
        progress.finish_and_clear();
        Self { streams: writers.into_iter().map(Writer::finish).collect(), parts, extent }
    }
}

fn metric(labels: &[(String, String)]) -> Option<&str> {
    labels.iter().find(|(name, _)| name == "__name__").map(|(_, value)| value.as_str())
}

/// Time, number of the series and of its sample, in the order of time.
fn moments(capture: &Capture) -> Vec<(i64, usize, usize)> {
    let mut moments: Vec<_> = capture
        .series
        .iter()
        .enumerate()
        .flat_map(|(series, one)| {
            one.times.iter().enumerate().map(move |(sample, t)| (*t, series, sample))
        })
        .collect();
    moments.sort_unstable();
    moments
}
