//! Says what a file or a folder of a database is, and sums up what is in it.
//!
//! It reads what it needs and changes nothing, so it may look at a database that is open. A damaged
//! file is told about as far as it can be read; `verify` checks every byte.

mod file;
mod folder;

use std::path::Path;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::storage::{OsStorage, Storage};

/// A number or a text about what was inspected, with its unit.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Fact {
    /// A number of things.
    Count(u64),
    /// A number of bytes.
    Bytes(u64),
    /// A time in ms since the epoch.
    Time(i64),
    /// Bytes for each sample.
    BytesPerSample(f64),
    /// Words.
    Text(String),
}

/// What a file or a folder is.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Inspection {
    /// What it is: `database`, `log segment`, `index of a block`, …; `unknown` if it is none of ours.
    pub kind: String,
    /// The version of its format, if it has one that can be read.
    pub version: Option<u32>,
    /// What is in it, in the order in which it is best read.
    pub facts: Vec<(&'static str, Fact)>,
    /// What is wrong with it.
    pub problems: Vec<String>,
}

/// Looks at the file or folder `path`.
///
/// # Errors
/// If it is not there or can't be read. Damage, other versions and foreign files are no errors: they
/// are in the result.
pub fn inspect(path: impl AsRef<Path>) -> Result<Inspection> {
    let path = path.as_ref();
    let failed = |error| Error::io("open", path, error);
    let full = path.canonicalize().map_err(failed)?;
    let name = full.file_name().map_or(String::new(), |name| name.to_string_lossy().into_owned());
    let parent = full.parent().unwrap_or(&full);
    if full.is_dir() {
        let storage: Arc<dyn Storage> = Arc::new(OsStorage::new(&full).map_err(failed)?);
        let beside: Arc<dyn Storage> = Arc::new(OsStorage::new(parent).map_err(failed)?);
        folder::inspect(&storage, &beside, &name)
    } else {
        let folder = parent.file_name().map_or_else(<_>::default, |name| name.to_string_lossy());
        let storage = OsStorage::new(parent).map_err(failed)?;
        file::inspect(&storage, &name, &folder)
    }
}

impl Inspection {
    fn new(kind: impl Into<String>) -> Self {
        Self { kind: kind.into(), ..Self::default() }
    }

    fn count(&mut self, name: &'static str, count: u64) {
        self.facts.push((name, Fact::Count(count)));
    }

    fn bytes(&mut self, name: &'static str, bytes: u64) {
        self.facts.push((name, Fact::Bytes(bytes)));
    }

    fn text(&mut self, name: &'static str, text: impl Into<String>) {
        self.facts.push((name, Fact::Text(text.into())));
    }

    fn times(&mut self, times: Option<(i64, i64)>) {
        if let Some((first, last)) = times {
            self.facts.push(("first sample", Fact::Time(first)));
            self.facts.push(("last sample", Fact::Time(last)));
        }
    }

    fn per_sample(&mut self, bytes: u64, samples: u64) {
        if samples > 0 {
            let each = bytes as f64 / samples as f64;
            self.facts.push(("bytes per sample", Fact::BytesPerSample(each)));
        }
    }

    /// Takes what was found, or notes what is wrong.
    fn found<T>(&mut self, result: Result<T>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                if let Error::Version { found, .. } = error {
                    self.version = Some(found);
                }
                self.problems.push(error.to_string());
                None
            }
        }
    }
}
