//! The value stream of a sealed chunk.
//!
//! Gorilla's xor of neighbours with control and payload apart, so that unpacking needs no branch
//! for each value; and, for what is really a decimal number (most of what is measured), integers
//! with a common power of ten, a common divisor and packed differences. Values that change rarely
//! are stored once for each run. The bytes are in `docs/format/chunk.md`.

mod decimal;
mod decode;
mod divisor;
mod encode;
mod int;
mod kind;
mod runs;
mod ulp;
mod xor;

pub(crate) use decimal::{DECIMAL_LIMIT, power_of_ten};
pub(crate) use decode::{constant_stream, decode_stream, sum_stream};
pub use decode::{decode_values, decode_values_with, may_be_stale, may_fall};
pub use encode::encode_values;
