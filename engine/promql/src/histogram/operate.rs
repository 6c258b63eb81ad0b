//! Operators with a native histogram on one side or both.

use std::sync::Arc;

use nunatak::{Histogram, ResetHint};

use super::total::{Joined, Total};
use super::trim::{Side, trim};
use crate::ast::{BinaryOp, Span};
use crate::notes::{Joining, Notes};

/// An operand.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Operand<'a> {
    Float(f64),
    Histogram(&'a Arc<Histogram>),
}

impl Operand<'_> {
    fn kind(self) -> &'static str {
        match self {
            Self::Float(_) => "float",
            Self::Histogram(_) => "histogram",
        }
    }
}

/// What an operator gives.
#[derive(Debug, Clone)]
pub(crate) enum Outcome {
    Histogram(Arc<Histogram>),
    /// Of a comparison.
    Holds(bool),
}

/// The operator on two operands, one of which is a histogram; `None`, with a remark, if it means
/// nothing for them.
pub(crate) fn operate(
    op: BinaryOp,
    a: Operand,
    b: Operand,
    notes: &Notes,
    span: Span,
) -> Option<Outcome> {
    use BinaryOp as Op;
    use Operand::{Float, Histogram};
    let result = match (op, a, b) {
        (Op::Mul, Histogram(h), Float(factor)) | (Op::Mul, Float(factor), Histogram(h)) => {
            scaled(h, factor)
        }
        (Op::Div, Histogram(h), Float(by)) => divided(h, by),
        (Op::TrimUpper, Histogram(h), Float(value)) => trim(h, value, Side::Below),
        (Op::TrimLower, Histogram(h), Float(value)) => trim(h, value, Side::Above),
        (Op::Add | Op::Sub, Histogram(a), Histogram(b)) => {
            return joined(op, a, b, notes, span).map(|h| Outcome::Histogram(Arc::new(h)));
        }
        (Op::Eq, Histogram(a), Histogram(b)) => return Some(Outcome::Holds(a.same_bits(b))),
        (Op::NotEq, Histogram(a), Histogram(b)) => return Some(Outcome::Holds(!a.same_bits(b))),
        _ => {
            notes.incompatible_types(a.kind(), op, b.kind(), span);
            return None;
        }
    };
    Some(Outcome::Histogram(Arc::new(result)))
}

/// Everything times a factor; what has become negative is no counter.
pub(crate) fn scaled(h: &Histogram, factor: f64) -> Histogram {
    let mut result = h.clone();
    result.map(|value| value * factor);
    if factor < 0.0 {
        result.hint = ResetHint::Gauge;
    }
    result.compact();
    result
}

fn divided(h: &Histogram, by: f64) -> Histogram {
    let mut result = h.clone();
    result.map(|value| value / by);
    if by == 0.0 {
        result.positive.clear();
        result.negative.clear();
    } else if by < 0.0 {
        result.hint = ResetHint::Gauge;
    }
    result.compact();
    result
}

fn joined(
    op: BinaryOp,
    a: &Histogram,
    b: &Histogram,
    notes: &Notes,
    span: Span,
) -> Option<Histogram> {
    let mut total = Total::from(a);
    let (how, result) = match op {
        BinaryOp::Sub => (Joining::Subtraction, total.subtract(b)),
        _ => (Joining::Addition, total.add(b)),
    };
    let Ok(Joined { collision, reconciled }) = result else {
        notes.incompatible_layout(op, span);
        return None;
    };
    if collision {
        notes.colliding_resets(how, span);
    }
    if reconciled {
        notes.reconciled_bounds(how, span);
    }
    if op == BinaryOp::Sub {
        total.hint = ResetHint::Gauge;
    }
    Some(total.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn histogram() -> Arc<Histogram> {
        let positive = vec![(0, 2.0), (1, 4.0)];
        Arc::new(Histogram { count: 6.0, sum: 8.0, positive, ..Histogram::default() })
    }

    fn of(op: BinaryOp, a: Operand, b: Operand) -> (Option<Outcome>, Vec<String>) {
        let notes = Notes::new("");
        let outcome = operate(op, a, b, &notes, Span::default());
        (outcome, notes.finish().1)
    }

    #[test]
    fn a_negative_factor_makes_a_gauge() {
        let h = histogram();
        let (outcome, _) = of(BinaryOp::Mul, Operand::Float(-0.5), Operand::Histogram(&h));
        let Some(Outcome::Histogram(result)) = outcome else { panic!("a histogram") };
        assert_eq!((result.count, result.hint), (-3.0, ResetHint::Gauge));
    }

    #[test]
    fn division_by_zero_leaves_no_bucket() {
        let h = divided(&histogram(), 0.0);
        assert_eq!((h.count, h.positive.len()), (f64::INFINITY, 0));
    }

    #[test]
    fn what_means_nothing_is_remarked_on() {
        let h = histogram();
        let (outcome, infos) = of(BinaryOp::Div, Operand::Float(1.0), Operand::Histogram(&h));
        assert!(outcome.is_none());
        let text = "PromQL info: incompatible sample types encountered for binary operator \"/\": float / histogram";
        assert!(infos[0].starts_with(text), "{infos:?}");
    }
}
