//! From text to tokens, one at a time.
//!
//! Tokens are made only when the parser asks for them, because of two mistakes in a query the one
//! that comes first in *parsing* order is reported: an unknown function before a bad character
//! behind it.

use super::quote::{quote, quote_rune};
use super::token::{Keyword, Token, TokenKind, keyword};
use crate::ast::{BinaryOp, Span};

mod number;
mod string;

/// A text that is no token: where it starts, and what is wrong.
#[derive(Debug)]
pub(crate) struct LexError {
    pub(crate) start: usize,
    pub(crate) message: String,
}

/// The state of the scanner.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "the scanner's modes overlap in odd ways")]
pub(crate) struct Lexer<'a> {
    input: &'a str,
    /// Where the token that is being read starts.
    start: usize,
    pos: usize,
    paren_depth: usize,
    brace_open: bool,
    bracket_open: bool,
    /// Whether the open bracket already had its colon.
    got_colon: bool,
    /// Whether any bracket had a duration.
    got_duration: bool,
    /// Whether the next token is the first of a duration inside brackets.
    in_duration: bool,
}

type Scan = Result<TokenKind, LexError>;

impl<'a> Lexer<'a> {
    pub(crate) fn new(input: &'a str) -> Self {
        Self {
            input,
            start: 0,
            pos: 0,
            paren_depth: 0,
            brace_open: false,
            bracket_open: false,
            got_colon: false,
            got_duration: false,
            in_duration: false,
        }
    }

    /// The next token; at the end of the input [`TokenKind::Eof`] for ever.
    pub(crate) fn next_token(&mut self) -> Result<Token, LexError> {
        if self.in_duration {
            self.skip_space();
        } else {
            self.skip_space_and_comments();
        }
        self.start = self.pos;
        let kind = if self.in_duration {
            self.duration_token()
        } else if self.brace_open {
            self.brace_token()
        } else {
            self.statement_token()
        }?;
        Ok(Token { kind, span: Span { start: self.start, end: self.pos } })
    }

    fn statement_token(&mut self) -> Scan {
        let Some(c) = self.next() else {
            return self.end_of_input();
        };
        Ok(match c {
            ',' => TokenKind::Comma,
            '*' => TokenKind::Op(BinaryOp::Mul),
            '/' => TokenKind::Op(BinaryOp::Div),
            '%' => TokenKind::Op(BinaryOp::Mod),
            '+' => TokenKind::Op(BinaryOp::Add),
            '-' => TokenKind::Op(BinaryOp::Sub),
            '^' => TokenKind::Op(BinaryOp::Pow),
            '@' => TokenKind::At,
            '=' => return self.after_equal(),
            '!' => return self.after_bang(),
            '<' if self.accept('=') => TokenKind::Op(BinaryOp::LessEq),
            '<' if self.accept('/') => TokenKind::Op(BinaryOp::TrimUpper),
            '<' => TokenKind::Op(BinaryOp::Less),
            '>' if self.accept('=') => TokenKind::Op(BinaryOp::GreaterEq),
            '>' if self.accept('/') => TokenKind::Op(BinaryOp::TrimLower),
            '>' => TokenKind::Op(BinaryOp::Greater),
            '"' | '\'' => return self.quoted_string(c),
            '`' => return self.raw_string(),
            '(' => {
                self.paren_depth += 1;
                TokenKind::LeftParen
            }
            ')' => return self.close_paren(),
            '{' => {
                self.brace_open = true;
                TokenKind::LeftBrace
            }
            '[' => return self.open_bracket(),
            ']' if self.bracket_open => {
                self.bracket_open = false;
                TokenKind::RightBracket
            }
            ']' => return self.error(format!("unexpected right bracket {}", quote_rune(Some(c)))),
            c if c.is_ascii_digit() || (c == '.' && self.next_is_digit()) => {
                self.pos = self.start;
                return self.number_or_duration();
            }
            c if is_alpha(c) || c == ':' => return self.word_or_colon(c),
            c => return self.error(format!("unexpected character: {}", quote_rune(Some(c)))),
        })
    }

