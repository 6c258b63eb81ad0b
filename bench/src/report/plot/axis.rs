//! From values to pixels, and where the ticks stand.

use crate::report::unit::grouped;

/// An axis, linear or logarithmic.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Axis {
    low: f64,
    high: f64,
    is_log: bool,
    pixels: (i32, i32),
    ticks: Vec<Tick>,
}

/// A line of the grid with its label.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tick {
    pub(super) value: f64,
    pub(super) label: String,
}

impl Axis {
    /// Linear from `low` to `high`, on the pixels from the first to the second, with at most some
    /// `most` ticks.
    pub(super) fn linear(low: f64, high: f64, pixels: (i32, i32), most: usize) -> Self {
        let high = if high > low { high } else { low + 1.0 };
        let step = nice_step((high - low) / most as f64);
        let decimals = decimals_of(step);
        let (first, last) = ((low / step).ceil() as i64, (high / step).floor() as i64);
        let ticks = (first..=last).map(|index| tick(index as f64 * step, decimals)).collect();
        Self { low, high, is_log: false, pixels, ticks }
    }

    /// Logarithmic, with both ends above 0.
    pub(super) fn logarithmic(low: f64, high: f64, pixels: (i32, i32)) -> Self {
        let high = if high > low { high } else { low * 10.0 };
        let (first, last) = (low.log10().floor() as i32, high.log10().ceil() as i32);
        let decades = usize::try_from(last - first).unwrap_or(1).max(1);
        let parts: &[f64] = if decades <= 2 { &[1.0, 2.0, 5.0] } else { &[1.0] };
        let ticks = (first..=last)
            .step_by(decades.div_ceil(8))
            .flat_map(|power| parts.iter().map(move |part| (part, power)))
            // Dividing by a whole power keeps 0.2 what it is; 2 × 10⁻¹ may not.
            .map(|(part, power)| match power {
                0.. => (part * 10_f64.powi(power), power),
                _ => (part / 10_f64.powi(-power), power),
            })
            .filter(|(value, _)| low * 0.999 <= *value && *value <= high * 1.001)
            .map(|(value, power)| tick(value, usize::try_from(-power).unwrap_or(0)))
            .collect();
        Self { low, high, is_log: true, pixels, ticks }
    }

    /// The pixel of a value; what lies outside stands at the end.
    pub(super) fn place(&self, value: f64) -> i32 {
        let part = if self.is_log {
            (value / self.low).log10() / (self.high / self.low).log10()
        } else {
            (value - self.low) / (self.high - self.low)
        };
        let (from, to) = (f64::from(self.pixels.0), f64::from(self.pixels.1));
        (from + (to - from) * part.clamp(0.0, 1.0)).round() as i32
    }

    /// The lines of its grid.
    pub(super) fn ticks(&self) -> &[Tick] {
        &self.ticks
    }

    /// Whether it is logarithmic.
    pub(super) fn is_log(&self) -> bool {
        self.is_log
    }
}

fn tick(value: f64, decimals: usize) -> Tick {
    Tick { value, label: short(value, decimals) }
}

/// Short enough to stand left of a grid: `1.5 M` for 1,500,000.
fn short(value: f64, decimals: usize) -> String {
    let scale = [(1e12, "T"), (1e9, "G"), (1e6, "M")];
    match scale.into_iter().find(|(scale, _)| value.abs() >= *scale) {
        Some((scale, letter)) => {
            let text = grouped(value / scale, 3);
            format!("{} {letter}", text.trim_end_matches('0').trim_end_matches('.'))
        }
        None if value == 0.0 => "0".to_owned(),
        None => grouped(value, decimals),
    }
}

/// The next larger one of 1, 2 or 5 times a power of ten.
fn nice_step(step: f64) -> f64 {
    let power = 10_f64.powi(step.log10().floor() as i32);
    let part = [1.0, 2.0, 5.0].into_iter().find(|part| part * power >= step * 0.999);
    part.unwrap_or(10.0) * power
}

fn decimals_of(step: f64) -> usize {
    usize::try_from(-(step.log10() + 1e-9).floor() as i64).unwrap_or(0).min(12)
}

/// The power of ten at or below a value above 0.
pub(super) fn decade_below(value: f64) -> f64 {
    10_f64.powi((value.log10() + 1e-9).floor() as i32)
}

/// The power of ten at or above a value above 0.
pub(super) fn decade_above(value: f64) -> f64 {
    10_f64.powi((value.log10() - 1e-9).ceil() as i32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &Axis) -> Vec<&str> {
        axis.ticks().iter().map(|tick| tick.label.as_str()).collect()
    }

    #[test]
    fn linear_ticks_are_round() {
        let axis = Axis::linear(0.0, 1_660_282.0, (0, 100), 8);
        assert_eq!(labels(&axis), ["0", "500,000", "1 M", "1.5 M"]);
        let axis = Axis::linear(0.0, 0.65, (0, 100), 8);
        assert_eq!(labels(&axis), ["0", "0.1", "0.2", "0.3", "0.4", "0.5", "0.6"]);
    }

    #[test]
    fn few_decades_have_ticks_between() {
        let axis = Axis::logarithmic(0.1, 10.0, (0, 100));
        assert_eq!(labels(&axis), ["0.1", "0.2", "0.5", "1", "2", "5", "10"]);
        let axis = Axis::logarithmic(0.01, 1_000.0, (0, 100));
        assert_eq!(labels(&axis), ["0.01", "0.1", "1", "10", "100", "1,000"]);
        let axis = Axis::logarithmic(1e8, 1e9, (0, 100));
        assert_eq!(labels(&axis), ["100 M", "200 M", "500 M", "1 G"]);
    }

    #[test]
    fn places_are_in_proportion_and_inside() {
        let axis = Axis::linear(0.0, 10.0, (100, 300), 5);
        assert_eq!((axis.place(0.0), axis.place(5.0), axis.place(99.0)), (100, 200, 300));
        let upwards = Axis::logarithmic(1.0, 100.0, (300, 100));
        assert_eq!(
            (upwards.place(1.0), upwards.place(10.0), upwards.place(100.0)),
            (300, 200, 100)
        );
    }

    #[test]
    fn decades_enclose() {
        assert_eq!((decade_below(0.034), decade_above(0.034)), (0.01, 0.1));
        assert_eq!((decade_below(100.0), decade_above(100.0)), (100.0, 100.0));
    }

    #[test]
    fn a_single_value_has_an_axis() {
        let axis = Axis::linear(0.0, 0.0, (0, 100), 5);
        assert_eq!(axis.place(0.0), 0);
        assert!(!axis.ticks().is_empty());
        assert!(!Axis::logarithmic(3.0, 3.0, (0, 100)).ticks().is_empty());
    }
}
