//! When a workload begins.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The first scrape's time in ms since the epoch: the given one (in seconds), or one that lets the
/// last of so many scrapes end now; on the grid of the scrapes.
#[must_use]
pub fn start_ms(start: Option<i64>, scrapes: usize, interval_ms: i64) -> i64 {
    let interval_ms = interval_ms.max(1);
    let first = start.map_or_else(
        || {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
            now.as_millis() as i64 - scrapes as i64 * interval_ms
        },
        |seconds| seconds * 1_000,
    );
    first.div_euclid(interval_ms) * interval_ms
}

#[cfg(test)]
mod tests {
    use super::start_ms;

    #[test]
    fn starts_are_on_the_grid() {
        assert_eq!(start_ms(Some(1_007), 3, 15_000), 1_005_000);
        let first = start_ms(None, 10, 15_000);
        assert_eq!(first % 15_000, 0);
        let last = start_ms(None, 0, 15_000);
        assert!((last - first - 150_000).abs() <= 15_000);
    }
}
