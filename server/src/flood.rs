//! The threads that requests of a flood are decoded and appended on.
//!
//! They have a lower priority than all others: when a flood of new series wants all processors, queries,
//! other senders and the work that makes room for the flood go first, and its sender waits a little
//! longer. Who floods is known from [what it has sent before](crate::clients).

use std::io;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};

use crate::ingest::PLACES;

/// How long a request waits for a moment in which no query runs. When there is none, as much comes in
/// as can be stored with such pauses.
pub(crate) const PATIENCE: Duration = Duration::from_millis(100);

/// What these threads add to their nice value.
#[cfg(target_os = "linux")]
const NICE: i32 = 10;

/// Threads for as many requests as may be under way at once; they end when there is nothing to do.
///
/// # Errors
/// What the operating system says.
pub(crate) fn threads() -> io::Result<Runtime> {
    // Nothing is ever polled on this runtime: it is here for its threads that may block.
    Builder::new_current_thread()
        .thread_name("nunatak-flood")
        .max_blocking_threads(PLACES)
        .on_thread_start(step_back)
        .build()
}

fn step_back() {
    // Only on Linux a thread has a nice value of its own. Without it all is done as well, only not
    // in this order.
    #[cfg(target_os = "linux")]
    let _ = rustix::process::nice(NICE);
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use rustix::process::getpriority_process;

    use super::*;

    #[test]
    fn a_flood_steps_back_behind_everybody_else() {
        let threads = threads().unwrap();
        let nice = || getpriority_process(None).unwrap();
        let (here, there) = (nice(), threads.handle().spawn_blocking(nice));
        let there = Builder::new_current_thread().build().unwrap().block_on(there).unwrap();
        assert_eq!(there, (here + NICE).min(19));
        assert_eq!(nice(), here);
    }
}
