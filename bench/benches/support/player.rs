//! Plays the requests of an hour into databases in memory.

use std::sync::Arc;
use std::time::{Duration, Instant};

use nunatak::storage::MemoryStorage;
use nunatak::{Db, Durability, ManualClock, Options};

/// A database whose files are in memory and that does nothing by itself: what is measured is the
/// work of the caller alone. Its clock stands at `now_ms`.
pub(crate) fn open_in_memory(now_ms: i64) -> Db {
    let options = Options::new("bench")
        .storage(Arc::new(MemoryStorage::new()))
        .clock(Arc::new(ManualClock::new(now_ms)))
        .durability(Durability::Os)
        .threads(0);
    Db::open(options).expect("nothing is there yet")
}

/// Plays requests in order into a database; when all were played, a new database is opened and
/// prepared while no clock runs, so that no measurement depends on how often it is repeated.
pub(crate) struct Player<F> {
    now_ms: i64,
    /// Requests in all.
    requests: usize,
    /// How many of them are played before anything is measured.
    prelude: usize,
    next: usize,
    db: Option<Db>,
    play: F,
}

impl<F: FnMut(&Db, usize) -> Duration> Player<F> {
    /// `play` stores the request with a number and says how long that took.
    pub(crate) fn new(now_ms: i64, requests: usize, prelude: usize, play: F) -> Self {
        Self { now_ms, requests, prelude, next: requests, db: None, play }
    }

    /// The time of `count` further requests.
    pub(crate) fn play(&mut self, count: u64) -> Duration {
        (0..count).map(|_| self.play_one()).sum()
    }

    fn play_one(&mut self) -> Duration {
        if self.next == self.requests {
            self.db = None;
            let db = open_in_memory(self.now_ms);
            for number in 0..self.prelude {
                (self.play)(&db, number);
            }
            self.db = Some(db);
            self.next = self.prelude;
        }
        let db = self.db.as_ref().expect("opened above");
        self.next += 1;
        (self.play)(db, self.next - 1)
    }
}

/// The result of `f` and how long it took.
pub(crate) fn timed<T>(f: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let result = f();
    (result, start.elapsed())
}
