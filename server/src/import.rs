//! `nunatak import`: other databases' data becomes blocks.
//!
//! `line_protocol`, `openmetrics` and `prometheus` parse and know nothing of where samples go; `influx`,
//! `text` and `blocks` read whole inputs with them and hand samples to a [`Sink`]; `job` puts inputs,
//! sink and progress together.

mod args;
mod blocks;
mod cache;
mod detect;
mod influx;
mod input;
mod job;
pub mod line_protocol;
mod lines;
pub mod openmetrics;
mod progress;
pub mod prometheus;
mod sink;
mod summary;
mod text;

pub use args::{Format, ImportArgs, Precision};
pub use influx::Context;
pub use input::{Input, InputKind};
pub use job::import;
pub use sink::{Mark, Sink};

use prometheus::BlockError;

/// Why an import ended early, in one line.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// An argument can't be.
    #[error("{0}")]
    Arguments(String),
    /// The input says something that can't be.
    #[error("{place}: {what}")]
    Input {
        /// File, line and column.
        place: String,
        /// What is wrong.
        what: String,
    },
    /// A block of Prometheus is damaged or can't be read.
    #[error(transparent)]
    Block(#[from] BlockError),
    /// The database can't be opened or written.
    #[error(transparent)]
    Database(#[from] nunatak::Error),
}
