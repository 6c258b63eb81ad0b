//! The block folders of a Prometheus TSDB.
//!
//! A block is a folder of `meta.json`, `index`, `chunks/000001` … and `tombstones`. All of it is read
//! with positioned reads through buffers: series come in the order of the index, which is the order in
//! which their chunks were written. Each checksum is verified before a byte behind it is believed.
//! What is in the head and the write-ahead log is not read.
//!
//! Source: Prometheus' documents `tsdb/docs/format/*.md`; checked against what Prometheus 3.5 writes.

mod block;
mod bytes;
mod chunks;
mod index;
mod meta;
mod tombstones;
mod xor;

pub use block::{BlockReader, BlockSeries, Skipped};
pub use chunks::{Chunk, ChunkFile};
pub use index::{ChunkMeta, Index, SeriesEntry};
pub use meta::{BlockFolder, find_blocks, is_block};
pub use tombstones::Tombstones;
pub use xor::decode as decode_xor;

use std::path::{Path, PathBuf};

/// Why a block can't be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BlockError {
    /// The operating system refuses.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Its answer.
        source: std::io::Error,
    },
    /// The bytes are not what Prometheus writes.
    #[error("{} at byte {offset}: {what}", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// Where.
        offset: u64,
        /// What is wrong.
        what: &'static str,
    },
}

impl BlockError {
    fn io(path: &Path, source: std::io::Error) -> Self {
        Self::Io { path: path.to_owned(), source }
    }

    fn corrupt(path: &Path, offset: u64, what: &'static str) -> Self {
        Self::Corrupt { path: path.to_owned(), offset, what }
    }
}
