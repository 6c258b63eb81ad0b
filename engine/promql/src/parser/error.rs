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

/// A mistake in a tree, found without the text at hand.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) place: Place,
    pub(super) message: String,
}

/// Where a mistake is.
#[derive(Debug)]
pub(super) enum Place {
    Span(Span),
    /// Between two operands, without the blanks around: the operator.
    Between(Span),
}

impl Fault {
    pub(super) fn at(span: Span, message: impl Into<String>) -> Self {
        Self { place: Place::Span(span), message: message.into() }
    }

    pub(super) fn into_error(self, input: &str) -> ParseError {
        let span = match self.place {
            Place::Span(span) => span,
            Place::Between(gap) => {
                let text = input.get(gap.start..gap.end).unwrap_or_default();
                let start = gap.start + (text.len() - text.trim_start_matches(is_space).len());
                Span { start, end: start + text.trim_matches(is_space).len() }
            }
        };
        ParseError::new(input, span, self.message)
    }
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r')
}
