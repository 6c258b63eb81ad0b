//! `label_replace` and `label_join`: functions of labels.

use nunatak_index::{Labels, LabelsBuilder, METRIC_NAME};
use regex_automata::meta::Regex;
use regex_automata::util::captures::Captures;

use super::{Exec, Sink};
use crate::error::{QueryError, Result};
use crate::grid::Grid;
use crate::plan::{LabelCall, LabelEdit};

impl Exec<'_> {
    /// Series whose labels become equal are merged if they never meet at a step.
    pub(super) fn edit_labels(&self, call: &LabelCall, grid: &Grid, sink: Sink) -> Result<()> {
        let editor = Editor::new(&call.edit)?;
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
    regex: Option<Regex>,
}

impl<'a> Editor<'a> {
    fn new(edit: &'a LabelEdit) -> Result<Self> {
        let regex = match edit {
            LabelEdit::Join { .. } => None,
            LabelEdit::Replace { regex, .. } => Some(compile(regex)?),
        };
        Ok(Self { edit, regex })
    }

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
            LabelEdit::Replace { replacement, src, .. } => {
                let Some(regex) = &self.regex else { return Ok(None) };
                let source = labels.get(src).unwrap_or("");
                let mut captures = regex.create_captures();
                regex.captures(source, &mut captures);
                if !captures.is_match() {
                    return Ok(None);
                }
                expand(replacement, source, &captures)
            }
        };
        let mut builder = LabelsBuilder::from_labels(labels);
        builder.set(self.destination(), &value);
        builder.build().map(Some).map_err(|error| QueryError::execution(error.to_string()))
    }
}

fn compile(pattern: &str) -> Result<Regex> {
    let invalid = |_| {
        let text = format!("invalid regular expression in label_replace(): {pattern}");
        QueryError::execution(text)
    };
    // The pattern alone first: `a)(b` must not become valid by the brackets around it.
    Regex::new(pattern).map_err(invalid)?;
    Regex::new(&format!("^(?s:{pattern})$")).map_err(invalid)
}

/// Go's `Regexp.Expand`: `$1`, `$name`, `${name}` and `$$`; a name is as long as it can be, and
/// what is not captured is empty.
fn expand(template: &str, source: &str, captures: &Captures) -> String {
    let mut out = String::new();
    let mut rest = template;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            out.push('$');
            rest = after;
        } else if let Some((name, after)) = reference(rest) {
            let group = match name.parse::<usize>() {
                Ok(index) => captures.get_group(index),
                Err(_) => captures.get_group_by_name(name),
            };
            out.push_str(group.and_then(|span| source.get(span.range())).unwrap_or(""));
            rest = after;
        } else {
            out.push('$');
        }
    }
    out.push_str(rest);
    out
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

    fn replaced(template: &str, pattern: &str, source: &str) -> Option<String> {
        let regex = compile(pattern).unwrap();
        let mut captures = regex.create_captures();
        regex.captures(source, &mut captures);
        captures.is_match().then(|| expand(template, source, &captures))
    }

    #[test]
    fn expands_like_go() {
        let cases = [
            ("$1-$2", "b-a".replace('a', "").trim_end_matches('-').to_owned() + "-"),
            ("${1}x", "bx".into()),
            ("$1x", String::new()),
            ("$$1", "$1".into()),
            ("${n}", "b".into()),
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
        assert!(compile("a)(b").is_err());
    }
}
