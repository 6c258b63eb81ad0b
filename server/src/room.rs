//! Room for the bodies of requests, taken as they arrive.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How long a request waits for room, or for a place.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// Bounds what bodies take that are being read.
#[derive(Debug)]
pub(crate) struct Rooms {
    /// Bytes that a body may have.
    pub(crate) max_body: usize,
    /// One permit for each KiB of body that has arrived.
    kibibytes: Arc<Semaphore>,
    /// Room for one whole body besides: who has it can always come to an end, also if others that
    /// are not whole yet have taken all the rest.
    last: Arc<Semaphore>,
}

/// The room of a body; dropping it gives the room free.
#[derive(Debug, Default)]
pub(crate) struct Room {
    kibibytes: Option<OwnedSemaphorePermit>,
    last: Option<OwnedSemaphorePermit>,
}

impl Rooms {
    /// Room for `bytes` altogether, at least for two of the largest bodies.
    pub(crate) fn new(bytes: usize, max_body: usize) -> Self {
        let kibibytes = (bytes.max(2 * max_body) - max_body) >> 10;
        Self {
            max_body,
            kibibytes: Arc::new(Semaphore::new(kibibytes)),
            last: Arc::new(Semaphore::new(1)),
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn one_body_comes_to_its_end_while_others_hold_all_room() {
        let rooms = Rooms::new(8 << 20, 4 << 20);
        let mut slow = Vec::new();
        while rooms.kibibytes.available_permits() > 0 {
            let mut room = Room::default();
            assert!(rooms.grow(&mut room, 1).await);
            assert!(rooms.grow(&mut room, 64 << 10).await);
            slow.push(room);
        }
        let (mut room, mut other) = (Room::default(), Room::default());
        for bytes in [1, 1 << 20, rooms.max_body] {
            assert!(rooms.grow(&mut room, bytes).await);
        }
        assert!(!rooms.grow(&mut other, 1).await, "there is one of these");
        drop(room);
        assert!(rooms.grow(&mut other, 1).await);
        slow.clear();
        assert_eq!(rooms.kibibytes.available_permits(), 4 << 10);
    }
}
