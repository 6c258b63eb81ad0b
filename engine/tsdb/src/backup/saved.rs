//! Which files of the heads a snapshot takes: those that a start reads.
//!
//! A spill file that no saved head refers to, or a saved head that failed right after it had got
//! its name, is of no use and goes with the next start. Nor is it sure to be on the disk as it
//! looks: a power loss may shorten it, and a snapshot that lists it would be refused.

use hashbrown::HashMap;

use crate::head::{parse_saved, parse_spill};

/// The saved heads that are in use, and the spill files that they refer to.
#[derive(Debug)]
pub(crate) struct SavedFiles(HashMap<String, u64>);

impl SavedFiles {
    /// Of paths, each with the bytes of a spill file that are referred to. The newer of two saved
    /// heads may refer to more of a file than the older one.
    pub(crate) fn new(files: impl Iterator<Item = (String, u64)>) -> Self {
        let mut most = HashMap::new();
        for (path, bytes) in files {
            let known = most.entry(path).or_default();
            *known = bytes.max(*known);
        }
        Self(most)
    }

    /// The bytes of the file `name` at `path` that a snapshot needs; `None` if it needs none of
    /// it. `len` is how long it is.
    pub(super) fn bytes_of(&self, path: &str, name: &str, len: u64) -> Option<u64> {
        let is_spill = parse_spill(name).is_some();
        if !is_spill && parse_saved(name).is_none() {
            return Some(len);
        }
        self.0.get(path).map(|&bytes| if is_spill { bytes } else { len })
    }
}

/// Whether a file may have more bytes than the list says: a spill file to which something was added
/// that could not be synced, and that nothing refers to.
pub(super) fn may_be_longer(path: &str) -> bool {
    path.rsplit('/').next().is_some_and(|name| parse_spill(name).is_some())
}
