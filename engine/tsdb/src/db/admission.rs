//! How many bytes of requests may be under way at once.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use crate::error::{Error, Result};

/// Longer deadlines than a year are a year: clocks end somewhere.
const LONGEST_WAIT: Duration = Duration::from_hours(365 * 24);

/// A bounded queue, counted in bytes: requests wait outside until there is room.
#[derive(Debug)]
pub(super) struct Admission {
    under_way: Mutex<u64>,
    room: Condvar,
    limit: u64,
    deadline: Duration,
}

/// Room for one request; dropping it makes room for others.
#[derive(Debug)]
pub(super) struct Admitted {
    admission: Arc<Admission>,
    bytes: u64,
}

impl Admission {
    pub(super) fn new(limit: u64, deadline: Duration) -> Self {
        Self { under_way: Mutex::new(0), room: Condvar::new(), limit, deadline }
    }

    /// Waits for room. A request that is larger than the limit goes in alone.
    pub(super) fn enter(self: &Arc<Self>, bytes: u64) -> Result<Admitted> {
        let until = Instant::now() + self.deadline.min(LONGEST_WAIT);
        let mut under_way = self.under_way.lock();
        while *under_way > 0 && *under_way + bytes > self.limit {
            if self.room.wait_until(&mut under_way, until).timed_out() {
                let pending_bytes = *under_way;
                return Err(Error::Overloaded { pending_bytes, limit_bytes: self.limit });
            }
        }
        *under_way += bytes;
        Ok(Admitted { admission: Arc::clone(self), bytes })
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        *self.admission.under_way.lock() -= self.bytes;
        self.admission.room.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_after_the_deadline_and_admits_when_there_is_room() {
        let admission = Arc::new(Admission::new(100, Duration::from_millis(1)));
        let first = admission.enter(80).unwrap();
        let full = admission.enter(30).unwrap_err();
        assert!(matches!(full, Error::Overloaded { pending_bytes: 80, limit_bytes: 100 }));
        assert!(full.is_retryable());
        drop(first);
        let _alone = admission.enter(1000).unwrap();
    }
}
