//! Strings: where they end, and whether their escapes are right.

use super::{Lexer, Scan};
use crate::parser::quote::unicode_rune;
use crate::parser::token::TokenKind;

impl Lexer<'_> {
    /// Takes the rest of a string in double or single quotes.
    pub(super) fn quoted_string(&mut self, quote: char) -> Scan {
        loop {
            match self.next() {
                None | Some('\n') => return self.error("unterminated quoted string".into()),
                Some(char::REPLACEMENT_CHARACTER) => {
                    return self.error("invalid UTF-8 rune".into());
                }
                Some('\\') => self.escape(quote)?,
                Some(c) if c == quote => return Ok(TokenKind::String),
                Some(_) => {}
            }
        }
    }

    /// Takes the rest of a string in backticks.
    pub(super) fn raw_string(&mut self) -> Scan {
        loop {
            match self.next() {
                None => return self.error("unterminated raw string".into()),
                Some(char::REPLACEMENT_CHARACTER) => {
                    return self.error("invalid UTF-8 rune".into());
                }
                Some('`') => return Ok(TokenKind::String),
                Some(_) => {}
            }
        }
    }

    fn escape(&mut self, quote: char) -> Result<(), super::LexError> {
        match self.next() {
            None => self.error("escape sequence not terminated".into()),
            Some('a' | 'b' | 'f' | 'n' | 'r' | 't' | 'v' | '\\') => Ok(()),
            Some(c) if c == quote => Ok(()),
            Some(c @ '0'..='7') => self.code(Some(c), 3, 8, 255),
            Some('x') => self.code(None, 2, 16, 255),
            Some('u') => self.code(None, 4, 16, u32::from(char::MAX)),
            Some('U') => self.code(None, 8, 16, u32::from(char::MAX)),
            Some(c) => self.error(format!("unknown escape sequence {}", unicode_rune(c))),
        }
    }

    /// Takes `count` digits, of which `first` was read already.
    fn code(
        &mut self,
        mut first: Option<char>,
        count: usize,
        radix: u32,
        max: u32,
    ) -> Result<(), super::LexError> {
        let mut value = 0_u32;
        for _ in 0..count {
            match first.take().or_else(|| self.next()) {
                None => return self.error("escape sequence not terminated".into()),
                Some(c) => {
                    let Some(digit) = c.to_digit(radix) else {
                        let c = unicode_rune(c);
                        return self.error(format!("illegal character {c} in escape sequence"));
                    };
                    value = value.wrapping_mul(radix).wrapping_add(digit);
                }
            }
        }
        if value > max || (0xD800..0xE000).contains(&value) {
            return self.error("escape sequence is an invalid Unicode code point".into());
        }
        Ok(())
    }
}
