//! The headline: nunatak beside the best peer.

use std::cmp::Ordering;

use crate::report::grid::{Grid, plain};
use crate::report::model::{Figure, Report, Section};
use crate::report::ratio::{Ratio, best};
use crate::report::unit::ABSENT;

use super::section::cell_text;

const EXPLANATION: &str = "Each figure stands beside the best peer's, whichever that is. *2× \
    better* and *2× worse* are ratios of medians; in brackets stand the smallest and the largest \
    ratio of single repetitions, paired in the order in which they ran, and below 1 they point \
    the other way.";

/// The part; none if the report has no headline figure.
pub(super) fn glance(report: &Report) -> Option<String> {
    let table = headline(report)?;
    let (ours, peers) = sides(report);
    let all: Vec<&Figure> = report.sections.iter().flat_map(headlines).collect();
    let counts: Vec<String> = ours.iter().map(|name| count(name, &all, &peers)).collect();
    let parts = ["## At a glance", &table, EXPLANATION, &counts.join("\n")];
    Some(parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n\n"))
}

/// Its table; none if the report has no headline figure.
pub(super) fn headline(report: &Report) -> Option<String> {
    let sections: Vec<(&Section, Vec<&Figure>)> = report
        .sections
        .iter()
        .map(|section| (section, headlines(section)))
        .filter(|(_, figures)| !figures.is_empty())
        .collect();
    let (ours, peers) = sides(report);
    (!sections.is_empty()).then(|| table(&sections, &ours, &peers))
}

fn headlines(section: &Section) -> Vec<&Figure> {
    let figures = section.tables.iter().flat_map(|table| &table.figures);
    figures.filter(|figure| figure.headline).collect()
}

/// A row with the name of each section, and its figures below it.
fn table(sections: &[(&Section, Vec<&Figure>)], ours: &[&str], peers: &[&str]) -> String {
    let mut heads = vec![String::new()];
    heads.extend(ours.iter().map(|name| plain(name)));
    heads.push("best peer".to_owned());
    let mut grid = Grid::of_values(&heads);
    for (section, figures) in sections {
        let mut name = vec![String::new(); heads.len()];
        name[0] = format!("**{}**", plain(&section.title));
        grid.row(&name);
        for figure in figures {
            grid.row(&row(figure, ours, peers));
        }
    }
    grid.text()
}

/// The names of nunatak's own targets and those of the peers.
fn sides(report: &Report) -> (Vec<&str>, Vec<&str>) {
    let names = |is_ours: bool| {
        let targets = report.targets.iter().filter(move |target| target.is_ours == is_ours);
        targets.map(|target| target.name.as_str()).collect()
    };
    (names(true), names(false))
}

fn row(figure: &Figure, ours: &[&str], peers: &[&str]) -> Vec<String> {
    let peer = best(figure, peers).map(|(name, _)| name);
    let mut cells = vec![plain(&figure.head())];
    cells.extend(ours.iter().map(|name| {
        let value = cell_text(figure, name);
        match ratio(figure, name, peer) {
            Some(ratio) => format!("{value}<br>{}", ratio.words()),
            None => value,
        }
    }));
    cells.push(peer.map_or_else(
        || ABSENT.to_owned(),
        |name| format!("{}<br>{}", cell_text(figure, name), plain(name)),
    ));
    cells
}

fn ratio(figure: &Figure, ours: &str, peer: Option<&str>) -> Option<Ratio> {
    Ratio::of(figure.better, figure.cell(ours)?, figure.cell(peer?)?)
}

/// How often it is better and how often worse; a figure that it lacks beside a peer counts too.
fn count(ours: &str, figures: &[&Figure], peers: &[&str]) -> String {
    let beside = figures.iter().filter_map(|figure| Some((*figure, best(figure, peers)?.0)));
    let found: Vec<Option<Ordering>> =
        beside.map(|(figure, peer)| Some(ratio(figure, ours, Some(peer))?.ordering())).collect();
    let number = |which| found.iter().filter(|ordering| **ordering == which).count();
    let lacking = match number(None) {
        0 => String::new(),
        lacking => format!(", without a ratio in {lacking}"),
    };
    format!(
        "- {}: better than the best peer in {} of {}, worse in {}, equal in {}{lacking}.",
        plain(ours),
        number(Some(Ordering::Greater)),
        found.len(),
        number(Some(Ordering::Less)),
        number(Some(Ordering::Equal)),
    )
}
