//! Reads captured samples (`*.ntkcap.zst`). The format is in the README beside the data, in
//! `bench/data/node_exporter_capture`.
#![deny(clippy::indexing_slicing, reason = "the bytes may be hostile")]

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

/// Where the repository's own capture is, from its root.
pub const CAPTURE: &str = "bench/data/node_exporter_capture/capture_a.ntkcap.zst";

const MAGIC: &[u8; 8] = b"NTKCAP01";

/// The longest distance that a capture may refer back to, as a power of two; bounds the memory of
/// the decompressor.
const WINDOW_LOG: u32 = 27;

/// The most that a capture may unpack to: a small file can be made to unpack to anything.
const MAX_UNPACKED: u64 = 1 << 32;

/// Why a capture could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CaptureError {
    /// The file can't be read or unpacked, or ends too early.
    #[error("reading the capture: {0}")]
    Io(#[from] std::io::Error),
    /// It is something else.
    #[error("this is not a capture: it begins with {found:02x?}")]
    Magic {
        /// Its first bytes.
        found: [u8; 8],
    },
    /// A series' labels are not `name{key="value",…}`.
    #[error("series {series} has labels that can't be read: {found}")]
    Labels {
        /// Number of the series, from 0.
        series: u32,
        /// What is there instead.
        found: String,
    },
    /// A series has no samples, its columns are not as long as they say, or times don't ascend.
    #[error("series {series} has {problem}")]
    Series {
        /// Number of the series, from 0.
        series: u32,
        /// What is wrong.
        problem: &'static str,
    },
    /// There is something behind the last series.
    #[error("there are bytes behind the last of {series} series")]
    Trailing {
        /// Number of series.
        series: u32,
    },
}

type Result<T> = std::result::Result<T, CaptureError>;

/// Real samples, series by series.
#[derive(Debug, Clone, PartialEq)]
pub struct Capture {
    /// Sorted by labels as the capture writes them.
    pub series: Vec<CapturedSeries>,
}

/// One series of a capture: at least one sample.
#[derive(Debug, Clone, PartialEq)]
pub struct CapturedSeries {
    /// Names and values, sorted by name; the metric's name is `__name__`.
    pub labels: Vec<(String, String)>,
    /// Milliseconds since the epoch, strictly ascending.
    pub times: Vec<i64>,
    /// As many as times.
    pub values: Vec<f64>,
}

impl Capture {
    /// Reads a file. Memory is bounded by what the file really unpacks to, and that by 4 GiB.
    ///
    /// # Errors
    /// If it can't be read, or is not a capture.
    pub fn read(path: &Path) -> Result<Self> {
        Self::unpack(BufReader::new(File::open(path)?))
    }

    /// Reads a packed capture.
    fn unpack(packed: impl std::io::BufRead) -> Result<Self> {
        let mut unpacked = zstd::stream::read::Decoder::with_buffer(packed)?;
        unpacked.window_log_max(WINDOW_LOG)?;
        parse(&mut BufReader::new(unpacked.take(MAX_UNPACKED)))
    }

    /// From the first sample of all to the last, seconds.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        let first = self.series.iter().filter_map(|series| series.times.first()).min();
        let last = self.series.iter().filter_map(|series| series.times.last()).max();
        first.zip(last).map_or(0.0, |(first, last)| (last - first) as f64 / 1e3)
    }

    /// Every `k`-th sample of each series, the first included: what a scrape interval `k` times as
    /// long would have seen. 0 is taken as 1.
    #[must_use]
    pub fn every(&self, k: usize) -> Self {
        Self { series: self.series.iter().map(|series| series.every(k.max(1))).collect() }
    }
}

impl CapturedSeries {
    fn every(&self, k: usize) -> Self {
        Self {
            labels: self.labels.clone(),
            times: self.times.iter().step_by(k).copied().collect(),
            values: self.values.iter().step_by(k).copied().collect(),
        }
    }
}

fn parse(reader: &mut impl Read) -> Result<Capture> {
    let found = array(reader)?;
    if found != *MAGIC {
        return Err(CaptureError::Magic { found });
    }
    let count = u32::from_le_bytes(array(reader)?);
    // The count is only believed series by series.
    let series = (0..count).map(|index| parse_series(reader, index)).collect::<Result<_>>()?;
    if reader.read(&mut [0])? > 0 {
        return Err(CaptureError::Trailing { series: count });
    }
    Ok(Capture { series })
}

fn parse_series(reader: &mut impl Read, series: u32) -> Result<CapturedSeries> {
    let label_len = u16::from_le_bytes(array(reader)?);
    let n = u32::from_le_bytes(array(reader)?);
    if n == 0 {
        return Err(CaptureError::Series { series, problem: "no samples" });
    }
    let labels = bytes(reader, u64::from(label_len))?;
    let labels = parse_labels(&labels).ok_or_else(|| CaptureError::Labels {
        series,
        found: String::from_utf8_lossy(&labels).into_owned(),
    })?;
    let times_len = u32::from_le_bytes(array(reader)?);
    let times = parse_times(&bytes(reader, u64::from(times_len))?, n)
        .map_err(|problem| CaptureError::Series { series, problem })?;
    let values = parse_values(&bytes(reader, u64::from(n) * 8)?, n as usize);
    Ok(CapturedSeries { labels, times, values })
}

