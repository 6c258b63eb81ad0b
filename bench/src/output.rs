//! What the user sees: progress on standard error, results on standard output.

use std::io::Write as _;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::{Error, Result};

/// A bar for so many units of `what`; hidden when standard error is no terminal.
#[must_use]
pub fn bar(what: &str, units: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg:28} {wide_bar} {human_pos}/{human_len} {eta}")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(units).with_style(style).with_message(what.to_owned())
}

/// The steps of a long run: a line with the time so far and what happens now, and below it a bar
/// of how far that is. Where standard error is no terminal, a plain line for each step.
#[derive(Debug)]
pub struct Steps {
    bars: MultiProgress,
    now: ProgressBar,
}

impl Default for Steps {
    fn default() -> Self {
        Self::new()
    }
}

impl Steps {
    /// No step yet.
    #[must_use]
    pub fn new() -> Self {
        let bars = MultiProgress::new();
        let style = ProgressStyle::with_template("{spinner} {elapsed_precise} {msg}")
            .unwrap_or_else(|_| ProgressStyle::default_spinner());
        let now = bars.add(ProgressBar::new_spinner().with_style(style));
        now.enable_steady_tick(Duration::from_millis(250));
        Self { bars, now }
    }

    /// Begins another step.
    pub fn begin(&self, what: &str) {
        if self.bars.is_hidden() {
            note(&format!("{:>5.0} s  {what}", self.now.elapsed().as_secs_f64()));
        }
        self.now.set_message(what.to_owned());
    }

    /// A bar for so many units of a part of the step.
    #[must_use]
    pub fn bar(&self, what: &str, units: u64) -> ProgressBar {
        self.bars.add(bar(what, units))
    }
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
