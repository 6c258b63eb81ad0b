//! How full the memory is, and who waits until it is less so.
//!
//! Heads and the table of known series are counted as they grow; what is left of the budget is for
//! requests, queries, caches and the work that makes room. Above the soft mark the background work is
//! woken and moves series to disk. Above the hard mark requests with new series wait for it; if
//! nothing becomes free in time, the disk can't keep up, and new series are refused until it does.
//! Series that are there are never held up.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};
use parking_lot::{Condvar, Mutex};

use super::open::Inner;
use crate::error::{Error, Result};
use crate::shard::Shard;

/// What a new series is counted with until it is in the head: one of 10 labels with a few samples.
const SERIES_BYTES: u64 = 600;

/// The account of the memory.
#[derive(Debug)]
pub(super) struct Pressure {
    budget: u64,
    heads: AtomicU64,
    known: AtomicU64,
    /// When memory was short last, in ms of the clock.
    short_at: AtomicI64,
    door: Mutex<Door>,
    changed: Condvar,
    wake: (Sender<()>, Receiver<()>),
}

#[derive(Debug, Default)]
struct Door {
    /// Bytes of new series that were let in and are not in the heads yet.
    entering: u64,
    /// Bytes of those that wait.
    waiting: u64,
    /// Somebody has waited in vain, and it is as full as it was.
    is_stuck: bool,
    is_closed: bool,
}

/// Room for the new series of one request, until they are in the heads.
#[derive(Debug)]
pub(super) struct Room<'a> {
    pressure: &'a Pressure,
    bytes: u64,
}

impl Drop for Room<'_> {
    fn drop(&mut self) {
        self.pressure.door.lock().entering -= self.bytes;
    }
}

impl Pressure {
    pub(super) fn new(budget: u64) -> Self {
        Self {
            budget,
            heads: AtomicU64::new(0),
            known: AtomicU64::new(0),
            short_at: AtomicI64::new(i64::MIN),
            door: Mutex::default(),
            changed: Condvar::new(),
            wake: bounded(1),
        }
    }

    /// From here on series are moved to disk early.
    fn soft_mark(&self) -> u64 {
        self.budget / 16 * 5
    }

    /// From here on new series wait.
    pub(super) fn hard_mark(&self) -> u64 {
        self.budget / 2
    }

    /// Bytes of the heads.
    pub(super) fn head_bytes(&self) -> u64 {
        self.heads.load(Ordering::Relaxed)
    }

    /// Bytes that are counted for new series which are not in the heads yet.
    pub(super) fn entering_bytes(&self) -> u64 {
        self.door.lock().entering
    }

    pub(super) fn bytes(&self) -> u64 {
        self.head_bytes() + self.known.load(Ordering::Relaxed)
    }

    pub(super) fn is_above_soft_mark(&self) -> bool {
        self.bytes() > self.soft_mark()
    }

    /// Whether relief should go on once it has begun: a little below the soft mark, so that it does
    /// not begin again at once.
    pub(super) fn is_above_low_mark(&self) -> bool {
        self.bytes() > self.budget / 4
    }

    pub(super) fn is_above_hard_mark(&self) -> bool {
        self.bytes() > self.hard_mark()
    }

    /// Notes that memory is short at `now`, in ms of the clock.
    pub(super) fn note_short(&self, now: i64) {
        self.short_at.store(now, Ordering::Relaxed);
    }

    /// Whether memory was short in the last `ms` before `now`.
    pub(super) fn was_short(&self, now: i64, ms: i64) -> bool {
        let at = self.short_at.load(Ordering::Relaxed);
        at != i64::MIN && now.saturating_sub(at) < ms
    }

    /// Bytes that work in the background may take for a while.
    pub(super) fn spare_bytes(&self) -> u64 {
        self.budget.saturating_sub(self.bytes()) / 4
    }

    /// Where somebody hears that the soft mark was passed.
    pub(super) fn woken(&self) -> &Receiver<()> {
        &self.wake.1
    }

    /// Takes the head's growth (wrapping) into the account.
    pub(super) fn add_head(&self, growth: u64) {
        self.heads.fetch_add(growth, Ordering::Relaxed);
        if self.is_above_soft_mark() {
            // One who is awake already need not hear it twice.
            let _ = self.wake.0.try_send(());
        }
    }

    fn set_known(&self, bytes: u64) {
        self.known.store(bytes, Ordering::Relaxed);
    }

    /// Lets those look again who wait for room.
    pub(super) fn tell(&self) {
        let mut door = self.door.lock();
        if !self.is_above_hard_mark() {
            door.is_stuck = false;
        }
        drop(door);
        self.changed.notify_all();
    }

