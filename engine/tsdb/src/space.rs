//! Whether the disk has room for more samples.
//!
//! A full disk is met before it is full: below a low-water mark samples are refused, with an error that
//! says so, while queries go on and what is left is enough to finish the work that is under way.
//! Writing goes on by itself when a quarter more than the mark is free, so that it does not flap.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::error::{Error, Result};
use crate::storage::Storage;

/// The least default mark.
const LEAST: u64 = 64 << 20;
/// Bytes of samples that may be written between two looks at the disk.
const LOOK_EVERY: u64 = 1 << 20;
/// Stands for "nobody knows".
const UNKNOWN: u64 = u64::MAX;

/// Watches the free space of a storage.
#[derive(Debug)]
pub(crate) struct Space {
    storage: Arc<dyn Storage>,
    /// The mark that was asked for.
    asked: Option<u64>,
    mark: AtomicU64,
    free: AtomicU64,
    is_read_only: AtomicBool,
    /// Bytes of samples since the last look.
    unseen: AtomicU64,
}

impl Space {
    /// `mark`: bytes that stay free; 0 turns the watch off, `None` is 64 MiB or half of what the
    /// heads hold, whichever is more: a flush of the heads fits in.
    pub(crate) fn new(storage: Arc<dyn Storage>, mark: Option<u64>) -> Self {
        Self {
            storage,
            asked: mark,
            mark: AtomicU64::new(mark.unwrap_or(LEAST)),
            free: AtomicU64::new(UNKNOWN),
            is_read_only: AtomicBool::new(false),
            unseen: AtomicU64::new(0),
        }
    }

    /// Sets the default mark by what the heads hold, and looks.
    pub(crate) fn look_with(&self, head_bytes: u64) {
        let mark = self.asked.unwrap_or_else(|| LEAST.max(head_bytes / 2));
        self.mark.store(mark, Ordering::Relaxed);
        self.look();
    }

    fn look(&self) {
        self.unseen.store(0, Ordering::Relaxed);
        let mark = self.mark.load(Ordering::Relaxed);
        // A storage that can't say how full it is is no reason to refuse samples.
        let free = self.storage.free_space().ok().flatten().unwrap_or(UNKNOWN);
        self.free.store(free, Ordering::Relaxed);
        if free < mark {
            if !self.is_read_only.swap(true, Ordering::Relaxed) {
                tracing::error!(
                    free_bytes = free,
                    mark_bytes = mark,
                    "the disk is nearly full: samples are refused until there is room, queries go on"
                );
            }
        } else if free >= resume(mark) && self.is_read_only.swap(false, Ordering::Relaxed) {
            tracing::info!(free_bytes = free, "the disk has room again: samples are taken");
        }
    }

    /// Admits samples of about `bytes`.
    ///
    /// # Errors
    /// [`Error::LowSpace`] while there is too little room.
    pub(crate) fn admit(&self, bytes: u64) -> Result<()> {
        let unseen = self.unseen.fetch_add(bytes, Ordering::Relaxed) + bytes;
        if unseen >= LOOK_EVERY || self.is_read_only() {
            self.look();
        }
        if !self.is_read_only() {
            return Ok(());
        }
        Err(Error::LowSpace {
            free_bytes: self.free().unwrap_or(0),
            resume_bytes: resume(self.mark.load(Ordering::Relaxed)),
        })
    }

    /// Whether samples are refused.
    pub(crate) fn is_read_only(&self) -> bool {
        self.is_read_only.load(Ordering::Relaxed)
    }

    /// Free bytes at the last look, if anybody knows.
    pub(crate) fn free(&self) -> Option<u64> {
        Some(self.free.load(Ordering::Relaxed)).filter(|&free| free != UNKNOWN)
    }

    /// Bytes that work which is not pressing may write.
    pub(crate) fn room(&self) -> u64 {
        let mark = resume(self.mark.load(Ordering::Relaxed));
        self.free().map_or(u64::MAX, |free| free.saturating_sub(mark))
    }
}

/// From here on samples are taken again.
fn resume(mark: u64) -> u64 {
    mark.saturating_add(mark / 4)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::FaultStorage;

    #[test]
    fn stops_below_the_mark_and_resumes_a_quarter_above() {
        let storage = FaultStorage::new(1);
        let space = Space::new(Arc::new(storage.clone()), Some(1000));
        space.look_with(1 << 40);
        assert_eq!((space.free(), space.room()), (None, u64::MAX), "no bound is known");
        for (free, is_read_only) in
            [(1000, false), (999, true), (1249, true), (1250, false), (1000, false), (0, true)]
        {
            storage.set_capacity(Some(free));
            space.look_with(0);
            assert_eq!(space.is_read_only(), is_read_only, "{free} bytes are free");
            assert_eq!(space.admit(1).is_err(), is_read_only);
            assert_eq!(space.room(), free.saturating_sub(1250));
        }
        let error = space.admit(1).unwrap_err();
        assert!(matches!(error, Error::LowSpace { free_bytes: 0, resume_bytes: 1250 }), "{error}");
        assert!(error.is_retryable());
    }

    #[test]
    fn looks_again_after_a_mebibyte_and_always_when_it_refuses() {
        let storage = FaultStorage::new(1);
        let space = Space::new(Arc::new(storage.clone()), None);
        storage.set_capacity(Some(1 << 20));
        space.admit(1000).unwrap();
        space.admit(LOOK_EVERY).unwrap_err();
        storage.set_capacity(None);
        space.admit(1).unwrap();
    }

    #[test]
    fn the_default_mark_grows_with_the_heads_and_zero_is_none() {
        let storage = FaultStorage::new(1);
        storage.set_capacity(Some(100 << 20));
        let space = Space::new(Arc::new(storage.clone()), None);
        space.look_with(0);
        assert!(!space.is_read_only());
        space.look_with(400 << 20);
        assert!(space.is_read_only());
        storage.set_capacity(Some(0));
        let off = Space::new(Arc::new(storage), Some(0));
        off.look_with(1 << 40);
        off.admit(u64::MAX).unwrap();
    }
}
