//! Blocks: samples of a time window on disk, written once and never changed.
//!
//! A block is a folder of three files: `data` has the samples, `index` the label sets, `manifest`
//! says what belongs together. It is written into a temporary folder and becomes visible by one
//! rename, so it is there whole or not at all. Every page has a checksum that is verified whenever
//! the page is read; what queries have read is remembered for a while; the bytes are described in `docs/format/block.md` and
//! `docs/format/manifest.md`.
//!
//! What it costs: opening reads the manifest and the footer and decodes nothing else. A selection
//! asks the index for series; a series then costs one page of the directory (a thousand series
//! share it), the timestamp streams that the selection has not seen yet, and its value pages,
//! which neighbours share.
#![deny(clippy::indexing_slicing, reason = "blocks are read from bytes that nobody vouches for")]

mod ahead;
mod answers;
mod bytes;
mod cache;
mod damage;
mod data;
mod difference;
mod directory;
mod folder;
#[doc(hidden)]
pub mod fuzzing;
mod index_writer;
pub(crate) mod inspect;
mod manifest;
mod name;
mod output;
mod page;
mod page_cache;
mod reader;
mod rebuild;
mod restamp;
mod scan;
mod scrub;
mod selection;
mod series;
mod streams;
mod table;
pub(crate) mod tier;
mod verify;
mod writer;

pub(crate) use ahead::{Ahead, MOST_BYTES};
pub use data::DataBytes;
pub use folder::{OpenedBlocks, Quarantined, clean_temporary, open_all, remove};
pub(crate) use folder::{QUARANTINE, TEMPORARY, is_temporary, names, put_aside};
pub(crate) use index_writer::Member;
pub use manifest::{BlockMeta, Coverage};
pub use name::{BlockId, BlockName};
pub(crate) use page_cache::{forget_in_time, remember_within, remembered_bytes};
pub use reader::Block;
pub use rebuild::rebuild_manifest;
pub(crate) use restamp::restamp;
pub(crate) use scan::scan_blocks;
pub(crate) use scrub::BlockScrub;
pub use selection::BlockSeries;
pub(crate) use selection::Selected;
pub(crate) use series::Labelling;
pub use verify::VerifyReport;
pub use writer::{BlockSpec, BlockWriter};
