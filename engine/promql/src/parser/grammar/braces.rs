//! Selectors: a metric name and matchers in braces.

use super::{Parser, Result, Token, TokenKind, Tree};
use crate::ast::{BinaryOp, ExprKind, Span, VectorSelector};
use crate::parser::patterns;
use nunatak_index::{METRIC_NAME, MatchOp, Matcher};

const CONTEXT: &str = "label matching";

impl Parser<'_> {
    /// Reads the whole input as a selector.
    pub(in crate::parser) fn metric_selector(&mut self) -> Result<Vec<Matcher>> {
        let token = self.peek()?;
        let name = token.kind.is_metric_name().then_some(token);
        if name.is_some() {
            self.take()?;
        } else if token.kind != TokenKind::LeftBrace {
            return Err(self.unexpected("", ""));
        }
        let (selector, _) = self.plain_selector(name)?;
        match self.peek()?.kind {
            TokenKind::Eof => Ok(selector.matchers),
            _ => Err(self.unexpected("", "")),
        }
    }

    /// Takes a selector whose name, if there is one, was taken already.
    pub(super) fn selector(&mut self, name: Option<Token>) -> Result<Tree> {
        let (selector, span) = self.plain_selector(name)?;
        self.tree(ExprKind::VectorSelector(Box::new(selector)), span, 0)
    }

    fn plain_selector(&mut self, name: Option<Token>) -> Result<(VectorSelector, Span)> {
        let start = match name {
            Some(token) => token.span,
            None => self.peek()?.span,
        };
        let mut selector = VectorSelector::default();
        if self.take_if(TokenKind::LeftBrace)? {
            selector.matchers = self.matchers()?;
        }
        if let Some(token) = name {
            let name = self.text(token.span);
            selector.matchers.push(self.matcher(METRIC_NAME, MatchOp::Equal, name, token.span)?);
            selector.name = Some(name.to_owned());
        }
        Ok((selector, Span { start: start.start, end: self.last_end }))
    }

    /// Takes matchers and the closing brace.
    fn matchers(&mut self) -> Result<Vec<Matcher>> {
        let mut matchers = Vec::new();
        loop {
            if self.take_if(TokenKind::RightBrace)? {
                return Ok(matchers);
            }
            matchers.push(self.label_matcher()?);
            match self.peek()?.kind {
                TokenKind::Comma => {
                    self.take()?;
                }
                TokenKind::RightBrace => {}
                _ => return Err(self.unexpected(CONTEXT, "\",\" or \"}\"")),
            }
        }
    }

    /// Takes `name="value"`, or a quoted metric name.
    fn label_matcher(&mut self) -> Result<Matcher> {
        let token = self.peek()?;
        self.count_part(token)?;
        let name = match token.kind {
            TokenKind::Identifier => {
                self.take()?;
                self.text(token.span).to_owned()
            }
            TokenKind::String => {
                self.take()?;
                self.unquote(token)?
            }
            _ => return Err(self.unexpected(CONTEXT, "identifier or \"}\"")),
        };
        let op = match self.peek()?.kind {
            TokenKind::Equal => MatchOp::Equal,
            TokenKind::Op(BinaryOp::NotEq) => MatchOp::NotEqual,
            TokenKind::EqualRegex => MatchOp::Regex,
            TokenKind::NotRegex => MatchOp::NotRegex,
            _ if token.kind == TokenKind::String => {
                return self.matcher(METRIC_NAME, MatchOp::Equal, &name, token.span);
            }
            _ => return Err(self.unexpected(CONTEXT, "label matching operator")),
        };
        self.take()?;
        if self.peek()?.kind != TokenKind::String {
            return Err(self.unexpected(CONTEXT, "string"));
        }
        let value = self.take()?;
        let text = self.unquote(value)?;
        let span = Span::merge(token.span, value.span);
        match op {
            MatchOp::Equal | MatchOp::NotEqual => self.matcher(&name, op, &text, span),
            MatchOp::Regex | MatchOp::NotRegex => self.pattern(name, op, text, span),
        }
    }

    fn matcher(&self, name: &str, op: MatchOp, value: &str, span: Span) -> Result<Matcher> {
        Matcher::new(name, op, value).map_err(|error| self.error(span, error.to_string()))
    }

    /// A matcher with a pattern, whose cost is counted.
    fn pattern(&mut self, name: String, op: MatchOp, value: String, span: Span) -> Result<Matcher> {
        let key = (name, op, value);
        if let Some(known) = self.patterns.known.get(&key) {
            return Ok(known.clone());
        }
        let matcher = if let Some(known) = patterns::known(&key.0, op, &key.2) {
            known
        } else {
            let matcher = self.matcher(&key.0, op, &key.2, span)?;
            patterns::remember(&matcher);
            matcher
        };
        self.patterns.bytes += matcher.compiled_bytes();
        let limit = self.options.max_pattern_bytes;
        if self.patterns.bytes > limit {
            let message = format!("patterns of the query need more than {limit} bytes");
            return Err(self.error(span, message));
        }
        self.patterns.known.insert(key, matcher.clone());
        Ok(matcher)
    }
}
