//! What the text of a literal stands for.

use super::quote::quote;

/// The value of a number: an integer in Go's syntax (`0755` is octal, `0x1F`, `1_000`), else a
/// decimal float.
pub(super) fn number(text: &str) -> Result<f64, String> {
    let problem =
        |what| format!("error parsing number: strconv.ParseFloat: parsing {}: {what}", quote(text));
    if let Some(value) = integer(text) {
        return Ok(value as f64);
    }
    let hex = text.get(..2).is_some_and(|prefix| prefix.eq_ignore_ascii_case("0x"));
    if hex || !underscores_fit(text) {
        return Err(problem("invalid syntax"));
    }
    let value: f64 = text.replace('_', "").parse().map_err(|_| problem("invalid syntax"))?;
    if value.is_infinite() && !text.eq_ignore_ascii_case("inf") {
        return Err(problem("value out of range"));
    }
    Ok(value)
}

/// An `i64` in Go's syntax with the base in its prefix.
fn integer(text: &str) -> Option<i64> {
    if !underscores_fit(text) {
        return None;
    }
    let digits = text.replace('_', "");
    let lower = digits.to_ascii_lowercase();
    let (radix, digits) = match lower.as_bytes() {
        [b'0', b'x', ..] => (16, lower.get(2..)?),
        [b'0', _, ..] => (8, lower.get(1..)?),
        _ => (10, lower.as_str()),
    };
    // from_str_radix would take a sign.
    if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    i64::from_str_radix(digits, radix).ok()
}

/// Whether each underscore stands between digits, or behind the prefix.
fn underscores_fit(text: &str) -> bool {
    if !text.contains('_') {
        return true;
    }
    let hex = text.get(..2).is_some_and(|prefix| prefix.eq_ignore_ascii_case("0x"));
    let is_digit = |b: &u8| if hex { b.is_ascii_hexdigit() } else { b.is_ascii_digit() };
    let rest = if hex { text.get(2..).unwrap_or_default() } else { text };
    let mut before_fits = hex;
    let bytes = rest.as_bytes();
    for (i, b) in bytes.iter().enumerate() {
        if *b == b'_' && !(before_fits && bytes.get(i + 1).is_some_and(is_digit)) {
            return false;
        }
        before_fits = is_digit(b);
    }
    true
}

/// The text that a string literal stands for. The lexer has checked its escapes.
///
/// Bytes, because `"\xff"` is none.
pub(crate) fn unquote(literal: &str) -> Result<Vec<u8>, String> {
    let problem = || problem(literal, "invalid syntax");
    let mut chars = literal.chars();
    let (open, close) = (chars.next(), chars.next_back());
    if open.is_none() || open != close {
        return Err(problem());
    }
    let inner = chars.as_str();
    if open == Some('`') || !inner.contains('\\') {
        return Ok(inner.as_bytes().to_owned());
    }
    unescape(inner).ok_or_else(problem)
}

/// As [`unquote`], but only UTF-8.
pub(crate) fn unquote_text(literal: &str) -> Result<String, String> {
    String::from_utf8(unquote(literal)?).map_err(|_| problem(literal, "invalid UTF-8"))
}

fn problem(literal: &str, what: &str) -> String {
    format!("error unquoting string {}: {what}", quote(literal))
}

fn unescape(inner: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(inner.len());
    let mut rest = inner;
    while let Some((before, after)) = rest.split_once('\\') {
        out.extend_from_slice(before.as_bytes());
        let c = after.chars().next()?;
        let mut code = |start: usize, len: usize, radix| {
            let digits = after.get(start..start + len)?;
            rest = after.get(start + len..)?;
            u32::from_str_radix(digits, radix).ok()
        };
        match c {
            '0'..='7' => out.push(code(0, 3, 8)?.try_into().ok()?),
            'x' => out.push(code(1, 2, 16)?.try_into().ok()?),
            'u' | 'U' => {
                let c = char::from_u32(code(1, if c == 'u' { 4 } else { 8 }, 16)?)?;
                out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            }
            _ => {
                out.extend_from_slice(simple_escape(c).encode_utf8(&mut [0; 4]).as_bytes());
                rest = after.get(c.len_utf8()..)?;
            }
        }
    }
    out.extend_from_slice(rest.as_bytes());
    Some(out)
}

fn simple_escape(c: char) -> char {
    match c {
        'a' => '\x07',
        'b' => '\x08',
        'f' => '\x0c',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\x0b',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_numbers() {
        let all = ["1", "0755", "09", "0x1F", "1_000", "0x_1f", "1_0.5e1_0", "5.", ".5", "1e3"];
        let values: Vec<f64> = all.iter().map(|text| number(text).unwrap()).collect();
        assert_eq!(values, [1., 493., 9., 31., 1000., 31., 10.5e10, 5., 0.5, 1000.]);
        assert_eq!(number("9223372036854775808"), Ok(9_223_372_036_854_775_808.0));
        assert!(number("NaN").unwrap().is_nan() && number("iNf").unwrap().is_infinite());
    }

    #[test]
    fn refuses_numbers() {
        let text = |what| format!("error parsing number: strconv.ParseFloat: parsing {what}");
        assert_eq!(number("1e400"), Err(text("\"1e400\": value out of range")));
        assert_eq!(number("1_"), Err(text("\"1_\": invalid syntax")));
        assert_eq!(number("0x"), Err(text("\"0x\": invalid syntax")));
    }

    #[test]
    fn unquotes() {
        assert_eq!(unquote_text(r#""a\n\x41\101\u00e9\\\"""#), Ok("a\nAAé\\\"".into()));
        assert_eq!(unquote_text(r#""\xc3\xa9""#), Ok("é".into()));
        assert_eq!(unquote_text(r"`a\n'`"), Ok(r"a\n'".into()));
        assert_eq!(unquote_text(r"'\''"), Ok("'".into()));
        assert_eq!(unquote(r#""a\xff""#), Ok(b"a\xff".into()));
        assert!(unquote_text(r#""a\xff""#).is_err());
    }
}
