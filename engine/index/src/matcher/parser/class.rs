//! Character classes: brackets, Perl's, POSIX' and Unicode's.

use regex_syntax::hir::{Class, ClassUnicode, ClassUnicodeRange, HirKind};

use super::escape::escape;
use super::{Parser, Result, error, fold};

/// A class and what comes after it.
type Found<'a> = (ClassUnicode, &'a str);

impl Parser<'_> {
    /// `[…]`.
    pub(super) fn bracket_class(&mut self) -> Result<()> {
        let whole = self.rest;
        self.rest = &whole[1..];
        let negated = self.rest.starts_with('^');
        if negated {
            self.rest = &self.rest[1..];
        }
        let mut ranges = Vec::new();
        let mut first = true;
        while first || !self.rest.starts_with(']') {
            first = false;
            self.class_item(whole, &mut ranges)?;
        }
        self.rest = &self.rest[1..];
        let mut class = ClassUnicode::new(ranges);
        if negated {
            class.negate();
        }
        self.push_class(class)
    }

    fn class_item(&mut self, whole: &str, ranges: &mut Vec<ClassUnicodeRange>) -> Result<()> {
        let named = match posix_class(self.rest, self.flags.fold_case)? {
            Some((class, rest)) => {
                self.rest = rest;
                Some(class)
            }
            None => self.class_escape()?,
        };
        let class = match named {
            Some(class) => class,
            None => self.class_range(whole)?,
        };
        self.ranges += class.ranges().len();
        if self.ranges > super::MOST_RANGES {
            return error("expression too large", self.pattern);
        }
        ranges.extend_from_slice(class.ranges());
        Ok(())
    }

    /// One code point, or two with a dash between.
    fn class_range(&mut self, whole: &str) -> Result<ClassUnicode> {
        let start = self.rest;
        let low = self.class_char(whole)?;
        let dash = self.rest.starts_with('-') && self.rest.len() > 1;
        let high = if dash && !self.rest.starts_with("-]") {
            self.rest = &self.rest[1..];
            self.class_char(whole)?
        } else {
            low
        };
        if high < low {
            let range = &start[..start.len() - self.rest.len()];
            return error("invalid character class range", range);
        }
        let mut class = ClassUnicode::new(without_surrogates(low, high));
        if self.flags.fold_case {
            fold(&mut class);
        }
        Ok(class)
    }

    fn class_char(&mut self, whole: &str) -> Result<u32> {
        let Some(c) = self.rest.chars().next() else { return error("missing closing ]", whole) };
        if c == '\\' {
            let (code, rest) = escape(self.rest)?;
            self.rest = rest;
            return Ok(code);
        }
        self.rest = &self.rest[c.len_utf8()..];
        Ok(u32::from(c))
    }
}

/// The range without the surrogates, which no string has.
fn without_surrogates(low: u32, high: u32) -> Option<ClassUnicodeRange> {
    let surrogates = 0xD800..=0xDFFF;
    let low = if surrogates.contains(&low) { 0xE000 } else { low };
    let high = if surrogates.contains(&high) { 0xD7FF } else { high };
    let range = (char::from_u32(low)?, char::from_u32(high)?);
    (low <= high).then(|| ClassUnicodeRange::new(range.0, range.1))
}

fn ascii(ranges: &[(char, char)], negated: bool, fold_case: bool) -> ClassUnicode {
    let mut class = ClassUnicode::new(ranges.iter().map(|&(a, b)| ClassUnicodeRange::new(a, b)));
    if fold_case {
        fold(&mut class);
    }
    if negated {
        class.negate();
    }
    class
}

const WORD: &[(char, char)] = &[('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z')];

/// `\d`, `\s`, `\w` and their opposites, if one of them is next; ASCII in RE2.
pub(super) fn perl_class(text: &str, fold_case: bool) -> Option<Found<'_>> {
    let name = *text.strip_prefix('\\')?.as_bytes().first()?;
    let ranges: &[(char, char)] = match name.to_ascii_lowercase() {
        b'd' => &[('0', '9')],
        b's' => &[('\t', '\n'), ('\u{c}', '\r'), (' ', ' ')],
        b'w' => WORD,
        _ => return None,
    };
    Some((ascii(ranges, name.is_ascii_uppercase(), fold_case), &text[2..]))
}

