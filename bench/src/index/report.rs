//! What was found, as a table or as data.

use std::time::Duration;

use serde::Serialize;

use super::ms;

/// How one question was answered.
#[derive(Debug, Serialize)]
pub(super) struct Answer {
    pub(super) name: &'static str,
    /// Series, values or names that were found.
    pub(super) found: u64,
    /// This process had not asked it before.
    pub(super) first_ms: f64,
    pub(super) first_cpu_ms: f64,
    pub(super) p50_ms: f64,
    pub(super) p50_cpu_ms: f64,
}

/// The blocks together.
#[derive(Debug, Default, Serialize)]
pub(super) struct Blocks {
    pub(super) count: u64,
    /// One that is in several blocks counts in each.
    pub(super) series: u64,
    /// Series of the largest block.
    pub(super) largest: u64,
    pub(super) index_bytes: u64,
    /// Anonymous memory that opening all of them took.
    pub(super) heap_bytes: u64,
    #[serde(skip)]
    pub(super) open: Vec<Duration>,
}

/// Everything.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub(super) series: usize,
    pub(super) head_series: u64,
    pub(super) head_bytes: u64,
    pub(super) cores: usize,
    pub(super) blocks: Blocks,
    pub(super) answers: Vec<Answer>,
}

impl Report {
    pub(super) fn table(&self) -> String {
        let mut table = comfy_table::Table::new();
        table.set_header(["question", "found", "first ms", "of it CPU", "p50 ms", "p50 CPU ms"]);
        for answer in &self.answers {
            table.add_row([
                answer.name.to_owned(),
                answer.found.to_string(),
                format!("{:.3}", answer.first_ms),
                format!("{:.3}", answer.first_cpu_ms),
                format!("{:.3}", answer.p50_ms),
                format!("{:.3}", answer.p50_cpu_ms),
            ]);
        }
        let blocks = &self.blocks;
        let slowest = blocks.open.iter().max().copied().map_or(0.0, ms);
        format!(
            "{table}\n{} series; heads: {} series, {} bytes each; {} blocks with up to {} series: \
             {:.1} bytes of index a series, opened in at most {slowest:.2} ms, {} bytes of heap each",
            self.series,
            self.head_series,
            self.head_bytes / self.head_series.max(1),
            blocks.count,
            blocks.largest,
            blocks.index_bytes as f64 / blocks.series.max(1) as f64,
            blocks.heap_bytes / blocks.count.max(1),
        )
    }
}
