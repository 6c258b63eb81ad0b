//! RE2 syntax, as Go's `regexp/syntax` reads it with the flags `Perl | DotNL` (what Prometheus
//! uses), into the regex crates' intermediate form.
//!
//! A parser of its own instead of a translation of texts: the two syntaxes differ in dozens of
//! small ways (`[[]`, `&&` in classes, `\Q…\E`, ASCII `\w`, what is an error and how it is named),
//! and the form between has none of them. The grammar is at
//! <https://github.com/google/re2/wiki/Syntax>.

mod class;
mod escape;

use regex_syntax::hir::{Capture, Class, ClassUnicode, ClassUnicodeRange, Hir, Look, Repetition};

/// Go's `maxHeight`: how deep groups and repetitions may nest.
const DEEPEST: u32 = 1000;
/// Go's limit on counted repetitions, also on their product when they nest.
const MOST_REPEATS: u32 = 1000;
/// Ranges of all character classes together; each takes 8 bytes.
const MOST_RANGES: usize = 1 << 20;

/// Why a pattern is refused, with Go's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SyntaxError {
    pub(super) code: &'static str,
    pub(super) fragment: String,
}

pub(super) type Result<T> = std::result::Result<T, SyntaxError>;

pub(super) fn error<T>(code: &'static str, fragment: &str) -> Result<T> {
    Err(SyntaxError { code, fragment: fragment.to_owned() })
}

/// The flags that a pattern can set.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "the flags of RE2, which are independent")]
struct Flags {
    fold_case: bool,
    multi_line: bool,
    dot_newline: bool,
    /// Repetitions take little; changes what groups capture, but no full match.
    swap_greed: bool,
}

/// A finished piece.
struct Item {
    hir: Hir,
    /// Product of the counted repetitions that nest in it.
    repeats: u32,
    height: u32,
}

/// An open group, or the pattern itself.
struct Group {
    /// Flags to return to at its end.
    outer: Flags,
    /// Its number, if it captures and captures are wanted.
    capture: Option<u32>,
    branches: Vec<Hir>,
    items: Vec<Hir>,
    /// Of the item at the end, which a repetition would take.
    last: (u32, u32),
    repeats: u32,
    height: u32,
}

impl Group {
    fn new(outer: Flags, capture: Option<u32>) -> Self {
        let (branches, items) = (Vec::new(), Vec::new());
        Self { outer, capture, branches, items, last: (1, 0), repeats: 1, height: 0 }
    }

    fn push(&mut self, item: Item) {
        self.items.push(item.hir);
        self.last = (item.repeats, item.height);
        self.repeats = self.repeats.max(item.repeats);
        self.height = self.height.max(item.height);
    }

    fn end_branch(&mut self) {
        let items = std::mem::take(&mut self.items);
        self.branches.push(Hir::concat(items));
    }

    fn finish(mut self) -> Item {
        self.end_branch();
        let mut hir = Hir::alternation(self.branches);
        if let Some(index) = self.capture {
            // Without its name: Go lets two groups have the same one, the regex crates do not.
            hir = Hir::capture(Capture { index, name: None, sub: Box::new(hir) });
        }
        Item { hir, repeats: self.repeats, height: self.height + 1 }
    }
}

/// A pattern that was read.
pub(super) struct Parsed {
    pub(super) hir: Hir,
    /// The ranges in its character classes.
    pub(super) ranges: usize,
    /// The names of its groups, "" for those without, if they were asked for; the first is 1.
    pub(super) groups: Vec<Box<str>>,
}

/// Parses a whole pattern; its groups only group.
pub(super) fn parse(pattern: &str) -> Result<Parsed> {
    Parser::new(pattern, None).run()
}

/// Parses a whole pattern whose groups capture.
pub(super) fn parse_groups(pattern: &str) -> Result<Parsed> {
    Parser::new(pattern, Some(Vec::new())).run()
}

struct Parser<'a> {
    pattern: &'a str,
    rest: &'a str,
    flags: Flags,
    /// The pattern, and the groups that are open.
    groups: Vec<Group>,
    /// Ranges in all classes so far.
    ranges: usize,
    /// The names of the capturing groups so far, if they are wanted.
    names: Option<Vec<Box<str>>>,
}

impl<'a> Parser<'a> {
    fn new(pattern: &'a str, names: Option<Vec<Box<str>>>) -> Self {
        let (fold_case, multi_line, swap_greed) = (false, false, false);
        let flags = Flags { fold_case, multi_line, dot_newline: true, swap_greed };
        let groups = vec![Group::new(flags, None)];
        Self { pattern, rest: pattern, flags, groups, ranges: 0, names }
    }

