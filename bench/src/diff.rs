//! `nunatak-bench diff`: what changed from one run of the comparison to another.

mod compare;
mod differences;
mod show;

use std::path::Path;

use crate::cli::Diff;
use crate::report::model::Report;
use crate::{Error, Result, output};

use compare::{Comparison, Verdict};

/// Runs `diff`.
///
/// # Errors
/// If a file can't be read or is no report, if the threshold is no percentage, or, where that was
/// asked for, if a figure became worse.
pub fn run(arguments: &Diff) -> Result<()> {
    if !(arguments.threshold.is_finite() && arguments.threshold >= 0.0) {
        return Err(Error::Target("--threshold must be 0 or more".to_owned()));
    }
    let (before, after) = (read(&arguments.before)?, read(&arguments.after)?);
    let comparison = Comparison::new(&before, &after, arguments.threshold);
    output::result(&show::text(&comparison, &differences::warnings(&before, &after)))?;
    match comparison.count(Verdict::Worse) {
        worse if worse > 0 && arguments.fail_on_worse => Err(Error::Worse(worse)),
        _ => Ok(()),
    }
}

fn read(path: &Path) -> Result<Report> {
    let shown = || path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(Error::io(shown()))?;
    serde_json::from_str(&text).map_err(|error| {
        Error::Target(format!("{} is no report of `nunatak-bench compare`: {error}", shown()))
    })
}
