//! `anchored` and `smoothed` on native histograms (experimental): a histogram at each border of the
//! window, and for instant selectors one on the line between its neighbours.

use std::sync::Arc;

use nunatak::{Histogram, ResetHint};

use super::histograms::join;
use super::{Remarks, Row, Window, is_reset};
use crate::ast::RangeMode;
use crate::column::Column;
use crate::eval::Samples;
use crate::functions::FunctionId;
use crate::grid::Grid;
use crate::histogram::Total;
use crate::notes::Joining;
use crate::plan::SelectPlan;
use crate::window::extended::ends;
use crate::window::{WindowFunction, Windows};

impl WindowFunction {
    /// The rise of a window that holds histograms alone and reaches beyond its borders.
    pub(super) fn between_borders(
        &self,
        w: &Windows,
        window: &Window,
        remarks: &Remarks,
    ) -> Option<Histogram> {
        let end = w.ends[window.step];
        let borders = Borders {
            times: &w.times()[window.from..window.to],
            rows: window.histograms,
            start: end.saturating_sub(w.range_ms),
            end,
            smoothed: self.mode == Some(RangeMode::Smoothed),
            counter: self.func != FunctionId::Delta,
        };
        let mut rise = borders.rise(remarks)?;
        if self.func == FunctionId::Rate {
            rise.divide(w.range_seconds());
        }
        Some(rise.finish())
    }
}

/// A window with its borders.
struct Borders<'a> {
    times: &'a [i64],
    rows: &'a [Row],
    start: i64,
    end: i64,
    smoothed: bool,
    counter: bool,
}

impl Borders<'_> {
    fn rise(&self, remarks: &Remarks) -> Option<Total> {
        let (first, last) = ends(self.times, (self.start, self.end), self.smoothed)?;
        if self.times[first] > self.end {
            return None;
        }
        let inside = &self.rows[first..=last];
        let is_gauge = |(_, h): &Row| h.hint == ResetHint::Gauge;
        if inside.iter().any(|(_, h)| h.is_custom() != inside[0].1.is_custom()) {
            remarks.notes.mixed_schemas(remarks.metric, remarks.span);
            return None;
        }
        if self.counter && inside.iter().any(is_gauge) {
            remarks.notes.not_a_counter(remarks.metric, remarks.span);
        }
        let interpolates = self.smoothed && self.times[first] < self.start;
        let left = if interpolates {
            self.between(first, self.start, remarks)?
        } else {
            Arc::clone(&self.rows[first].1)
        };
        let right = if self.smoothed && last > 0 && self.times[last] > self.end {
            self.between(last - 1, self.end, remarks)?
        } else {
            Arc::clone(&self.rows[last].1)
        };
        if !self.counter && [&left, &right].iter().any(|h| h.hint != ResetHint::Gauge) {
            remarks.notes.not_a_gauge(remarks.metric, remarks.span);
        }
        let mut total = Total::from(&*right);
        join(&mut total, &left, Joining::Subtraction, remarks)?;
        if self.counter {
            // What the line to the left border crossed is already in it.
            let crossed = interpolates && is_reset(&self.rows[first + 1].1, &self.rows[first].1);
            let (mut before, next) =
                if crossed { (&self.rows[first + 1].1, first + 2) } else { (&left, first + 1) };
            // The last histogram is the one at the right border, or is in it.
            let between = self.rows.get(next..last).unwrap_or_default().iter().map(|(_, h)| h);
            let end = (next <= last).then_some(&right);
            for h in between.chain(end) {
                if is_reset(h, before) {
                    join(&mut total, before, Joining::Addition, remarks)?;
                }
                before = h;
            }
        }
        total.hint = ResetHint::Gauge;
        Some(total)
    }

    fn between(&self, i: usize, t: i64, remarks: &Remarks) -> Option<Arc<Histogram>> {
        let (a, b) = (&self.rows[i].1, &self.rows[i + 1].1);
        interpolate((self.times[i], a), (self.times[i + 1], b), t, self.counter, remarks)
    }
}

