//! What a window of histograms gives.

use std::sync::Arc;

use nunatak::{Histogram, ResetHint};

use super::{Remarks, Row, Window};
use crate::column::Column;
use crate::functions::FunctionId;
use crate::histogram::reset::is_reset;
use crate::histogram::{Incompatible, Mean, SeenHints, Total};
use crate::notes::Joining;
use crate::window::rate::{Gaps, Shape};
use crate::window::{WindowFunction, Windows};

impl WindowFunction {
    /// The function of a window that holds histograms alone.
    pub(super) fn of_histograms(
        &self,
        w: &Windows,
        window: &Window,
        remarks: &Remarks,
    ) -> Option<Histogram> {
        match self.func {
            FunctionId::SumOverTime => sum(window.histograms, remarks),
            FunctionId::AvgOverTime => mean(window.histograms, remarks),
            func => {
                let counter = func != FunctionId::Delta;
                let rise = rise(window.histograms, counter, remarks)?;
                let unit = if func == FunctionId::Rate { w.range_seconds() } else { 1.0 };
                let times = &w.times()[window.from..window.to];
                let ends = (times[0], times[times.len() - 1]);
                let gaps = Gaps::new(ends, w.ends[window.step], w.range_ms);
                let shape = Shape::new(gaps, (times.len() - 1) as f64, unit);
                let factor = if counter {
                    shape.factor_above_zero(window.histograms[0].1.count, rise.count(), unit)
                } else {
                    shape.factor
                };
                let mut rise = rise;
                rise.multiply(factor);
                Some(rise.finish())
            }
        }
    }

    /// `irate` and `idelta`.
    pub(super) fn last_two(
        &self,
        w: &Windows,
        window: &Window,
        remarks: &Remarks,
        out: &mut Column,
    ) {
        let Some(last) = window.histograms.last() else { return };
        let before = window.histograms.iter().rev().nth(1);
        let is_at = |row: &Row, back: usize| row.0 + back == window.to;
        let pair = match before {
            Some(before) if is_at(last, 1) && is_at(before, 2) => (&before.1, &last.1),
            _ if !is_at(last, 1) && !is_at(last, 2) => return,
            _ => {
                out.present.remove(window.step);
                if window.to - window.from >= 2 {
                    remarks.notes.mixed_in_range(remarks.metric, remarks.span);
                }
                return;
            }
        };
        out.present.remove(window.step);
        let per_second = self.func == FunctionId::Irate;
        let interval = w.times()[window.to - 1].saturating_sub(w.times()[window.to - 2]);
        if interval == 0 {
            return;
        }
        let Some(mut rise) = step_up(pair, per_second, remarks) else { return };
        if per_second {
            rise.divide(interval as f64 / 1000.0);
        }
        out.set_histogram(window.step, Arc::new(rise.finish()));
    }
}

/// The difference of two neighbours.
fn step_up(
    (before, last): (&Arc<Histogram>, &Arc<Histogram>),
    counter: bool,
    remarks: &Remarks,
) -> Option<Total> {
    let gauges = [before, last].map(|h| h.hint == ResetHint::Gauge);
    if counter && gauges.contains(&true) {
        remarks.notes.not_a_counter(remarks.metric, remarks.span);
    }
    if !counter && gauges.contains(&false) {
        remarks.notes.not_a_gauge(remarks.metric, remarks.span);
    }
    let mut total = Total::from(&**last);
    if !counter || !is_reset(last, before) {
        join(&mut total, before, Joining::Subtraction, remarks)?;
    }
    total.hint = ResetHint::Gauge;
    Some(total)
}

/// The difference of the last and the first histogram, with what a counter lost at its resets.
fn rise(rows: &[Row], counter: bool, remarks: &Remarks) -> Option<Total> {
    let [(_, first), .., (_, last)] = rows else { return None };
    let is_gauge = |(_, h): &Row| h.hint == ResetHint::Gauge;
    if counter && rows.iter().any(is_gauge) {
        remarks.notes.not_a_counter(remarks.metric, remarks.span);
    }
    // If the counter began anew behind the first one, its layout does not matter.
    let second = &rows[1].1;
    let nothing = Histogram {
        schema: second.schema,
        bounds: Arc::clone(&second.bounds),
        ..Histogram::default()
    };
    let first = if counter && is_reset(second, first) { &nothing } else { &**first };
    let inner = if counter { &rows[1..] } else { &rows[rows.len() - 1..] };
    if inner.iter().any(|(_, h)| h.is_custom() != first.is_custom()) {
        remarks.notes.mixed_schemas(remarks.metric, remarks.span);
        return None;
    }
    let mut total = Total::from(&**last);
    join(&mut total, first, Joining::Subtraction, remarks)?;
    if counter {
        let mut before = first;
        for (_, h) in &rows[1..] {
            if is_reset(h, before) {
                join(&mut total, before, Joining::Addition, remarks)?;
            }
            before = h;
        }
    } else if !is_gauge(&rows[0]) || !is_gauge(&rows[rows.len() - 1]) {
        remarks.notes.not_a_gauge(remarks.metric, remarks.span);
    }
    total.hint = ResetHint::Gauge;
    Some(total)
}

/// Adds or subtracts a histogram; `None`, with a remark, if that can't be done.
pub(super) fn join(
    total: &mut Total,
    h: &Histogram,
    how: Joining,
    remarks: &Remarks,
) -> Option<()> {
    let joined = match how {
        Joining::Subtraction => total.subtract(h),
        _ => total.add(h),
    };
    remarks.joined(joined.map(|joined| joined.reconciled), how)
}

impl Remarks<'_> {
    /// Remarks on whether bounds were reconciled.
    fn joined(&self, reconciled: Result<bool, Incompatible>, how: Joining) -> Option<()> {
        match reconciled {
            Ok(true) => self.notes.reconciled_bounds(how, self.span),
            Ok(false) => {}
            Err(Incompatible) => {
                self.notes.mixed_schemas(self.metric, self.span);
                return None;
            }
        }
        Some(())
    }

    fn collision(&self, rows: &[Row]) {
        let mut seen = SeenHints::default();
        for (_, h) in rows {
            seen.see(h.hint);
        }
        if seen.collide() {
            self.notes.colliding_resets(Joining::Aggregation, self.span);
        }
    }
}

fn sum(rows: &[Row], remarks: &Remarks) -> Option<Histogram> {
    let [(_, first), rest @ ..] = rows else { return None };
    let mut total = Total::from(&**first);
    for (_, h) in rest {
        let joined = total.add(h).map(|joined| joined.reconciled);
        remarks.joined(joined, Joining::Aggregation)?;
    }
    remarks.collision(rows);
    Some(total.finish())
}

fn mean(rows: &[Row], remarks: &Remarks) -> Option<Histogram> {
    let [(_, first), rest @ ..] = rows else { return None };
    let mut mean = Mean::from(&**first);
    for (_, h) in rest {
        let joined = mean.add(h).map(|joined| joined.reconciled);
        remarks.joined(joined, Joining::Aggregation)?;
    }
    remarks.collision(rows);
    Some(mean.finish())
}
