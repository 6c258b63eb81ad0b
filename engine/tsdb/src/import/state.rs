//! How far an import has come: one small file that is replaced as a whole.

use std::fmt::Write as _;

use crate::error::{Error, Result};
use crate::storage::{Storage, steps};

const VERSION: u32 = 0;
const MAGIC: &str = "nunatak-import ";
/// Longest state that is read: room for a hundred thousand blocks in one part.
const LONGEST: u64 = 32 << 20;

/// A prepared block that belongs to the database once the state says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Move {
    /// Its folder inside the import's folder.
    pub(crate) from: String,
    /// Its folder in the database.
    pub(crate) to: String,
}

/// What is known of an import besides its blocks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct State {
    /// Parts that count.
    pub(crate) parts: u64,
    /// Whether the import is complete.
    pub(crate) done: bool,
    /// Samples and blocks of all parts.
    pub(crate) samples: u64,
    pub(crate) blocks: u64,
    /// How far the source was read, in the words of who reads it.
    pub(crate) mark: Vec<u8>,
    /// The blocks of the last part.
    pub(crate) moves: Vec<Move>,
}

/// The state's file in an import's folder.
pub(super) fn path(folder: &str) -> String {
    format!("{folder}/state")
}

impl State {
    /// The state in `folder`, or `None` if there is none.
    pub(crate) fn read(storage: &dyn Storage, folder: &str) -> Result<Option<Self>> {
        let path = path(folder);
        let bytes = steps::read(storage, &path, LONGEST)?;
        bytes.map(|bytes| Self::decode(&path, &bytes)).transpose()
    }

    /// Replaces the state in `folder`. When this returns it is on the disk.
    pub(crate) fn write(&self, storage: &dyn Storage, folder: &str) -> Result<()> {
        let temporary = format!("{folder}/state.tmp");
        steps::replace(storage, &path(folder), &temporary, self.encode().as_bytes())
    }

    fn encode(&self) -> String {
        let mut text = format!("{MAGIC}{VERSION}\n");
        let hex = self.mark.iter().fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        });
        // Writing to a string can't fail.
        let _ = writeln!(text, "parts {}\ndone {}", self.parts, u8::from(self.done));
        let _ = writeln!(text, "samples {}\nblocks {}\nmark {hex}", self.samples, self.blocks);
        for Move { from, to } in &self.moves {
            let _ = writeln!(text, "move {from} {to}");
        }
        let crc = crc32c::crc32c(text.as_bytes());
        let _ = writeln!(text, "crc32c {crc:08x}");
        text
    }

    fn decode(path: &str, bytes: &[u8]) -> Result<Self> {
        let bad = |what: &str| Error::corrupt(path, 0, what);
        let text = std::str::from_utf8(bytes).map_err(|_| bad("not text"))?;
        let version = text.strip_prefix(MAGIC).and_then(|rest| rest.lines().next()?.parse().ok());
        let found: u32 = version.ok_or_else(|| bad("not the state of an import"))?;
        if found != VERSION {
            let hint = "finish the import with the build that began it";
            return Err(Error::Version { path: path.into(), found, supported: VERSION, hint });
        }
        let end = text.len().checked_sub("crc32c 00000000\n".len());
        let (body, last) = end
            .and_then(|end| text.split_at_checked(end))
            .ok_or_else(|| bad("it ends too early"))?;
        if last != format!("crc32c {:08x}\n", crc32c::crc32c(body.as_bytes())) {
            return Err(bad("the checksum does not match"));
        }
        Self::parse(body).ok_or_else(|| bad("a line is not as it should be"))
    }

    fn parse(body: &str) -> Option<Self> {
        let mut lines = body.lines().skip(1);
        let mut field = |key: &str| lines.next()?.strip_prefix(key)?.strip_prefix(' ');
        Some(Self {
            parts: field("parts")?.parse().ok()?,
            done: field("done")? == "1",
            samples: field("samples")?.parse().ok()?,
            blocks: field("blocks")?.parse().ok()?,
            mark: from_hex(field("mark")?)?,
            moves: lines.map(parse_move).collect::<Option<_>>()?,
        })
    }
}

fn parse_move(line: &str) -> Option<Move> {
    let (from, to) = line.strip_prefix("move ")?.split_once(' ')?;
    Some(Move { from: from.to_owned(), to: to.to_owned() })
}

fn from_hex(hex: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = hex.chars().map(|c| Some(c.to_digit(16)? as u8)).collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0)?;
    Some(
        digits.chunks(2).map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit)).collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::MemoryStorage;

    #[test]
    fn comes_back_and_any_flip_or_cut_is_found() {
        let state = State {
            parts: 3,
            done: true,
            samples: 1 << 40,
            blocks: 7,
            mark: vec![0, 255, 16],
            moves: vec![Move { from: "a/b".to_owned(), to: "c/d".to_owned() }],
        };
        let storage = MemoryStorage::new();
        storage.create_folder("x").unwrap();
        assert_eq!(State::read(&storage, "x").unwrap(), None);
        State::default().write(&storage, "x").unwrap();
        state.write(&storage, "x").unwrap();
        assert_eq!(State::read(&storage, "x").unwrap(), Some(state.clone()));
        let bytes = state.encode().into_bytes();
        for i in 0..bytes.len() * 8 {
            let mut bad = bytes.clone();
            bad[i / 8] ^= 1 << (i % 8);
            assert!(State::decode("s", &bad).is_err(), "bit {i}");
        }
        for len in 0..bytes.len() {
            assert!(State::decode("s", &bytes[..len]).is_err(), "cut to {len}");
        }
        let next = String::from_utf8(bytes).unwrap().replace("import 0", "import 1");
        assert!(matches!(State::decode("s", next.as_bytes()), Err(Error::Version { .. })));
    }
}
