//! The measuring of nunatak: workloads, targets, measures and reports.
//!
//! A measurement has these parts, each a module that grows by adding a file:
//!
//! - [`workload`]: what is written, deterministic by seed; [`prepared`] encodes it before the clock
//!   starts.
//! - [`target`]: who is measured: nunatak itself, Prometheus, VictoriaMetrics, InfluxDB. A target
//!   knows how to start its program, where it takes samples, how it is asked and how it flushes.
//! - [`question`]: what is asked, and whether two answers agree.
//! - [`measure`]: what is looked at: processor time, memory, bytes written, latencies, starts.
//! - [`report`]: where it goes: JSON for machines, and the Markdown that docs/benchmarks.md is
//!   made of. No number in there is written by hand.
//!
//! [`reference`](mod@reference) has ports of the codecs that [`codec`] races nunatak's against.
//!
//! The programs of `nunatak-bench` put these together: [`compare`] measures and writes the page,
//! [`diff`] compares two runs, [`load`] writes into a server that runs already, [`start`] times a
//! start after a kill, [`budget`] floods a server with new series, [`large`] asks for
//! very many.
#![forbid(unsafe_code)]

pub mod budget;
pub mod cli;
pub mod client;
pub mod codec;
pub mod compare;
pub mod diff;
pub mod index;
pub mod large;
pub mod load;
pub mod log;
pub mod measure;
pub mod output;
pub mod prepared;
pub mod question;
pub mod reference;
pub mod report;
pub mod requests;
pub mod start;
pub mod target;
pub mod workload;

/// What can go wrong in a measurement; the text says what and where.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file or a process could not be used.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: String,
        /// The operating system's answer.
        source: std::io::Error,
    },
    /// A request could not be sent.
    #[error("{url}: {source}")]
    Http {
        /// Where it was sent.
        url: String,
        /// What the client says.
        source: Box<ureq::Error>,
    },
    /// The target answered or behaved otherwise than it must for the measurement to count.
    #[error("{0}")]
    Target(String),
    /// Figures of a run are worse than those of the run before.
    #[error("worse than before: {0} figures")]
    Worse(usize),
    /// Captured samples could not be read.
    #[error(transparent)]
    Capture(#[from] workload::CaptureError),
}

/// The result of anything in this crate.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }
}

/// The example in the README compiles.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
mod readme {}
