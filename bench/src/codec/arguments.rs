//! The command line of `codec`.

use std::path::PathBuf;

use clap::{Args, ValueEnum, value_parser};

/// `codec`
#[derive(Debug, Clone, Args)]
pub struct Arguments {
    /// Captured samples; bench/data/node_exporter_capture/README.md describes the format
    #[arg(long, default_value = crate::workload::CAPTURE)]
    pub capture: PathBuf,
    /// Measure made samples instead of captured ones
    #[arg(long, value_enum, conflicts_with = "capture")]
    pub synthetic: Option<Synthetic>,
    /// Samples in a chunk
    #[arg(long, default_value_t = 480, value_parser = value_parser!(u16).range(1..=4096))]
    pub chunk: u16,
    /// Keep every so many-th sample alone
    #[arg(long, default_value_t = 1, value_parser = value_parser!(u32).range(1..))]
    pub every: u32,
    /// Turns of each contestant; the median counts
    #[arg(long, default_value_t = 15, value_parser = value_parser!(u32).range(1..))]
    pub rounds: u32,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// Print Markdown, as in docs/benchmarks.md
    #[arg(long, conflicts_with = "json")]
    pub markdown: bool,
}

/// Made samples, deterministic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Synthetic {
    /// Counters of whole numbers
    Counter,
    /// Gauges with two decimals
    Gauge,
    /// The same gauges, scraped at irregular times
    Jitter,
    /// Random walks that use every bit of the fraction
    Walk,
    /// Values that never change
    Constant,
}

/// How a set of samples is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Settings {
    /// Samples in a chunk, 1 to 4,096.
    pub(super) chunk: usize,
    /// Turns of each contestant, at least 1.
    pub(super) rounds: usize,
}

impl Arguments {
    pub(super) fn settings(&self) -> Settings {
        Settings { chunk: self.chunk.into(), rounds: self.rounds as usize }
    }

    pub(super) fn every(&self) -> usize {
        self.every as usize
    }

    /// The command that measures the same again.
    pub(super) fn command(&self) -> String {
        let data = match self.synthetic {
            Some(kind) => format!("--synthetic {kind:?}").to_lowercase(),
            None => format!("--capture {}", self.capture.display()),
        };
        format!(
            "cargo run --release -p nunatak-bench -- codec {data} --chunk {} --every {} --rounds {}",
            self.chunk, self.every, self.rounds
        )
    }
}
