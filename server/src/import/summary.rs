//! What an import has done, in a few lines.

use std::fmt::Write as _;
use std::time::Duration;

use indicatif::{HumanBytes, HumanCount};
use nunatak::ImportReport;

/// What the inputs had besides samples.
#[derive(Debug, Default)]
pub(super) struct Notes {
    /// Fields that are strings.
    pub(super) texts: u64,
    pub(super) exemplars: u64,
    /// Samples of native histograms.
    pub(super) histograms: u64,
    /// Samples that Prometheus has deleted.
    pub(super) deleted: u64,
    /// Lines that can't be read, and the first one.
    pub(super) bad_lines: u64,
    pub(super) first_bad_line: Option<String>,
}

/// The whole report.
pub(super) struct Summary<'a> {
    pub(super) report: &'a ImportReport,
    pub(super) notes: &'a Notes,
    pub(super) elapsed: Duration,
    pub(super) dry_run: bool,
}

impl Summary<'_> {
    pub(super) fn text(&self) -> String {
        let Self { report, notes, elapsed, dry_run } = self;
        let seconds = elapsed.as_secs_f64().max(1e-3);
        let rate = HumanCount((report.samples as f64 / seconds) as u64);
        let mut text = String::new();
        let verb = if *dry_run { "read" } else { "imported" };
        // Writing to a string can't fail.
        let _ = writeln!(
            text,
            "{verb} {} samples of {} series in {seconds:.1} s ({rate} samples/s)",
            HumanCount(report.samples),
            HumanCount(report.series),
        );
        if !dry_run {
            let (blocks, bytes) = (HumanCount(report.blocks), HumanBytes(report.block_bytes));
            let _ = writeln!(
                text,
                "{blocks} blocks, {bytes}, {} samples in them",
                HumanCount(report.stored)
            );
        }
        let twice = report.samples.saturating_sub(report.stored);
        let skipped = [
            (if *dry_run { 0 } else { twice }, "samples came twice: the later one counts"),
            (report.earlier_samples, "samples were imported by an earlier run"),
            (notes.texts, "fields are text, which is not kept"),
            (notes.exemplars, "exemplars, which are not kept"),
            (notes.histograms, "samples of native histograms, which are not supported yet"),
            (notes.deleted, "samples were deleted in Prometheus"),
            (notes.bad_lines, "lines could not be read"),
        ];
        for (count, what) in skipped.into_iter().filter(|(count, _)| *count > 0) {
            let _ = writeln!(text, "{} {what}", HumanCount(count));
        }
        if let Some(first) = &notes.first_bad_line {
            let _ = writeln!(text, "  the first one: {first}");
        }
        for refusal in &report.refused {
            let count = HumanCount(refusal.samples);
            let _ = writeln!(
                text,
                "{count} samples refused, {}: {}",
                refusal.reason.id(),
                refusal.example
            );
        }
        text
    }
}
