//! Minima and maxima of windows.
//!
//! The samples between two borders of windows are in the same windows, so of each such piece only
//! one value can win. It is found once, for several samples at a time; a queue has the pieces that
//! may still win, the best one first.

use super::Windows;
use crate::column::Column;

/// Values that are compared at a time.
const LANES: usize = 8;

/// A piece that may still win: where it begins, and its best value.
pub(super) type Candidate = (usize, f64);

/// Which of two values wins.
pub(super) trait Extreme {
    /// What every other number wins over.
    const WORST: f64;

    /// Whether `a` wins over `b`; what is no number does not.
    fn beats(a: f64, b: f64) -> bool;
}

pub(super) struct Min;
pub(super) struct Max;

impl Extreme for Min {
    const WORST: f64 = f64::INFINITY;

    fn beats(a: f64, b: f64) -> bool {
        a < b
    }
}

impl Extreme for Max {
    const WORST: f64 = f64::NEG_INFINITY;

    fn beats(a: f64, b: f64) -> bool {
        a > b
    }
}

/// Minimum or maximum of each window, the first one of equal values; NaN only if there is nothing
/// else.
pub(super) fn extremes<E: Extreme>(w: &Windows, queue: &mut Vec<Candidate>, out: &mut Column) {
    if !w.overlap() {
        for (step, from, to) in w.filled(1) {
            out.set(step, best::<E>(&w.values[from..to]));
        }
        return;
    }
    queue.clear();
    let (mut head, mut next) = (0, 0);
    let mut begins = w.bounds.iter().map(|&(from, _)| from).peekable();
    for (step, from, to) in w.filled(1) {
        next = next.max(from);
        while next < to {
            // A later window may begin inside.
            while begins.next_if(|&begin| begin <= next).is_some() {}
            let end = begins.peek().map_or(to, |&begin| begin.min(to));
            let value = best::<E>(&w.values[next..end]);
            if !value.is_nan() {
                while queue.len() > head && E::beats(value, queue[queue.len() - 1].1) {
                    queue.pop();
                }
                queue.push((next, value));
            }
            next = end;
        }
        while queue.get(head).is_some_and(|&(begin, _)| begin < from) {
            head += 1;
        }
        out.set(step, queue.get(head).map_or(f64::NAN, |&(_, value)| value));
    }
}

/// The value that no other one beats, the first of equal ones; NaN only if there is nothing else.
fn best<E: Extreme>(values: &[f64]) -> f64 {
    let mut lanes = [E::WORST; LANES];
    let (pieces, rest) = values.as_chunks::<LANES>();
    for piece in pieces {
        for (best, &value) in lanes.iter_mut().zip(piece) {
            *best = if E::beats(value, *best) { value } else { *best };
        }
    }
    let better = |best, value: f64| if E::beats(value, best) { value } else { best };
    let best = lanes.into_iter().chain(rest.iter().copied()).fold(E::WORST, better);
    // Which of two zeros came first is lost in the lanes, and whether there was any number.
    if best == 0.0 || best == E::WORST { first_best::<E>(values) } else { best }
}

/// As [`best`], one value after the other.
fn first_best<E: Extreme>(values: &[f64]) -> f64 {
    let mut best = f64::NAN;
    for &value in values {
        if E::beats(value, best) || best.is_nan() {
            best = value;
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Times;
    use super::*;
    use crate::grid::Grid;
    use crate::watch::Watch;

    fn value() -> impl Strategy<Value = f64> {
        let special = [0.0, -0.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY];
        prop_oneof![4 => (-9_i32..9).prop_map(f64::from), 2 => prop::sample::select(special.to_vec())]
    }

    fn check<E: Extreme>(values: &[f64], bounds: &[(usize, usize)]) -> Result<(), TestCaseError> {
        let (steps, watch) = (Grid { start: 0, step: 1, count: bounds.len() }, Watch::default());
        let w = Windows {
            times: Times::Here(&[]),
            values,
            rise: false,
            version: 0,
            place: 0,
            bounds,
            ends: &[],
            steps: &steps,
            range_ms: 0,
            watch: &watch,
        };
        let mut out = Column::new(bounds.len());
        extremes::<E>(&w, &mut Vec::new(), &mut out);
        for (step, &(from, to)) in bounds.iter().enumerate() {
            let want = (from < to).then(|| first_best::<E>(&values[from..to]).to_bits());
            prop_assert_eq!(out.get(step).map(f64::to_bits), want, "step {}", step);
        }
        Ok(())
    }

    proptest! {
        #[test]
        fn windows_have_the_extremes_of_their_samples(
            values in prop::collection::vec(value(), 1..200),
            strides in prop::collection::vec(0_usize..9, 60), sizes in prop::collection::vec(0_usize..40, 60),
            regular in any::<bool>(),
        ) {
            let (mut begin, mut end) = (0, 0);
            let bounds = strides.iter().zip(&sizes).map(|(stride, size)| {
                let (stride, size) = if regular { (strides[0], sizes[0]) } else { (*stride, *size) };
                begin = (begin + stride).min(values.len());
                end = (begin + size).clamp(end.max(begin), values.len());
                (begin, end)
            });
            let bounds: Vec<_> = bounds.collect();
            check::<Min>(&values, &bounds)?;
            check::<Max>(&values, &bounds)?;
        }
    }
}