/// `[:name:]` or `[:^name:]`, if one of them is next.
fn posix_class(text: &str, fold_case: bool) -> Result<Option<Found<'_>>> {
    let Some(inner) = text.strip_prefix("[:") else { return Ok(None) };
    let Some(end) = inner.find(":]") else { return Ok(None) };
    let (name, rest) = (&inner[..end], &inner[end + 2..]);
    let (negated, plain) = match name.strip_prefix('^') {
        Some(plain) => (true, plain),
        None => (false, name),
    };
    let ranges: &[(char, char)] = match plain {
        "alnum" => &[('0', '9'), ('A', 'Z'), ('a', 'z')],
        "alpha" => &[('A', 'Z'), ('a', 'z')],
        "ascii" => &[('\0', '\x7f')],
        "blank" => &[('\t', '\t'), (' ', ' ')],
        "cntrl" => &[('\0', '\x1f'), ('\x7f', '\x7f')],
        "digit" => &[('0', '9')],
        "graph" => &[('!', '~')],
        "lower" => &[('a', 'z')],
        "print" => &[(' ', '~')],
        "punct" => &[('!', '/'), (':', '@'), ('[', '`'), ('{', '~')],
        "space" => &[('\t', '\r'), (' ', ' ')],
        "upper" => &[('A', 'Z')],
        "word" => WORD,
        "xdigit" => &[('0', '9'), ('A', 'F'), ('a', 'f')],
        _ => {
            let whole = &text[..text.len() - rest.len()];
            return error("invalid character class range", whole);
        }
    };
    Ok(Some((ascii(ranges, negated, fold_case), rest)))
}

/// `\pN`, `\p{Name}`, `\p{^Name}` and their opposites, if one of them is next.
pub(super) fn unicode_class(text: &str, fold_case: bool) -> Result<Option<Found<'_>>> {
    let Some(after) = text.strip_prefix("\\p").or_else(|| text.strip_prefix("\\P")) else {
        return Ok(None);
    };
    let (name, rest) = match after.strip_prefix('{') {
        Some(inner) => match inner.split_once('}') {
            Some(parts) => parts,
            None => return error("invalid character class range", text),
        },
        None => after.split_at(after.chars().next().map_or(0, char::len_utf8)),
    };
    let (inverted, plain) = match name.strip_prefix('^') {
        Some(plain) => (true, plain),
        None => (false, name),
    };
    let Some(mut class) = unicode_table(plain) else {
        let whole = &text[..text.len() - rest.len()];
        return error("invalid character class range", whole);
    };
    if fold_case {
        fold(&mut class);
    }
    if text.starts_with("\\P") != inverted {
        class.negate();
    }
    Ok(Some((class, rest)))
}

/// The general categories that Go knows by one or two letters.
const CATEGORIES: &[&str] = &[
    "C", "Cc", "Cf", "Co", "L", "Ll", "Lm", "Lo", "Lt", "Lu", "M", "Mc", "Me", "Mn", "N", "Nd",
    "Nl", "No", "P", "Pc", "Pd", "Pe", "Pf", "Pi", "Po", "Ps", "S", "Sc", "Sk", "Sm", "So", "Z",
    "Zl", "Zp", "Zs",
];

/// A category or script by Go's name; the case of letters matters.
fn unicode_table(name: &str) -> Option<ClassUnicode> {
    match name {
        "Any" => Some(ClassUnicode::new([ClassUnicodeRange::new('\0', char::MAX)])),
        // Surrogates: no string has one.
        "Cs" => Some(ClassUnicode::empty()),
        // In Go "other" leaves out what is unassigned.
        "C" => {
            let mut class = table(r"\p{Cc}")?;
            class.union(&table(r"\p{Cf}")?);
            class.union(&table(r"\p{Co}")?);
            Some(class)
        }
        _ if CATEGORIES.contains(&name) => table(&format!("\\p{{gc={name}}}")),
        _ if is_script_name(name) => table(&format!("\\p{{sc={name}}}")),
        _ => None,
    }
}

/// `Greek`, `Old_Italic`, `SignWriting`: words that start with a capital letter. The regex crates
/// would also take other spellings.
fn is_script_name(name: &str) -> bool {
    let word = |w: &str| {
        w.starts_with(|c: char| c.is_ascii_uppercase())
            && w.bytes().all(|b| b.is_ascii_alphabetic())
    };
    let shouting = name.len() > 1 && !name.contains(|c: char| c.is_ascii_lowercase());
    !shouting && name.split('_').all(|w| word(w) || w == "of" || w == "ko")
}

fn table(pattern: &str) -> Option<ClassUnicode> {
    let hir = regex_syntax::parse(pattern).ok()?;
    match hir.into_kind() {
        HirKind::Class(Class::Unicode(class)) => Some(class),
        _ => None,
    }
}
