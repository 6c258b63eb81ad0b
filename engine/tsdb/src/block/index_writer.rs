//! Where the index of a new block comes from: its label sets, or the blocks that it is made of.

use nunatak_index::{Labels, MergeError, SegmentImage, SegmentMerge, SegmentWriter, WriteError};

use super::Block;
use crate::error::{Error, Result};

/// A series of a block that is merged: the block's place among the others, and the series' number.
pub(crate) type Member = (u16, u32);

/// Makes the index of a block.
#[derive(Debug)]
pub(super) enum IndexWriter {
    /// Of label sets.
    Collected(Box<SegmentWriter>),
    /// Of the indexes of these blocks, which takes a fraction of the memory.
    Merged {
        blocks: Vec<Block>,
        merge: SegmentMerge,
        /// Where the series that is being written comes from.
        members: Vec<Member>,
    },
}

impl Default for IndexWriter {
    fn default() -> Self {
        Self::Collected(Box::default())
    }
}

impl IndexWriter {
    /// One for series of these blocks.
    pub(super) fn merging(blocks: Vec<Block>) -> Result<Self> {
        let merge = SegmentMerge::new(blocks.iter().map(|block| block.index().series_count()));
        Ok(Self::Merged { merge: merge.map_err(|e| invalid(&e))?, blocks, members: Vec::new() })
    }

    /// Says where the next series comes from.
    pub(super) fn comes_from(&mut self, from: &[Member]) {
        if let Self::Merged { members, .. } = self {
            members.clear();
            members.extend_from_slice(from);
        }
    }

    /// Adds the next series.
    pub(super) fn add(&mut self, labels: &Labels) -> Result<()> {
        match self {
            Self::Collected(writer) => writer.add(labels).map(drop),
            Self::Merged { merge, members, .. } => merge.add(members),
        }
        .map_err(|e| invalid(&e))
    }

    /// The index.
    pub(super) fn image(self) -> Result<SegmentImage> {
        let (blocks, merge) = match self {
            Self::Collected(writer) => return writer.image().map_err(|e| invalid(&e)),
            Self::Merged { blocks, merge, .. } => (blocks, merge),
        };
        let segments: Vec<_> = blocks.iter().map(|block| block.index().segment()).collect();
        let mut give_back = || blocks.iter().for_each(Block::give_back);
        let image = merge.image(&segments, &mut give_back);
        give_back();
        image.map_err(|error| match error {
            MergeError::Part { part, error } => match blocks.get(part) {
                Some(block) => block.index().damage(error),
                None => Error::Invalid { what: error.to_string() },
            },
            other => Error::Invalid { what: other.to_string() },
        })
    }
}

fn invalid(error: &WriteError) -> Error {
    Error::Invalid { what: error.to_string() }
}
