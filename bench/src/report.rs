//! Where the figures go: JSON, and the page with its pictures made of it.

mod gaps;
mod grid;
mod machine;
mod markdown;
pub mod model;
mod page;
mod plot;
mod publish;
mod ratio;
pub(crate) mod spread;
mod table;
mod unit;

use serde::{Deserialize, Serialize};

pub use machine::Machine;
pub use markdown::{insert, section};
pub use publish::publish;

use crate::load::Written;
use crate::measure::{FolderSize, Ingest, Stored};

/// One whole measurement of `slice`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SliceReport {
    /// The day, `2026-01-31`.
    pub date: String,
    /// The command that made it.
    pub command: String,
    /// Where.
    pub machine: Machine,
    /// Processor that the servers were pinned to; none if the machine has one only.
    pub server_cpu: Option<usize>,
    /// What was written.
    pub workload: Written,
    /// One for each target and repetition, in the order in which they ran.
    pub runs: Vec<Run>,
}

/// One target, once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// Name.
    pub target: String,
    /// Version.
    pub version: String,
    /// What an acknowledgement means.
    pub durability: String,
    /// Seconds from start to ready with an empty folder.
    pub start_empty_seconds: f64,
    /// The load.
    pub ingest: Ingest,
    /// Everything in the folder after the load.
    pub folder: FolderSize,
    /// The log after the load.
    pub log: FolderSize,
    /// Seconds from start to ready after kill -9, before any flush.
    pub start_from_log_seconds: f64,
    /// What is there after that.
    pub stored: Stored,
    /// Whether something was missing and the load was repeated, unmeasured, on an empty folder
    /// before the flush.
    pub loaded_again: bool,
    /// Seconds that the flush took.
    pub flush_seconds: f64,
    /// What it left, the log apart.
    pub flushed: FolderSize,
    /// Seconds from start to ready after kill -9, after the flush.
    pub start_flushed_seconds: f64,
    /// What is there after that.
    pub stored_flushed: Stored,
}