    /// Room for so many new series, if there is some now.
    pub(super) fn try_enter(&self, series: usize) -> Option<Room<'_>> {
        self.room(&mut self.door.lock(), series as u64 * SERIES_BYTES)
    }

    fn room(&self, door: &mut Door, bytes: u64) -> Option<Room<'_>> {
        let full = self.bytes() + door.entering + bytes > self.hard_mark();
        // One that is larger than the room goes in alone.
        if full && (door.entering > 0 || self.is_above_hard_mark()) {
            return None;
        }
        door.entering += bytes;
        Some(Room { pressure: self, bytes })
    }

    /// Waits for room for so many new series; `None` if they are to be refused.
    ///
    /// # Errors
    /// [`Error::Overloaded`] if too many wait already, [`Error::Closed`] after a close.
    pub(super) fn enter(&self, series: usize, patience: Duration) -> Result<Option<Room<'_>>> {
        let bytes = series as u64 * SERIES_BYTES;
        let until = Instant::now() + patience;
        let mut door = self.door.lock();
        if door.waiting > 0 && door.waiting + bytes > self.budget / 32 && !door.is_stuck {
            let (pending_bytes, limit_bytes) = (door.waiting, self.budget / 32);
            return Err(Error::Overloaded { pending_bytes, limit_bytes });
        }
        door.waiting += bytes;
        let room = loop {
            if door.is_closed {
                break Err(Error::Closed);
            }
            if let Some(room) = self.room(&mut door, bytes) {
                break Ok(Some(room));
            }
            let _ = self.wake.0.try_send(());
            if door.is_stuck || self.changed.wait_until(&mut door, until).timed_out() {
                door.is_stuck = true;
                break Ok(None);
            }
        };
        door.waiting -= bytes;
        room
    }

    /// Sends those away who wait: nobody makes room any more.
    pub(super) fn close(&self) {
        self.door.lock().is_closed = true;
        self.changed.notify_all();
    }
}

impl Inner {
    /// Whether a thread works in the background, so that waiting for it makes sense.
    pub(super) fn has_background(&self) -> bool {
        self.options.threads != Some(0)
    }

    /// Adds up what the heads and the tables of known series hold.
    pub(super) fn measure_memory(&self) {
        let tenants = self.shards.iter().flat_map(Shard::tenants);
        tenants.for_each(|tenant| self.pressure.add_head(tenant.account()));
        self.measure_known();
        self.pressure.tell();
    }

    pub(super) fn measure_known(&self) {
        let known =
            self.tenants.read().values().map(|tenant| tenant.known.heap_bytes() as u64).sum();
        self.pressure.set_known(known);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    /// One with a hard mark of 60 MiB.
    fn pressure() -> Pressure {
        Pressure::new(120 * MIB)
    }

    fn series(bytes: u64) -> usize {
        (bytes / SERIES_BYTES) as usize
    }

    #[test]
    fn who_enters_counts_until_the_heads_have_it() {
        let pressure = pressure();
        let first = pressure.try_enter(series(40 * MIB)).unwrap();
        assert!(pressure.try_enter(series(40 * MIB)).is_none());
        drop(first);
        assert!(pressure.try_enter(series(400 * MIB)).is_some(), "a large one goes in alone");
        pressure.add_head(61 * MIB);
        assert!(pressure.try_enter(1).is_none());
        assert!(pressure.woken().try_recv().is_ok(), "the background work was woken");
        pressure.add_head((MIB * 2).wrapping_neg());
        assert!(pressure.try_enter(1).is_some());
    }

    #[test]
    fn it_was_short_for_a_while() {
        let pressure = pressure();
        assert!(!pressure.was_short(5, i64::MAX), "never yet");
        pressure.note_short(1000);
        assert!(pressure.was_short(1999, 1000) && !pressure.was_short(2000, 1000));
    }

    #[test]
    fn who_waited_in_vain_is_refused_and_so_are_the_next_until_there_is_room() {
        let pressure = pressure();
        pressure.add_head(61 * MIB);
        assert!(pressure.enter(1, Duration::ZERO).unwrap().is_none());
        assert!(pressure.enter(1, Duration::from_hours(1)).unwrap().is_none(), "at once");
        pressure.add_head((MIB * 2).wrapping_neg());
        pressure.tell();
        assert!(pressure.enter(1, Duration::ZERO).unwrap().is_some());
    }

    #[test]
    fn who_waits_gets_room_when_some_is_made() {
        let pressure = pressure();
        pressure.add_head(61 * MIB);
        std::thread::scope(|scope| {
            let waits =
                scope.spawn(|| pressure.enter(1, Duration::from_hours(1)).unwrap().is_some());
            while pressure.door.lock().waiting == 0 {
                std::thread::yield_now();
            }
            let more = pressure.enter(series(20 * MIB), Duration::from_hours(1)).unwrap_err();
            assert!(more.is_retryable(), "{more}");
            assert_eq!(pressure.entering_bytes(), 0);
            pressure.add_head((MIB * 2).wrapping_neg());
            pressure.tell();
            assert!(waits.join().unwrap());
        });
    }
    #[test]
    fn a_close_sends_those_away_who_wait() {
        let pressure = pressure();
        pressure.add_head(61 * MIB);
        std::thread::scope(|scope| {
            let waits = scope.spawn(|| pressure.enter(1, Duration::from_hours(1)).map(drop));
            while pressure.door.lock().waiting == 0 {
                std::thread::yield_now();
            }
            pressure.close();
            assert!(matches!(waits.join().unwrap(), Err(Error::Closed)));
        });
    }
}
