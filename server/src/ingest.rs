//! Bounds what requests that write may hold at once, and keeps their memory for the next.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::remote_write::Scratch;

/// Bodies larger than this are refused, as received.
const MAX_BODY: usize = 32 << 20;
/// Messages larger than this are refused, unpacked.
const MAX_MESSAGE: usize = 128 << 20;
/// Memory of a buffer that is kept for the next request.
const KEEP: usize = 8 << 20;
/// Requests that may be decoded or wait for the log.
const PLACES: usize = 64;
/// How long a request waits for a place.
const PATIENCE: Duration = Duration::from_secs(10);

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
    /// Bytes that a body may have.
    pub(crate) max_body: usize,
    /// Bytes that an unpacked message may have.
    pub(crate) max_message: usize,
    places: Arc<Semaphore>,
    /// One permit for each KiB of body that has arrived.
    kibibytes: Arc<Semaphore>,
    /// Room for one whole body besides: who has it can always come to an end, also if others that
    /// are not whole yet have taken all the rest.
    last: Arc<Semaphore>,
    /// One permit for each KiB of unpacked message: a small body may stand for a large one.
    unpacked: Arc<Semaphore>,
    pool: Mutex<Vec<Buffers>>,
}

/// The room of a body that is being read; dropping it gives the room free.
#[derive(Debug, Default)]
pub(crate) struct Room {
    kibibytes: Option<OwnedSemaphorePermit>,
    last: Option<OwnedSemaphorePermit>,
}

impl Ingest {
    /// A gate for a server with a memory budget of so many bytes. Bodies in flight take at most
    /// an eighth of it and unpacked messages a quarter, but there is always room for one of the
    /// largest.
    pub(crate) fn new(budget: u64) -> Self {
        let max_message = MAX_MESSAGE.min((budget / 4) as usize).max(1 << 20);
        let max_body = MAX_BODY.min(max_message / 2);
        let unpacked = ((budget / 4) as usize).max(max_message) >> 10;
        let kibibytes = (((budget / 8) as usize).min(512 << 20).max(2 * max_body) - max_body) >> 10;
        Self {
            max_body,
            max_message,
            places: Arc::new(Semaphore::new(PLACES)),
            kibibytes: Arc::new(Semaphore::new(kibibytes)),
            last: Arc::new(Semaphore::new(1)),
            unpacked: Arc::new(Semaphore::new(unpacked.min(Semaphore::MAX_PERMITS))),
            pool: Mutex::default(),
        }
    }

    /// Waits until a body of which so many bytes have arrived has room for them; `false` if there is
    /// none for 10 s. What a sender only announces takes none.
    pub(crate) async fn grow(&self, room: &mut Room, bytes: usize) -> bool {
        let has = room.kibibytes.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let wanted = bytes.div_ceil(1 << 10).saturating_sub(has) as u32;
        if wanted == 0 || room.last.is_some() {
            return true;
        }
        let more = Arc::clone(&self.kibibytes).acquire_many_owned(wanted);
        let enter = async {
            tokio::select! {
                biased;
                more = more => match (&mut room.kibibytes, more.ok()?) {
                    (Some(kibibytes), more) => kibibytes.merge(more),
                    (none, more) => *none = Some(more),
                },
                last = Arc::clone(&self.last).acquire_owned() => room.last = Some(last.ok()?),
            }
            Some(())
        };
        tokio::time::timeout(PATIENCE, enter).await.is_ok_and(|entered| entered.is_some())
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
        self.pool.lock().pop().unwrap_or_default()
    }

    /// Keeps buffers for the next request unless they are very large.
    pub(crate) fn give_back(&self, buffers: Buffers) {
        let mut pool = self.pool.lock();
        if buffers.body.capacity() + buffers.plain.capacity() <= KEEP && pool.len() < 8 {
            pool.push(buffers);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_largest_body_always_finds_a_place() {
        for budget in [0, 16 << 20, 512 << 20, 64 << 30] {
            let ingest = Ingest::new(budget);
            let mut room = Room::default();
            assert!(
                ingest.grow(&mut room, ingest.max_body).await && ingest.enter().await.is_some()
            );
            assert!(ingest.max_body <= ingest.max_message);
            // A block that says only how long it is: 4 GiB.
            assert!(ingest.unpack(&[0xff, 0xff, 0xff, 0xff, 0x0f]).await.is_some());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn one_body_comes_to_its_end_while_others_hold_all_room() {
        let ingest = Ingest::new(64 << 20);
        let mut slow = Vec::new();
        while ingest.kibibytes.available_permits() > 0 {
            let mut room = Room::default();
            assert!(ingest.grow(&mut room, 1).await);
            assert!(ingest.grow(&mut room, 64 << 10).await);
            slow.push(room);
        }
        let (mut room, mut other) = (Room::default(), Room::default());
        for bytes in [1, 1 << 20, ingest.max_body] {
            assert!(ingest.grow(&mut room, bytes).await);
        }
        assert!(!ingest.grow(&mut other, 1).await, "there is one of these");
        drop(room);
        assert!(ingest.grow(&mut other, 1).await);
        let all = ingest.kibibytes.available_permits();
        slow.clear();
        assert!(ingest.kibibytes.available_permits() > all);
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
    fn large_buffers_are_not_kept() {
        let ingest = Ingest::new(1 << 30);
        ingest.give_back(Buffers { plain: vec![0; KEEP + 1], ..Buffers::default() });
        assert_eq!(ingest.buffers().plain.capacity(), 0);
        ingest.give_back(Buffers { plain: vec![0; 100], ..Buffers::default() });
        assert_eq!(ingest.buffers().plain.capacity(), 100);
    }
}
