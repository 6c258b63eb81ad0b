//! One section of the page: method, tables, plots, notes.

use crate::report::grid::{Grid, plain};
use crate::report::model::{Figure, Report, Section, Table};
use crate::report::plot::{Origin, Plot, Plots};
use crate::report::ratio::best;
use crate::report::unit::ABSENT;

/// The section as Markdown.
pub(super) fn section(report: &Report, section: &Section, plots: &Plots) -> String {
    let mut parts = vec![format!("## {}", section.title), section.method.trim().to_owned()];
    for (index, table) in section.tables.iter().enumerate() {
        parts.push(heading(&table.title));
        parts.push(figures(report, table));
        parts.extend(plots.of(&section.id, Origin::Table(index)).map(link));
    }
    for (index, curve) in section.curves.iter().enumerate() {
        parts.push(heading(&curve.title));
        parts.extend(plots.of(&section.id, Origin::Curve(index)).map(link));
    }
    parts.extend(section.notes.iter().map(|note| note.trim().to_owned()));
    parts.retain(|part| !part.is_empty());
    parts.join("\n\n")
}

fn heading(title: &str) -> String {
    if title.is_empty() { String::new() } else { format!("### {title}") }
}

fn link(plot: &Plot) -> String {
    format!("![{}](benchmarks/{})", plot.alt, plot.file)
}

/// The figures of a table; the targets that have one are its columns.
fn figures(report: &Report, table: &Table) -> String {
    if table.figures.is_empty() {
        return String::new();
    }
    let columns = columns(report, table);
    let mut heads = vec![String::new()];
    heads.extend(columns.iter().map(|target| plain(target)));
    let mut grid = Grid::of_values(&heads);
    for figure in &table.figures {
        let winner = winning_median(figure, &columns);
        let mut cells = vec![plain(&figure.head())];
        cells.extend(columns.iter().map(|target| {
            let text = cell_text(figure, target);
            let is_best = winner.is_some() && shown_median(figure, target) == winner;
            if is_best { format!("**{text}**") } else { text }
        }));
        grid.row(&cells);
    }
    grid.text()
}

/// In the order of the report; those that it does not list, behind.
pub(in crate::report) fn columns<'a>(report: &'a Report, table: &'a Table) -> Vec<&'a str> {
    let cells = || table.figures.iter().flat_map(|figure| &figure.cells);
    let listed = report.targets.iter().map(|target| target.name.as_str());
    let mut columns: Vec<&str> =
        listed.filter(|name| cells().any(|cell| cell.target == *name)).collect();
    for cell in cells() {
        if !columns.contains(&cell.target.as_str()) {
            columns.push(&cell.target);
        }
    }
    columns
}

/// The best median as it is shown, for those that show the same are equally good to a reader; none
/// if there is nobody to be better than.
fn winning_median(figure: &Figure, columns: &[&str]) -> Option<String> {
    let best = figure.unit.show(best(figure, columns)?.1.median);
    let mut others = columns.iter().filter_map(|name| shown_median(figure, name));
    others.any(|median| median != best).then_some(best)
}

fn shown_median(figure: &Figure, target: &str) -> Option<String> {
    Some(figure.unit.show(figure.spread(target)?.median))
}

/// Median, ends, mark.
pub(super) fn cell_text(figure: &Figure, target: &str) -> String {
    let value = figure
        .spread(target)
        .map_or_else(|| ABSENT.to_owned(), |spread| figure.unit.show_spread(&spread));
    match figure.cell(target).and_then(|cell| cell.mark.as_deref()) {
        Some(mark) => format!("{value} {}", plain(mark)),
        None => value,
    }
}
