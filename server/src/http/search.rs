//! Collects the label sets of selectors, within the memory for queries and within a time.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use nunatak::{Db, Hints, Labels, Selector, Source};
use nunatak_promql::{MemoryShare, QueryMemory};

use super::reply::{ApiError, ErrorKind};

/// What a label set counts as besides its text.
const SET_BYTES: u64 = 160;
/// Label sets between two looks at the clock.
const LOOK_EVERY: usize = 256;

/// What is looked for, and what it may cost.
#[derive(Debug)]
pub(super) struct Search {
    pub(super) db: Db,
    pub(super) selectors: Vec<Selector>,
    /// How many of the label sets, the first ones in their order; 0 for all.
    pub(super) most: usize,
    pub(super) memory: Arc<QueryMemory>,
    pub(super) deadline: Instant,
    pub(super) cancel: Arc<AtomicBool>,
}

/// What was found.
#[derive(Debug)]
pub(super) struct Found {
    /// Sorted, each once.
    pub(super) sets: Vec<Labels>,
    pub(super) warnings: Vec<String>,
    _share: MemoryShare,
}

impl Search {
    /// Looks for the label sets until `deadline`.
    pub(super) fn find(&self, deadline: Instant) -> Result<Found, ApiError> {
        let hints = Hints { labels_only: true, ..Hints::default() };
        let share = MemoryShare::new(Arc::clone(&self.memory));
        let mut kept = Kept { most: self.most, ..Kept::default() };
        let (mut seen, mut failure) = (0, None);
        let mut warnings = Vec::new();
        for selector in &self.selectors {
            let said = Source::scan(&self.db, selector, &hints, &mut |labels, _| {
                let look = seen % LOOK_EVERY == 0;
                seen += 1;
                let goes_on = if look { self.check(deadline) } else { Ok(()) };
                failure = goes_on
                    .and_then(|()| {
                        kept.add(labels);
                        Ok(share.cover(kept.bytes)?)
                    })
                    .err();
                failure.is_none()
            });
            if let Some(error) = failure.take() {
                return Err(error);
            }
            warnings.extend(said?);
        }
        Ok(Found { sets: kept.sorted(), warnings, _share: share })
    }

    fn check(&self, deadline: Instant) -> Result<(), ApiError> {
        if self.cancel.load(Ordering::Relaxed) {
            return Err(ApiError::new(ErrorKind::Canceled, "the search was canceled"));
        }
        if Instant::now() >= deadline {
            return Err(ApiError::new(ErrorKind::Timeout, "the search for series timed out"));
        }
        Ok(())
    }
}

/// The label sets that are kept: the smallest ones, if there is a limit.
#[derive(Debug, Default)]
struct Kept {
    most: usize,
    all: Vec<Labels>,
    smallest: BTreeSet<Labels>,
    bytes: u64,
}

impl Kept {
    fn add(&mut self, labels: Labels) {
        let bytes = |labels: &Labels| labels.text_len() as u64 + SET_BYTES;
        if self.most == 0 {
            self.bytes += bytes(&labels);
            self.all.push(labels);
            return;
        }
        let is_full = self.smallest.len() == self.most;
        if is_full && self.smallest.last().is_some_and(|last| labels >= *last) {
            return;
        }
        let of_labels = bytes(&labels);
        if self.smallest.insert(labels) {
            self.bytes += of_labels;
            if is_full && let Some(last) = self.smallest.pop_last() {
                self.bytes -= bytes(&last);
            }
        }
    }

    fn sorted(mut self) -> Vec<Labels> {
        if self.most > 0 {
            return self.smallest.into_iter().collect();
        }
        self.all.sort();
        self.all.dedup();
        self.all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nunatak::{Batch, Options, TimeRange, labels};

    fn search(most: usize, memory: u64) -> (tempfile::TempDir, Search) {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::open(Options::new(folder.path()).threads(0)).unwrap();
        let mut batch = Batch::new();
        for i in 0..5000 {
            let labels = labels! { "__name__" => "m", "i" => &format!("{i:04}") };
            let series = batch.series(&labels).unwrap();
            batch.push(series, 1000, 1.0);
        }
        db.append(&batch).unwrap();
        let all = || Selector::new(Vec::new(), TimeRange::ALL);
        let search = Search {
            db,
            selectors: vec![all(), all()],
            most,
            memory: Arc::new(QueryMemory::new(memory)),
            deadline: Instant::now(),
            cancel: Arc::default(),
        };
        (folder, search)
    }

    fn later() -> Instant {
        Instant::now() + std::time::Duration::from_mins(1)
    }

    #[test]
    fn only_what_is_asked_for_is_kept() {
        // 3 MiB for all, of which one may have the half: 5000 sets take 0.9 MB, twice.
        let (_folder, few) = search(3, 3 << 20);
        let found = few.find(later()).unwrap();
        let values: Vec<_> = found.sets.iter().map(|labels| labels.get("i").unwrap()).collect();
        assert_eq!(values, ["0000", "0001", "0002"]);
        let (_folder, all) = search(0, 3 << 20);
        let error = all.find(later()).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Execution);
        assert!(error.message.starts_with("query needs more memory"), "{}", error.message);
        assert_eq!(all.memory.used(), 0);
        let (_folder, all) = search(0, 8 << 20);
        assert_eq!(all.find(later()).unwrap().sets.len(), 5000);
    }

    #[test]
    fn a_search_ends_when_it_is_late_or_nobody_waits() {
        let (_folder, search) = search(0, 8 << 20);
        assert_eq!(search.find(Instant::now()).unwrap_err().kind, ErrorKind::Timeout);
        search.cancel.store(true, Ordering::Relaxed);
        assert_eq!(search.find(later()).unwrap_err().kind, ErrorKind::Canceled);
    }
}
