//! The manifest: what a block is, in a few lines of text.

use std::fmt::Write as _;

use crate::error::{Error, Result};
use crate::log::Position;
use crate::time::TimeRange;

use super::name::{BlockId, BlockName};
use super::table::{VERSION, VERSION_HINT};
use super::tier;

/// Which log positions of a time window a block holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Coverage {
    /// First time of the window, in ms.
    pub from_ms: i64,
    /// Last time of the window, in ms; it belongs to it.
    pub to_ms: i64,
    /// The block holds the window's samples up to and with this position.
    pub position: Position,
}

/// What is known of a block without reading its samples.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BlockMeta {
    /// The folder's name.
    pub name: String,
    /// The window that the block stands for.
    pub range: TimeRange,
    /// Time of the first sample, in ms.
    pub min_t: i64,
    /// Time of the last sample, in ms.
    pub max_t: i64,
    /// Ascending in a shard.
    pub sequence: u64,
    /// The first 64 bits of the hash of its content.
    pub hash: u64,
    /// Which log positions the block holds, sorted.
    pub coverage: Vec<Coverage>,
    /// The blocks that this one was merged of and stands for.
    pub parents: Vec<BlockId>,
    /// In a [tier](crate::Options::downsample_after) the widths of its buckets in ms, ascending;
    /// empty in a block of samples.
    pub resolutions: Vec<i64>,
    /// Number of samples; of a tier the numbers in all columns.
    pub samples: u64,
    /// Number of series.
    pub series: u64,
    /// Bytes of all its files, the manifest apart.
    pub bytes: u64,
}

impl BlockMeta {
    /// What tells the block from all others of its folder.
    #[must_use]
    pub fn id(&self) -> BlockId {
        BlockId { sequence: self.sequence, hash: self.hash }
    }

    /// Of equal series and time the sample of the block with the higher precedence counts: the
    /// highest log position of what it covers, then the sequence.
    ///
    /// A part that stands for no times of the log was newer for its own series alone. Merged with
    /// others it does not lift them: of those the log may have samples between the two positions.
    #[must_use]
    pub fn precedence(&self) -> (Position, u64) {
        (Self::rank_of_merged(&[self]), self.sequence)
    }

    /// The position that a block merged of these ranks by.
    pub(crate) fn rank_of_merged(parts: &[&Self]) -> Position {
        let coverage = || parts.iter().flat_map(|meta| &meta.coverage);
        let stand_for_times = coverage().filter(|c| c.from_ms < i64::MAX);
        let highest = stand_for_times.map(|c| c.position).max();
        highest.or_else(|| coverage().map(|c| c.position).max()).unwrap_or_default()
    }

    /// The times that a block merged of these would rank by a later position than what they hold there
    /// comes from.
    pub(crate) fn lifted_by_merge(parts: &[&Self]) -> Vec<TimeRange> {
        let rank = Self::rank_of_merged(parts);
        let of_times = |meta: &&Self| {
            let coverage = meta.coverage.clone().into_iter();
            coverage.filter(|c| c.from_ms < i64::MAX).collect::<Vec<_>>()
        };
        let mut highest: Vec<Coverage> = parts.iter().flat_map(of_times).collect();
        highest.retain(|c| c.position == rank);
        let is_at_rank =
            |c: &Coverage| highest.iter().any(|h| h.from_ms <= c.from_ms && c.to_ms <= h.to_ms);
        let lower = || parts.iter().filter(|meta| meta.precedence().0 < rank);
        let rise = lower().flat_map(of_times).filter(|c| !is_at_rank(c));
        // One of series that had left their head stands for no times, but holds some. Merged with
        // its like alone it waits for nobody: a flood of series leaves many of them.
        let left = lower().filter(|meta| meta.may_sink() && !highest.is_empty());
        let left = left.map(|meta| meta.range);
        rise.map(|c| TimeRange::new(c.from_ms, c.to_ms)).chain(left).collect()
    }

    /// Whether merging may rank what it holds by a lower position.
    pub(crate) fn may_sink(&self) -> bool {
        !self.coverage.iter().any(|c| c.from_ms < i64::MAX)
    }

