//! Compaction: fewer, larger blocks, and one block where several overlapped.
//!
//! Blocks grow upwards through windows that nest (two hours, eight, a day, aligned to UTC). A
//! [`plan`] says which blocks should become one, [`merge`] writes it, [`publish`] lets go of its
//! parts. All of it is physical: no answer changes, a query may run at any moment of it.
//!
//! A merge streams: it holds one chunk of each part, the pages and decoded times that its parts'
//! readers keep (at most 1.6 MiB a part), and of the new block the timestamp streams and the image of
//! the index, which is merged from those of the parts. It asks before every chunk whether it may go on.

mod merge;
mod plan;
mod run;

pub(crate) use merge::{Judge, merge_as};
pub use merge::{merge, publish};
pub use plan::{DEFAULT_LEVELS, merged_spec, plan, window_of};
pub(crate) use plan::{begun_spec, clear_of, plan_begun, plan_if};
pub(crate) use run::{Allowance, pick};
