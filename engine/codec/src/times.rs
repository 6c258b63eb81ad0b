//! The timestamp stream of a sealed chunk. All series of one scrape share theirs, so a block keeps
//! each distinct stream once.
//!
//! There are three kinds, and the smallest wins: regular, differences of differences, and
//! distances from a regular grid. The bytes are in `docs/format/chunk.md`.

mod decode;
mod encode;

pub use decode::{decode_times, decode_times_with, regular_times};
pub use encode::encode_times;

/// Kind 0: `first`, `step`.
const REGULAR: u8 = 0;
/// Kind 1: `first`, first difference, `min`, PFOR of the differences of differences − `min`.
const DELTA: u8 = 1;
/// Kind 2: `first`, `step`, `min`, PFOR of the distances from the grid − `min`.
const GRID: u8 = 2;

/// The header of a time stream that is not regular.
#[derive(Debug, Clone, Copy)]
struct TimeHeader {
    /// The first time.
    first: i64,
    /// The first difference, or the grid's step; wraps.
    step: u64,
    /// The smallest difference of differences, or residual.
    min: i64,
}
