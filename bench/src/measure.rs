//! What is looked at while a target works.

mod asking;
mod cache;
mod durations;
mod folder;
mod ingest;
mod parts;
mod process;
mod start;

pub use asking::{Asked, Asker, ask_in_turns};
pub use cache::drop_from_cache;
pub use durations::Durations;
pub use folder::{FolderSize, folder_size};
pub use ingest::{Ingest, SendReport, measure_ingest, send};
pub use parts::{Parts, parts};
pub use process::{Process, Usage};
pub use start::wait_until_ready;
