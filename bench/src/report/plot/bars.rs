//! Figures that share a unit, as groups of horizontal bars.

use plotters::style::text_anchor::HPos;

use super::axis::{Axis, decade_below};
use super::canvas::fitted;
use super::canvas::{Canvas, Drawn, FAINT, Failure, GREY, INK, Legend, Lettering, MARGIN, WIDTH};
use super::colour::{Entry, Palette};
use crate::report::model::Figure;
use crate::report::spread::Spread;
use crate::report::unit::ABSENT;

/// Values that span more than this have a logarithmic axis.
const WIDE: f64 = 30.0;
/// From one bar to the next, and the thickness of one.
const BAR_STEP: i32 = 15;
const BAR: i32 = 11;
/// The line of words above a group, and the space below it.
const WORDS_LINE: i32 = 20;
const GAP: i32 = 8;
/// Below the bars: ticks and the axis' words.
const AXIS_HEIGHT: i32 = 44;
/// Right of the longest bar: the figure in letters.
const FIGURE_WIDTH: i32 = 110;

/// What is drawn.
pub(super) struct Bars<'a> {
    pub(super) title: &'a str,
    pub(super) figures: &'a [&'a Figure],
    pub(super) palette: &'a Palette,
}

impl Bars<'_> {
    /// The picture; none if there is no value.
    pub(super) fn draw(&self) -> Result<Option<String>, Failure> {
        let Some(axis) = self.axis() else { return Ok(None) };
        let legend = Legend::new(self.palette, |name| self.has(name));
        let targets: Vec<&Entry> = legend.entries().collect();
        let group = WORDS_LINE + BAR_STEP * targets.len() as i32 + GAP;
        let bottom = legend.bottom + group * self.figures.len() as i32;
        let mut svg = String::new();
        let canvas = Canvas::new(&mut svg, bottom + AXIS_HEIGHT)?;
        canvas.head(self.title, &legend)?;
        self.draw_axis(&canvas, &axis, bottom)?;
        for (index, figure) in self.figures.iter().enumerate() {
            let top = legend.bottom + group * index as i32;
            draw_grid(&canvas, &axis, (top + WORDS_LINE, top + group - GAP))?;
            draw_group(&canvas, &axis, figure, &targets, top)?;
        }
        canvas.finish()?;
        Ok(Some(svg))
    }

    /// What the axis says below itself: words or unit, the good end, its kind.
    pub(super) fn axis_words(&self) -> String {
        let Some(first) = self.figures.first() else { return String::new() };
        let unit = match (first.unit.name(), self.figures) {
            (Some(unit), _) => Some(unit.to_owned()),
            (None, [only]) => Some(only.words.clone()),
            (None, _) => None,
        };
        let is_log = self.axis().is_some_and(|axis| axis.is_log());
        let kind = is_log.then(|| "logarithmic axis".to_owned());
        let better = first.better.words().map(str::to_owned);
        [unit, better, kind].into_iter().flatten().collect::<Vec<_>>().join(", ")
    }

    fn has(&self, target: &str) -> bool {
        self.figures.iter().any(|figure| figure.spread(target).is_some())
    }

    fn axis(&self) -> Option<Axis> {
        let entries = || self.palette.entries().map(|entry| entry.name.as_str());
        let spreads = self.figures.iter().flat_map(|f| entries().filter_map(|name| f.spread(name)));
        let values: Vec<f64> = spreads.flat_map(|spread| [spread.least, spread.most]).collect();
        let all = Spread::of(&values)?;
        let above: Vec<f64> = values.into_iter().filter(|value| *value > 0.0).collect();
        let pixels = (MARGIN, WIDTH - FIGURE_WIDTH);
        match Spread::of(&above) {
            // The shortest bar should still be one, so the axis begins well below it.
            Some(above) if all.least >= 0.0 && above.most > above.least * WIDE => {
                Some(Axis::logarithmic(decade_below(above.least * 0.7), above.most, pixels))
            }
            _ => Some(Axis::linear(all.least.min(0.0), all.most.max(0.0), pixels, 8)),
        }
    }

    fn draw_axis(&self, canvas: &Canvas<'_>, axis: &Axis, bottom: i32) -> Drawn {
        for tick in axis.ticks() {
            let x = axis.place(tick.value);
            let anchor = if x <= MARGIN { HPos::Left } else { HPos::Center };
            canvas.text(&tick.label, (x, bottom + 12), Lettering::new(11, GREY, anchor))?;
        }
        let words = fitted(&self.axis_words(), 12, WIDTH - 2 * MARGIN);
        canvas.text(&words, (MARGIN, bottom + 30), Lettering::new(12, INK, HPos::Left))
    }
}

/// The lines of the axis behind the bars of a group; words stay free of them.
fn draw_grid(canvas: &Canvas<'_>, axis: &Axis, (top, bottom): (i32, i32)) -> Drawn {
    for x in axis.ticks().iter().map(|tick| axis.place(tick.value)) {
        canvas.line(vec![(x, top), (x, bottom)], FAINT, 1)?;
    }
    Ok(())
}

/// The words of a figure, and a bar for each target below them.
fn draw_group(
    canvas: &Canvas<'_>,
    axis: &Axis,
    figure: &Figure,
    targets: &[&Entry],
    top: i32,
) -> Drawn {
    let words = fitted(&figure.words, 12, WIDTH - 2 * MARGIN);
    canvas.text(&words, (MARGIN, top + WORDS_LINE / 2), Lettering::new(12, INK, HPos::Left))?;
    for (index, entry) in targets.iter().enumerate() {
        let middle = top + WORDS_LINE + BAR_STEP * index as i32 + BAR_STEP / 2;
        draw_bar(canvas, axis, figure, entry, middle)?;
    }
    Ok(())
}

fn draw_bar(
    canvas: &Canvas<'_>,
    axis: &Axis,
    figure: &Figure,
    entry: &Entry,
    middle: i32,
) -> Drawn {
    let style = Lettering::new(11, GREY, HPos::Left);
    let Some(spread) = figure.spread(&entry.name) else {
        return canvas.text(&figure_text(figure, &entry.name), (MARGIN + 4, middle), style);
    };
    let (zero, end) = (axis.place(0.0), axis.place(spread.median));
    let half = BAR / 2;
    if zero != end {
        let (left, right) = (zero.min(end), zero.max(end));
        canvas.bar((left, middle - half), (right, middle + half), entry.colour)?;
    }
    let ends = (axis.place(spread.least), axis.place(spread.most));
    if ends.0 != ends.1 {
        draw_ends(canvas, ends, middle)?;
    }
    let at = (zero.max(end).max(ends.1) + 5, middle);
    canvas.text(&figure_text(figure, &entry.name), at, style)
}

/// The median and the mark.
fn figure_text(figure: &Figure, target: &str) -> String {
    let median = figure.spread(target).map(|spread| figure.unit.show(spread.median));
    let mut text = median.unwrap_or_else(|| ABSENT.to_owned());
    if let Some(mark) = figure.cell(target).and_then(|cell| cell.mark.as_deref()) {
        text = format!("{text} {mark}");
    }
    fitted(&text, 11, FIGURE_WIDTH - 10)
}

/// From the smallest to the largest repetition.
fn draw_ends(canvas: &Canvas<'_>, (least, most): (i32, i32), middle: i32) -> Drawn {
    canvas.line(vec![(least, middle), (most, middle)], INK, 1)?;
    canvas.line(vec![(least, middle - 3), (least, middle + 3)], INK, 1)?;
    canvas.line(vec![(most, middle - 3), (most, middle + 3)], INK, 1)
}
