//! What `codec` reports.

use std::path::Path;

use serde::Serialize;

use super::data::DataSet;
use super::{Arguments, Demand, Measured};
use crate::report::Machine;

/// The figures with where they come from.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The figures.
    #[serde(flatten)]
    pub measured: Measured,
    /// The capture's file name, or the kind of made samples.
    pub data: String,
    /// Series.
    pub series: usize,
    /// Samples in a chunk.
    pub chunk: usize,
    /// Every so many-th sample was kept.
    pub every: usize,
    /// Turns of each contestant.
    pub rounds: usize,
    /// The fastest kernel of this build on this machine.
    pub kernel: &'static str,
    /// What the codec must reach, over the whole capture at its own settings; none for made samples.
    pub demands: Option<Vec<Demand>>,
    /// Where.
    pub machine: Machine,
    /// The command that made it.
    pub command: String,
}

impl Report {
    pub(super) fn new(
        arguments: &Arguments,
        data: &DataSet,
        measured: Measured,
        demands: Option<Vec<Demand>>,
    ) -> Self {
        Self {
            measured,
            data: name(arguments),
            series: data.columns.len(),
            chunk: arguments.settings().chunk,
            every: arguments.every(),
            rounds: arguments.settings().rounds,
            kernel: nunatak_codec::Kernel::detect().name(),
            demands,
            machine: Machine::this(Path::new(".")),
            command: command(),
        }
    }
}

fn name(arguments: &Arguments) -> String {
    match arguments.synthetic {
        Some(kind) => format!("synthetic {kind:?}").to_lowercase(),
        None => arguments.capture.file_name().unwrap_or_default().to_string_lossy().into_owned(),
    }
}

fn command() -> String {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    format!("cargo run --release -p nunatak-bench -- {}", arguments.join(" "))
}
