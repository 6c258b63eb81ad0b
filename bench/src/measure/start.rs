//! Time from start to ready.

use std::thread;
use std::time::{Duration, Instant};

use crate::client::Client;
use crate::{Error, Result};

/// How often the server is asked; the error of the measurement.
const PAUSE: Duration = Duration::from_millis(2);

/// Asks `url` until it answers with success, and gives the time since `begun`. `alive` says
/// whether it is worth asking on.
///
/// # Errors
/// If the process ends or `limit` passes first.
pub fn wait_until_ready(
    url: &str,
    begun: Instant,
    limit: Duration,
    mut alive: impl FnMut() -> Result<()>,
) -> Result<Duration> {
    let client = Client::new(Duration::from_secs(5));
    loop {
        if client.get(url).is_ok_and(|answer| answer.is_ok()) {
            return Ok(begun.elapsed());
        }
        alive()?;
        if begun.elapsed() > limit {
            return Err(Error::Target(format!("{url} was not ready after {limit:?}")));
        }
        thread::sleep(PAUSE);
    }
}