/// The histogram at `t` on the line between two others; a counter that began anew did so at zero.
fn interpolate(
    (t1, a): (i64, &Arc<Histogram>),
    (t2, b): (i64, &Arc<Histogram>),
    t: i64,
    counter: bool,
    remarks: &Remarks,
) -> Option<Arc<Histogram>> {
    if t == t1 || t == t2 {
        return Some(Arc::clone(if t == t1 { a } else { b }));
    }
    if a.is_custom() != b.is_custom() {
        remarks.notes.mixed_schemas(remarks.metric, remarks.span);
        return None;
    }
    let part = t.saturating_sub(t1) as f64 / t2.saturating_sub(t1) as f64;
    let mut total = Total::from(&**b);
    if counter && is_reset(b, a) {
        total.multiply(part);
    } else {
        join(&mut total, a, Joining::Subtraction, remarks)?;
        total.multiply(part);
        join(&mut total, a, Joining::Addition, remarks)?;
    }
    Some(Arc::new(total.finish()))
}

/// An instant selector that is `smoothed`, of a series with histograms. Where floats are near as
/// well there is no result.
pub(crate) fn smooth_histograms(
    samples: &Samples,
    select: &SelectPlan,
    grid: &Grid,
    lookback_ms: i64,
    remarks: &Remarks,
    out: &mut Column,
) {
    let (times, rows) = (samples.times(), samples.histograms());
    for step in 0..grid.count {
        let t = select.at.unwrap_or_else(|| grid.time(step)).saturating_sub(select.offset_ms);
        let from = times.partition_point(|&time| time <= t.saturating_sub(lookback_ms));
        let to = times.partition_point(|&time| time <= t.saturating_add(lookback_ms));
        let near = rows.iter().filter(|(row, _)| (from..to).contains(row)).count();
        if near == 0 {
            continue;
        }
        out.present.remove(step);
        if near < to - from {
            remarks.notes.mixed_in_range(remarks.metric, remarks.span);
            continue;
        }
        let next = times.partition_point(|&time| time < t);
        let at = |row: usize| samples.histogram(row).map(|h| (times[row], h));
        let before = next.checked_sub(1).filter(|&row| row >= from).and_then(at);
        let after = Some(next).filter(|&row| row < to).and_then(at);
        let value = match (before, after) {
            (_, Some((time, h))) if time == t => Some(Arc::clone(h)),
            (Some(a), Some(b)) => {
                let counter = [a.1, b.1].iter().all(|h| h.hint != ResetHint::Gauge);
                interpolate(a, b, t, counter, remarks)
            }
            (Some((_, h)), None) => Some(Arc::clone(h)),
            (None, _) => None,
        };
        if let Some(value) = value {
            out.set_histogram(step, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ast::Span;
    use crate::notes::Notes;

    fn rows(counts: &[f64]) -> Vec<Row> {
        let histogram =
            |&count: &f64| Histogram { count, positive: vec![(0, count)], ..Histogram::default() };
        counts.iter().map(|count| Arc::new(histogram(count))).enumerate().collect()
    }

    fn rise(
        times: &[i64],
        counts: &[f64],
        (start, end): (i64, i64),
        smoothed: bool,
    ) -> Option<f64> {
        let notes = Notes::new("");
        let remarks = Remarks { notes: &notes, metric: "", span: Span::default() };
        let rows = rows(counts);
        let borders = Borders { times, rows: &rows, start, end, smoothed, counter: true };
        borders.rise(&remarks).map(|rise| rise.count())
    }

    #[test]
    fn borders_are_anchored_or_on_a_line() {
        let (times, counts) = ([0, 15, 30, 45, 60], [1.0, 2.0, 3.0, 4.0, 5.0]);
        assert_eq!(rise(&times[..4], &counts[..4], (-10, 50), false), Some(3.0));
        let smooth = rise(&times, &counts, (-10, 50), true);
        assert!(smooth.is_some_and(|rise| (rise - 10.0 / 3.0).abs() < 1e-12));
        assert_eq!(rise(&times[..1], &counts[..1], (0, 50), false), None);
    }

    #[test]
    fn resets_count_once() {
        assert_eq!(rise(&[0, 30, 60], &[5.0, 10.0, 3.0], (0, 70), false), Some(8.0));
        assert_eq!(rise(&[0, 10, 20, 30], &[10.0, 5.0, 2.0, 4.0], (1, 15), true), Some(5.5));
        assert_eq!(rise(&[0, 20], &[10.0, 5.0], (5, 15), true), Some(2.5));
    }
}
