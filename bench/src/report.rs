//! Where the figures go: JSON, and the page with its pictures made of it.

mod gaps;
mod grid;
mod machine;
pub mod model;
mod page;
mod plot;
mod publish;
mod ratio;
mod readme;
pub(crate) mod spread;
mod unit;

pub use machine::Machine;
pub use publish::{publish, renew_readme};
