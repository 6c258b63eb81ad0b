//! Places in a query.

use std::fmt;

/// A range of bytes of the query.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Span {
    /// The first byte.
    pub start: usize,
    /// The byte after the last one.
    pub end: usize,
}

impl Span {
    /// The range from the start of `first` to the end of `last`.
    #[must_use]
    pub fn merge(first: Self, last: Self) -> Self {
        Self { start: first.start, end: last.end }
    }

    /// Where the span starts, for people; displays as Prometheus writes it in errors and
    /// annotations (`1:8`).
    #[must_use]
    pub fn position(self, query: &str) -> Position {
        let before = query.as_bytes().get(..self.start);
        match before {
            _ if query.is_empty() => Position::Unknown,
            None => Position::Invalid,
            Some(before) => {
                let last_break = before.iter().rposition(|&b| b == b'\n');
                let line = before.split(|&b| b == b'\n').count();
                let column = last_break.map_or(before.len() + 1, |i| before.len() - i);
                Position::At { line, column }
            }
        }
    }
}

/// A line and column for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Position {
    /// Line and column (in bytes), both from 1.
    At {
        /// The line, from 1.
        line: usize,
        /// The column in bytes, from 1.
        column: usize,
    },
    /// The query is empty.
    Unknown,
    /// The span is not inside the query.
    Invalid,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::At { line, column } => write!(f, "{line}:{column}"),
            Self::Unknown => f.write_str("unknown position"),
            Self::Invalid => f.write_str("invalid position"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_lines_and_byte_columns() {
        let at = |start| Span { start, end: start }.position("ab\ncé\nf").to_string();
        let all: Vec<_> = [0, 2, 3, 6, 7, 8].map(at).into();
        assert_eq!(all, ["1:1", "1:3", "2:1", "2:4", "3:1", "3:2"]);
        assert_eq!(at(9), "invalid position");
        assert_eq!(Span::default().position("").to_string(), "unknown position");
    }
}
