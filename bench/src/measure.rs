//! What is looked at while a target works.

mod durations;
mod folder;
mod ingest;
mod process;
mod start;
mod stored;

pub use durations::Durations;
pub use folder::{FolderSize, folder_size};
pub use ingest::{Ingest, SendReport, measure_ingest, send};
pub use process::{Process, Usage};
pub use start::wait_until_ready;
pub use stored::{Stored, count_stored};
