//! The one error type of the library.

use std::io;
use std::path::PathBuf;

use crate::limits::Refusal;

/// What every fallible call of the library returns.
pub type Result<T> = std::result::Result<T, Error>;

/// Everything that can go wrong in the engine.
///
/// [`id`](Self::id) is stable and meant for users and alerts;
/// [`is_retryable`](Self::is_retryable) says whether the same call may succeed later.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A call of the operating system failed.
    #[error("{op} {path}: {source}")]
    Io {
        /// What was attempted: `open`, `append`, `sync`, …
        op: &'static str,
        /// The file or folder, relative to the database's folder.
        path: PathBuf,
        /// The operating system's answer.
        source: io::Error,
    },
    /// Bytes on disk are not what was written.
    #[error("{path} is corrupt at byte {offset}: {what}")]
    Corrupt {
        /// The file, relative to the database's folder.
        path: PathBuf,
        /// Where in the file.
        offset: u64,
        /// What was expected and what was found.
        what: String,
    },
    /// A file of a version that this build does not read.
    #[error("{path} has format version {found}, this build reads {supported}: {hint}")]
    Version {
        /// The file, relative to the database's folder.
        path: PathBuf,
        /// The version in the file.
        found: u32,
        /// The version that this build reads.
        supported: u32,
        /// What to do.
        hint: &'static str,
    },
    /// Another process or handle has the folder open.
    #[error("{path} is in use by another nunatak; stop it, or choose another folder")]
    InUse {
        /// The folder.
        path: PathBuf,
    },
    /// An option has a value that can't work.
    #[error("option {option}: {what}")]
    Option {
        /// The option's name.
        option: &'static str,
        /// What is wrong and what would be right.
        what: String,
    },
    /// The caller passed something that can't be stored or asked.
    #[error("{what}")]
    Invalid {
        /// What is wrong and where.
        what: String,
    },
    /// A limit refuses the whole call.
    #[error("{0}")]
    Refused(Box<Refusal>),
    /// The queue stayed full until the deadline.
    #[error("overloaded: {pending_bytes} bytes wait for the log (limit {limit_bytes}); try again")]
    Overloaded {
        /// Bytes that wait.
        pending_bytes: u64,
        /// How many may wait.
        limit_bytes: u64,
    },
    /// The disk is full; clears itself when space returns.
    #[error("disk full while writing {path}; writes resume when space is free")]
    DiskFull {
        /// The file that could not grow.
        path: PathBuf,
    },
    /// The disk is nearly full, and what is left is kept for finishing work; clears itself.
    #[error(
        "the disk is nearly full, {free_bytes} bytes are free: samples are taken again when \
         {resume_bytes} are; remove files, keep data for a shorter time, or give the disk more room"
    )]
    LowSpace {
        /// Bytes that are free.
        free_bytes: u64,
        /// From so many free bytes on samples are taken again.
        resume_bytes: u64,
    },
    /// A sync failed: what the disk holds is unknown until the database is opened again.
    #[error("an earlier sync of the log failed ({cause}); open the database again to write")]
    Poisoned {
        /// The first failure.
        cause: String,
    },
    /// The database was closed.
    #[error("the database is closed")]
    Closed,
}

impl Error {
    /// A stable name of the kind of error.
    #[must_use]
    pub fn id(&self) -> &'static str {
        match self {
            Self::Io { .. } => "io",
            Self::Corrupt { .. } => "corrupt",
            Self::Version { .. } => "version",
            Self::InUse { .. } => "in_use",
            Self::Option { .. } => "option",
            Self::Invalid { .. } => "invalid",
            Self::Refused(_) => "refused",
            Self::Overloaded { .. } => "overloaded",
            Self::DiskFull { .. } => "disk_full",
            Self::LowSpace { .. } => "low_space",
            Self::Poisoned { .. } => "poisoned",
            Self::Closed => "closed",
        }
    }

    /// Whether the same call may succeed later without a change of the call.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(
            self,
            Self::Io { .. }
                | Self::Overloaded { .. }
                | Self::DiskFull { .. }
                | Self::LowSpace { .. }
                | Self::Poisoned { .. }
                | Self::Closed
        )
    }

    /// Wraps an error of the operating system; a full disk becomes [`Error::DiskFull`].
    pub(crate) fn io(op: &'static str, path: impl Into<PathBuf>, source: io::Error) -> Self {
        let path = path.into();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull { path },
            _ => Self::Io { op, path, source },
        }
    }

    /// Bytes on disk that are not what was written.
    pub(crate) fn corrupt(path: impl Into<PathBuf>, offset: u64, what: impl Into<String>) -> Self {
        Self::Corrupt { path: path.into(), offset, what: what.into() }
    }
}
