//! What reading a block has shown to be damaged.

use std::sync::OnceLock;

use crate::error::Error;

/// The first damage that a reader met. From then on the block serves what can be read, and
/// answers say that they may lack something.
#[derive(Debug, Default)]
pub(super) struct Damage(OnceLock<String>);

impl Damage {
    /// Remembers the first damage; an error that may pass is none.
    pub(super) fn note(&self, error: &Error) {
        if let Error::Corrupt { .. } = error
            && self.0.set(error.to_string()).is_ok()
        {
            tracing::error!(%error, "a block is damaged");
        }
    }

    /// The first damage in words.
    pub(super) fn what(&self) -> Option<&str> {
        self.0.get().map(String::as_str)
    }
}
