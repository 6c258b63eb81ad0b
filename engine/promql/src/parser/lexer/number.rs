//! Numbers and durations: how far a token reaches.
//!
//! The scanner of Prometheus takes some texts for numbers that are none (the parser refuses them)
//! and stops at its own places in bad ones. The error shows the text up to that place, so the
//! order of the tests here matters.

use super::{Lexer, is_alphanumeric};

impl Lexer<'_> {
    /// Takes a number; `false` if what stands there is none, or goes on as something else.
    pub(super) fn scan_number(&mut self) -> bool {
        let mut hex = false;
        let start = self.pos;
        if self.accept('0') && self.accept_if(|c| c == 'x' || c == 'X') {
            hex = true;
            self.accept('_');
        }
        let digit = |c: char| if hex { c.is_ascii_hexdigit() } else { c.is_ascii_digit() };
        self.accept('.');
        self.accept_if(digit);
        self.scan_digits(digit, hex) && self.pos > start && !self.next_is_alphanumeric()
    }

    /// Takes digits, a dot, an exponent and underscores; `false` at two that can't be neighbours.
    fn scan_digits(&mut self, digit: impl Fn(char) -> bool, hex: bool) -> bool {
        let (mut had_dot, mut had_exponent) = (false, false);
        while let Some(c) = self.peek() {
            match c {
                '.' => {
                    self.next();
                    if had_dot || self.accept_if(|c| c == '_' || c == '.') || hex {
                        return false;
                    }
                    had_dot = true;
                }
                'e' | 'E' => {
                    self.next();
                    if had_exponent {
                        return false;
                    }
                    had_exponent = true;
                    self.accept_if(|c| c == '+' || c == '-');
                    if self.accept_if(is_separator) || self.peek().is_none() {
                        return false;
                    }
                }
                '_' => {
                    self.next();
                    if self.accept_if(is_separator) || self.peek().is_none() {
                        return false;
                    }
                }
                c if digit(c) => self.take_while(&digit),
                _ => break,
            }
        }
        true
    }

    /// Takes the unit behind a number, and further numbers with units.
    pub(super) fn scan_rest_of_duration(&mut self) -> bool {
        let unit = |c| matches!(c, 's' | 'm' | 'h' | 'd' | 'w');
        if !self.accept_if(|c| unit(c) || c == 'y') {
            return false;
        }
        self.accept('s');
        while self.accept_if(|c| c.is_ascii_digit()) {
            self.take_while(|c| c.is_ascii_digit());
            if !self.accept_if(unit) {
                return false;
            }
            self.accept('s');
        }
        !self.accept_if(is_alphanumeric)
    }

    fn next_is_alphanumeric(&self) -> bool {
        self.peek().is_some_and(is_alphanumeric)
    }
}

fn is_separator(c: char) -> bool {
    matches!(c, '.' | '_' | 'e' | 'E')
}
