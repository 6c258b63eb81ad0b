//! Whether a counter began anew between two histograms.

use std::sync::Arc;

use nunatak::{Histogram, ResetHint};

use super::total::{Total, common};

/// Whether the counter began anew with `current`, which comes after `previous`: some count fell, or
/// the layout became finer, which only a new counter can. A hint decides without looking.
pub(crate) fn is_reset(current: &Histogram, previous: &Histogram) -> bool {
    match current.hint {
        ResetHint::Reset => true,
        ResetHint::NotReset => false,
        ResetHint::Unknown | ResetHint::Gauge => fell(current, previous),
    }
}

/// The hint that storage has for a histogram behind another one of its series.
pub(crate) fn hint_behind(current: &Histogram, previous: Option<&Histogram>) -> ResetHint {
    let follows = |previous: &Histogram| {
        let alike = previous.schema == current.schema
            && previous.zero_threshold == current.zero_threshold
            && previous.bounds == current.bounds
            && previous.hint != ResetHint::Gauge;
        alike && current.hint != ResetHint::Reset && !fell(current, previous)
    };
    match current.hint {
        ResetHint::Gauge => ResetHint::Gauge,
        _ if previous.is_some_and(follows) => ResetHint::NotReset,
        _ => ResetHint::Unknown,
    }
}

fn fell(current: &Histogram, previous: &Histogram) -> bool {
    if current.count < previous.count || current.is_custom() != previous.is_custom() {
        return true;
    }
    if current.is_custom() {
        return custom_fell(current, previous);
    }
    if current.schema > previous.schema || current.zero_threshold < previous.zero_threshold {
        return true;
    }
    if (current.schema, current.zero_threshold) == (previous.schema, previous.zero_threshold) {
        return counts_fell(current, previous);
    }
    let mut before = Total::from(previous);
    before.widen(current.zero_threshold);
    before.coarsen(current.schema);
    let before = before.finish();
    // The new zero bucket ends inside of a bucket that something was in.
    before.zero_threshold != current.zero_threshold || counts_fell(current, &before)
}

fn custom_fell(current: &Histogram, previous: &Histogram) -> bool {
    if Arc::ptr_eq(&current.bounds, &previous.bounds) || current.bounds == previous.bounds {
        return counts_fell(current, previous);
    }
    let both = common(&current.bounds, &previous.bounds);
    let reduced = |h: &Histogram| {
        let mut total = Total::from(h);
        total.reduce_bounds(&both);
        total.finish()
    };
    counts_fell(&reduced(current), &reduced(previous))
}

/// The same for histograms of one layout.
fn counts_fell(current: &Histogram, previous: &Histogram) -> bool {
    let fell = |now: &[(i32, f64)], before: &[(i32, f64)]| {
        let mut now = now.iter().copied().peekable();
        before.iter().any(|&(index, count)| {
            while now.next_if(|&(other, _)| other < index).is_some() {}
            match now.peek() {
                Some(&(other, left)) if other == index => left < count,
                _ => count != 0.0,
            }
        })
    };
    current.zero_count < previous.zero_count
        || fell(&current.positive, &previous.positive)
        || fell(&current.negative, &previous.negative)
}

#[cfg(test)]
mod tests {
    use super::*;
    use nunatak::CUSTOM_SCHEMA;

    fn histogram(count: f64, positive: &[(i32, f64)]) -> Histogram {
        Histogram { count, positive: positive.to_vec(), ..Histogram::default() }
    }

    #[test]
    fn a_count_that_fell_is_a_reset() {
        let before = histogram(3.0, &[(0, 1.0), (1, 2.0)]);
        assert!(is_reset(&histogram(2.0, &[(0, 1.0), (1, 2.0)]), &before));
        assert!(is_reset(&histogram(9.0, &[(0, 9.0), (1, 1.0)]), &before));
        assert!(is_reset(&histogram(9.0, &[(0, 9.0)]), &before));
        assert!(!is_reset(&histogram(9.0, &[(-3, 1.0), (0, 1.0), (1, 2.0), (5, 1.0)]), &before));
        assert!(!is_reset(&before, &histogram(3.0, &[(7, 0.0)])));
    }

    #[test]
    fn hints_decide_without_looking() {
        let (mut now, before) = (histogram(1.0, &[]), histogram(3.0, &[]));
        now.hint = ResetHint::NotReset;
        assert!(!is_reset(&now, &before));
        now = Histogram { hint: ResetHint::Reset, ..before.clone() };
        assert!(is_reset(&now, &before));
    }

    #[test]
    fn a_coarser_layout_is_no_reset_but_a_finer_one_is() {
        let fine = Histogram { schema: 1, ..histogram(3.0, &[(1, 1.0), (2, 2.0)]) };
        let coarse = histogram(3.0, &[(1, 3.0)]);
        assert!(!is_reset(&coarse, &fine));
        assert!(is_reset(&fine, &coarse));
        let wide = Histogram { zero_threshold: 2.0, zero_count: 3.0, ..histogram(3.0, &[]) };
        assert!(!is_reset(&wide, &coarse));
        let cuts = Histogram { zero_threshold: 1.5, ..wide };
        assert!(is_reset(&cuts, &coarse));
    }

    #[test]
    fn other_custom_bounds_are_compared_where_they_agree() {
        let custom = |bounds: &[f64], positive: &[(i32, f64)]| Histogram {
            schema: CUSTOM_SCHEMA,
            bounds: bounds.into(),
            ..histogram(9.0, positive)
        };
        let before = custom(&[2.0, 4.0], &[(0, 1.0), (1, 2.0)]);
        assert!(!is_reset(&custom(&[2.0, 3.0, 4.0], &[(0, 1.0), (1, 1.0), (2, 1.0)]), &before));
        assert!(is_reset(&custom(&[2.0, 3.0, 4.0], &[(0, 1.0), (2, 1.0)]), &before));
        assert!(is_reset(&histogram(9.0, &[]), &before));
    }

    #[test]
    fn storage_knows_what_follows() {
        let (first, mut second) = (histogram(1.0, &[(0, 1.0)]), histogram(2.0, &[(0, 2.0)]));
        assert_eq!(hint_behind(&first, None), ResetHint::Unknown);
        assert_eq!(hint_behind(&second, Some(&first)), ResetHint::NotReset);
        assert_eq!(hint_behind(&first, Some(&second)), ResetHint::Unknown);
        second.hint = ResetHint::Gauge;
        assert_eq!(hint_behind(&second, Some(&first)), ResetHint::Gauge);
    }
}
