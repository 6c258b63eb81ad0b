//! Tokens, and how errors name them.

use super::quote::{quote, quote_prefix};
use crate::ast::{AggregateOp, BinaryOp, Span};

/// A token and its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) kind: TokenKind,
    pub(crate) span: Span,
}

/// The kinds of token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenKind {
    Eof,
    Comma,
    Colon,
    Equal,
    LeftParen,
    RightParen,
    LeftBrace,
    RightBrace,
    LeftBracket,
    RightBracket,
    String,
    Number,
    Duration,
    /// A word without colons that is no keyword.
    Identifier,
    /// A word with colons.
    MetricIdentifier,
    /// A binary operator; `!=` is also the matcher's.
    Op(BinaryOp),
    /// `=~`
    EqualRegex,
    /// `!~`
    NotRegex,
    At,
    Aggregator(AggregateOp),
    Keyword(Keyword),
    Preprocessor(Preprocessor),
}

/// Words that modify selectors, aggregations and operators.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keyword {
    Bool,
    By,
    Without,
    On,
    Ignoring,
    GroupLeft,
    GroupRight,
    Offset,
    Anchored,
    Smoothed,
    Fill,
    FillLeft,
    FillRight,
}

/// Words that stand for properties of the query, if parentheses follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Preprocessor {
    Start,
    End,
    Step,
    Range,
}

impl Token {
    /// The token for "unexpected …".
    pub(crate) fn describe(self, input: &str) -> String {
        let text = input.get(self.span.start..self.span.end).unwrap_or_default();
        match self.kind {
            TokenKind::Eof => "end of input".to_owned(),
            TokenKind::Identifier => format!("identifier {}", quote(text)),
            TokenKind::MetricIdentifier => format!("metric identifier {}", quote(text)),
            TokenKind::String => format!("string {}", quote_prefix(text)),
            TokenKind::Number => format!("number {}", quote_prefix(text)),
            TokenKind::Duration => format!("duration {}", quote_prefix(text)),
            TokenKind::Op(_) | TokenKind::EqualRegex | TokenKind::NotRegex | TokenKind::At => {
                format!("<op:{text}>")
            }
            TokenKind::Aggregator(_) => format!("<aggr:{text}>"),
            TokenKind::Keyword(_) => format!("<{text}>"),
            _ => quote_prefix(text),
        }
    }
}

/// The keyword, operator or special number that a word is, whatever its case.
pub(super) fn keyword(word: &str) -> Option<TokenKind> {
    const LONGEST: usize = 12;
    if word.len() > LONGEST {
        return None;
    }
    Some(match word.to_ascii_lowercase().as_str() {
        "and" => TokenKind::Op(BinaryOp::And),
        "or" => TokenKind::Op(BinaryOp::Or),
        "unless" => TokenKind::Op(BinaryOp::Unless),
        "atan2" => TokenKind::Op(BinaryOp::Atan2),
        "sum" => TokenKind::Aggregator(AggregateOp::Sum),
        "avg" => TokenKind::Aggregator(AggregateOp::Avg),
        "count" => TokenKind::Aggregator(AggregateOp::Count),
        "min" => TokenKind::Aggregator(AggregateOp::Min),
        "max" => TokenKind::Aggregator(AggregateOp::Max),
        "group" => TokenKind::Aggregator(AggregateOp::Group),
        "stddev" => TokenKind::Aggregator(AggregateOp::Stddev),
        "stdvar" => TokenKind::Aggregator(AggregateOp::Stdvar),
        "topk" => TokenKind::Aggregator(AggregateOp::Topk),
        "bottomk" => TokenKind::Aggregator(AggregateOp::Bottomk),
        "count_values" => TokenKind::Aggregator(AggregateOp::CountValues),
        "quantile" => TokenKind::Aggregator(AggregateOp::Quantile),
        "limitk" => TokenKind::Aggregator(AggregateOp::Limitk),
        "limit_ratio" => TokenKind::Aggregator(AggregateOp::LimitRatio),
        "bool" => TokenKind::Keyword(Keyword::Bool),
        "by" => TokenKind::Keyword(Keyword::By),
        "without" => TokenKind::Keyword(Keyword::Without),
        "on" => TokenKind::Keyword(Keyword::On),
        "ignoring" => TokenKind::Keyword(Keyword::Ignoring),
        "group_left" => TokenKind::Keyword(Keyword::GroupLeft),
        "group_right" => TokenKind::Keyword(Keyword::GroupRight),
        "offset" => TokenKind::Keyword(Keyword::Offset),
        "anchored" => TokenKind::Keyword(Keyword::Anchored),
        "smoothed" => TokenKind::Keyword(Keyword::Smoothed),
        "fill" => TokenKind::Keyword(Keyword::Fill),
        "fill_left" => TokenKind::Keyword(Keyword::FillLeft),
        "fill_right" => TokenKind::Keyword(Keyword::FillRight),
        "start" => TokenKind::Preprocessor(Preprocessor::Start),
        "end" => TokenKind::Preprocessor(Preprocessor::End),
        "step" => TokenKind::Preprocessor(Preprocessor::Step),
        "range" => TokenKind::Preprocessor(Preprocessor::Range),
        "inf" | "nan" => TokenKind::Number,
        _ => return None,
    })
}

impl TokenKind {
    /// Whether it may name a metric outside braces.
    pub(super) fn is_metric_name(self) -> bool {
        match self {
            Self::Identifier
            | Self::MetricIdentifier
            | Self::Aggregator(_)
            | Self::Preprocessor(_)
            | Self::Op(BinaryOp::And | BinaryOp::Or | BinaryOp::Unless) => true,
            Self::Keyword(word) => matches!(
                word,
                Keyword::By
                    | Keyword::Without
                    | Keyword::Offset
                    | Keyword::Anchored
                    | Keyword::Smoothed
            ),
            _ => false,
        }
    }

    /// Whether it may be a label in `by (…)`, `on (…)` and the like. The grammar of Prometheus
    /// forgot `without`.
    pub(super) fn is_grouping_label(self) -> bool {
        match self {
            Self::Keyword(word) => word != Keyword::Without,
            Self::Op(op) => op.is_set() || op == BinaryOp::Atan2,
            other => other.is_metric_name(),
        }
    }

    /// Whether an expression may start with it.
    pub(super) fn starts_expression(self) -> bool {
        self.is_metric_name()
            || matches!(
                self,
                Self::Number
                    | Self::Duration
                    | Self::String
                    | Self::LeftParen
                    | Self::LeftBrace
                    | Self::Op(BinaryOp::Add | BinaryOp::Sub)
            )
    }
}