    fn run(mut self) -> Result<Parsed> {
        let mut after_repeat = None;
        while let Some(c) = self.rest.chars().next() {
            let start = self.rest;
            let repeated = match c {
                '*' | '+' | '?' => {
                    self.rest = &start[1..];
                    let (min, max) = match c {
                        '*' => (0, None),
                        '+' => (1, None),
                        _ => (0, Some(1)),
                    };
                    self.repeat(start, min, max, after_repeat)?;
                    true
                }
                '{' => self.counted(start, after_repeat)?,
                _ => {
                    self.atom(c)?;
                    false
                }
            };
            after_repeat = repeated.then_some(start);
        }
        match (self.groups.pop(), self.groups.is_empty()) {
            (Some(whole), true) => {
                let (ranges, groups) = (self.ranges, self.names.unwrap_or_default());
                Ok(Parsed { hir: whole.finish().hir, ranges, groups })
            }
            _ => error("missing closing )", self.pattern),
        }
    }

    fn atom(&mut self, c: char) -> Result<()> {
        match c {
            '(' => return self.open(),
            ')' => return self.close(),
            '[' => return self.bracket_class(),
            '\\' => return self.backslash(),
            _ => {}
        }
        self.rest = &self.rest[c.len_utf8()..];
        match c {
            '|' => self.top().end_branch(),
            '^' if self.flags.multi_line => self.push(Hir::look(Look::StartLF)),
            '^' => self.push(Hir::look(Look::Start)),
            '$' if self.flags.multi_line => self.push(Hir::look(Look::EndLF)),
            '$' => self.push(Hir::look(Look::End)),
            '.' if self.flags.dot_newline => self.push(any()),
            '.' => self.push(any_but_newline()),
            _ => self.literal(u32::from(c))?,
        }
        Ok(())
    }

    fn open(&mut self) -> Result<()> {
        if self.rest.starts_with("(?") {
            return self.perl_group();
        }
        self.rest = &self.rest[1..];
        self.open_capture("")
    }

    fn open_capture(&mut self, name: &str) -> Result<()> {
        let capture = self.names.as_mut().map(|names| {
            names.push(name.into());
            names.len() as u32
        });
        self.open_group(self.flags, capture)
    }

    fn open_group(&mut self, inner: Flags, capture: Option<u32>) -> Result<()> {
        if self.groups.len() as u32 > DEEPEST {
            return error("expression nests too deeply", self.pattern);
        }
        self.groups.push(Group::new(self.flags, capture));
        self.flags = inner;
        Ok(())
    }

    fn close(&mut self) -> Result<()> {
        match self.groups.pop() {
            Some(group) if !self.groups.is_empty() => {
                self.flags = group.outer;
                self.push_item(group.finish())?;
                self.rest = &self.rest[1..];
                Ok(())
            }
            _ => error("unexpected )", self.pattern),
        }
    }

    /// `(?P<name>`, `(?<name>`, `(?flags)`, `(?flags:`.
    fn perl_group(&mut self) -> Result<()> {
        let start = self.rest;
        let named = start.strip_prefix("(?P<").or_else(|| start.strip_prefix("(?<"));
        match named {
            Some(named) => self.named_group(start, named),
            None => self.flag_group(start),
        }
    }

    fn named_group(&mut self, start: &'a str, named: &'a str) -> Result<()> {
        let Some(end) = named.find('>') else { return error("invalid named capture", start) };
        let after = &named[end + 1..];
        let name = &named[..end];
        if name.is_empty() || !name.bytes().all(|b| b == b'_' || b.is_ascii_alphanumeric()) {
            return error("invalid named capture", &start[..start.len() - after.len()]);
        }
        self.rest = after;
        self.open_capture(name)
    }

    fn flag_group(&mut self, start: &'a str) -> Result<()> {
        let (mut flags, mut on, mut saw) = (self.flags, true, false);
        let mut rest = &start[2..];
        while let Some(c) = rest.chars().next() {
            rest = &rest[c.len_utf8()..];
            match c {
                'i' => flags.fold_case = on,
                'm' => flags.multi_line = on,
                's' => flags.dot_newline = on,
                'U' => flags.swap_greed = on,
                '-' if on => {
                    on = false;
                    saw = false;
                    continue;
                }
                ':' | ')' if on || saw => {
                    self.rest = rest;
                    if c == ':' {
                        return self.open_group(flags, None);
                    }
                    self.flags = flags;
                    return Ok(());
                }
                _ => break,
            }
            saw = true;
        }
        let seen = &start[..start.len() - rest.len()];
        error("invalid or unsupported Perl syntax", seen)
    }

