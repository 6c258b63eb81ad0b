//! `label_replace` and `label_join`: functions of labels.

use nunatak_index::{Groups, Labels, LabelsBuilder, METRIC_NAME};

use super::{Exec, Sink};
use crate::error::{QueryError, Result};
use crate::grid::Grid;
use crate::plan::{LabelCall, LabelEdit};

impl Exec<'_> {
    /// Series whose labels become equal are merged if they never meet at a step.
    pub(super) fn edit_labels(&self, call: &LabelCall, grid: &Grid, sink: Sink) -> Result<()> {
        let editor = Editor { edit: &call.edit };
        let mut matrix = self.collect(&call.input, grid)?;
        for series in &mut matrix.series {
            self.tick()?;
            if let Some(labels) = editor.edit(&series.labels)? {
                series.labels = labels;
                series.drop_name &= editor.destination() != METRIC_NAME;
            }
        }
        self.replay(self.merge_equal(matrix)?, sink)
    }
}

struct Editor<'a> {
    edit: &'a LabelEdit,
}

impl Editor<'_> {
    fn destination(&self) -> &str {
        match self.edit {
            LabelEdit::Replace { dst, .. } | LabelEdit::Join { dst, .. } => dst,
        }
    }

    /// The new labels, `None` if nothing is to change.
    fn edit(&self, labels: &Labels) -> Result<Option<Labels>> {
        let value = match self.edit {
            LabelEdit::Join { separator, src, .. } => {
                let values: Vec<_> =
                    src.iter().map(|name| labels.get(name).unwrap_or("")).collect();
                values.join(separator)
            }
            LabelEdit::Replace { replacement, src, pattern, .. } => {
                let source = labels.get(src).unwrap_or("");
                let Some(groups) = pattern.captures(source) else { return Ok(None) };
                expand(replacement, &groups)
            }
        };
        let mut builder = LabelsBuilder::from_labels(labels);
        builder.set(self.destination(), &value);
        builder.build().map(Some).map_err(|error| QueryError::execution(error.to_string()))
    }
}

/// Go's `Regexp.Expand`: `$1`, `$name`, `${name}` and `$$`; a name is as long as it can be, and
/// what is not captured is empty.
fn expand(template: &str, groups: &Groups<'_>) -> String {
    let mut out = String::new();
    let mut rest = template;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            out.push('$');
            rest = after;
        } else if let Some((name, after)) = reference(rest) {
            let group = match number(name) {
                Some(index) => groups.get(index),
                None => groups.name(name),
            };
            out.push_str(group.unwrap_or(""));
            rest = after;
        } else {
            out.push('$');
        }
    }
    out.push_str(rest);
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
        pattern.captures(source).map(|groups| expand(template, &groups))
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
