//! What the user sees: progress on standard error, results on standard output.

use std::io::Write as _;

use indicatif::{ProgressBar, ProgressStyle};

use crate::{Error, Result};

/// A bar for so many units of `what`; hidden when standard error is no terminal.
#[must_use]
pub fn bar(what: &str, units: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg:28} {wide_bar} {human_pos}/{human_len} {eta}")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(units).with_style(style).with_message(what.to_owned())
}

/// Prints one line of what happens, on standard error.
pub fn note(text: &str) {
    // If nobody listens there is nobody to tell.
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Prints a result on standard output.
///
/// # Errors
/// If standard output is closed.
pub fn result(text: &str) -> Result<()> {
    writeln!(std::io::stdout(), "{text}").map_err(Error::io("standard output"))
}

/// `value` as indented JSON.
///
/// # Errors
/// If it has no JSON form.
pub fn json(value: &impl serde::Serialize) -> Result<String> {
    serde_json::to_string_pretty(value).map_err(|error| Error::Target(error.to_string()))
}
