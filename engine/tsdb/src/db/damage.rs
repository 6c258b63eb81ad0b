//! What the log has lost to damage, for statistics and for the warnings of queries.

use crate::log::ReplayReport;
use crate::options::Durability;

/// Damage of the log in words.
#[derive(Debug, Default)]
pub(super) struct LogDamage {
    /// One line for each thing that is damaged.
    pub(super) found: Vec<String>,
    /// What every query must say: nothing tells which series and times were lost.
    pub(super) warning: Option<String>,
}

impl LogDamage {
    /// What a replay met. What nothing proves to have been synced was never acknowledged with
    /// [`Durability::Fsync`]; otherwise it may have been, and a power loss took it.
    pub(super) fn of(report: &ReplayReport, durability: Durability) -> Self {
        let mut lost = Vec::new();
        let unsynced = report.unsynced.iter().filter(|_| durability != Durability::Fsync);
        for (file, offset, bytes) in report.quarantined.iter().chain(unsynced) {
            lost.push(format!("log: {bytes} bytes at {offset} of {file}"));
        }
        for (first, last) in &report.missing {
            lost.push(format!("log: no file has the frames from {first} to {last}"));
        }
        if report.orphans > 0 && !are_unsynced(report, durability) {
            let samples = report.orphans;
            lost.push(format!("log: {samples} samples whose series is not defined any more"));
        }
        let warning = lost.first().map(|first| {
            let more = lost.len() - 1;
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            format!("incomplete: samples of any series and time may be lacking ({first}{more})")
        });
        let checkpoints = report.bad_checkpoints.iter();
        let spare =
            checkpoints.map(|(file, what)| format!("log: {file}, another was used: {what}"));
        Self { found: lost.into_iter().chain(spare).collect(), warning }
    }
}

/// Whether samples lack their definition because a power loss took it before it was synced. They
/// stood behind it in the same segment, so they were not acknowledged either: a failed sync ends a
/// log, and after a start a series that is not known is defined anew. Where proven frames are
/// lacking as well, nothing tells which of the two it was in.
fn are_unsynced(report: &ReplayReport, durability: Durability) -> bool {
    let lost_synced = !report.quarantined.is_empty() || !report.missing.is_empty();
    durability == Durability::Fsync && !report.unsynced.is_empty() && !lost_synced
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_have_been_acknowledged_is_told() {
        let mut report = ReplayReport::default();
        report.unsynced.push(("log/1.log".into(), 40, 7));
        let strict = LogDamage::of(&report, Durability::Fsync);
        assert_eq!((strict.found.len(), strict.warning), (0, None));
        report.missing.push((3, 8));
        let loose = LogDamage::of(&report, Durability::Os);
        assert_eq!(loose.found.len(), 2);
        let warning = loose.warning.unwrap();
        assert!(warning.contains("7 bytes at 40 of log/1.log and 1 more"), "{warning}");
    }

    #[test]
    fn samples_whose_definition_was_never_synced_were_not_acknowledged() {
        let mut report = ReplayReport { orphans: 1, ..ReplayReport::default() };
        let is_told = |report: &ReplayReport, durability| {
            let damage = LogDamage::of(report, durability);
            damage.found.iter().any(|line| line.contains("1 samples whose series"))
        };
        assert!(is_told(&report, Durability::Fsync), "nothing explains it");
        report.unsynced.push(("log/1.log".into(), 40, 7));
        assert!(!is_told(&report, Durability::Fsync));
        assert!(is_told(&report, Durability::Os), "it may have been acknowledged");
        report.quarantined.push(("log/1.log".into(), 80, 7));
        assert!(is_told(&report, Durability::Fsync), "its definition may have been synced");
    }

    #[test]
    fn a_spare_checkpoint_loses_nothing() {
        let mut report = ReplayReport::default();
        report.bad_checkpoints.push(("log/checkpoint-9".into(), "damaged header".into()));
        let damage = LogDamage::of(&report, Durability::Fsync);
        assert_eq!((damage.found.len(), damage.warning), (1, None));
    }
}
