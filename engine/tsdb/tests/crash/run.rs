//! Runs seeds on all cores.

use std::fmt;
use std::ops::Range;
use std::sync::Mutex;
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
    pub(crate) damaged: u64,
}

impl Tally {
    fn add(&mut self, other: Self) {
        self.lives += other.lives;
        self.steps += other.steps;
        self.crashes += other.crashes;
        self.power_losses += other.power_losses;
        self.damaged += other.damaged;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { lives, steps, crashes, power_losses, damaged } = self;
        write!(
            f,
            "{steps} steps, {lives} lives, {crashes} crashes, {power_losses} power losses, {damaged} damaged"
        )
    }
}

/// A number from the environment.
pub(crate) fn number_from(variable: &str, default: u64) -> u64 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// A long run says after so many seeds how far it is.
const PROGRESS: u64 = 1_000;

/// Seeds that several threads take one by one.
struct Queue {
    next: AtomicU64,
    first: u64,
    end: u64,
    done: Mutex<Tally>,
}

impl Queue {
    #[expect(clippy::print_stdout, reason = "a long run says how far it is")]
    fn work(&self, table: &[(u64, Operation)]) {
        loop {
            let seed = self.next.fetch_add(1, Ordering::Relaxed);
            if seed >= self.end {
                return;
            }
            let stop = StopAll(self);
            let tally = World::new(seed, table).history();
            std::mem::forget(stop);
            let mut done = self.done.lock().unwrap();
            done.add(tally);
            let seeds = seed + 1 - self.first;
            if seeds.is_multiple_of(PROGRESS) {
                println!("{seeds} seeds: {done}");
            }
        }
    }
}

/// When a seed fails the others end as well.
struct StopAll<'a>(&'a Queue);

impl Drop for StopAll<'_> {
    fn drop(&mut self) {
        self.0.next.store(self.0.end, Ordering::Relaxed);
    }
}

/// Runs each seed; the panic of one that fails names it.
pub(crate) fn seeds(range: Range<u64>, table: &[(u64, Operation)]) -> Tally {
    let (first, end) = (range.start, range.end);
    let queue = Queue { next: AtomicU64::new(first), first, end, done: Mutex::default() };
    let cores = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        let threads: Vec<_> = (0..cores).map(|_| scope.spawn(|| queue.work(table))).collect();
        for thread in threads {
            // The panic was printed where it happened, with the seed.
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        }
    });
    queue.done.into_inner().unwrap()
}