    /// `{n}`, `{n,}` or `{n,m}`; anything else is a brace. Returns whether it was a repetition.
    fn counted(&mut self, start: &'a str, after_repeat: Option<&'a str>) -> Result<bool> {
        let Some((min, max, rest)) = count(start) else {
            self.rest = &start[1..];
            self.literal(u32::from('{'))?;
            return Ok(false);
        };
        let bad = min > MOST_REPEATS || max.is_some_and(|max| max > MOST_REPEATS || min > max);
        if bad {
            return error("invalid repeat count", &start[..start.len() - rest.len()]);
        }
        self.rest = rest;
        self.repeat(start, min, max, after_repeat)?;
        Ok(true)
    }

    fn repeat(
        &mut self,
        start: &'a str,
        min: u32,
        max: Option<u32>,
        after_repeat: Option<&'a str>,
    ) -> Result<()> {
        let lazy = self.rest.strip_prefix('?');
        let greedy = lazy.is_some() == self.flags.swap_greed;
        self.rest = lazy.unwrap_or(self.rest);
        let here = &start[..start.len() - self.rest.len()];
        if let Some(before) = after_repeat {
            let both = &before[..before.len() - self.rest.len()];
            return error("invalid nested repetition operator", both);
        }
        let Some(hir) = self.top().items.pop() else {
            return error("missing argument to repetition operator", here);
        };
        let (repeats, height) = self.top().last;
        let times = max.unwrap_or(min).max(1);
        let counted = min >= 2 || max.is_some_and(|max| max >= 2);
        if counted && times.saturating_mul(repeats) > MOST_REPEATS {
            return error("invalid repeat count", here);
        }
        let hir = Hir::repetition(Repetition { min, max, greedy, sub: Box::new(hir) });
        self.push_item(Item { hir, repeats: times.saturating_mul(repeats), height: height + 1 })
    }

    /// One code point; a surrogate can't be in a string, so it matches nothing.
    fn literal(&mut self, code: u32) -> Result<()> {
        let Some(c) = char::from_u32(code) else {
            self.push(Hir::fail());
            return Ok(());
        };
        if !self.flags.fold_case {
            self.push(Hir::literal(c.encode_utf8(&mut [0; 4]).as_bytes()));
            return Ok(());
        }
        let mut class = ClassUnicode::new([ClassUnicodeRange::new(c, c)]);
        fold(&mut class);
        self.push_class(class)
    }

    fn push_class(&mut self, class: ClassUnicode) -> Result<()> {
        self.ranges += class.ranges().len();
        if self.ranges > MOST_RANGES {
            return error("expression too large", self.pattern);
        }
        self.push(Hir::class(Class::Unicode(class)));
        Ok(())
    }

    fn push(&mut self, hir: Hir) {
        self.top().push(Item { hir, repeats: 1, height: 1 });
    }

    fn push_item(&mut self, item: Item) -> Result<()> {
        if item.height > DEEPEST {
            return error("expression nests too deeply", self.pattern);
        }
        self.top().push(item);
        Ok(())
    }

    fn top(&mut self) -> &mut Group {
        if self.groups.is_empty() {
            self.groups.push(Group::new(self.flags, None));
        }
        let last = self.groups.len() - 1;
        &mut self.groups[last]
    }
}

fn fold(class: &mut ClassUnicode) {
    // Fails only if the crate was built without its case tables, which the manifest asks for.
    let _ = class.try_case_fold_simple();
}

fn any() -> Hir {
    Hir::class(Class::Unicode(ClassUnicode::new([ClassUnicodeRange::new('\0', char::MAX)])))
}

fn any_but_newline() -> Hir {
    let mut class = ClassUnicode::new([ClassUnicodeRange::new('\n', '\n')]);
    class.negate();
    Hir::class(Class::Unicode(class))
}

/// `{n}`, `{n,}` or `{n,m}`, and what comes after it.
fn count(text: &str) -> Option<(u32, Option<u32>, &str)> {
    let (min, rest) = number(text.strip_prefix('{')?)?;
    if let Some(rest) = rest.strip_prefix('}') {
        return Some((min, Some(min), rest));
    }
    let rest = rest.strip_prefix(',')?;
    if let Some(rest) = rest.strip_prefix('}') {
        return Some((min, None, rest));
    }
    let (max, rest) = number(rest)?;
    Some((min, Some(max), rest.strip_prefix('}')?))
}

/// A decimal number without leading zeros; one that is too long becomes the largest.
fn number(text: &str) -> Option<(u32, &str)> {
    let len = text.bytes().take_while(u8::is_ascii_digit).count();
    let (digits, rest) = text.split_at(len);
    if digits.is_empty() || (len > 1 && digits.starts_with('0')) {
        return None;
    }
    Some((digits.parse().unwrap_or(u32::MAX), rest))
}
