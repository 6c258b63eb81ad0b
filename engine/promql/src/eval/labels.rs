//! `label_replace` and `label_join`: functions of labels.

use nunatak_index::{Groups, Labels, LabelsBuilder, METRIC_NAME};

use super::{Exec, Sink};
use crate::error::{QueryError, Result};
use crate::grid::Grid;
use crate::plan::{LabelCall, LabelEdit};

/// The longest value that a function of labels makes, in bytes. Values that are joined with themselves
/// double with each call; what is longer than this is a mistake or an attack.
const LONGEST: usize = 1 << 20;

impl Exec<'_> {
    /// Series whose labels become equal are merged if they never meet at a step.
    pub(super) fn edit_labels(&self, call: &LabelCall, grid: &Grid, sink: Sink) -> Result<()> {
        let editor = Editor { edit: &call.edit };
        let mut matrix = self.collect(&call.input, grid)?;
        for series in &mut matrix.series {
            self.tick()?;
            let Some(value) = editor.value(&series.labels) else { continue };
            self.admit_value(&value, editor.destination(), &series.labels)?;
            let mut builder = LabelsBuilder::from_labels(&series.labels);
            builder.set(editor.destination(), &value.text());
            series.labels = built(&mut builder)?;
            series.drop_name &= editor.destination() != METRIC_NAME;
        }
        self.replay(self.merge_equal(matrix)?, sink)
    }

    /// Charges, before a value is there, what it is longer than the one that it replaces.
    fn admit_value(&self, value: &Value<'_>, label: &str, labels: &Labels) -> Result<()> {
        let bytes = value.bytes();
        if bytes > LONGEST {
            return Err(QueryError::execution(format!(
                "the value of label {label:?} would have {bytes} bytes, more than {LONGEST}"
            )));
        }
        self.watch.work(bytes)?;
        let old = labels.get(label).map_or(0, str::len);
        self.take_bytes(bytes.saturating_sub(old) as u64)
    }
}

pub(super) fn built(builder: &mut LabelsBuilder) -> Result<Labels> {
    builder.build().map_err(|error| QueryError::execution(error.to_string()))
}

struct Editor<'a> {
    edit: &'a LabelEdit,
}

impl<'a> Editor<'a> {
    fn destination(&self) -> &str {
        match self.edit {
            LabelEdit::Replace { dst, .. } | LabelEdit::Join { dst, .. } => dst,
        }
    }

    /// The new value, `None` if nothing is to change.
    fn value<'t>(&self, labels: &'t Labels) -> Option<Value<'t>>
    where
        'a: 't,
    {
        let pieces = match self.edit {
            LabelEdit::Join { separator, src, .. } => {
                let between = std::iter::repeat_n(separator.as_str(), src.len()).skip(1);
                let between = std::iter::once("").chain(between);
                let values = src.iter().map(|name| labels.get(name).unwrap_or(""));
                between.zip(values).flat_map(|(before, value)| [before, value]).collect()
            }
            LabelEdit::Replace { replacement, src, pattern, .. } => {
                let source = labels.get(src).unwrap_or("");
                expand(replacement, &pattern.captures(source)?)
            }
        };
        Some(Value(pieces))
    }
}

/// A value that is not yet made: its pieces, so that its length is known before.
struct Value<'t>(Vec<&'t str>);

impl Value<'_> {
    fn bytes(&self) -> usize {
        self.0.iter().map(|piece| piece.len()).sum()
    }

    fn text(&self) -> String {
        self.0.concat()
    }
}

/// Go's `Regexp.Expand`: `$1`, `$name`, `${name}` and `$$`; a name is as long as it can be, and
/// what is not captured is empty.
fn expand<'t>(template: &'t str, groups: &Groups<'t>) -> Vec<&'t str> {
    let mut out = Vec::new();
    let mut rest = template;
    while let Some(at) = rest.find('$') {
        out.push(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            out.push("$");
            rest = after;
        } else if let Some((name, after)) = reference(rest) {
            let group = match number(name) {
                Some(index) => groups.get(index),
                None => groups.name(name),
            };
            out.extend(group);
            rest = after;
        } else {
            out.push("$");
        }
    }
    out.push(rest);
    out
}

/// The number of a group; with a leading zero, or too long, it is a name.
fn number(name: &str) -> Option<usize> {
    let zero = name.len() > 1 && name.starts_with('0');
    let digits = !zero && name.len() <= 8 && name.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| name.parse().ok()).flatten()
}

/// The name behind a dollar sign, and what follows it.
fn reference(text: &str) -> Option<(&str, &str)> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    if let Some(inner) = text.strip_prefix('{') {
        let (name, after) = inner.split_once('}')?;
        return (!name.is_empty() && name.chars().all(is_word)).then_some((name, after));
    }
    let end = text.find(|c| !is_word(c)).unwrap_or(text.len());
    (end > 0).then(|| text.split_at(end))
}

#[cfg(test)]
mod tests {
    use super::*;
    use nunatak_index::Pattern;

    fn replaced(template: &str, pattern: &str, source: &str) -> Option<String> {
        let pattern = Pattern::new(pattern).unwrap();
        pattern.captures(source).map(|groups| expand(template, &groups).concat())
    }

    #[test]
    fn expands_like_go() {
        let cases = [
            ("$1-$2", "b-a".replace('a', "").trim_end_matches('-').to_owned() + "-"),
            ("${1}x", "bx".into()),
            ("$1x", String::new()),
            ("$$1", "$1".into()),
            ("${n}", "b".into()),
            ("$01${01}", String::new()),
            ("${0}", "ab".into()),
            ("$1é$1", "b".into()),
            ("a$", "a$".into()),
            ("${", "${".into()),
        ];
        for (template, want) in cases {
            assert_eq!(replaced(template, "a(?P<n>.)(c)?", "ab"), Some(want), "{template}");
        }
    }

    #[test]
    fn patterns_are_anchored_and_dots_match_newlines() {
        assert_eq!(replaced("x", "b", "ab"), None);
        assert_eq!(replaced("$1", "a(.*)", "a\nb"), Some("\nb".into()));
    }

    #[test]
    fn classes_are_ascii() {
        assert_eq!(replaced("x", r"\d", "٤"), None);
        assert_eq!(replaced("x", r"\w", "é"), None);
        assert_eq!(replaced("x", r"\s", "\u{a0}"), None);
        assert_eq!(replaced("$1", r"(\d+)\s\w", "12 a"), Some("12".into()));
    }
}
