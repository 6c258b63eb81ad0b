//! The threads of a database: a thin shell around [`Inner::maintain`] and the log's syncs.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::thread::{self, JoinHandle, ScopedJoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded, select};
use parking_lot::Mutex;

use super::open::Inner;
use crate::error::{Error, Result};
use crate::options::Durability;

/// How often the work is looked through.
const ROUND: Duration = Duration::from_secs(1);
/// How long one round may take before the thread looks whether it shall stop.
const BUDGET: Duration = Duration::from_secs(1);
/// Syncs are not ordered more often.
const LEAST_INTERVAL: Duration = Duration::from_millis(1);
/// After a round that took longer another thread goes on. Allocators keep for a thread what it has
/// freed, until it asks for the like again; of a thread that ends they give it back.
const LONG: Duration = Duration::from_millis(250);

/// The background threads, stopped and joined when this is dropped.
#[derive(Debug)]
pub(super) struct Background {
    stop: Mutex<Option<Sender<()>>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    /// Stops long work that is under way.
    stopping: Arc<AtomicBool>,
}

impl Background {
    /// Starts the threads, or none if `threads` is 0. All work is done under one lock, so a second
    /// thread for it would only wait; syncs in time do not wait for it.
    pub(super) fn start(inner: &Arc<Inner>, threads: usize) -> Result<Self> {
        let (stop, stopped) = bounded(0);
        let stopping = Arc::clone(&inner.stopping);
        let started = Self { stop: Mutex::new(Some(stop)), threads: <_>::default(), stopping };
        if threads > 0 {
            let (weak, stopped) = (Arc::downgrade(inner), stopped.clone());
            started.spawn("nunatak-background", move || run(&weak, &stopped))?;
        }
        if let (1.., Durability::Interval(every)) = (threads, inner.options.durability) {
            let weak = Arc::downgrade(inner);
            started.spawn("nunatak-sync", move || sync(&weak, &stopped, every / 2))?;
        }
        Ok(started)
    }

    fn spawn(&self, name: &str, work: impl FnOnce() + Send + 'static) -> Result<()> {
        let spawned = thread::Builder::new().name(name.into()).spawn(work);
        let thread = spawned.map_err(|error| Error::io("start a thread", "", error))?;
        self.threads.lock().push(thread);
        Ok(())
    }

    /// Stops and joins the threads; the second time it does nothing.
    pub(super) fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
        drop(self.stop.lock().take());
        for thread in std::mem::take(&mut *self.threads.lock()) {
            if thread.join().is_err() {
                tracing::error!("a background thread panicked");
            }
        }
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Syncs the log now and then: also when nobody writes any more, and while a merge takes long.
fn sync(inner: &Weak<Inner>, stopped: &Receiver<()>, every: Duration) {
    loop {
        select! {
            recv(stopped) -> _ => return,
            default(every.max(LEAST_INTERVAL)) => {}
        }
        let Some(inner) = inner.upgrade() else { return };
        inner.sync_in_time();
    }
}

/// Lets one thread after the other work until one is told to stop. After a panic the next one goes
/// on: a head that is never cut again would fill the memory.
fn run(inner: &Weak<Inner>, stopped: &Receiver<()>) {
    let work = || work(inner, stopped);
    let mut goes_on = true;
    while goes_on {
        let ended = thread::scope(|scope| {
            let worker =
                thread::Builder::new().name("nunatak-work".into()).spawn_scoped(scope, work);
            // Where there is no further thread this one does it.
            worker.map_or_else(|_| catch_unwind(AssertUnwindSafe(work)), ScopedJoinHandle::join)
        });
        goes_on = ended.unwrap_or_else(|panic| {
            inner.upgrade().is_some_and(|inner| {
                inner.note_panic(words(&*panic));
                true
            })
        });
    }
}

/// What a panic says.
fn words(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message")
}

/// Works until it is told to stop, or has something to give back: `true`.
fn work(inner: &Weak<Inner>, stopped: &Receiver<()>) -> bool {
    let Some(woken) = inner.upgrade().map(|inner| inner.pressure.woken().clone()) else {
        return false;
    };
    loop {
        select! {
            recv(stopped) -> _ => return false,
            recv(woken) -> _ => {}
            default(ROUND) => {}
        }
        let Some(inner) = inner.upgrade() else { return false };
        let begun = Instant::now();
        if let Err(error) = inner.maintain(BUDGET)
            && !matches!(error, Error::Closed)
        {
            tracing::error!(id = error.id(), %error, "background work failed; it is repeated");
        }
        if begun.elapsed() >= LONG {
            return true;
        }
    }
}
