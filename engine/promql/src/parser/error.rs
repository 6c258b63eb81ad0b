//! Why a text is no query.

use crate::ast::{Position, Span};

/// A query that can't be read. Displays as Prometheus writes it:
/// `1:8: parse error: unexpected end of input`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{position}: parse error: {message}")]
pub struct ParseError {
    span: Span,
    position: Position,
    message: String,
}

impl ParseError {
    pub(crate) fn new(input: &str, span: Span, message: String) -> Self {
        Self { span, position: span.position(input), message }
    }

    /// The bytes of the query that are at fault.
    #[must_use]
    pub fn span(&self) -> Span {
        self.span
    }

    /// Line and column of the first byte at fault.
    #[must_use]
    pub fn position(&self) -> Position {
        self.position
    }

    /// What is wrong, without the place.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}
