//! `nunatak-bench codec`: bytes per sample and speed of the chunks, beside Prometheus' codecs.
//!
//! Everything is measured on one core and in cache: chunk by chunk into the same buffers, as a
//! query does it. Contestants take turns within one run, so that a slow moment of the machine slows
//! all; the median of their turns counts, in processor time. Before any of it is timed, every chunk
//! is decoded by every contestant and compared with the samples bit for bit.

mod arguments;
mod data;
mod decode;
mod demands;
mod encoded;
mod measured;
mod memory;
mod race;
mod report;
mod show;
mod single;
mod sizes;
mod synthetic;
mod write;

pub use arguments::{Arguments, Synthetic};
pub use demands::Demand;
pub use measured::Measured;
pub use race::Speed;
pub use report::Report;
pub use single::SingleChunks;
pub use sizes::Sizes;

use std::path::Path;

use crate::workload::Capture;
use crate::{Error, Result, output};
use data::DataSet;

/// Runs `codec`.
///
/// # Errors
/// If the capture can't be read, a codec fails, or samples don't come back as they were.
pub fn run(arguments: &Arguments) -> Result<()> {
    let report = measure(arguments)?;
    output::result(&if arguments.json {
        output::json(&report)?
    } else if arguments.markdown {
        show::markdown(&report)
    } else {
        show::text(&report)
    })
}

/// The section of docs/benchmarks.md about a capture, with the default settings.
///
/// # Errors
/// As [`run`].
pub fn section(capture: &Path) -> Result<String> {
    let arguments = Arguments {
        capture: capture.to_path_buf(),
        synthetic: None,
        chunk: 480,
        every: 1,
        rounds: 15,
        json: false,
        markdown: true,
    };
    measure(&arguments).map(|report| show::markdown(&report))
}

fn measure(arguments: &Arguments) -> Result<Report> {
    let settings = arguments.settings();
    if let Some(synthetic) = arguments.synthetic {
        let data = synthetic::data(synthetic).every(arguments.every());
        let measured = Measured::of(&data, &settings)?;
        return Ok(Report::new(arguments, &data, measured, None));
    }
    let capture = Capture::read(&arguments.capture)?;
    let data = DataSet::of_capture(&capture.every(arguments.every()));
    let measured = Measured::of(&data, &settings)?;
    let demands = demands::measure(&capture, arguments, &measured)?;
    Ok(Report::new(arguments, &data, measured, Some(demands)))
}

/// What a codec says, as an error of the measurement.
fn failed(error: impl std::fmt::Display) -> Error {
    Error::Target(format!("codec: {error}"))
}
