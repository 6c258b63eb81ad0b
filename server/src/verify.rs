//! `nunatak verify`: checks every byte of a stopped database and prints what is damaged.

use std::fmt::Write as _;
use std::io::Write as _;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use nunatak::Verification;

use crate::cli::VerifyArgs;
use crate::config::format_bytes;

/// Verifies, and prints the report to standard output; whether nothing is damaged.
///
/// # Errors
/// One line that says why it could not run.
pub fn verify(args: &VerifyArgs) -> Result<bool, String> {
    // Draws on standard error, and only if that is a terminal.
    let bar = ProgressBar::new(0).with_style(style());
    let begun = Instant::now();
    let outcome = nunatak::verify(&args.data_dir, &|done, total| {
        bar.set_length(total);
        bar.set_position(done);
    });
    bar.finish_and_clear();
    let found = outcome.map_err(|error| format!("can't verify: {error}"))?;
    let mut out = std::io::stdout();
    drop(out.write_all(report(&found, begun.elapsed()).as_bytes()));
    Ok(found.is_clean())
}

fn style() -> ProgressStyle {
    let template = "{bar:40} {binary_bytes} of {binary_total_bytes}, {binary_bytes_per_sec}, {eta}";
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

fn report(found: &Verification, took: Duration) -> String {
    let mut text = String::new();
    // Writing to a string can't fail.
    for damage in &found.damage {
        let _ = match damage.offset {
            Some(offset) => {
                writeln!(text, "damaged: {} at byte {offset}: {}", damage.path, damage.what)
            }
            None => writeln!(text, "damaged: {}: {}", damage.path, damage.what),
        };
    }
    for note in &found.notes {
        let _ = writeln!(text, "note: {note}");
    }
    let verdict = match found.damage.len() {
        0 => "clean".to_owned(),
        1 => "1 damage".to_owned(),
        many => format!("{many} damages"),
    };
    let megabytes = found.bytes as f64 / 1e6 / took.as_secs_f64().max(1e-6);
    let _ = writeln!(
        text,
        "{verdict}: {} files, {}, {} whole blocks with {} samples, {} tiers, {} samples in the log; \
         {:.2} s, {megabytes:.0} MB/s",
        found.files,
        format_bytes(found.bytes),
        found.blocks,
        found.block_samples,
        found.tiers,
        found.log_samples,
        took.as_secs_f64(),
    );
    text
}