    /// The last log position that anything in the block comes from.
    pub(crate) fn last_position(&self) -> Option<Position> {
        self.coverage.iter().map(|c| c.position).max()
    }

    /// How many runs of chunks a series has: one of samples, or the columns of a tier.
    pub(super) fn columns(&self) -> u64 {
        if self.resolutions.is_empty() {
            return 1;
        }
        self.resolutions.len() as u64 * u64::from(tier::COLUMNS)
    }
}

/// A file of the block as the manifest has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FileEntry {
    pub(super) len: u64,
    /// XXH3-128 of its bytes.
    pub(super) digest: u128,
}

/// The manifest of a block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Manifest {
    pub(super) meta: BlockMeta,
    pub(super) data: FileEntry,
    pub(super) index: FileEntry,
}

/// Longest manifest that is read, in bytes: room for 100,000 lines of coverage.
pub(super) const MAX_MANIFEST: u64 = 8 << 20;

/// The hash of a block's content: it goes into the folder's name.
pub(super) fn content_hash(data: &FileEntry, index: &FileEntry) -> u64 {
    let mut digests = [0; 32];
    digests[..16].copy_from_slice(&data.digest.to_le_bytes());
    digests[16..].copy_from_slice(&index.digest.to_le_bytes());
    xxhash_rust::xxh3::xxh3_64(&digests)
}

impl Manifest {
    /// The text of the manifest, its checksum in the last line.
    pub(super) fn encode(&self) -> String {
        let meta = &self.meta;
        let mut text = format!("nunatak-block {VERSION}\n");
        // Writing to a string can't fail.
        let _ = writeln!(text, "range {} {}", meta.range.start, meta.range.end);
        let _ = writeln!(text, "sequence {}", meta.sequence);
        let _ = writeln!(text, "times {} {}", meta.min_t, meta.max_t);
        let _ = writeln!(text, "samples {}", meta.samples);
        let _ = writeln!(text, "series {}", meta.series);
        for (name, file) in [("data", &self.data), ("index", &self.index)] {
            let _ = writeln!(text, "file {name} {} {:032x}", file.len, file.digest);
        }
        if !meta.resolutions.is_empty() {
            let _ = write!(text, "tier");
            for resolution in &meta.resolutions {
                let _ = write!(text, " {resolution}");
            }
            text.push('\n');
        }
        for Coverage { from_ms, to_ms, position } in &meta.coverage {
            let _ = writeln!(text, "coverage {from_ms} {to_ms} {}", position.0);
        }
        for BlockId { sequence, hash } in &meta.parents {
            let _ = writeln!(text, "parent {sequence} {hash:016x}");
        }
        let crc = crc32c::crc32c(text.as_bytes());
        let _ = writeln!(text, "crc32c {crc:08x}");
        text
    }

    /// Reads the manifest `path` of the block `name`.
    pub(super) fn decode(path: &str, name: &str, bytes: &[u8]) -> Result<Self> {
        check_version(path, bytes)?;
        let bad = |what: &str| Error::corrupt(path, 0, what);
        let body = checked_body(bytes).ok_or_else(|| bad("the checksum does not match"))?;
        let manifest = Self::parse(name, body).ok_or_else(|| bad("not the text of a manifest"))?;
        let meta = &manifest.meta;
        let BlockMeta { range, sequence, hash, .. } = *meta;
        let expected = BlockName { range, sequence, hash };
        if expected.to_string() != name {
            return Err(bad(&format!("it belongs to the block {expected}, not to {name}")));
        }
        Ok(manifest)
    }

    fn parse(name: &str, body: &str) -> Option<Self> {
        let mut lines = body.lines().skip(1).peekable();
        let mut field = |key: &str| Fields::after(key, lines.next()?);
        let mut range = field("range")?;
        let mut sequence = field("sequence")?;
        let mut times = field("times")?;
        let mut samples = field("samples")?;
        let mut series = field("series")?;
        let data = field("file data")?.file()?;
        let index = field("file index")?.file()?;
        let meta = BlockMeta {
            name: name.to_owned(),
            range: TimeRange::new(range.number()?, range.number()?),
            sequence: sequence.number()?,
            hash: content_hash(&data, &index),
            min_t: times.number()?,
            max_t: times.number()?,
            samples: samples.number()?,
            series: series.number()?,
            bytes: data.len.checked_add(index.len)?,
            resolutions: match lines.next_if(|line| line.starts_with("tier ")) {
                Some(line) => parse_resolutions(line)?,
                None => Vec::new(),
            },
            coverage: std::iter::from_fn(|| lines.next_if(|line| line.starts_with("coverage ")))
                .map(parse_coverage)
                .collect::<Option<_>>()?,
            parents: lines.map(parse_parent).collect::<Option<_>>()?,
        };
        Some(Self { meta, data, index })
    }
}

