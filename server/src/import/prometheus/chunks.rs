//! The files of chunks.

use std::fs;
use std::path::Path;

use super::BlockError;
use super::bytes::{Cursor, WindowFile};

const MAGIC: u32 = 0x85BD_40DD;
const VERSION: u8 = 1;
const LONGEST_CHUNK: u64 = 32 << 20;

/// A chunk's bytes and what they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chunk<'a> {
    /// 1: floats; 2, 3: native histograms.
    pub encoding: u8,
    /// Without the encoding.
    pub data: &'a [u8],
}

impl Chunk<'_> {
    /// Samples of the chunk, by its own word.
    #[must_use]
    pub fn samples(&self) -> u64 {
        self.data.first_chunk().map_or(0, |count| u16::from_be_bytes(*count).into())
    }
}

/// One file of chunks.
#[derive(Debug)]
pub struct ChunkFile(WindowFile);

impl ChunkFile {
    /// Opens the files in the folder `chunks` of a block, in their order.
    ///
    /// # Errors
    /// If one can't be read or is none.
    pub fn open_all(folder: &Path) -> Result<Vec<Self>, BlockError> {
        let entries = fs::read_dir(folder).map_err(|e| BlockError::io(folder, e))?;
        let mut paths = Vec::new();
        for entry in entries {
            let path = entry.map_err(|e| BlockError::io(folder, e))?.path();
            let name = path.file_name().and_then(|name| name.to_str());
            if name.is_some_and(|name| name.bytes().all(|b| b.is_ascii_digit())) {
                paths.push(path);
            }
        }
        paths.sort();
        paths.iter().map(|path| Self::open(path)).collect()
    }

    /// Opens one file.
    ///
    /// # Errors
    /// If it can't be read or is none.
    pub fn open(path: &Path) -> Result<Self, BlockError> {
        let mut file = WindowFile::open(path.to_owned())?;
        let mut head = Cursor(file.get_up_to(0, 8)?);
        match (head.u32(), head.u8()) {
            (Some(MAGIC), Some(VERSION)) => Ok(Self(file)),
            (Some(MAGIC), _) => Err(file.corrupt(4, "a version of chunks other than 1")),
            _ => Err(file.corrupt(0, "not a file of chunks")),
        }
    }

    /// The chunk at `offset`.
    ///
    /// # Errors
    /// If it can't be read or its checksum does not match.
    pub fn chunk(&mut self, offset: u64) -> Result<Chunk<'_>, BlockError> {
        let bad = |path: &Path, what| BlockError::corrupt(path, offset, what);
        let path = self.0.path().to_owned();
        let mut front = Cursor(self.0.get_up_to(offset, 5)?);
        let before = front.0.len();
        let len = front.uvarint().filter(|&len| len <= LONGEST_CHUNK);
        let head = (before - front.0.len()) as u64;
        let len = len.ok_or_else(|| bad(&path, "no length of a chunk"))?;
        let bytes = self.0.get(offset + head, 1 + len + 4)?;
        let (body, crc) =
            bytes.split_last_chunk().ok_or_else(|| bad(&path, "a chunk is cut off"))?;
        if crc32c::crc32c(body) != u32::from_be_bytes(*crc) {
            return Err(bad(&path, "a chunk fails its checksum"));
        }
        let (encoding, data) = body.split_first().ok_or_else(|| bad(&path, "an empty chunk"))?;
        Ok(Chunk { encoding: *encoding, data })
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.0.path()
    }
}
