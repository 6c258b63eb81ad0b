//! Why a query has no answer.

use crate::parser::ParseError;

/// Why a query has no answer. Displays Prometheus' text.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum QueryError {
    /// The text is no query (HTTP 400, `bad_data`).
    #[error(transparent)]
    Parse(#[from] ParseError),
    /// The query is no query for this call (HTTP 400, `bad_data`).
    #[error("{message}")]
    BadData {
        /// Prometheus' text.
        message: String,
    },
    /// The query can't be evaluated on this data, or is above a limit (HTTP 422, `execution`).
    #[error("{message}")]
    Execution {
        /// Prometheus' text.
        message: String,
    },
    /// The deadline passed (HTTP 503, `timeout`).
    #[error("query timed out in {stage}")]
    Timeout {
        /// What the query was doing.
        stage: &'static str,
    },
    /// The caller gave up (HTTP 499, `canceled`).
    #[error("query was canceled in {stage}")]
    Canceled {
        /// What the query was doing.
        stage: &'static str,
    },
    /// The storage could not be read (HTTP 500, `internal`).
    #[error("expanding series: {0}")]
    Storage(#[from] nunatak::Error),
}

impl QueryError {
    pub(crate) fn execution(message: impl Into<String>) -> Self {
        Self::Execution { message: message.into() }
    }

    pub(crate) fn too_many_samples() -> Self {
        let text = "query processing would load too many samples into memory in query execution";
        Self::execution(text)
    }

    pub(crate) fn same_labels() -> Self {
        Self::execution("vector cannot contain metrics with the same labelset")
    }

    /// The error type of Prometheus' HTTP API: `bad_data`, `execution`, `timeout`, `canceled` or
    /// `internal`.
    #[must_use]
    pub fn error_type(&self) -> &'static str {
        match self {
            Self::Parse(_) | Self::BadData { .. } => "bad_data",
            Self::Execution { .. } => "execution",
            Self::Timeout { .. } => "timeout",
            Self::Canceled { .. } => "canceled",
            Self::Storage(_) => "internal",
        }
    }

    /// The HTTP status that belongs to the error.
    #[must_use]
    pub fn http_status(&self) -> u16 {
        match self {
            Self::Parse(_) | Self::BadData { .. } => 400,
            Self::Execution { .. } => 422,
            Self::Timeout { .. } => 503,
            Self::Canceled { .. } => 499,
            Self::Storage(_) => 500,
        }
    }
}

/// What every evaluation returns.
pub(crate) type Result<T> = std::result::Result<T, QueryError>;
