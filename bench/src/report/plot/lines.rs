//! A course in time, as lines above a logarithmic axis.

use plotters::style::text_anchor::HPos;

use super::axis::{Axis, decade_above, decade_below};
use super::canvas::fitted;
use super::canvas::{Canvas, Drawn, FAINT, Failure, GREY, INK, Legend, Lettering, MARGIN, WIDTH};
use super::colour::{Entry, Palette};
use crate::report::model::{Curve, Line};
use crate::report::spread::Spread;

/// Left of the grid: the labels of the axis upwards.
const LABELS: i32 = 84;
/// From the top of the grid to its bottom.
const HEIGHT: i32 = 300;
/// Above the grid: the words of the axis upwards.
const WORDS_LINE: i32 = 24;
/// Below the grid: ticks and words of the axis to the right.
const AXIS_HEIGHT: i32 = 46;

/// The picture; none if there is no point to show.
pub(super) fn draw(curve: &Curve, palette: &Palette) -> Result<Option<String>, Failure> {
    let legend = Legend::new(palette, |name| !parts(curve, name).is_empty());
    let top = legend.bottom + WORDS_LINE;
    let Some((x, y)) = axes(curve, top) else { return Ok(None) };
    let mut svg = String::new();
    let canvas = Canvas::new(&mut svg, top + HEIGHT + AXIS_HEIGHT)?;
    canvas.head(&curve.title, &legend)?;
    draw_grid(&canvas, curve, (&x, &y), top)?;
    // nunatak's lines last, so that they lie above the others.
    for entry in legend.entries().rev() {
        for part in parts(curve, &entry.name) {
            draw_part(&canvas, &part, (&x, &y), entry)?;
        }
    }
    canvas.finish()?;
    Ok(Some(svg))
}

/// What a logarithmic axis can show.
fn is_shown((x, y): (f64, f64)) -> bool {
    x.is_finite() && y.is_finite() && y > 0.0
}

/// The stretches of a target's line between its gaps.
fn parts(curve: &Curve, target: &str) -> Vec<Vec<(f64, f64)>> {
    let lines = curve.lines.iter().filter(|line| line.target == target);
    lines.flat_map(stretches).collect()
}

fn stretches(line: &Line) -> Vec<Vec<(f64, f64)>> {
    let parts = line.points.split(|point| !is_shown(*point));
    parts.filter(|part| !part.is_empty()).map(<[_]>::to_vec).collect()
}

fn axes(curve: &Curve, top: i32) -> Option<(Axis, Axis)> {
    let points: Vec<(f64, f64)> = curve.lines.iter().flat_map(stretches).flatten().collect();
    let x = Spread::of(&points.iter().map(|(x, _)| *x).collect::<Vec<_>>())?;
    let y = Spread::of(&points.iter().map(|(_, y)| *y).collect::<Vec<_>>())?;
    let to_right = Axis::linear(x.least, x.most, (LABELS, WIDTH - 2 * MARGIN), 10);
    let (low, high) = (decade_below(y.least), decade_above(y.most));
    Some((to_right, Axis::logarithmic(low, high, (top + HEIGHT, top))))
}

fn draw_grid(canvas: &Canvas<'_>, curve: &Curve, (x, y): (&Axis, &Axis), top: i32) -> Drawn {
    let (left, right, bottom) = (LABELS, WIDTH - 2 * MARGIN, top + HEIGHT);
    for tick in y.ticks() {
        let at = y.place(tick.value);
        canvas.line(vec![(left, at), (right, at)], FAINT, 1)?;
        canvas.text(&tick.label, (left - 8, at), Lettering::new(11, GREY, HPos::Right))?;
    }
    for tick in x.ticks() {
        let at = x.place(tick.value);
        canvas.line(vec![(at, top), (at, bottom)], FAINT, 1)?;
        canvas.text(&tick.label, (at, bottom + 12), Lettering::new(11, GREY, HPos::Center))?;
    }
    let style = Lettering::new(12, INK, HPos::Left);
    let words = format!("{}, logarithmic axis", curve.y);
    canvas.text(&fitted(&words, 12, WIDTH - 2 * MARGIN), (MARGIN, top - 16), style)?;
    let words = fitted(&curve.x, 12, right - left);
    canvas.text(
        &words,
        (i32::midpoint(left, right), bottom + 32),
        Lettering { anchor: HPos::Center, ..style },
    )
}

fn draw_part(
    canvas: &Canvas<'_>,
    part: &[(f64, f64)],
    (x, y): (&Axis, &Axis),
    entry: &Entry,
) -> Drawn {
    let points: Vec<(i32, i32)> = part.iter().map(|(a, b)| (x.place(*a), y.place(*b))).collect();
    match points.as_slice() {
        [only] => canvas.dot(*only, entry.colour),
        _ => canvas.line(points, entry.colour, if entry.is_ours { 3 } else { 2 }),
    }
}
