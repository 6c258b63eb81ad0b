//! How far the opening of a database is.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

/// What a start does, one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Phase {
    Files = 0,
    Heads = 1,
    Log = 2,
    Done = 3,
}

/// How far [`Db::open`](crate::Db::open) is; shown as text, for example "replaying the log: 40 %".
/// A clone shows the same start.
#[derive(Debug, Clone, Default)]
pub struct StartProgress(Arc<State>);

#[derive(Debug, Default)]
struct State {
    phase: AtomicU8,
    done: AtomicU64,
    total: AtomicU64,
}

impl StartProgress {
    /// A start that has not begun.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Per cent of the present phase.
    #[must_use]
    pub fn per_cent(&self) -> u64 {
        let (done, total) = (&self.0.done, self.0.total.load(Ordering::Relaxed));
        let done = done.load(Ordering::Relaxed).min(total);
        if total == 0 { 0 } else { (u128::from(done) * 100 / u128::from(total)) as u64 }
    }

    /// Whether the database is open.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.0.phase.load(Ordering::Relaxed) == Phase::Done as u8
    }

    pub(crate) fn begin(&self, phase: Phase, total: u64) {
        self.0.done.store(0, Ordering::Relaxed);
        self.0.total.store(total, Ordering::Relaxed);
        self.0.phase.store(phase as u8, Ordering::Relaxed);
    }

    pub(crate) fn add(&self, done: u64) {
        self.0.done.fetch_add(done, Ordering::Relaxed);
    }

    pub(crate) fn set(&self, done: u64) {
        self.0.done.store(done, Ordering::Relaxed);
    }
}

impl fmt::Display for StartProgress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.0.phase.load(Ordering::Relaxed) {
            0 => return f.write_str("opening files"),
            1 => "loading saved heads",
            2 => "replaying the log",
            _ => return f.write_str("open"),
        };
        write!(f, "{what}: {} %", self.per_cent())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clone_shows_the_same_start() {
        let progress = StartProgress::new();
        let other = progress.clone();
        assert_eq!(other.to_string(), "opening files");
        progress.begin(Phase::Heads, 8);
        progress.add(3);
        assert_eq!(other.to_string(), "loading saved heads: 37 %");
        progress.begin(Phase::Log, 10);
        progress.set(30);
        assert_eq!((other.per_cent(), other.is_done()), (100, false));
        progress.begin(Phase::Done, 0);
        assert!(other.is_done());
    }
}