/// One or more positive widths, ascending.
fn parse_resolutions(line: &str) -> Option<Vec<i64>> {
    let widths = line.strip_prefix("tier ")?.split(' ').map(|width| width.parse().ok());
    let widths = widths.collect::<Option<Vec<i64>>>()?;
    let is_sound = widths.first().is_some_and(|&width| width > 0) && widths.is_sorted();
    is_sound.then_some(widths)
}

fn parse_coverage(line: &str) -> Option<Coverage> {
    let mut fields = Fields::after("coverage", line)?;
    Some(Coverage {
        from_ms: fields.number()?,
        to_ms: fields.number()?,
        position: Position(fields.number()?),
    })
}

fn parse_parent(line: &str) -> Option<BlockId> {
    let mut fields = Fields::after("parent", line)?;
    Some(BlockId { sequence: fields.number()?, hash: fields.hexadecimal()? })
}

/// The first line says the version, before anything else is looked at.
fn check_version(path: &str, bytes: &[u8]) -> Result<()> {
    let line = bytes.split(|&b| b == b'\n').next().unwrap_or_default();
    let version = std::str::from_utf8(line).ok().and_then(|l| l.strip_prefix("nunatak-block "));
    let version = version.and_then(|v| v.parse::<u32>().ok());
    let Some(found) = version else {
        return Err(Error::corrupt(path, 0, "not the manifest of a block"));
    };
    let supported = u32::from(VERSION);
    if found != supported {
        return Err(Error::Version { path: path.into(), found, supported, hint: VERSION_HINT });
    }
    Ok(())
}

/// What stands before the line with the checksum, if that is right.
fn checked_body(bytes: &[u8]) -> Option<&str> {
    let body = bytes.get(..bytes.len().checked_sub("crc32c 00000000\n".len())?)?;
    let last = format!("crc32c {:08x}\n", crc32c::crc32c(body));
    (bytes.get(body.len()..)? == last.as_bytes()).then_some(())?;
    std::str::from_utf8(body).ok()
}

/// The words of a line.
struct Fields<'a>(std::str::Split<'a, char>);

impl<'a> Fields<'a> {
    fn after(key: &str, line: &'a str) -> Option<Self> {
        let rest = line.strip_prefix(key)?.strip_prefix(' ')?;
        Some(Self(rest.split(' ')))
    }

    fn number<T: std::str::FromStr>(&mut self) -> Option<T> {
        self.0.next()?.parse().ok()
    }

    fn hexadecimal(&mut self) -> Option<u64> {
        u64::from_str_radix(self.0.next()?, 16).ok()
    }

