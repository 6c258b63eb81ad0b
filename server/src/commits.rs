//! The thread that waits for the disk in the name of all requests that write.
//!
//! The threads that decode and append go on with the next request meanwhile, and all that they
//! have appended takes part in the next sync.

use std::io;
use std::sync::mpsc::{self, Receiver, SendError, Sender};
use std::thread;

use nunatak::{Outcome, Uncommitted};
use tokio::sync::oneshot;

/// A request that has been appended, and where its outcome is waited for.
type Waiting = (Uncommitted, oneshot::Sender<nunatak::Result<Outcome>>);

/// The way to the thread, which ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Commits {
    queue: Sender<Waiting>,
}

impl Commits {
    /// Starts the thread.
    ///
    /// # Errors
    /// What the operating system says.
    pub(crate) fn start() -> io::Result<Self> {
        let (queue, waiting) = mpsc::channel();
        thread::Builder::new()
            .name("nunatak-commit".to_owned())
            .spawn(move || commit_all(&waiting))?;
        Ok(Self { queue })
    }

    /// Commits what was appended, also when nobody waits for it any more.
    pub(crate) fn commit(
        &self,
        appended: Uncommitted,
    ) -> oneshot::Receiver<nunatak::Result<Outcome>> {
        let (sender, outcome) = oneshot::channel();
        if let Err(SendError(waiting)) = self.queue.send((appended, sender)) {
            // The thread has failed: whoever comes does it then.
            commit(waiting);
        }
        outcome
    }
}

fn commit_all(waiting: &Receiver<Waiting>) {
    // One that was appended before the sync for another began does not wait.
    waiting.iter().for_each(commit);
}

fn commit((appended, outcome): Waiting) {
    // Who gave the request up does not want to know.
    drop(outcome.send(appended.commit()));
}