    fn end_of_input(&mut self) -> Scan {
        if self.paren_depth != 0 {
            return self.error("unclosed left parenthesis".into());
        }
        if self.bracket_open {
            return self.error("unclosed left bracket".into());
        }
        Ok(TokenKind::Eof)
    }

    fn after_equal(&mut self) -> Scan {
        match self.peek() {
            Some('=') => {
                self.next();
                Ok(TokenKind::Op(BinaryOp::Eq))
            }
            Some('~') => self.error("unexpected character after '=': '~'".into()),
            _ => Ok(TokenKind::Equal),
        }
    }

    fn after_bang(&mut self) -> Scan {
        match self.next() {
            Some('=') => Ok(TokenKind::Op(BinaryOp::NotEq)),
            other => self.error(format!("unexpected character after '!': {}", quote_rune(other))),
        }
    }

    fn close_paren(&mut self) -> Scan {
        let Some(depth) = self.paren_depth.checked_sub(1) else {
            self.start = self.pos;
            return self.error("unexpected right parenthesis ')'".into());
        };
        self.paren_depth = depth;
        Ok(TokenKind::RightParen)
    }

    fn open_bracket(&mut self) -> Scan {
        if self.bracket_open {
            return self.error("unexpected left bracket '['".into());
        }
        self.got_colon = false;
        self.bracket_open = true;
        self.in_duration = true;
        Ok(TokenKind::LeftBracket)
    }

    /// Inside brackets, but behind a number, only a colon and few words are possible.
    fn word_or_colon(&mut self, first: char) -> Scan {
        if !self.bracket_open {
            return Ok(self.word());
        }
        match first {
            ':' if self.got_colon => self.error("unexpected colon ':'".into()),
            ':' => {
                self.got_colon = true;
                Ok(TokenKind::Colon)
            }
            _ => {
                if let Some(kind) = self.duration_word() {
                    return Ok(kind);
                }
                let first = quote_rune(Some(first));
                self.error(format!("unexpected character: {first}, expected ':'"))
            }
        }
    }

    fn word(&mut self) -> TokenKind {
        self.take_while(|c| is_alphanumeric(c) || c == ':');
        let word = self.text();
        match keyword(word) {
            // So that metrics of these names go on working.
            Some(TokenKind::Keyword(Keyword::Fill | Keyword::FillLeft | Keyword::FillRight))
                if !self.rest().trim_start_matches(is_space).starts_with('(') =>
            {
                TokenKind::Identifier
            }
            Some(kind) => kind,
            None if word.contains(':') => TokenKind::MetricIdentifier,
            None => TokenKind::Identifier,
        }
    }

    /// The words that duration expressions know.
    fn duration_word(&mut self) -> Option<TokenKind> {
        self.take_while(is_alpha);
        let word = self.text();
        match word.to_ascii_lowercase().as_str() {
            "step" | "range" => keyword(word),
            "min_of" | "max_of" => Some(TokenKind::Identifier),
            _ => None,
        }
    }

    fn duration_token(&mut self) -> Scan {
        let Some(c) = self.next() else {
            return self.error("unexpected end of input in duration expression".into());
        };
        Ok(match c {
            ']' => {
                self.bracket_open = false;
                self.got_colon = false;
                self.in_duration = false;
                TokenKind::RightBracket
            }
            ':' => return self.duration_colon(),
            '(' => {
                self.paren_depth += 1;
                TokenKind::LeftParen
            }
            ')' => return self.close_paren(),
            '+' => TokenKind::Op(BinaryOp::Add),
            '-' => TokenKind::Op(BinaryOp::Sub),
            '*' => TokenKind::Op(BinaryOp::Mul),
            '/' => TokenKind::Op(BinaryOp::Div),
            '%' => TokenKind::Op(BinaryOp::Mod),
            '^' => TokenKind::Op(BinaryOp::Pow),
            ',' => TokenKind::Comma,
            c if c.is_ascii_digit() || (c == '.' && self.next_is_digit()) => {
                self.pos = self.start;
                self.got_duration = true;
                self.in_duration = false;
                return self.number_or_duration();
            }
            c => match c {
                's' | 'S' | 'm' | 'M' | 'r' | 'R' => self.duration_word(),
                _ => None,
            }
            .map_or_else(|| self.bad_duration_character(c), Ok)?,
        })
    }