/// Exactly `len` bytes; the buffer grows as they come.
fn bytes(reader: &mut impl Read, len: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.take(len).read_to_end(&mut bytes)?;
    if bytes.len() as u64 == len {
        Ok(bytes)
    } else {
        Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof).into())
    }
}

fn array<const N: usize>(reader: &mut impl Read) -> Result<[u8; N]> {
    let mut array = [0; N];
    reader.read_exact(&mut array)?;
    Ok(array)
}

/// The pairs of `name{key="value",…}`; a value is a string of JSON.
fn parse_labels(text: &[u8]) -> Option<Vec<(String, String)>> {
    let text = str::from_utf8(text).ok()?;
    let (name, mut rest) = match text.split_once('{') {
        Some((name, rest)) => (name, rest.strip_suffix('}')?),
        None => (text, ""),
    };
    let mut labels = vec![("__name__".to_owned(), name.to_owned())];
    while !rest.is_empty() {
        let (key, value) = rest.split_once('=')?;
        let mut strings = serde_json::Deserializer::from_str(value).into_iter::<String>();
        labels.push((key.to_owned(), strings.next()?.ok()?));
        let behind = value.get(strings.byte_offset()..)?;
        rest = if behind.is_empty() { behind } else { behind.strip_prefix(',')? };
    }
    labels.sort_unstable();
    Some(labels)
}

/// Exactly `n` strictly ascending times; else what is wrong.
fn parse_times(mut column: &[u8], n: u32) -> std::result::Result<Vec<i64>, &'static str> {
    if u64::from(n) > column.len() as u64 {
        return Err("fewer bytes of times than samples");
    }
    let mut times = Vec::with_capacity(n as usize);
    let mut delta = 0_i64;
    for index in 0..n {
        let number = signed(&mut column).ok_or("a time that can't be read")?;
        let Some(&last) = times.last() else {
            times.push(number);
            continue;
        };
        delta = if index == 1 { number } else { delta.wrapping_add(number) };
        let time = i64::checked_add(last, delta).filter(|&time| time > last);
        times.push(time.ok_or("times that don't ascend")?);
    }
    if column.is_empty() { Ok(times) } else { Err("bytes behind its times") }
}

/// A zigzag varint from the front of `bytes`.
fn signed(bytes: &mut &[u8]) -> Option<i64> {
    let mut x = 0_u64;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        if shift == 63 && byte > 1 {
            return None;
        }
        x |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some((x >> 1) as i64 ^ -((x & 1) as i64));
        }
    }
    None
}

