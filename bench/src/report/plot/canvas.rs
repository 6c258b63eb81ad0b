//! What every picture shares: ground, title, legend, lines and texts by pixel.

use plotters::backend::SVGBackend;
use plotters::coord::Shift;
use plotters::drawing::{DrawingArea, DrawingAreaErrorKind, IntoDrawingArea as _};
use plotters::element::{Circle, PathElement, Rectangle, Text};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color as _, FontFamily, FontStyle, RGBColor, ShapeStyle, TextStyle, WHITE};

use super::colour::{Entry, Palette};

/// Why a picture could not be drawn.
pub(super) type Failure = DrawingAreaErrorKind<std::io::Error>;
/// Nothing, or why not.
pub(super) type Drawn = Result<(), Failure>;

/// Width of every picture, pixels.
pub(super) const WIDTH: i32 = 900;
/// Empty space around it.
pub(super) const MARGIN: i32 = 16;
/// Texts.
pub(super) const INK: RGBColor = RGBColor(31, 35, 40);
/// Texts of less weight.
pub(super) const GREY: RGBColor = RGBColor(89, 99, 110);
/// Lines of the grid.
pub(super) const FAINT: RGBColor = RGBColor(216, 222, 228);

const TITLE: i32 = 16;
const LEGEND: i32 = 12;
const LEGEND_LINE: i32 = 20;

/// A picture while it is drawn.
pub(super) struct Canvas<'a>(DrawingArea<SVGBackend<'a>, Shift>);

/// How a text stands at its point.
#[derive(Clone, Copy)]
pub(super) struct Lettering {
    pub(super) size: i32,
    pub(super) colour: RGBColor,
    pub(super) is_bold: bool,
    pub(super) anchor: HPos,
}

impl Lettering {
    pub(super) fn new(size: i32, colour: RGBColor, anchor: HPos) -> Self {
        Self { size, colour, is_bold: false, anchor }
    }

    fn bold(self) -> Self {
        Self { is_bold: true, ..self }
    }
}

impl<'a> Canvas<'a> {
    /// White, with a thin frame.
    pub(super) fn new(svg: &'a mut String, height: i32) -> Result<Self, Failure> {
        let size = (WIDTH.unsigned_abs(), height.unsigned_abs());
        let area = SVGBackend::with_string(svg, size).into_drawing_area();
        area.fill(&WHITE)?;
        let canvas = Self(area);
        canvas.0.draw(&Rectangle::new([(0, 0), (WIDTH - 1, height - 1)], FAINT))?;
        Ok(canvas)
    }

    /// Writes the end of the picture.
    pub(super) fn finish(self) -> Drawn {
        self.0.present()
    }

    /// Title and legend.
    pub(super) fn head(&self, title: &str, legend: &Legend<'_>) -> Drawn {
        let style = Lettering::new(TITLE, INK, HPos::Left).bold();
        let title = fitted(title, TITLE, WIDTH - 2 * MARGIN);
        self.text(&title, (MARGIN, MARGIN + TITLE / 2), style)?;
        let style = Lettering::new(LEGEND, INK, HPos::Left);
        for (entry, (x, y)) in &legend.places {
            self.bar((*x, y - 5), (x + 11, y + 6), entry.colour)?;
            self.text(&entry.name, (x + 17, *y), style)?;
        }
        Ok(())
    }

    /// A text whose middle line lies on the point.
    pub(super) fn text(&self, text: &str, at: (i32, i32), style: Lettering) -> Drawn {
        let weight = if style.is_bold { FontStyle::Bold } else { FontStyle::Normal };
        // plotters takes the height of a line, which is 1.24 times the size of the letters.
        let font = (FontFamily::SansSerif, f64::from(style.size) * 1.24, weight);
        let style =
            TextStyle::from(font).color(&style.colour).pos(Pos::new(style.anchor, VPos::Center));
        self.0.draw(&Text::new(text, at, style))
    }

    pub(super) fn bar(&self, from: (i32, i32), to: (i32, i32), colour: RGBColor) -> Drawn {
        self.0.draw(&Rectangle::new([from, to], colour.filled()))
    }

    pub(super) fn line(&self, points: Vec<(i32, i32)>, colour: RGBColor, width: u32) -> Drawn {
        self.0.draw(&PathElement::new(points, ShapeStyle::from(colour).stroke_width(width)))
    }

    pub(super) fn dot(&self, at: (i32, i32), colour: RGBColor) -> Drawn {
        self.0.draw(&Circle::new(at, 3, colour.filled()))
    }
}

/// Where the entries of a legend stand.
pub(super) struct Legend<'a> {
    places: Vec<(&'a Entry, (i32, i32))>,
    /// Where the picture below it may begin.
    pub(super) bottom: i32,
}

impl<'a> Legend<'a> {
    /// Of those targets that `is_shown` lets through, in as many lines as they need.
    pub(super) fn new(palette: &'a Palette, is_shown: impl Fn(&str) -> bool) -> Self {
        let mut at = (MARGIN, MARGIN + TITLE + 18);
        let mut places = Vec::new();
        for entry in palette.entries().filter(|entry| is_shown(&entry.name)) {
            let width = 17 + text_width(&entry.name, LEGEND);
            if at.0 > MARGIN && at.0 + width > WIDTH - MARGIN {
                at = (MARGIN, at.1 + LEGEND_LINE);
            }
            places.push((entry, at));
            at.0 += width + 18;
        }
        Self { places, bottom: at.1 + LEGEND_LINE }
    }

    pub(super) fn entries(&self) -> impl DoubleEndedIterator<Item = &'a Entry> {
        self.places.iter().map(|(entry, _)| *entry)
    }
}

/// How wide a text becomes at most, in the sans-serif fonts that readers have.
fn text_width(text: &str, size: i32) -> i32 {
    (text.chars().count() as f64 * f64::from(size) * 0.62).ceil() as i32
}

/// The text, or as much of it as fits into so many pixels.
pub(super) fn fitted(text: &str, size: i32, width: i32) -> String {
    if text_width(text, size) <= width {
        return text.to_owned();
    }
    let mut short = String::new();
    for c in text.chars() {
        if text_width(&short, size) + 2 * size > width {
            break;
        }
        short.push(c);
    }
    format!("{}…", short.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_does_not_fit_is_cut() {
        assert_eq!(fitted("short", 12, 100), "short");
        let cut = fitted(&"long ".repeat(20), 12, 100);
        assert!(cut.ends_with('…') && text_width(&cut, 12) <= 100, "{cut}");
    }
}
