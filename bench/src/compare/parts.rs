//! What the bytes on disk are for, of the targets that can tell.

use super::table::{Row, table};
use crate::measure::{FolderSize, Parts};
use crate::report::model::{Table, Unit};

/// What a target has on disk after a flush.
#[derive(Debug, Clone, Copy)]
pub(super) struct OnDisk {
    pub(super) samples: u64,
    pub(super) all: FolderSize,
    /// Nothing if the target can't tell.
    pub(super) parts: Option<Parts>,
}

/// The parts of runs, in bytes for each sample; nothing if no target can tell.
pub(super) fn parts_table<R: 'static>(
    runs: &[(String, R)],
    on_disk: fn(&R) -> OnDisk,
) -> Option<Table> {
    runs.iter().any(|(_, run)| on_disk(run).parts.is_some()).then(|| {
        let rows = vec![
            row("values", "values", on_disk, |parts, _| parts.values),
            row("times", "timestamps", on_disk, |parts, _| parts.times),
            row("directory", "directory of chunks", on_disk, |parts, _| parts.directory),
            row("index", "index: labels and postings", on_disk, |parts, _| parts.index),
            row("rest", "rest: tables, manifests, checksums", on_disk, |parts, all| {
                let Parts { values, times, directory, index } = parts;
                all.saturating_sub(values + times + directory + index)
            }),
        ];
        table("What the bytes are for, each for one sample", false, rows, runs)
    })
}

fn row<R: 'static>(
    id: &'static str,
    words: &'static str,
    on_disk: fn(&R) -> OnDisk,
    bytes: fn(Parts, u64) -> u64,
) -> Row<R> {
    Row::plain(id, words, Unit::Number, move |run: &R| {
        let OnDisk { samples, all, parts } = on_disk(run);
        parts.map_or(f64::NAN, |parts| bytes(parts, all.bytes) as f64 / samples as f64)
    })
}
