//! A cardinality explosion: series that nobody has seen before, as many as asked, all at once.

use indicatif::ProgressBar;

use super::{Extent, Packing, Prepared};
use crate::requests::{Writer, encode_labels};
use crate::workload::{Fleet, FleetOptions, Random};

/// One metric that has got a label with a value of its own for each request it counts.
#[derive(Debug, Clone, Copy)]
pub struct Spike {
    /// New series.
    pub series: usize,
    /// Samples of each, sent in so many rounds over all series.
    pub rounds: usize,
    /// Between two rounds, ms.
    pub interval_ms: i64,
    /// Time of the first round, ms since the epoch.
    pub start_ms: i64,
    /// Equal seeds make equal series.
    pub seed: u64,
}

/// The metric that explodes.
pub const SPIKE_METRIC: &str = "app_requests_total";

impl Prepared {
    /// Makes and encodes a spike. It has no parts: the series are counted as a whole.
    #[must_use]
    pub fn spike(spike: &Spike, packing: Packing, progress: &ProgressBar) -> Self {
        let sets: Vec<_> = label_sets(spike);
        let borrowed: Vec<_> = sets.iter().map(Vec::as_slice).collect();
        let mut extent = Extent::of(&borrowed);
        let mut writers = packing.writers();
        let connections = writers.len();
        progress.set_length(spike.rounds as u64);
        for round in 0..spike.rounds {
            let t = spike.start_ms + round as i64 * spike.interval_ms;
            let v = (round + 1) as f64;
            for (index, labels) in sets.iter().enumerate() {
                if let Some(writer) = writers.get_mut(index % connections) {
                    writer.add(&encode_labels(labels), t, v);
                    extent.count(t, v);
                }
            }
            writers.iter_mut().for_each(Writer::cut);
            progress.inc(1);
        }
        progress.finish_and_clear();
        let streams = writers.into_iter().map(Writer::finish).collect();
        Self { streams, parts: Vec::new(), extent }
    }
}

/// The labels of a fleet's hosts, the metric's name, and a request id that is never the same.
fn label_sets(spike: &Spike) -> Vec<Vec<(String, String)>> {
    let hosts = Fleet::new(FleetOptions {
        series: 20_000,
        seed: spike.seed,
        start_ms: 0,
        interval_ms: spike.interval_ms,
        jitter_ms: 0,
    });
    let mut random = Random::new(spike.seed ^ 0x000f_f1ce, 0);
    let commons: Vec<_> = (0..hosts.hosts()).map(|host| hosts.common_labels(host)).collect();
    (0..spike.series)
        .map(|index| {
            let mut labels = commons[index % commons.len()].clone();
            labels.push(("__name__".to_owned(), SPIKE_METRIC.to_owned()));
            labels.push(("request_id".to_owned(), random.uuid()));
            labels.sort_unstable();
            labels
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::{Spike, label_sets};

    #[test]
    fn every_series_is_new() {
        let spike = Spike { series: 5_000, rounds: 2, interval_ms: 15_000, start_ms: 0, seed: 4 };
        let sets = label_sets(&spike);
        assert!(sets.iter().all(|labels| labels.is_sorted()));
        assert_eq!(sets.iter().collect::<HashSet<_>>().len(), 5_000);
    }
}
