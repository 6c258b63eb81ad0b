//! The series that are made: hosts of a thousand, with ten labels each and an identifier in every
//! tenth.

use nunatak::{Labels, LabelsBuilder};

use crate::workload::Random;

/// Series of one host.
const HOST: usize = 1000;
/// Series of a host that differ in `mode`: 50 metrics of eleven modes.
const MODES: usize = 550;
/// The last series of a host have an identifier.
const WITHOUT_ID: usize = 900;

/// So many series, the first of them in blocks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Made {
    series: usize,
}

impl Made {
    pub(super) fn new(series: usize) -> Self {
        Self { series: series.div_ceil(10 * HOST) * 10 * HOST }
    }

    pub(super) fn series(self) -> usize {
        self.series
    }

    pub(super) fn in_heads(self) -> usize {
        self.series / 10
    }

    pub(super) fn in_blocks(self) -> usize {
        self.series - self.in_heads()
    }

    /// The identifier of a series, 16 hexadecimal digits; `None` for those that have none.
    pub(super) fn id(number: usize) -> Option<String> {
        let own =
            (number % HOST >= WITHOUT_ID).then(|| Random::new(7, number as u64).below(u64::MAX));
        own.map(|id| format!("{id:016x}"))
    }

    /// The labels of a series. A tenth of each kind is in the heads: hosts are numbered across.
    pub(super) fn labels(number: usize) -> Labels {
        let (host, place) = (number / HOST, number % HOST);
        let mut builder = LabelsBuilder::default();
        let metric = if place < MODES { place / 11 } else { place };
        builder.push("__name__", &format!("node_metric_{metric:03}_total"));
        builder.push("cluster", &format!("production-{}", host % 5));
        builder.push("datacenter", &format!("dc-{}", host % 20));
        builder.push("environment", if host % 10 == 9 { "staging" } else { "production" });
        builder.push("instance", &format!("host-{host:05}.example.org:9100"));
        builder.push("job", &format!("job-{:02}", host % 50));
        builder.push("rack", &format!("rack-{:03}", host % 200));
        builder.push("team", &format!("team-{}", host % 30));
        if place < MODES {
            builder.push("mode", &format!("mode-{}", place % 11));
        }
        if let Some(id) = Self::id(number) {
            builder.push("id", &id);
        }
        // The names are distinct and not empty.
        builder.build().unwrap_or_default()
    }
}
