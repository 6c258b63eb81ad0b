//! Binary operations: a vector and a scalar, two vectors, sets.

pub(crate) mod apply;
pub(crate) mod matching;
mod mixed;
mod pair;
mod sets;

pub(crate) use mixed::mixed;
pub(crate) use pair::pair;
pub(crate) use sets::set_operation;
