//! Quoting as Go does it, for error texts and for printing trees.

use std::fmt::Write;

/// Go's `%q` of a string.
pub(crate) fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        escape(&mut out, c, '"');
    }
    out.push('"');
    out
}

/// `%q`, or of a text of more than 10 bytes `%.10q...`: how errors show tokens.
pub(super) fn quote_prefix(text: &str) -> String {
    if text.len() <= 10 {
        return quote(text);
    }
    let short: String = text.chars().take(10).collect();
    quote(&short) + "..."
}

/// Go's `%q` of a rune; the end of input is shown as the replacement character.
pub(super) fn quote_rune(c: Option<char>) -> String {
    let mut out = String::from('\'');
    escape(&mut out, c.unwrap_or(char::REPLACEMENT_CHARACTER), '\'');
    out.push('\'');
    out
}

/// Go's `%#U` of a rune.
pub(super) fn unicode_rune(c: char) -> String {
    let code = u32::from(c);
    if is_printable(c) { format!("U+{code:04X} '{c}'") } else { format!("U+{code:04X}") }
}

/// Go's `%q` of a string that may be no UTF-8.
pub(crate) fn quote_bytes(bytes: &[u8]) -> String {
    let mut out = String::from('"');
    for chunk in bytes.utf8_chunks() {
        chunk.valid().chars().for_each(|c| escape(&mut out, c, '"'));
        for byte in chunk.invalid() {
            // Writing into a String can't fail.
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
    out.push('"');
    out
}

fn escape(out: &mut String, c: char, quote: char) {
    // Writing into a String can't fail.
    let _ = match c {
        '\\' => write!(out, "\\\\"),
        '\x07' => write!(out, "\\a"),
        '\x08' => write!(out, "\\b"),
        '\x0c' => write!(out, "\\f"),
        '\n' => write!(out, "\\n"),
        '\r' => write!(out, "\\r"),
        '\t' => write!(out, "\\t"),
        '\x0b' => write!(out, "\\v"),
        c if c == quote => write!(out, "\\{c}"),
        c if is_printable(c) => write!(out, "{c}"),
        c if c < ' ' || c == '\x7f' => write!(out, "\\x{:02x}", u32::from(c)),
        c if u32::from(c) < 0x1_0000 => write!(out, "\\u{:04x}", u32::from(c)),
        c => write!(out, "\\U{:08x}", u32::from(c)),
    };
}

/// Whether Go prints the character as it is. Rust's debug form escapes the same characters (up to
/// the version of Unicode) when they stand inside a word.
fn is_printable(c: char) -> bool {
    if c.is_ascii() {
        return c == ' ' || c.is_ascii_graphic();
    }
    let mut word = String::from('a');
    word.push(c);
    word.escape_debug().count() == 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_like_go() {
        assert_eq!(quote("a\"b\\\n\u{1}é\u{301}\u{200b}\u{e0001}"), {
            "\"a\\\"b\\\\\\n\\x01é\u{301}\\u200b\\U000e0001\""
        });
        assert_eq!(quote_prefix("0123456789é"), "\"0123456789\"...");
        assert_eq!(
            (quote_rune(Some('\'')), quote_rune(None)),
            ("'\\''".into(), "'\u{fffd}'".into())
        );
        assert_eq!((unicode_rune('q'), unicode_rune('\0')), ("U+0071 'q'".into(), "U+0000".into()));
    }
}
