//! The threads of a database: a thin shell around [`Inner::maintain`].

use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::thread::{self, JoinHandle};
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
/// After a round that took longer another thread goes on. Allocators keep for a thread what it has
/// freed, until it asks for the like again; of a thread that ends they give it back.
const LONG: Duration = Duration::from_millis(250);

/// The background thread, stopped and joined when this is dropped.
#[derive(Debug)]
pub(super) struct Background {
    stop: Mutex<Option<Sender<()>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    /// Stops long work that is under way.
    stopping: Arc<AtomicBool>,
}

impl Background {
    /// Starts the thread, or none if `threads` is 0. All work is done under one lock, so a
    /// second thread would only wait.
    pub(super) fn start(inner: &Arc<Inner>, threads: usize) -> Result<Self> {
        let (stop, stopped) = bounded(0);
        let thread = if threads == 0 {
            None
        } else {
            let (weak, round) = (Arc::downgrade(inner), round(inner.options.durability));
            let thread = thread::Builder::new().name("nunatak-background".into());
            let spawned = thread.spawn(move || run(&weak, &stopped, round));
            Some(spawned.map_err(|error| Error::io("start a thread", "", error))?)
        };
        let stopping = Arc::clone(&inner.stopping);
        Ok(Self { stop: Mutex::new(Some(stop)), thread: Mutex::new(thread), stopping })
    }

    /// Stops and joins the thread; the second time it does nothing.
    pub(super) fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
        drop(self.stop.lock().take());
        let thread = self.thread.lock().take();
        if thread.is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the background thread panicked");
        }
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        self.stop();
    }
}

fn round(durability: Durability) -> Duration {
    match durability {
        Durability::Interval(every) => ROUND.min(every / 2),
        _ => ROUND,
    }
}

/// Lets one thread after the other work until one is told to stop.
fn run(inner: &Weak<Inner>, stopped: &Receiver<()>, round: Duration) {
    let work = || work(inner, stopped, round);
    while thread::scope(|scope| {
        let worker = thread::Builder::new().name("nunatak-work".into()).spawn_scoped(scope, work);
        // Where there is no further thread this one does it.
        worker.map_or_else(
            |_| work(),
            |worker| worker.join().unwrap_or_else(|panic| resume_unwind(panic)),
        )
    }) {}
}

/// Works until it is told to stop, or has something to give back: `true`.
fn work(inner: &Weak<Inner>, stopped: &Receiver<()>, round: Duration) -> bool {
    let Some(woken) = inner.upgrade().map(|inner| inner.pressure.woken().clone()) else {
        return false;
    };
    loop {
        select! {
            recv(stopped) -> _ => return false,
            recv(woken) -> _ => {}
            default(round) => {}
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
