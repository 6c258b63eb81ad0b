//! The log's part of a verification.

use parking_lot::Mutex;

use super::Findings;
use super::plan::{Item, Part};
use crate::error::Result;
use crate::log::{LogCheck, check_checkpoint, check_segment};
use crate::storage::Storage;

/// Checks a segment or a checkpoint.
pub(super) fn check(
    storage: &dyn Storage,
    item: &Item,
    passed: &dyn Fn(u64),
    findings: &Mutex<Findings>,
) -> Result<()> {
    let check = match item.part {
        Part::Segment { first, is_last } => check_segment(storage, first, is_last, passed)?,
        Part::Checkpoint { at } => check_checkpoint(storage, at, passed)?,
        Part::Block { .. } | Part::Tier { .. } | Part::Head { .. } | Part::Tombstones { .. } => {
            return Ok(());
        }
    };
    let mut found = findings.lock();
    found.outcome.files += 1;
    found.outcome.bytes += check.bytes;
    found.outcome.log_samples += check.samples;
    for (offset, what) in &check.damage {
        found.damage(&check.path, Some(*offset), what.clone());
    }
    for (offset, bytes) in &check.remains {
        let path = &check.path;
        let note =
            format!("{path}: {bytes} bytes at {offset} were never synced; a crash left them");
        found.outcome.notes.push(note);
    }
    remember(&mut found, &item.part, &check);
    Ok(())
}

fn remember(found: &mut Findings, part: &Part, check: &LogCheck) {
    let (first, last) = check.positions;
    match part {
        Part::Checkpoint { at } if check.damage.is_empty() => {
            found.checkpoints.push((*at, check.second));
        }
        Part::Segment { .. } => {
            // Behind damage any number of positions may have been.
            let last = if check.damage.is_empty() { last } else { u64::MAX };
            found.segments.push((first, last, check.second));
        }
        _ => {}
    }
}

/// Compares what each segment says came before it with what is there, as a replay does.
pub(super) fn look_for_gaps(found: &mut Findings) {
    let needed = found.checkpoints.iter().max().map_or(1, |&(_, keep_from)| keep_from);
    let mut seen = needed.saturating_sub(1);
    found.segments.sort_unstable();
    for (first, last, before) in std::mem::take(&mut found.segments) {
        if before > seen {
            let what = format!("the log's positions {} to {before} are missing", seen + 1);
            found.damage("log", None, what);
        }
        seen = seen.max(first.saturating_sub(1)).max(last);
    }
}
