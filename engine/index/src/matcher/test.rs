//! What a comparison accepts, in the cheapest form: most patterns of dashboards are no more than a
//! list of words, a prefix or "anything".

use regex_syntax::hir::{Class, Hir, HirKind, Look};

use super::engine::Engine;

/// How many strings a pattern may be multiplied out to. A plain list of words may be longer.
const MOST_PRODUCTS: usize = 256;
/// How many code points of a class may become a string each.
const MOST_CHARS: usize = 16;

/// A set of strings.
#[derive(Debug)]
pub(crate) enum Test {
    /// Exactly this one.
    Exact(Box<str>),
    /// One of these, sorted and distinct, never exactly one.
    Set(Box<[Box<str>]>),
    /// All that start so.
    Prefix(Box<str>),
    /// All that end so.
    Suffix(Box<str>),
    /// All that have this in them.
    Contains(Box<str>),
    /// All but the empty one.
    NotEmpty,
    /// Every one.
    Any,
    /// Those that the engine accepts; all of them start with `prefix`.
    Pattern {
        /// What all have in common; may be empty.
        prefix: Box<str>,
        /// The rest of the question.
        engine: Engine,
    },
}

impl Test {
    /// The set that a pattern matches and the bytes that were made for it; `None` if the pattern
    /// is too large.
    pub(super) fn of(hir: Hir) -> Option<(Self, usize)> {
        if let Some(set) = whole_literals(&hir) {
            let bytes = set.iter().map(|text| text.len() + size_of::<Box<str>>()).sum();
            return Some((Self::of_set(set), bytes));
        }
        let parts = parts(&hir);
        if let Some(simple) = simple(parts) {
            return Some((simple, 0));
        }
        let prefix = parts.first().and_then(text).unwrap_or_default();
        let prefix = prefix.into();
        let (engine, bytes) = Engine::new(hir)?;
        Some((Self::Pattern { prefix, engine }, bytes))
    }

    fn of_set(mut set: Vec<String>) -> Self {
        set.sort_unstable();
        set.dedup();
        match <[String; 1]>::try_from(set) {
            Ok([one]) => Self::Exact(one.into()),
            Err(set) => Self::Set(set.into_iter().map(String::into_boxed_str).collect()),
        }
    }

    /// Whether the set has this string.
    pub(crate) fn accepts(&self, value: &str) -> bool {
        match self {
            Self::Exact(text) => **text == *value,
            Self::Set(set) => set.binary_search_by(|text| (**text).cmp(value)).is_ok(),
            Self::Prefix(text) => value.starts_with(&**text),
            Self::Suffix(text) => value.ends_with(&**text),
            Self::Contains(text) => value.contains(&**text),
            Self::NotEmpty => !value.is_empty(),
            Self::Any => true,
            Self::Pattern { prefix, engine, .. } => {
                value.starts_with(&**prefix) && engine.matches(value)
            }
        }
    }
}

/// The parts of a sequence, without the anchors that a whole match makes needless.
fn parts(hir: &Hir) -> &[Hir] {
    let mut parts = match hir.kind() {
        HirKind::Concat(parts) => parts,
        _ => std::slice::from_ref(hir),
    };
    while let [first, rest @ ..] = parts
        && matches!(first.kind(), HirKind::Look(Look::Start))
    {
        parts = rest;
    }
    while let [rest @ .., last] = parts
        && matches!(last.kind(), HirKind::Look(Look::End))
    {
        parts = rest;
    }
    parts
}

fn simple(parts: &[Hir]) -> Option<Test> {
    let boxed = |hir| text(hir).map(Into::into);
    match parts {
        [] => Some(Test::Exact("".into())),
        [one] if is_any(one, 0) => Some(Test::Any),
        [one] if is_any(one, 1) => Some(Test::NotEmpty),
        [start, rest] if is_any(rest, 0) => boxed(start).map(Test::Prefix),
        [rest, end] if is_any(rest, 0) => boxed(end).map(Test::Suffix),
        [before, middle, after] if is_any(before, 0) && is_any(after, 0) => {
            boxed(middle).map(Test::Contains)
        }
        _ => None,
    }
}

/// Whether this is `.*` (at least 0) or `.+` (at least 1).
fn is_any(hir: &Hir, least: u32) -> bool {
    let HirKind::Repetition(r) = hir.kind() else { return false };
    let HirKind::Class(Class::Unicode(class)) = r.sub.kind() else { return false };
    let all = matches!(class.ranges(), [all] if all.start() == '\0' && all.end() == char::MAX);
    all && r.min == least && r.max.is_none()
}

fn text(hir: &Hir) -> Option<&str> {
    match hir.kind() {
        HirKind::Literal(literal) => std::str::from_utf8(&literal.0).ok(),
        _ => None,
    }
}

/// All strings that a whole pattern matches, if they are few; its anchors are needless.
fn whole_literals(hir: &Hir) -> Option<Vec<String>> {
    let HirKind::Alternation(branches) = hir.kind() else { return product(parts(hir)) };
    let sets: Option<Vec<_>> = branches.iter().map(|branch| product(parts(branch))).collect();
    sets.map(|sets| sets.concat())
}

/// All strings that a part matches, if they are few. An anchor inside is left to the engine.
fn literals(hir: &Hir) -> Option<Vec<String>> {
    match hir.kind() {
        HirKind::Empty => Some(vec![String::new()]),
        HirKind::Literal(_) => text(hir).map(|text| vec![text.to_owned()]),
        HirKind::Class(class) => chars(class),
        HirKind::Repetition(r) if (r.min, r.max) == (0, Some(1)) => {
            let mut set = literals(&r.sub)?;
            set.push(String::new());
            Some(set)
        }
        HirKind::Concat(parts) => product(parts),
        HirKind::Alternation(branches) => {
            let mut set = Vec::new();
            for branch in branches {
                set.append(&mut literals(branch)?);
            }
            Some(set)
        }
        _ => None,
    }
}

fn product(parts: &[Hir]) -> Option<Vec<String>> {
    let mut set = vec![String::new()];
    for part in parts {
        let ends = literals(part)?;
        // One factor may be long: it is as long as the pattern itself.
        let many = set.len().saturating_mul(ends.len());
        if many > MOST_PRODUCTS && set.len() > 1 && ends.len() > 1 {
            return None;
        }
        set = set.iter().flat_map(|a| ends.iter().map(move |b| format!("{a}{b}"))).collect();
        if set.iter().map(String::len).sum::<usize>() > MOST_BYTES {
            return None;
        }
    }
    Some(set)
}

/// Bytes that the strings of a product may have together.
const MOST_BYTES: usize = 1 << 20;

fn chars(class: &Class) -> Option<Vec<String>> {
    let Class::Unicode(class) = class else { return None };
    let count: usize = class.ranges().iter().map(regex_syntax::hir::ClassUnicodeRange::len).sum();
    if count > MOST_CHARS {
        return None;
    }
    let all = class.ranges().iter().flat_map(|r| r.start()..=r.end());
    Some(all.map(String::from).collect())
}
