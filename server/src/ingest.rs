//! Bounds what requests that write may hold at once, and keeps their memory for the next.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::remote_write::Scratch;
use crate::room::{PATIENCE, Rooms};

/// Bodies larger than this are refused, as received.
const MAX_BODY: usize = 32 << 20;
/// Messages larger than this are refused, unpacked.
const MAX_MESSAGE: usize = 128 << 20;
/// Memory of a buffer that is kept for the next request.
const KEEP: usize = 8 << 20;
/// Buffers that no request needed for so long are given back.
const IDLE: Duration = Duration::from_secs(30);
/// Requests that may be decoded or wait for the log.
pub(crate) const PLACES: usize = 64;

/// Memory of one request.
#[derive(Debug, Default)]
pub(crate) struct Buffers {
    /// The body as it was received.
    pub(crate) body: Vec<u8>,
    /// The body unpacked.
    pub(crate) plain: Vec<u8>,
    /// The decoder's memory.
    pub(crate) scratch: Scratch,
}

/// The gate through which requests that write go.
#[derive(Debug)]
pub(crate) struct Ingest {
    /// Room for bodies as they are received.
    pub(crate) rooms: Rooms,
    /// Bytes that an unpacked message may have.
    pub(crate) max_message: usize,
    places: Arc<Semaphore>,
    /// One permit for each KiB of unpacked message: a small body may stand for a large one.
    unpacked: Arc<Semaphore>,
    /// Buffers that wait, and since when: the last at the back.
    pool: Mutex<VecDeque<(Buffers, Instant)>>,
}

impl Ingest {
    /// A gate for a server with a memory budget of so many bytes. Bodies in flight take at most
    /// an eighth of it and unpacked messages a quarter, but there is always room for one of the
    /// largest.
    pub(crate) fn new(budget: u64) -> Self {
        let max_message = MAX_MESSAGE.min((budget / 4) as usize).max(1 << 20);
        let max_body = MAX_BODY.min(max_message / 2);
        let unpacked = ((budget / 4) as usize).max(max_message) >> 10;
        Self {
            rooms: Rooms::new(((budget / 8) as usize).min(512 << 20), max_body),
            max_message,
            places: Arc::new(Semaphore::new(PLACES)),
            unpacked: Arc::new(Semaphore::new(unpacked.min(Semaphore::MAX_PERMITS))),
            pool: Mutex::default(),
        }
    }

    /// Waits for a place for a body that is whole; `None` if there is none for 10 s.
    pub(crate) async fn enter(&self) -> Option<OwnedSemaphorePermit> {
        let enter = Arc::clone(&self.places).acquire_owned();
        tokio::time::timeout(PATIENCE, enter).await.ok()?.ok()
    }

    /// Waits for the memory that the body takes unpacked; `None` if there is none for 10 s. What
    /// can't be unpacked, or is too large to be, needs none: it is refused before.
    pub(crate) async fn unpack(&self, body: &[u8]) -> Option<OwnedSemaphorePermit> {
        let bytes = snap::raw::decompress_len(body).unwrap_or(0).min(self.max_message);
        let permits = (bytes >> 10) as u32 + 1;
        let permits = permits.min((self.max_message >> 10) as u32);
        let enter = Arc::clone(&self.unpacked).acquire_many_owned(permits);
        tokio::time::timeout(PATIENCE, enter).await.ok()?.ok()
    }

    /// Buffers of an earlier request, or new ones.
    pub(crate) fn buffers(&self) -> Buffers {
        self.pool.lock().pop_back().map(|(buffers, _)| buffers).unwrap_or_default()
    }

    /// Keeps buffers for the next request unless they are very large. The last ones are used first,
    /// so those that are not needed any more come to be the first.
    pub(crate) fn give_back(&self, buffers: Buffers) {
        let mut pool = self.pool.lock();
        if buffers.body.capacity() + buffers.plain.capacity() <= KEEP && pool.len() < 8 {
            pool.push_back((buffers, Instant::now()));
        }
    }

    /// Forgets the buffers that no request has needed lately; to be called now and then.
    pub(crate) fn forget_idle(&self) {
        self.pool.lock().retain(|(_, since)| since.elapsed() < IDLE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::room::Room;

    #[tokio::test]
    async fn the_largest_body_always_finds_a_place() {
        for budget in [0, 16 << 20, 512 << 20, 64 << 30] {
            let ingest = Ingest::new(budget);
            let mut room = Room::default();
            let rooms = &ingest.rooms;
            assert!(rooms.grow(&mut room, rooms.max_body).await);
            assert!(ingest.enter().await.is_some());
            assert!(rooms.max_body <= ingest.max_message);
            // A block that says only how long it is: 4 GiB.
            assert!(ingest.unpack(&[0xff, 0xff, 0xff, 0xff, 0x0f]).await.is_some());
        }
    }

    #[tokio::test]
    async fn what_a_body_unpacks_to_takes_room() {
        let ingest = Ingest::new(16 << 20);
        let before = ingest.unpacked.available_permits();
        let body = snap::raw::Encoder::new().compress_vec(&vec![0; 1 << 20]).unwrap();
        assert!(body.len() < 100 << 10);
        let room = ingest.unpack(&body).await.unwrap();
        assert_eq!(before - ingest.unpacked.available_permits(), 1025);
        drop(room);
        assert_eq!(ingest.unpacked.available_permits(), before);
        assert!(ingest.unpack(b"").await.is_some());
    }

    #[test]
    fn buffers_that_nobody_needs_are_given_back() {
        let ingest = Ingest::new(1 << 30);
        let long_ago = Instant::now().checked_sub(2 * IDLE).unwrap();
        ingest.pool.lock().push_back((Buffers::default(), long_ago));
        ingest.give_back(Buffers { plain: vec![0; 100], ..Buffers::default() });
        ingest.forget_idle();
        assert_eq!(ingest.pool.lock().len(), 1);
        assert_eq!(ingest.buffers().plain.capacity(), 100);
    }

    #[test]
    fn large_buffers_are_not_kept() {
        let ingest = Ingest::new(1 << 30);
        ingest.give_back(Buffers { plain: vec![0; KEEP + 1], ..Buffers::default() });
        assert_eq!(ingest.buffers().plain.capacity(), 0);
        ingest.give_back(Buffers { plain: vec![0; 100], ..Buffers::default() });
        assert_eq!(ingest.buffers().plain.capacity(), 100);
    }
}
