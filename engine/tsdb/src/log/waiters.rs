//! Those who wait for the log, each woken by itself.
//!
//! Woken through one condition, they would come back one after the other: each takes the lock that
//! belongs to it, and on a busy machine waits for a core before the next one may. And all would be
//! woken for each batch, also those who came too late for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, Thread};

use super::group_commit::Goal;

/// Somebody who waits until a position has come as far as a goal.
#[derive(Debug)]
pub(super) struct Waiter {
    pub(super) position: u64,
    pub(super) goal: Goal,
    thread: Thread,
    is_reached: AtomicBool,
    is_woken: AtomicBool,
}

impl Waiter {
    /// Sleeps until it is woken; whether the goal is then reached. If not, it has to look again.
    pub(super) fn sleep(&self) -> bool {
        while !self.is_woken.load(Ordering::Acquire) {
            thread::park();
        }
        self.is_reached.load(Ordering::Relaxed)
    }

    fn wake(&self, is_reached: bool) {
        self.is_reached.store(is_reached, Ordering::Relaxed);
        self.is_woken.store(true, Ordering::Release);
        self.thread.unpark();
    }
}

/// All who wait, in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Waiters(Vec<Arc<Waiter>>);

impl Waiters {
    /// Adds the thread that calls.
    pub(super) fn enter(&mut self, position: u64, goal: Goal) -> Arc<Waiter> {
        let (is_reached, is_woken) = (AtomicBool::new(false), AtomicBool::new(false));
        let waiter = Waiter { position, goal, thread: thread::current(), is_reached, is_woken };
        let waiter = Arc::new(waiter);
        self.0.push(Arc::clone(&waiter));
        waiter
    }

    /// Takes out those who have what they wait for, and the first of the others: somebody has to
    /// lead these.
    pub(super) fn leave(&mut self, has_reached: impl Fn(&Waiter) -> bool) -> Leaving {
        let reached: Vec<_> = self.0.extract_if(.., |waiter| has_reached(waiter)).collect();
        let look_again = if self.0.is_empty() { Vec::new() } else { vec![self.0.remove(0)] };
        Leaving { reached, look_again }
    }

    /// Takes out all: they have to look what happened.
    pub(super) fn leave_all(&mut self) -> Leaving {
        Leaving { reached: Vec::new(), look_again: std::mem::take(&mut self.0) }
    }
}

/// Those who shall be woken, when the lock that they may want is free.
#[derive(Debug)]
#[must_use]
pub(super) struct Leaving {
    reached: Vec<Arc<Waiter>>,
    look_again: Vec<Arc<Waiter>>,
}

impl Leaving {
    /// Wakes them; first who leads next.
    pub(super) fn wake(self) {
        self.look_again.iter().for_each(|waiter| waiter.wake(false));
        self.reached.iter().for_each(|waiter| waiter.wake(true));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn positions(waiters: &[Arc<Waiter>]) -> Vec<u64> {
        waiters.iter().map(|waiter| waiter.position).collect()
    }

    #[test]
    fn who_has_what_he_waits_for_leaves_and_the_first_of_the_others() {
        let mut waiters = Waiters::default();
        let all = [5, 3, 9, 4, 8].map(|at| waiters.enter(at, Goal::Synced));
        let leaving = waiters.leave(|waiter| waiter.position <= 4);
        assert_eq!(positions(&leaving.reached), [3, 4]);
        assert_eq!(positions(&leaving.look_again), [5]);
        leaving.wake();
        // Nobody was asleep yet: who is woken before does not sleep.
        let [first, second, _, fourth, _] = &all;
        assert_eq!([first, second, fourth].map(|waiter| waiter.sleep()), [false, true, true]);
        let leaving = waiters.leave(|_| true);
        assert_eq!((positions(&leaving.reached), leaving.look_again.len()), (vec![9, 8], 0));
        waiters.enter(10, Goal::Written);
        waiters.enter(11, Goal::Written);
        assert_eq!(positions(&waiters.leave_all().look_again), [10, 11]);
    }

    #[test]
    fn who_sleeps_is_woken() {
        let mut waiters = Waiters::default();
        let (told, hear) = std::sync::mpsc::channel();
        std::thread::scope(|scope| {
            let waiter = &mut waiters;
            let sleeper = scope.spawn(move || {
                let waiter = waiter.enter(1, Goal::Written);
                told.send(Arc::clone(&waiter)).unwrap();
                waiter.sleep()
            });
            let waiter = hear.recv().unwrap();
            // What others leave in the thread's way is no reason to get up.
            waiter.thread.unpark();
            assert!(!sleeper.is_finished());
            waiter.wake(true);
            assert!(sleeper.join().unwrap());
        });
    }
}
