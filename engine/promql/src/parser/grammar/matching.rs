//! What stands behind a binary operator: `bool`, `on (…)`, `group_left (…)`; and lists of labels.

use super::{Keyword, Parser, Result, TokenKind};
use crate::ast::{BinaryOp, MatchCardinality, VectorMatching};
use crate::parser::quote::quote;

/// The modifiers of a binary operator.
#[derive(Debug)]
pub(super) struct BinaryModifiers {
    pub(super) return_bool: bool,
    pub(super) matching: VectorMatching,
}

impl Parser<'_> {
    pub(super) fn binary_modifiers(&mut self) -> Result<BinaryModifiers> {
        let return_bool = self.take_keyword(Keyword::Bool)?;
        let on = self.take_keyword(Keyword::On)?;
        let mut matching = VectorMatching { on, ..VectorMatching::default() };
        if matching.on || self.take_keyword(Keyword::Ignoring)? {
            matching.labels = self.grouping_labels()?;
            self.group_modifier(&mut matching)?;
        }
        self.fill_modifiers(&mut matching)?;
        Ok(BinaryModifiers { return_bool, matching })
    }

    fn group_modifier(&mut self, matching: &mut VectorMatching) -> Result<()> {
        if self.take_keyword(Keyword::GroupLeft)? {
            matching.card = MatchCardinality::ManyToOne;
        } else if self.take_keyword(Keyword::GroupRight)? {
            matching.card = MatchCardinality::OneToMany;
        } else {
            return Ok(());
        }
        let next = self.peek()?.kind;
        let fills = matches!(
            next,
            TokenKind::Keyword(Keyword::Fill | Keyword::FillLeft | Keyword::FillRight)
        );
        // A parenthesis begins the labels, not the operand.
        if next == TokenKind::LeftParen || !(fills || next.starts_expression()) {
            matching.include = self.grouping_labels()?;
        }
        Ok(())
    }

    fn fill_modifiers(&mut self, matching: &mut VectorMatching) -> Result<()> {
        if self.take_keyword(Keyword::Fill)? {
            let value = self.fill_value()?;
            matching.fill_left = Some(value);
            matching.fill_right = Some(value);
            return Ok(());
        }
        for _ in 0..2 {
            if matching.fill_left.is_none() && self.take_keyword(Keyword::FillLeft)? {
                matching.fill_left = Some(self.fill_value()?);
            }
            if matching.fill_right.is_none() && self.take_keyword(Keyword::FillRight)? {
                matching.fill_right = Some(self.fill_value()?);
            }
        }
        Ok(())
    }

    fn fill_value(&mut self) -> Result<f64> {
        if !self.take_if(TokenKind::LeftParen)? {
            return Err(self.unexpected("", ""));
        }
        let value = self.signed_number()?.ok_or_else(|| self.unexpected("", ""))?;
        if !self.take_if(TokenKind::RightParen)? {
            return Err(self.unexpected("", ""));
        }
        Ok(value)
    }

    /// Takes a number with or without a sign; `None` if something else comes.
    pub(super) fn signed_number(&mut self) -> Result<Option<f64>> {
        let minus = self.take_if(TokenKind::Op(BinaryOp::Sub))?;
        if !minus {
            self.take_if(TokenKind::Op(BinaryOp::Add))?;
        }
        if !matches!(self.peek()?.kind, TokenKind::Number | TokenKind::Duration) {
            return Ok(None);
        }
        let value = self.number_literal()?.0.value;
        Ok(Some(if minus { -value } else { value }))
    }

    /// Takes a list of labels in parentheses.
    pub(super) fn grouping_labels(&mut self) -> Result<Vec<String>> {
        const CONTEXT: &str = "grouping opts";
        if !self.take_if(TokenKind::LeftParen)? {
            return Err(self.unexpected(CONTEXT, "\"(\""));
        }
        let mut labels = Vec::new();
        loop {
            if self.take_if(TokenKind::RightParen)? {
                return Ok(labels);
            }
            labels.push(self.grouping_label()?);
            match self.peek()?.kind {
                TokenKind::Comma => {
                    self.take()?;
                }
                TokenKind::RightParen => {}
                _ => return Err(self.unexpected(CONTEXT, "\",\" or \")\"")),
            }
        }
    }

    fn grouping_label(&mut self) -> Result<String> {
        let token = self.peek()?;
        self.count_part(token)?;
        let label = match token.kind {
            TokenKind::String => {
                self.take()?;
                self.unquote(token)?
            }
            kind if kind.is_grouping_label() => {
                self.take()?;
                self.text(token.span).to_owned()
            }
            _ => return Err(self.unexpected("grouping opts", "label")),
        };
        if label.is_empty() {
            let message = format!("invalid label name for grouping: {}", quote(&label));
            return Err(self.error(token.span, message));
        }
        Ok(label)
    }
}
