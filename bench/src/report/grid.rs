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

    /// Adds a row.
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

#[cfg(test)]
mod tests {
    use super::Grid;

    #[test]
    fn a_bar_does_not_end_its_cell() {
        let mut grid = Grid::of_values(&["", "a|b"]);
        grid.row(&["x =~ \"c|d\"", "1"]);
        assert_eq!(grid.text(), "|  | a\\|b |\n|---|---:|\n| x =~ \"c\\|d\" | 1 |");
    }
}
