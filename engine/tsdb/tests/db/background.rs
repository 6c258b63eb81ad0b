//! The threads of a database: what they do in time, and as long as somebody may write.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nunatak::storage::{Crash, FaultStorage};
use nunatak::{Batch, Clock, Db, Durability, Options, Tenant, labels};

use crate::common::{NOW, append, options, read};

/// Long enough for a second write before it is over: the first one after it syncs by itself.
const EVERY: Duration = Duration::from_millis(800);

const GOES: u8 = 0;
const STANDS: u8 = 1;
const PANICS: u8 = 2;
/// Goes again, a day later.
const NEXT_DAY: u8 = 3;

/// A clock whose look may take as long as the test likes, or panic, on the thread that works in the
/// background.
#[derive(Debug, Default)]
struct Disturbed(AtomicU8);

impl Disturbed {
    fn set(&self, mood: u8) {
        self.0.store(mood, Ordering::SeqCst);
    }
}

impl Clock for Disturbed {
    fn now_ms(&self) -> i64 {
        if thread::current().name() == Some("nunatak-work") {
            while self.0.load(Ordering::SeqCst) == STANDS {
                thread::sleep(Duration::from_millis(1));
            }
            assert!(self.0.load(Ordering::SeqCst) != PANICS, "no time to be had");
        }
        NOW + if self.0.load(Ordering::SeqCst) == NEXT_DAY { 86_400_000 } else { 0 }
    }
}

/// Lets the clock stand as long as it lives. Also when the test fails: a database that is dropped
/// waits for its threads, and so would hide why.
struct Standing(Arc<Disturbed>);

impl Standing {
    fn new(clock: &Arc<Disturbed>) -> Self {
        clock.set(STANDS);
        Self(Arc::clone(clock))
    }
}

impl Drop for Standing {
    fn drop(&mut self) {
        self.0.set(GOES);
    }
}

/// Waits until it is so; fails when that takes far too long.
fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_mins(1), "waited in vain: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

fn opened(storage: &FaultStorage, durability: Durability) -> (Db, Arc<Disturbed>) {
    let clock = Arc::new(Disturbed::default());
    let options = options(storage).threads(1).durability(durability).clock(clock.clone());
    (Db::open(options).unwrap(), clock)
}

/// How many series a power failure would leave, at the worst of some.
fn left(storage: &FaultStorage, tenant: &str) -> usize {
    let left = |seed| {
        let storage = storage.recover(Crash::PowerLoss, seed);
        let db = Db::open(options(&storage)).unwrap();
        read(&db.tenant(tenant).unwrap()).len()
    };
    (0..16).map(left).min().unwrap()
}

#[test]
fn the_log_is_synced_in_time_though_other_work_takes_long() {
    let storage = FaultStorage::new(1);
    let (db, clock) = opened(&storage, Durability::Interval(EVERY));
    let standing = Standing::new(&clock);
    // By now the work has begun a round, and stands in it.
    thread::sleep(Duration::from_millis(1500));
    for name in ["syncs", "does not"] {
        append(&db, &labels! { "__name__" => name }, &[(NOW, 1.0)]).unwrap();
    }
    wait_until("a sync", || left(&storage, "default") == 2);
    drop(standing);
    db.close().unwrap();
}

#[test]
fn a_tenant_keeps_the_threads_at_work() {
    let storage = FaultStorage::new(1);
    let (db, _) = opened(&storage, Durability::Interval(EVERY));
    let tenant: Tenant = db.tenant("a").unwrap();
    drop(db);
    for name in ["may sync", "does not"] {
        let mut batch = Batch::new();
        let series = batch.series(&labels! { "__name__" => name }).unwrap();
        batch.push(series, NOW, 1.0);
        tenant.append(&batch).unwrap();
    }
    wait_until("a sync", || left(&storage, "a") == 2);
    drop(tenant);
    Db::open(Options::new("test").storage(Arc::new(storage))).unwrap();
}

#[test]
fn a_panic_of_the_background_work_is_told_and_the_work_goes_on() {
    let storage = FaultStorage::new(1);
    let (db, clock) = opened(&storage, Durability::Os);
    clock.set(PANICS);
    wait_until("a panic", || db.stats().background_failures > 0);
    let told = db.stats().last_background_failure.unwrap();
    assert!(told.contains("no time to be had"), "{told}");
    append(&db, &labels! { "__name__" => "m" }, &[(NOW, 1.0)]).unwrap();
    clock.set(NEXT_DAY);
    wait_until("a cut of yesterday's samples", || db.stats().blocks > 0);
    assert_eq!(read(&db).len(), 1);
}
