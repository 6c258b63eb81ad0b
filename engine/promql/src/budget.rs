//! The memory of all queries together.
//!
//! A query takes memory in pieces of a mebibyte as it grows and gives all of it back when its
//! result is dropped. One that gets no more fails alone, with an error that says so; nothing else
//! waits for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::{QueryError, Result};

/// Bytes that are taken at a time.
const PIECE: u64 = 1 << 20;

/// Memory that queries share.
#[derive(Debug)]
pub struct QueryMemory {
    limit: u64,
    used: AtomicU64,
}

impl QueryMemory {
    /// So many bytes for all queries; one alone may take half of them.
    #[must_use]
    pub fn new(limit: u64) -> Self {
        Self { limit, used: AtomicU64::new(0) }
    }

    /// Bytes that queries have taken now.
    #[must_use]
    pub fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    fn take(&self, bytes: u64) -> bool {
        let fits = |used: u64| used.checked_add(bytes).filter(|&used| used <= self.limit);
        self.used.try_update(Ordering::Relaxed, Ordering::Relaxed, fits).is_ok()
    }
}

/// What one query has taken, or another request that collects what the storage has; given back on drop.
#[derive(Debug)]
pub struct MemoryShare {
    memory: Arc<QueryMemory>,
    held: AtomicU64,
}

impl MemoryShare {
    /// A share that has nothing yet.
    #[must_use]
    pub fn new(memory: Arc<QueryMemory>) -> Self {
        Self { memory, held: AtomicU64::new(0) }
    }

    /// Makes sure that the share has `bytes` in all.
    ///
    /// # Errors
    /// If it may not have so much, or others have the rest.
    pub fn cover(&self, bytes: u64) -> Result<()> {
        let held = self.held.load(Ordering::Relaxed);
        if bytes <= held {
            return Ok(());
        }
        let most = self.memory.limit / 2;
        if bytes > most {
            return Err(QueryError::execution(format!(
                "query needs more memory than one query may use: {most} bytes, half of those for \
                 all queries; ask for fewer series or a shorter time"
            )));
        }
        let wanted = bytes.next_multiple_of(PIECE).min(most) - held;
        if !self.memory.take(wanted) {
            let (used, limit) = (self.memory.used(), self.memory.limit);
            return Err(QueryError::execution(format!(
                "query gets no more memory: queries that run now use {used} of {limit} bytes; try \
                 again, or ask for fewer series or a shorter time"
            )));
        }
        self.held.store(held + wanted, Ordering::Relaxed);
        Ok(())
    }
}

impl Drop for MemoryShare {
    fn drop(&mut self) {
        self.memory.used.fetch_sub(self.held.load(Ordering::Relaxed), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_has_half_and_all_together_have_all() {
        let memory = Arc::new(QueryMemory::new(4 * PIECE));
        let share = || MemoryShare::new(Arc::clone(&memory));
        let (a, b, c) = (share(), share(), share());
        a.cover(1).unwrap();
        assert_eq!(memory.used(), PIECE);
        let error = a.cover(2 * PIECE + 1).unwrap_err().to_string();
        assert!(error.contains("more memory than one query"), "{error}");
        a.cover(2 * PIECE).unwrap();
        b.cover(2 * PIECE).unwrap();
        let error = c.cover(1).unwrap_err().to_string();
        assert!(error.contains("gets no more memory"), "{error}");
        drop(a);
        c.cover(1).unwrap();
        drop((b, c));
        assert_eq!(memory.used(), 0);
    }
}
