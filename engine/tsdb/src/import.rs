//! Bulk import: samples become blocks without a log and a head.
//!
//! An import collects samples by series (`rows`), puts them aside as sorted runs when they take more
//! memory than they may (`run`), and at the end of each *part* merges the runs into blocks, one for
//! each shard and window (`stage`). The blocks are written beside the shards, in the import's own
//! folder; `state` is the one small file whose change makes all blocks of a part, and the mark of
//! how far the source was read, count at once. What is left of an import after a crash is finished
//! or thrown away when the database is opened (`recovery`).
//!
//! The public face is [`Importer`](crate::Importer), which also gives a part its place in the order
//! of writes. `docs/format/import.md` has the files.

mod recovery;
mod rows;
mod run;
mod sorted;
mod stage;
mod staging;
mod state;
mod windows;

pub(crate) use recovery::{finish_moves, recover, remove_leftovers};
pub(crate) use stage::{Place, Stager};
pub(crate) use state::{Move, State};
pub(crate) use windows::Windows;

/// The folder, in that of the database, which has one folder for each import.
pub(crate) const FOLDER: &str = "import";
