//! The same work for all shards, on several threads.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use parking_lot::Mutex;

use crate::error::{Error, Result};

/// Calls `work` with each item and its number on at most `threads` threads, and returns the results
/// in the order of the items; with one thread it calls them one after the other. After a failure
/// nothing more is begun.
pub(super) fn in_parallel<T: Send, R: Send>(
    threads: usize,
    items: &mut [T],
    work: impl Fn(usize, &mut T) -> Result<R> + Sync,
) -> Result<Vec<R>> {
    if threads < 2 {
        return items.iter_mut().enumerate().map(|(number, item)| work(number, item)).collect();
    }
    let failed = AtomicBool::new(false);
    let results: Mutex<Vec<(usize, Result<R>)>> = Mutex::new(Vec::with_capacity(items.len()));
    let queue = Mutex::new(items.iter_mut().enumerate());
    let worker = || {
        while !failed.load(Ordering::Relaxed) {
            let Some((number, item)) = queue.lock().next() else { return };
            let result = work(number, item);
            failed.fetch_or(result.is_err(), Ordering::Relaxed);
            results.lock().push((number, result));
        }
    };
    let panicked = thread::scope(|scope| {
        let workers: Vec<_> = (1..threads).map(|_| scope.spawn(worker)).collect();
        worker();
        workers.into_iter().any(|worker| worker.join().is_err())
    });
    if panicked {
        return Err(Error::Invalid { what: "a thread of the import panicked".to_owned() });
    }
    let mut results = results.into_inner();
    results.sort_by_key(|(number, _)| *number);
    results.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_order_and_a_failure_is_told() {
        for threads in [1, 3] {
            let mut items: Vec<usize> = (0..50).collect();
            let twice = in_parallel(threads, &mut items, |number, item| Ok(number + *item));
            assert_eq!(twice.unwrap(), (0..50).map(|n| 2 * n).collect::<Vec<_>>());
            let failed = in_parallel(threads, &mut items, |number, _| match number {
                7 => Err(Error::Closed),
                _ => Ok(()),
            });
            assert!(matches!(failed, Err(Error::Closed)));
        }
    }
}
