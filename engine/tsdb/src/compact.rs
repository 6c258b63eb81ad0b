//! Compaction: fewer, larger blocks, and one block where several overlapped.
//!
//! Blocks grow upwards through windows that nest (two hours, eight, a day, aligned to UTC). A
//! [`plan`] says which blocks should become one, [`merge`] writes it, [`publish`] lets go of its
//! parts. All of it is physical: no answer changes, a query may run at any moment of it.

mod merge;
mod plan;

pub use merge::{merge, publish};
pub use plan::{DEFAULT_LEVELS, merged_spec, plan, window_of};