/// The values of `n` samples from their planes, the lowest bytes first. There are 8 · `n` bytes.
fn parse_values(planes: &[u8], n: usize) -> Vec<f64> {
    let mut xors = vec![0_u64; n];
    for (plane, shift) in planes.chunks(n).zip((0..64).step_by(8)) {
        for (xor, &byte) in xors.iter_mut().zip(plane) {
            *xor |= u64::from(byte) << shift;
        }
    }
    let mut bits = 0;
    let values = xors.into_iter().map(|xor| {
        bits ^= xor;
        f64::from_bits(bits)
    });
    values.collect()
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use sha2::{Digest as _, Sha256};

    use super::*;

    fn packed() -> Vec<u8> {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        std::fs::read(folder.join("data/node_exporter_capture/capture_a.ntkcap.zst")).unwrap()
    }

    #[test]
    fn the_capture_is_the_one_that_its_readme_describes() {
        let packed = packed();
        let mut unpacked = zstd::stream::read::Decoder::new(&packed[..]).unwrap();
        unpacked.window_log_max(WINDOW_LOG).unwrap();
        let mut raw = Vec::new();
        unpacked.read_to_end(&mut raw).unwrap();
        let sum = Sha256::digest(&raw);
        let readme = include_str!("../../data/node_exporter_capture/README.md");
        let hex = readme.split_once("sha256 of the uncompressed content: ").unwrap().1;
        for (byte, digits) in sum.iter().zip(hex.as_bytes().chunks(2)) {
            let digits = str::from_utf8(digits).unwrap();
            assert_eq!(u8::from_str_radix(digits, 16), Ok(*byte));
        }

        let capture = Capture::unpack(&packed[..]).unwrap();
        assert_eq!(capture.series.len(), 1482);
        assert_eq!(capture.series.iter().map(|s| s.times.len()).sum::<usize>(), 3_130_556);
        assert!(capture.series.iter().all(|s| s.times.len() == s.values.len()));
        assert!(capture.series.iter().all(|s| s.labels.is_sorted()));
        let named = |name: &str| {
            let is_name = |(key, value): &(String, String)| key == "__name__" && value == name;
            capture.series.iter().find(|s| s.labels.iter().any(is_name)).unwrap()
        };
        assert!(named("node_boot_time_seconds").values.windows(2).all(|v| v[0] == v[1]));
        assert!(named("node_time_seconds").values.is_sorted());
        assert!(named("node_context_switches_total").values.iter().all(|v| v.fract() == 0.0));
    }

    /// Two series: `m` with three samples, `m{a="x\"}y"}` with one.
    fn small() -> Vec<u8> {
        let mut raw = MAGIC.to_vec();
        raw.extend(2_u32.to_le_bytes());
        series(&mut raw, b"m", &[20, 200, 1, 0], &[1.0, 1.0, 2.5]);
        series(&mut raw, br#"m{a="x\"}y",__z__="="}"#, &[1], &[-0.0]);
        raw
    }

    fn series(raw: &mut Vec<u8>, labels: &[u8], times: &[u8], values: &[f64]) {
        raw.extend((labels.len() as u16).to_le_bytes());
        raw.extend((values.len() as u32).to_le_bytes());
        raw.extend(labels);
        raw.extend((times.len() as u32).to_le_bytes());
        raw.extend(times);
        let mut last = 0;
        let xors = values
            .iter()
            .map(|value| value.to_bits() ^ std::mem::replace(&mut last, value.to_bits()));
        let xors: Vec<u64> = xors.collect();
        for plane in 0..8 {
            raw.extend(xors.iter().map(|xor| xor.to_le_bytes()[plane]));
        }
    }

    #[test]
    fn a_small_capture_is_read() {
        let capture = parse(&mut &small()[..]).unwrap();
        let [first, second] = &capture.series[..] else { panic!("two series") };
        // 20 is zigzag for 10; 200, 1 is 200 = zigzag for 100.
        assert_eq!(first.times, [10, 110, 210]);
        assert_eq!(first.values, [1.0, 1.0, 2.5]);
        assert_eq!(second.times, [-1]);
        assert_eq!(second.values[0].to_bits(), (-0.0_f64).to_bits());
        let label = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            second.labels,
            [label("__name__", "m"), label("__z__", "="), label("a", "x\"}y")]
        );
        assert_eq!(capture.every(2).series[0].times, [10, 210]);
        assert_eq!(capture.every(2).series[1].times, [-1]);
    }

    #[test]
    fn a_capture_that_is_cut_off_is_an_error() {
        let raw = small();
        for len in 0..raw.len() {
            assert!(matches!(parse(&mut &raw[..len]), Err(CaptureError::Io(_))), "{len} bytes");
        }
        assert!(matches!(Capture::unpack(&packed()[..1000]), Err(CaptureError::Io(_))));
        assert!(matches!(Capture::unpack(&raw[..]), Err(CaptureError::Io(_))));
    }

    #[test]
    fn what_is_no_capture_is_an_error() {
        let with = |at: usize, byte: u8| {
            let mut raw = small();
            raw[at] = byte;
            parse(&mut &raw[..])
        };
        assert!(matches!(with(0, b'X'), Err(CaptureError::Magic { .. })));
        assert!(matches!(with(8, 1), Err(CaptureError::Trailing { series: 1 })));
        assert!(matches!(with(14, 0), Err(CaptureError::Series { series: 0, .. })));
        assert!(matches!(with(18, 0xff), Err(CaptureError::Labels { series: 0, .. })));
        // Billions of samples are not allocated before they are there.
        assert!(with(17, 0xff).is_err());
    }

    #[test]
    fn times_must_ascend_and_fill_their_column() {
        let with = |times: &[u8]| {
            let mut raw = MAGIC.to_vec();
            raw.extend(1_u32.to_le_bytes());
            series(&mut raw, b"m", times, &[1.0, 2.0]);
            parse(&mut &raw[..]).map(|capture| capture.series[0].times.clone())
        };
        let problem = |times: &[u8]| match with(times) {
            Err(CaptureError::Series { problem, .. }) => problem,
            other => panic!("{other:?}"),
        };
        assert_eq!(with(&[20, 2]).unwrap(), [10, 11]);
        assert_eq!(problem(&[20, 0]), "times that don't ascend");
        assert_eq!(problem(&[20, 1]), "times that don't ascend");
        assert_eq!(problem(&[20]), "fewer bytes of times than samples");
        assert_eq!(problem(&[20, 2, 2]), "bytes behind its times");
        assert_eq!(problem(&[20, 0x80]), "a time that can't be read");
    }

    #[test]
    fn changed_bytes_do_not_make_it_panic() {
        let raw = small();
        for at in 0..raw.len() {
            for bit in 0..8 {
                let mut changed = raw.clone();
                changed[at] ^= 1 << bit;
                let _ = parse(&mut &changed[..]);
            }
        }
    }
}