    fn bad_duration_character(&mut self, c: char) -> Scan {
        let c = quote_rune(Some(c));
        self.error(format!("unexpected character in duration expression: {c}"))
    }

    fn duration_colon(&mut self) -> Scan {
        let message = if !self.got_duration {
            "unexpected colon before duration in duration expression"
        } else if self.got_colon {
            "unexpected repeated colon in duration expression"
        } else {
            self.got_colon = true;
            return Ok(TokenKind::Colon);
        };
        self.start = self.pos;
        self.error(message.into())
    }

    fn brace_token(&mut self) -> Scan {
        let Some(c) = self.next() else {
            return self.error("unexpected end of input inside braces".into());
        };
        Ok(match c {
            ',' => TokenKind::Comma,
            '=' if self.accept('~') => TokenKind::EqualRegex,
            '=' => TokenKind::Equal,
            '!' => match self.next() {
                Some('~') => TokenKind::NotRegex,
                Some('=') => TokenKind::Op(BinaryOp::NotEq),
                other => {
                    let other = quote_rune(other);
                    let message = format!("unexpected character after '!' inside braces: {other}");
                    return self.error(message);
                }
            },
            '"' | '\'' => return self.quoted_string(c),
            '`' => return self.raw_string(),
            '{' => return self.error("unexpected left brace '{'".into()),
            '}' => {
                self.brace_open = false;
                TokenKind::RightBrace
            }
            c if is_alpha(c) => {
                self.take_while(is_alphanumeric);
                TokenKind::Identifier
            }
            c => {
                let message =
                    format!("unexpected character inside braces: {}", quote_rune(Some(c)));
                return self.error(message);
            }
        })
    }

    /// A number, or the duration that starts like one.
    fn number_or_duration(&mut self) -> Scan {
        if self.scan_number() {
            return Ok(TokenKind::Number);
        }
        if self.scan_rest_of_duration() {
            return Ok(TokenKind::Duration);
        }
        let text = quote(self.text());
        self.error(format!("bad number or duration syntax: {text}"))
    }

    fn error<T>(&self, message: String) -> Result<T, LexError> {
        Err(LexError { start: self.start, message })
    }

    fn skip_space(&mut self) {
        self.take_while(is_space);
    }

    fn skip_space_and_comments(&mut self) {
        self.skip_space();
        while self.accept('#') {
            self.take_while(|c| c != '\n' && c != '\r');
            self.skip_space();
        }
    }

    /// The text of the token so far.
    fn text(&self) -> &'a str {
        self.input.get(self.start..self.pos).unwrap_or_default()
    }

    fn rest(&self) -> &'a str {
        self.input.get(self.pos..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn next_is_digit(&self) -> bool {
        self.peek().is_some_and(|c| c.is_ascii_digit())
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.pos += c.len_utf8();
        Some(c)
    }

    fn accept(&mut self, c: char) -> bool {
        self.accept_if(|next| next == c)
    }

    fn accept_if(&mut self, test: impl Fn(char) -> bool) -> bool {
        let fits = self.peek().is_some_and(test);
        if fits {
            self.next();
        }
        fits
    }

    fn take_while(&mut self, test: impl Fn(char) -> bool) {
        while self.accept_if(&test) {}
    }
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r')
}

fn is_alpha(c: char) -> bool {
    c == '_' || c.is_ascii_alphabetic()
}

fn is_alphanumeric(c: char) -> bool {
    is_alpha(c) || c.is_ascii_digit()
}
