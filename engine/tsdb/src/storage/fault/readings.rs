//! What was read of files, and what was asked for ahead.

use std::ops::Range;

use super::{FaultStorage, Node, State};

/// Bytes of a file that were read, or asked for ahead.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reading {
    /// Which file: equal for readings of the same one.
    pub file: u64,
    /// Which bytes of it.
    pub bytes: Range<u64>,
    /// Whether they were only [asked for](crate::storage::File::will_read).
    pub is_ahead: bool,
}

impl State {
    pub(super) fn note_reading(&mut self, node: Node, offset: u64, len: u64, is_ahead: bool) {
        if let Some(readings) = &mut self.readings {
            let bytes = offset..offset.saturating_add(len);
            readings.push(Reading { file: node, bytes, is_ahead });
        }
    }
}

impl FaultStorage {
    /// What was read of files by offset, and asked for ahead, since the last call; the first one gives
    /// nothing, and from then on it is noted. Maps of whole files are not.
    pub fn take_readings(&self) -> Vec<Reading> {
        self.state.lock().readings.replace(Vec::new()).unwrap_or_default()
    }
}
