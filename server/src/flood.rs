//! The threads that requests which write are decoded and appended on.
//!
//! They have a lower priority than those of queries: when a flood of new series wants all
//! processors, a dashboard goes first, and writes wait a little, which senders are made for. The
//! engine's own work in the background comes last.

use std::io;

use tokio::runtime::{Builder, Runtime};

use crate::ingest::PLACES;

/// What these threads add to their nice value.
#[cfg(target_os = "linux")]
const NICE: i32 = 10;

/// Threads for as many requests as may be under way at once; they end when there is nothing to do.
///
/// # Errors
/// What the operating system says.
pub(crate) fn start() -> io::Result<Runtime> {
    // Nothing is ever polled on this runtime: it is here for its threads that may block.
    Builder::new_current_thread()
        .thread_name("nunatak-write")
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
    fn writers_step_back_behind_everybody_else() {
        let writers = start().unwrap();
        let nice = || getpriority_process(None).unwrap();
        let (here, there) = (nice(), writers.handle().spawn_blocking(nice));
        let there = Builder::new_current_thread().build().unwrap().block_on(there).unwrap();
        assert_eq!(there, (here + NICE).min(19));
        assert_eq!(nice(), here);
    }
}
