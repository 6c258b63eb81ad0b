//! Pictures of a report: bars for tables, lines for curves, as SVG.
//!
//! The texts are SVG texts in the reader's own sans-serif font, so no font is needed here, and
//! equal reports make equal bytes. Every picture has a white ground of its own, so that it reads on
//! light and dark pages alike.

mod axis;
mod bars;
mod canvas;
mod colour;
mod lines;

use super::model::{Better, Curve, Figure, Report, Section, Table, Unit};
use crate::{Error, Result};

use canvas::Failure;
use colour::Palette;

/// All pictures of a report.
#[derive(Debug, Default)]
pub(super) struct Plots(Vec<Plot>);

/// One picture.
#[derive(Debug)]
pub(super) struct Plot {
    /// The section that it belongs to.
    section: String,
    /// What it shows.
    origin: Origin,
    /// Name of its file, `<section>-<n>.svg`.
    pub(super) file: String,
    /// What stands for it where it can't be seen.
    pub(super) alt: String,
    /// The picture.
    pub(super) svg: String,
}

/// What a picture shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// The n-th table of the section.
    Table(usize),
    /// The n-th curve of the section.
    Curve(usize),
}

impl Plots {
    /// Draws them all.
    ///
    /// # Errors
    /// If the library that draws fails.
    pub(super) fn draw(report: &Report) -> Result<Self> {
        let mut plots = Vec::new();
        for section in &report.sections {
            let drawn = draw_section(report, section)
                .map_err(|error| Error::Target(format!("plots of {}: {error}", section.id)))?;
            plots.extend(drawn);
        }
        Ok(Self(plots))
    }

    /// Those of one table or curve.
    pub(super) fn of(&self, section: &str, origin: Origin) -> impl Iterator<Item = &Plot> {
        self.0.iter().filter(move |plot| plot.section == section && plot.origin == origin)
    }

    /// All of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Plot> {
        self.0.iter()
    }
}

/// A picture that has no name yet.
struct Drawing {
    origin: Origin,
    alt: String,
    svg: String,
}

fn draw_section(report: &Report, section: &Section) -> std::result::Result<Vec<Plot>, Failure> {
    let palette = Palette::new(&report.targets);
    let mut drawings = Vec::new();
    for (index, table) in section.tables.iter().enumerate().filter(|(_, table)| table.plotted) {
        for group in groups(table) {
            drawings.extend(draw_bars(section, table, &group, Origin::Table(index), &palette)?);
        }
    }
    for (index, curve) in section.curves.iter().enumerate() {
        drawings.extend(draw_lines(curve, Origin::Curve(index), &palette)?);
    }
    let named = drawings.into_iter().enumerate();
    Ok(named.map(|(index, drawing)| name(section, index + 1, drawing)).collect())
}

fn name(section: &Section, number: usize, drawing: Drawing) -> Plot {
    let Drawing { origin, alt, svg } = drawing;
    let file = format!("{}-{number}.svg", file_stem(&section.id));
    Plot { section: section.id.clone(), origin, file, alt, svg }
}

/// Only characters that need no escape in a link.
fn file_stem(id: &str) -> String {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    id.chars().map(|c| if fits(c) { c } else { '-' }).collect()
}

/// The rows of a table that can share an axis: those with the same unit and the same good end.
fn groups(table: &Table) -> Vec<Vec<&Figure>> {
    let mut groups: Vec<((Unit, Better), Vec<&Figure>)> = Vec::new();
    for figure in &table.figures {
        let kind = (figure.unit, figure.better);
        match groups.iter_mut().find(|(other, _)| *other == kind) {
            Some((_, group)) => group.push(figure),
            None => groups.push((kind, vec![figure])),
        }
    }
    groups.into_iter().map(|(_, group)| group).collect()
}

fn draw_bars(
    section: &Section,
    table: &Table,
    figures: &[&Figure],
    origin: Origin,
    palette: &Palette,
) -> std::result::Result<Option<Drawing>, Failure> {
    let title = if table.title.is_empty() { &section.title } else { &table.title };
    let chart = bars::Bars { title, figures, palette };
    let Some(svg) = chart.draw()? else { return Ok(None) };
    let alt = alt_text(&format!("Bars: {title}; {}", chart.axis_words()));
    Ok(Some(Drawing { origin, alt, svg }))
}

fn draw_lines(
    curve: &Curve,
    origin: Origin,
    palette: &Palette,
) -> std::result::Result<Option<Drawing>, Failure> {
    let Some(svg) = lines::draw(curve, palette)? else { return Ok(None) };
    let alt = alt_text(&format!("Lines: {}; {} over {}", curve.title, curve.y, curve.x));
    Ok(Some(Drawing { origin, alt, svg }))
}

/// Without what would end the brackets of a link.
fn alt_text(text: &str) -> String {
    text.replace(['[', ']', '\n'], " ").trim_end_matches([';', ' ']).to_owned()
}

#[cfg(test)]
mod tests;
