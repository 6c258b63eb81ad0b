//! When a query has to stop: its deadline, and the flag that cancels it.

use std::cell::{Cell, RefCell};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use crate::error::{QueryError, Result};

/// Samples or steps worked on between two looks at the clock.
const INTERVAL: usize = 65_536;

/// What an operation costs that has no size of its own.
const TICK: usize = 2048;

/// Counts the work of one query and looks now and then whether it may go on.
#[derive(Debug, Default)]
pub(crate) struct Watch<'a> {
    pub(crate) deadline: Option<Instant>,
    pub(crate) cancel: Option<&'a AtomicBool>,
    /// Work since the last look; `None` before the first one.
    work: Cell<Option<usize>>,
    stopped: RefCell<Option<QueryError>>,
}

impl<'a> Watch<'a> {
    pub(crate) fn new(deadline: Option<Instant>, cancel: Option<&'a AtomicBool>) -> Self {
        Self { deadline, cancel, ..Self::default() }
    }

    /// Counts one operation.
    pub(crate) fn tick(&self) -> Result<()> {
        self.work(TICK)
    }

    /// Counts `amount` samples or steps.
    ///
    /// # Errors
    /// If it is time to look and the query was cancelled or is late.
    pub(crate) fn work(&self, amount: usize) -> Result<()> {
        match self.work.get().map(|work| work.saturating_add(amount)) {
            Some(work) if work < INTERVAL => {
                self.work.set(Some(work));
                Ok(())
            }
            _ => {
                self.work.set(Some(0));
                self.check()
            }
        }
    }

    /// [`work`](Self::work) for iterators: whether to go on. Who drives the iterator asks for the
    /// [`verdict`](Self::verdict) behind it.
    pub(crate) fn goes_on(&self, amount: usize) -> bool {
        match self.work(amount) {
            Ok(()) => true,
            Err(error) => {
                *self.stopped.borrow_mut() = Some(error);
                false
            }
        }
    }

    /// Why an iteration was stopped, if one was.
    pub(crate) fn verdict(&self) -> Result<()> {
        self.stopped.take().map_or(Ok(()), Err)
    }

    fn check(&self) -> Result<()> {
        let stage = "expression evaluation";
        if self.cancel.is_some_and(|cancel| cancel.load(Ordering::Relaxed)) {
            return Err(QueryError::Canceled { stage });
        }
        if self.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            return Err(QueryError::Timeout { stage });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_first_and_then_now_and_then() {
        let cancel = AtomicBool::new(true);
        let watch = Watch::new(None, Some(&cancel));
        assert!(watch.tick().is_err());
        assert!(watch.work(INTERVAL - 1).is_ok());
        assert!(matches!(watch.work(1), Err(QueryError::Canceled { .. })));
        assert!(matches!(watch.work(usize::MAX), Err(QueryError::Canceled { .. })));
    }

    #[test]
    fn a_stopped_iteration_has_its_error() {
        let watch = Watch::new(Some(Instant::now()), None);
        assert!(!watch.goes_on(1) && watch.goes_on(1));
        assert!(matches!(watch.verdict(), Err(QueryError::Timeout { .. })));
        assert!(watch.verdict().is_ok());
    }
}
