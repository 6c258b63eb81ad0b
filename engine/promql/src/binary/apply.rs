//! The operators on two numbers.

use crate::ast::BinaryOp;

/// The operator on two scalars; comparisons give 0 or 1.
pub(crate) fn scalars(op: BinaryOp, a: f64, b: f64) -> f64 {
    if op.is_comparison() { f64::from(u8::from(compares(op, a, b))) } else { arithmetic(op, a, b) }
}

/// Whether a comparison holds.
pub(crate) fn compares(op: BinaryOp, a: f64, b: f64) -> bool {
    match op {
        BinaryOp::Eq => a == b,
        BinaryOp::NotEq => a != b,
        BinaryOp::Less => a < b,
        BinaryOp::LessEq => a <= b,
        BinaryOp::Greater => a > b,
        BinaryOp::GreaterEq => a >= b,
        _ => false,
    }
}

/// An arithmetic operator.
pub(crate) fn arithmetic(op: BinaryOp, a: f64, b: f64) -> f64 {
    match op {
        BinaryOp::Add => a + b,
        BinaryOp::Sub => a - b,
        BinaryOp::Mul => a * b,
        BinaryOp::Div => a / b,
        BinaryOp::Mod => a % b,
        BinaryOp::Pow => a.powf(b),
        BinaryOp::Atan2 => a.atan2(b),
        _ => f64::NAN,
    }
}

/// Whether the operator changes what the values mean, so that the metric's name must go.
pub(crate) fn changes_meaning(op: BinaryOp) -> bool {
    use BinaryOp::{Add, Atan2, Div, Mod, Mul, Pow, Sub};
    matches!(op, Add | Sub | Mul | Div | Mod | Pow | Atan2)
}

/// Whether the operator is for native histograms alone.
pub(crate) fn is_trim(op: BinaryOp) -> bool {
    matches!(op, BinaryOp::TrimUpper | BinaryOp::TrimLower)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operators_follow_ieee() {
        assert_eq!(scalars(BinaryOp::Mod, -5.5, 2.0), -1.5);
        assert!(scalars(BinaryOp::Mod, 1.0, 0.0).is_nan());
        assert_eq!(scalars(BinaryOp::Div, 1.0, 0.0), f64::INFINITY);
        assert_eq!(scalars(BinaryOp::NotEq, f64::NAN, f64::NAN), 1.0);
        assert_eq!(scalars(BinaryOp::Pow, 1.0, f64::NAN), 1.0);
    }
}