    fn file(mut self) -> Option<FileEntry> {
        let len = self.number()?;
        Some(FileEntry { len, digest: u128::from_str_radix(self.0.next()?, 16).ok()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> (String, Manifest) {
        let data = FileEntry { len: 1000, digest: 7 };
        let index = FileEntry { len: 30, digest: u128::MAX };
        let range = TimeRange::new(-7_200_000, -1);
        let hash = content_hash(&data, &index);
        let name = BlockName { range, sequence: 12, hash }.to_string();
        let coverage = [(-7_200_000, -3_600_001, 5), (-3_600_000, -1, u64::MAX)]
            .map(|(from_ms, to_ms, p)| Coverage { from_ms, to_ms, position: Position(p) });
        let meta = BlockMeta {
            name: name.clone(),
            range,
            min_t: -7_000_000,
            max_t: -5,
            sequence: 12,
            hash,
            coverage: coverage.to_vec(),
            parents: vec![
                BlockId { sequence: 3, hash: 0xf },
                BlockId { sequence: u64::MAX, hash: u64::MAX },
            ],
            resolutions: vec![300_000, 3_600_000],
            samples: 480,
            series: 1,
            bytes: 1030,
        };
        (name, Manifest { meta, data, index })
    }

    #[test]
    fn comes_back_and_any_flip_or_cut_is_found() {
        let (name, manifest) = sample();
        let bytes = manifest.encode().into_bytes();
        assert_eq!(Manifest::decode("m", &name, &bytes).unwrap(), manifest);
        for i in 0..bytes.len() * 8 {
            let mut bad = bytes.clone();
            bad[i / 8] ^= 1 << (i % 8);
            assert!(Manifest::decode("m", &name, &bad).is_err(), "bit {i}");
        }
        for len in 0..bytes.len() {
            assert!(Manifest::decode("m", &name, &bytes[..len]).is_err(), "cut to {len}");
        }
    }

    #[test]
    fn another_version_and_another_block_are_refused_in_their_own_way() {
        let (name, manifest) = sample();
        let text = manifest.encode();
        let newer = text.replace("nunatak-block 0", "nunatak-block 3");
        let error = Manifest::decode("m", &name, newer.as_bytes()).unwrap_err();
        assert!(matches!(error, Error::Version { found: 3, supported: 0, .. }), "{error}");
        let error = Manifest::decode("m", "1-2-3-00", text.as_bytes()).unwrap_err();
        assert!(matches!(error, Error::Corrupt { .. }), "{error}");
    }

    /// Found by seeds 36,251 and 39,236 of the crash test: series that had left a head (position 44)
    /// were merged into a block of position 26; then the log's end was lost, and what it still had
    /// from 33 on was cut as of 42, below the merged block with its older value.
    #[test]
    fn what_stands_for_no_times_lifts_no_others() {
        let (_, Manifest { mut meta, .. }) = sample();
        let covers = |from_ms, p| Coverage { from_ms, to_ms: i64::MAX, position: Position(p) };
        meta.coverage = vec![covers(0, 26), covers(i64::MAX, 44)];
        assert_eq!(meta.precedence(), (Position(26), 12));
        assert_eq!(meta.last_position(), Some(Position(44)), "the log must not give it again");
        meta.coverage.remove(0);
        assert_eq!(meta.precedence(), (Position(44), 12), "alone it ranks where it was written");
    }

    #[test]
    fn a_merge_lifts_what_it_has_from_earlier_alone() {
        let (_, Manifest { meta, .. }) = sample();
        let block = |coverage: &[(i64, i64, u64)]| {
            let mut meta = meta.clone();
            let covers =
                |&(from_ms, to_ms, p): &_| Coverage { from_ms, to_ms, position: Position(p) };
            meta.coverage = coverage.iter().map(covers).collect();
            meta
        };
        let (wide, narrow) = (block(&[(0, 9, 4), (10, 29, 40)]), block(&[(10, 19, 66)]));
        let lifted = BlockMeta::lifted_by_merge(&[&wide, &narrow]);
        assert_eq!(lifted, [TimeRange::new(0, 9), TimeRange::new(10, 29)]);
        let all = block(&[(0, 29, 66)]);
        assert_eq!(BlockMeta::lifted_by_merge(&[&wide, &all]), [], "it has them all at that rank");
        let again = block(&[(0, 9, 4), (10, 29, 66)]);
        assert_eq!(BlockMeta::lifted_by_merge(&[&again, &narrow]), [], "it ranks there already");
        let left = block(&[(i64::MAX, i64::MAX, 90)]);
        assert_eq!(BlockMeta::lifted_by_merge(&[&wide, &left]), [], "that lifts no others");
        let left = block(&[(i64::MAX, i64::MAX, 20)]);
        let lifted = BlockMeta::lifted_by_merge(&[&left, &narrow]);
        assert_eq!(lifted, [left.range], "it stands for no times, but holds some");
    }

    #[test]
    fn precedence_is_the_position_and_then_the_sequence() {
        let (_, Manifest { mut meta, .. }) = sample();
        assert_eq!(meta.precedence(), (Position(u64::MAX), 12));
        meta.coverage.clear();
        assert_eq!(meta.precedence(), (Position(0), 12));
    }
}
