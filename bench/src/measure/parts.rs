//! What the bytes of a folder are for.

use std::path::Path;

use nunatak::{Fact, inspect};

use crate::{Error, Result};

/// Bytes of the blocks of a database by what they hold.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Parts {
    /// Streams of values.
    pub values: u64,
    /// Streams of timestamps.
    pub times: u64,
    /// The directory of chunks.
    pub directory: u64,
    /// Everything about labels.
    pub index: u64,
}

/// Sums up the blocks in `data`, a folder of nunatak.
///
/// # Errors
/// If it is no such folder, or something in it is damaged.
pub fn parts(data: &Path) -> Result<Parts> {
    let wrong = |what: String| Error::Target(format!("inspecting {}: {what}", data.display()));
    let seen = inspect(data).map_err(|error| wrong(error.to_string()))?;
    if let Some(problem) = seen.problems.first() {
        return Err(wrong(problem.clone()));
    }
    let bytes = |of: &str| {
        let fact = seen.facts.iter().find(|(name, _)| *name == of);
        match fact {
            Some((_, Fact::Bytes(bytes))) => Ok(*bytes),
            _ => Err(wrong(format!("no {of}"))),
        }
    };
    Ok(Parts {
        values: bytes("bytes of values")?,
        times: bytes("bytes of timestamps")?,
        directory: bytes("bytes of the directory")?,
        index: bytes("bytes of the index")?,
    })
}
