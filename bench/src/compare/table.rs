//! From what was seen of each target to the figures of a report.

use crate::report::model::{Better, Cell, Figure, Table, Unit};

/// How one figure is read off a run of type `R`.
pub(super) struct Row<R> {
    id: &'static str,
    words: &'static str,
    unit: Unit,
    better: Better,
    headline: bool,
    value: Box<dyn Fn(&R) -> f64>,
}

impl<R> Row<R> {
    /// A figure of which less is better.
    pub(super) fn less(
        id: &'static str,
        words: &'static str,
        unit: Unit,
        value: impl Fn(&R) -> f64 + 'static,
    ) -> Self {
        Self { id, words, unit, better: Better::Lower, headline: false, value: Box::new(value) }
    }

    /// A figure of which more is better.
    pub(super) fn more(
        id: &'static str,
        words: &'static str,
        unit: Unit,
        value: impl Fn(&R) -> f64 + 'static,
    ) -> Self {
        Self { better: Better::Higher, ..Self::less(id, words, unit, value) }
    }

    /// A figure that is neither good nor bad.
    pub(super) fn plain(
        id: &'static str,
        words: &'static str,
        unit: Unit,
        value: impl Fn(&R) -> f64 + 'static,
    ) -> Self {
        Self { better: Better::Neither, ..Self::less(id, words, unit, value) }
    }

    /// The same, told at the top of the page.
    pub(super) fn headline(self) -> Self {
        Self { headline: true, ..self }
    }
}

/// A table of the rows; a value that is not finite makes no cell.
pub(super) fn table<R>(
    title: &str,
    plotted: bool,
    rows: Vec<Row<R>>,
    runs: &[(String, R)],
) -> Table {
    let figures = rows.into_iter().map(|row| figure(&row, runs)).collect();
    Table { title: title.to_owned(), figures, plotted }
}

fn figure<R>(row: &Row<R>, runs: &[(String, R)]) -> Figure {
    let mut cells: Vec<Cell> = Vec::new();
    for (target, run) in runs {
        let value = (row.value)(run);
        if !value.is_finite() {
            continue;
        }
        match cells.iter_mut().find(|cell| cell.target == *target) {
            Some(cell) => cell.values.push(value),
            None => {
                cells.push(Cell { target: target.clone(), values: vec![value], mark: None });
            }
        }
    }
    Figure {
        id: row.id.to_owned(),
        words: row.words.to_owned(),
        unit: row.unit,
        better: row.better,
        headline: row.headline,
        cells,
    }
}

#[cfg(test)]
mod tests {
    use super::{Row, table};
    use crate::report::model::{Better, Unit};

    #[test]
    fn repetitions_of_a_target_share_a_cell() {
        let runs = [("a", 1.0), ("b", 5.0), ("a", 2.0), ("b", f64::NAN), ("c", f64::NAN)];
        let runs = runs.map(|(target, value)| (target.to_owned(), value));
        let rows = vec![Row::more("x", "words", Unit::Number, |run: &f64| *run).headline()];
        let made = table("title", true, rows, &runs);
        let figure = &made.figures[0];
        assert_eq!((figure.better, figure.headline), (Better::Higher, true));
        let cells: Vec<_> =
            figure.cells.iter().map(|cell| (cell.target.as_str(), cell.values.clone())).collect();
        assert_eq!(cells, [("a", vec![1.0, 2.0]), ("b", vec![5.0])]);
    }
}
