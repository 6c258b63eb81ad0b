//! What is read: files, standard input, blocks.

use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use flate2::read::MultiGzDecoder;

use super::ImportError;
use super::progress::Progress;
use super::prometheus::{BlockFolder, find_blocks};

/// Bytes that are read at once.
const BUFFER: usize = 256 * 1024;
/// How gzip begins.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// One thing to read.
#[derive(Debug, Clone)]
pub struct Input {
    /// Where it is; `-` is standard input.
    pub path: PathBuf,
    /// What it is.
    pub kind: InputKind,
}

/// What an input is.
#[derive(Debug, Clone)]
pub enum InputKind {
    /// Text, packed or not.
    Text,
    /// A block of a Prometheus TSDB.
    Block(BlockFolder),
}

impl Input {
    /// Whether this is standard input.
    #[must_use]
    pub fn is_stdin(&self) -> bool {
        self.path == Path::new("-")
    }

    /// How it is called in messages.
    pub(super) fn name(&self) -> String {
        if self.is_stdin() { "standard input".to_owned() } else { self.path.display().to_string() }
    }

    /// How much there is to read: bytes of a file, samples of a block, 0 if that is not known.
    pub(super) fn size(&self) -> u64 {
        match &self.kind {
            InputKind::Block(block) => block.samples,
            InputKind::Text => fs::metadata(&self.path).map_or(0, |metadata| metadata.len()),
        }
    }

    /// What tells this input from another one, or from itself after a change.
    pub(super) fn identity(&self) -> String {
        let path = fs::canonicalize(&self.path).unwrap_or_else(|_| self.path.clone());
        let file = match &self.kind {
            InputKind::Block(_) => path.join("meta.json"),
            InputKind::Text => path.clone(),
        };
        let metadata = fs::metadata(file).ok();
        let changed = metadata.as_ref().and_then(|metadata| metadata.modified().ok());
        let changed = changed.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        format!("{} {} {changed:?}", path.display(), metadata.map_or(0, |metadata| metadata.len()))
    }

    /// Opens the text of the input; `progress` counts its bytes as they are in the file.
    pub(super) fn open(&self, progress: &Progress) -> io::Result<Box<dyn io::BufRead>> {
        let raw: Box<dyn Read> =
            if self.is_stdin() { Box::new(io::stdin()) } else { Box::new(File::open(&self.path)?) };
        let mut counted =
            BufReader::with_capacity(BUFFER, Counted { raw, progress: progress.clone() });
        if io::BufRead::fill_buf(&mut counted)?.starts_with(&GZIP) {
            let unpacked = MultiGzDecoder::new(counted);
            return Ok(Box::new(BufReader::with_capacity(BUFFER, unpacked)));
        }
        Ok(Box::new(counted))
    }

    /// The first bytes of its text.
    pub(super) fn peek(&self, bytes: usize) -> io::Result<Vec<u8>> {
        let mut front = Vec::new();
        self.open(&Progress::silent())?.take(bytes as u64).read_to_end(&mut front)?;
        Ok(front)
    }
}

/// Counts what is read of a file.
struct Counted {
    raw: Box<dyn Read>,
    progress: Progress,
}

impl Read for Counted {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let read = self.raw.read(buf)?;
        self.progress.advance(read as u64);
        Ok(read)
    }
}

/// All inputs that the paths name, in their order: a folder stands for the blocks in it, or else for
/// its files by name.
pub(super) fn collect(paths: &[PathBuf], blocks_only: bool) -> Result<Vec<Input>, ImportError> {
    let mut inputs = Vec::new();
    for path in paths {
        let bad = |e: io::Error| ImportError::Arguments(format!("{}: {e}", path.display()));
        if path == Path::new("-") {
            inputs.push(Input { path: path.clone(), kind: InputKind::Text });
        } else if fs::metadata(path).map_err(bad)?.is_dir() {
            let blocks = find_blocks(path)?;
            if blocks.is_empty() && blocks_only {
                let what =
                    "no block of Prometheus in it (a block is a folder with meta.json and index)";
                return Err(ImportError::Arguments(format!("{}: {what}", path.display())));
            }
            if blocks.is_empty() {
                inputs.extend(files(path).map_err(bad)?);
            }
            inputs.extend(
                blocks
                    .into_iter()
                    .map(|block| Input { path: block.path.clone(), kind: InputKind::Block(block) }),
            );
        } else {
            inputs.push(Input { path: path.clone(), kind: InputKind::Text });
        }
    }
    if inputs.is_empty() {
        return Err(ImportError::Arguments("there is nothing to import".to_owned()));
    }
    Ok(inputs)
}

/// The files of a folder by name; those that begin with a dot are left out.
fn files(folder: &Path) -> io::Result<Vec<Input>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let hidden = entry.file_name().to_string_lossy().starts_with('.');
        if entry.file_type()?.is_file() && !hidden {
            found.push(Input { path: entry.path(), kind: InputKind::Text });
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}
