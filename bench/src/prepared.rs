//! Workloads, encoded and ready to be sent before any clock starts.

mod capture;
mod fleet;
mod spike;

use std::collections::HashSet;

use serde::Serialize;

pub use fleet::{FleetWork, Late};
pub use spike::{SPIKE_METRIC, Spike};

use crate::requests::{Stream, Writer};

/// How samples are packed for sending.
#[derive(Debug, Clone, Copy)]
pub struct Packing {
    /// Samples in one request.
    pub samples_per_request: usize,
    /// Connections; a series stays with its connection.
    pub connections: usize,
}

/// A workload, ready to be sent.
#[derive(Debug)]
pub struct Prepared {
    /// The requests by connection.
    pub streams: Vec<Stream>,
    /// PromQL selectors that each give a part of the series, together every series once. No part
    /// is so large that its samples can't be asked for at once.
    pub parts: Vec<String>,
    /// What was written, in numbers.
    pub extent: Extent,
}

/// The size of a workload.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Extent {
    /// Series.
    pub series: usize,
    /// Samples in all requests.
    pub samples: u64,
    /// Samples among them that are NaN.
    pub not_numbers: u64,
    /// Time of the first sample, ms since the epoch.
    pub from_ms: i64,
    /// Time of the last sample, ms since the epoch.
    pub to_ms: i64,
    /// Labels of a series, mean.
    pub labels_per_series: f64,
    /// Bytes of names and values of a series' labels, mean.
    pub label_bytes_per_series: f64,
}

impl Extent {
    /// The extent of so many label sets, before their samples.
    fn of(labels: &[&[(String, String)]]) -> Self {
        let mean = |sum: usize| sum as f64 / labels.len().max(1) as f64;
        let bytes = |one: &&[(String, String)]| -> usize {
            one.iter().map(|(name, value)| name.len() + value.len()).sum()
        };
        Self {
            series: labels.len(),
            from_ms: i64::MAX,
            to_ms: i64::MIN,
            labels_per_series: mean(labels.iter().map(|one| one.len()).sum()),
            label_bytes_per_series: mean(labels.iter().map(bytes).sum()),
            ..Self::default()
        }
    }

    fn count(&mut self, t: i64, v: f64) {
        self.samples += 1;
        self.not_numbers += u64::from(v.is_nan());
        self.from_ms = self.from_ms.min(t);
        self.to_ms = self.to_ms.max(t);
    }
}

impl Packing {
    fn writers(self) -> Vec<Writer> {
        (0..self.connections.max(1)).map(|_| Writer::new(self.samples_per_request)).collect()
    }
}

/// `{name="value"}` for each value, in order, once.
fn selectors<'a>(name: &str, values: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut seen = HashSet::new();
    values
        .filter(|value| seen.insert(*value))
        .map(|value| format!("{{{name}={}}}", serde_json::Value::from(value)))
        .collect()
}
