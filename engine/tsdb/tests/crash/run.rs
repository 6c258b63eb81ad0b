//! Runs seeds on all cores.

use std::fmt;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use crate::operation::Operation;
use crate::world::World;

/// What was done.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Tally {
    pub(crate) lives: u64,
    pub(crate) steps: u64,
    pub(crate) crashes: u64,
    pub(crate) power_losses: u64,
}

impl Tally {
    fn add(&mut self, other: Self) {
        self.lives += other.lives;
        self.steps += other.steps;
        self.crashes += other.crashes;
        self.power_losses += other.power_losses;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { lives, steps, crashes, power_losses } = self;
        write!(f, "{steps} steps, {lives} lives, {crashes} crashes, {power_losses} power losses")
    }
}

/// A number from the environment.
pub(crate) fn number_from(variable: &str, default: u64) -> u64 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// Runs each seed; the panic of one that fails names it.
pub(crate) fn seeds(range: Range<u64>, table: &[(u64, Operation)]) -> Tally {
    let (next, end) = (AtomicU64::new(range.start), range.end);
    let work = || {
        let mut tally = Tally::default();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= end {
                return tally;
            }
            tally.add(World::new(seed, table).history());
        }
    };
    let cores = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        let threads: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        let mut all = Tally::default();
        for thread in threads {
            // The panic was printed where it happened, with the seed.
            all.add(thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        all
    })
}
