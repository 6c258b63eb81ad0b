//! What follows a backslash.

use regex_syntax::hir::{ClassUnicode, Hir, Look};

use super::class::{perl_class, unicode_class};
use super::{Parser, Result, error};

impl<'a> Parser<'a> {
    /// A backslash outside of brackets.
    pub(super) fn backslash(&mut self) -> Result<()> {
        let start = self.rest;
        let look = match start.as_bytes().get(1) {
            Some(b'A') => Some(Look::Start),
            Some(b'z') => Some(Look::End),
            Some(b'b') => Some(Look::WordAscii),
            Some(b'B') => Some(Look::WordAsciiNegate),
            Some(b'Q') => return self.quoted(),
            _ => None,
        };
        if let Some(look) = look {
            self.rest = &start[2..];
            self.push(Hir::look(look));
            return Ok(());
        }
        if let Some(class) = self.class_escape()? {
            return self.push_class(class);
        }
        let (code, rest) = escape(start)?;
        self.rest = rest;
        self.literal(code)
    }

    /// `\pN`, `\p{Name}`, `\d`, `\s`, `\w` and their opposites, if one of them is next.
    pub(super) fn class_escape(&mut self) -> Result<Option<ClassUnicode>> {
        let fold_case = self.flags.fold_case;
        let found = match unicode_class(self.rest, fold_case)? {
            None => perl_class(self.rest, fold_case),
            found => found,
        };
        Ok(found.map(|(class, rest)| {
            self.rest = rest;
            class
        }))
    }

    /// `\Q…\E`, or to the end.
    fn quoted(&mut self) -> Result<()> {
        let text: &'a str = &self.rest[2..];
        let (text, rest) = text.split_once(r"\E").unwrap_or((text, ""));
        self.rest = rest;
        text.chars().try_for_each(|c| self.literal(u32::from(c)))
    }
}

/// A backslash that stands for one code point, and what comes after it.
pub(super) fn escape(text: &str) -> Result<(u32, &str)> {
    let mut rest = &text[1..];
    let Some(c) = next(&mut rest) else {
        return error("trailing backslash at end of expression", "");
    };
    let code = match c {
        '1'..='7' if !rest.starts_with(|c: char| c.is_digit(8)) => None,
        '0'..='7' => Some(octal(c, &mut rest)),
        'x' => hex(&mut rest),
        'a' => Some(7),
        'f' => Some(12),
        'n' => Some(10),
        'r' => Some(13),
        't' => Some(9),
        'v' => Some(11),
        c if c.is_ascii() && !c.is_ascii_alphanumeric() => Some(u32::from(c)),
        _ => None,
    };
    match code {
        Some(code) => Ok((code, rest)),
        None => error("invalid escape sequence", &text[..text.len() - rest.len()]),
    }
}

fn next(rest: &mut &str) -> Option<char> {
    let c = rest.chars().next()?;
    *rest = &rest[c.len_utf8()..];
    Some(c)
}

/// Up to two more octal digits.
fn octal(first: char, rest: &mut &str) -> u32 {
    let mut code = first.to_digit(8).unwrap_or(0);
    for _ in 0..2 {
        let Some(digit) = rest.chars().next().and_then(|c| c.to_digit(8)) else { break };
        *rest = &rest[1..];
        code = code * 8 + digit;
    }
    code
}

/// `41` or `{1F600}`. `None` leaves `rest` after what was looked at, as Go's errors show it.
fn hex(rest: &mut &str) -> Option<u32> {
    let first = next(rest)?;
    if first != '{' {
        let second = next(rest).and_then(|c| c.to_digit(16));
        return Some(first.to_digit(16)? * 16 + second?);
    }
    let (mut code, mut digits) = (0, 0);
    loop {
        match next(rest)? {
            '}' if digits > 0 => return Some(code),
            c => code = code * 16 + c.to_digit(16)?,
        }
        digits += 1;
        if code > u32::from(char::MAX) {
            return None;
        }
    }
}
