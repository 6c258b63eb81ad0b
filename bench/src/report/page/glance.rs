//! The headline: nunatak beside the best peer.

use std::cmp::Ordering;

use crate::report::grid::Grid;
use crate::report::model::{Figure, Report};
use crate::report::ratio::{Ratio, best};
use crate::report::unit::ABSENT;

use super::section::cell_text;

const EXPLANATION: &str = "Each figure stands beside the best peer's, whichever that is. *2× \
    better* and *2× worse* are ratios of medians; in brackets stand the smallest and the largest \
    ratio of single repetitions, paired in the order in which they ran, and below 1 they point \
    the other way.";

/// The part; none if the report has no headline figure.
pub(super) fn glance(report: &Report) -> Option<String> {
    let rows: Vec<(&str, &Figure)> = report
        .sections
        .iter()
        .flat_map(|section| section.tables.iter().map(move |table| (section, table)))
        .flat_map(|(section, table)| table.figures.iter().map(move |f| (&*section.title, f)))
        .filter(|(_, figure)| figure.headline)
        .collect();
    if rows.is_empty() {
        return None;
    }
    let (ours, peers) = sides(report);
    let mut heads = vec![""];
    heads.extend(&ours);
    heads.push("best peer");
    let mut grid = Grid::of_values(&heads);
    for (section, figure) in &rows {
        grid.row(&row(section, figure, &ours, &peers));
    }
    let figures: Vec<&Figure> = rows.iter().map(|(_, figure)| *figure).collect();
    let counts: Vec<String> =
        ours.iter().map(|name| format!("- {}", count(name, &figures, &peers))).collect();
    let parts = ["## At a glance", &grid.text(), EXPLANATION, &counts.join("\n")];
    Some(parts.iter().filter(|part| !part.is_empty()).copied().collect::<Vec<_>>().join("\n\n"))
}

/// The names of nunatak's own targets and those of the peers.
fn sides(report: &Report) -> (Vec<&str>, Vec<&str>) {
    let names = |is_ours: bool| {
        let targets = report.targets.iter().filter(move |target| target.is_ours == is_ours);
        targets.map(|target| target.name.as_str()).collect()
    };
    (names(true), names(false))
}

fn row(section: &str, figure: &Figure, ours: &[&str], peers: &[&str]) -> Vec<String> {
    let peer = best(figure, peers).map(|(name, _)| name);
    let mut cells = vec![format!("{section}: {}", figure.head())];
    cells.extend(ours.iter().map(|name| {
        let value = cell_text(figure, name);
        match ratio(figure, name, peer) {
            Some(ratio) => format!("{value}<br>{}", ratio.words()),
            None => value,
        }
    }));
    cells.push(peer.map_or_else(
        || ABSENT.to_owned(),
        |name| format!("{}<br>{name}", cell_text(figure, name)),
    ));
    cells
}

fn ratio(figure: &Figure, ours: &str, peer: Option<&str>) -> Option<Ratio> {
    Ratio::of(figure.better, figure.cell(ours)?, figure.cell(peer?)?)
}

/// How often it is better and how often worse.
fn count(ours: &str, figures: &[&Figure], peers: &[&str]) -> String {
    let ratios = figures
        .iter()
        .filter_map(|figure| ratio(figure, ours, best(figure, peers).map(|(name, _)| name)));
    let found: Vec<Ordering> = ratios.map(|ratio| ratio.ordering()).collect();
    let number = |which| found.iter().filter(|ordering| **ordering == which).count();
    format!(
        "{ours}: better than the best peer in {} of {}, worse in {}, equal in {}.",
        number(Ordering::Greater),
        found.len(),
        number(Ordering::Less),
        number(Ordering::Equal),
    )
}
