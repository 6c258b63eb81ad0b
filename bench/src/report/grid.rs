//! A table of Markdown.

/// Rows of cells under heads; the first column holds words, the others values.
#[derive(Debug)]
pub(super) struct Grid {
    lines: Vec<String>,
}

impl Grid {
    /// With the heads of all columns; values stand at the right.
    pub(super) fn of_values<S: AsRef<str>>(heads: &[S]) -> Self {
        Self::new(heads, "---:|")
    }

    /// With the heads of all columns; all of them hold words.
    pub(super) fn of_words<S: AsRef<str>>(heads: &[S]) -> Self {
        Self::new(heads, "---|")
    }

    fn new<S: AsRef<str>>(heads: &[S], rule: &str) -> Self {
        let mut grid = Self { lines: Vec::new() };
        grid.row(heads);
        grid.lines.push(format!("|---|{}", rule.repeat(heads.len().saturating_sub(1))));
        grid
    }

    /// Adds a row; the cells are Markdown.
    pub(super) fn row<S: AsRef<str>>(&mut self, cells: &[S]) {
        let cells: Vec<String> = cells.iter().map(|cell| escape(cell.as_ref())).collect();
        self.lines.push(format!("| {} |", cells.join(" | ")));
    }

    /// The Markdown.
    pub(super) fn text(&self) -> String {
        self.lines.join("\n")
    }
}

/// A bar would end the cell, a line break the row.
fn escape(cell: &str) -> String {
    cell.replace('|', "\\|").replace('\n', " ")
}

/// A text as it is: what Markdown would read as more than a letter is told not to be. PromQL is full
/// of that.
pub(super) fn plain(text: &str) -> String {
    let mut out = String::new();
    let mut before = ' ';
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        let after = rest.peek().copied().unwrap_or(' ');
        // Inside a word an underscore is a letter: node_load1 reads better without an escape.
        let is_inner = c == '_' && before.is_alphanumeric() && after.is_alphanumeric();
        if "\\*_`~<[]$&".contains(c) && !is_inner {
            out.push('\\');
        }
        out.push(c);
        before = c;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{Grid, plain};

    #[test]
    fn a_query_is_no_markup() {
        assert_eq!(plain("rate(node_load1[5m]) * 2"), "rate(node_load1\\[5m\\]) \\* 2");
        assert_eq!(plain("{__name__=~\"a.*\"}"), "{\\_\\_name\\_\\_=\\~\"a.\\*\"}");
        assert_eq!(plain("kill -9 → ready, p99 (%)"), "kill -9 → ready, p99 (%)");
    }

    #[test]
    fn a_bar_does_not_end_its_cell() {
        let mut grid = Grid::of_values(&["", "a|b"]);
        grid.row(&["x =~ \"c|d\"", "1"]);
        assert_eq!(grid.text(), "|  | a\\|b |\n|---|---:|\n| x =~ \"c\\|d\" | 1 |");
    }
}
