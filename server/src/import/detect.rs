//! Guesses what a text is by its name and its first lines.

use std::path::Path;

use super::args::Format;
use super::openmetrics::{Dialect, Line};
use super::{line_protocol, openmetrics};

/// Bytes of a text that are looked at.
pub(super) const FRONT: usize = 64 * 1024;

/// The format of a text; `None` if nothing tells.
pub(super) fn detect(path: &Path, front: &[u8]) -> Option<Format> {
    by_name(path).or_else(|| by_lines(&String::from_utf8_lossy(front)))
}

fn by_name(path: &Path) -> Option<Format> {
    let name = path.file_name()?.to_str()?.trim_end_matches(".gz");
    match Path::new(name).extension()?.to_str()? {
        "lp" | "influx" | "line" => Some(Format::Influx),
        "om" | "openmetrics" => Some(Format::Openmetrics),
        _ => None,
    }
}

/// No timestamp in seconds is as large.
const LAST_SECOND: i64 = 1_000_000_000_000;

fn by_lines(front: &str) -> Option<Format> {
    // The last line may be cut off.
    let whole = front.rsplit_once('\n').map_or(front, |(whole, _)| whole);
    for line in whole.lines().map(str::trim) {
        let comment = line.strip_prefix('#').map(str::trim);
        match comment {
            Some("DDL" | "DML") => return Some(Format::Influx),
            Some(c) if c.starts_with("CONTEXT-DATABASE:") || c.starts_with("INFLUXDB EXPORT") => {
                return Some(Format::Influx);
            }
            None if !line.is_empty() => return by_line(line),
            _ => {}
        }
    }
    None
}

/// A point has `=` outside of braces, a sample has a number where a point has fields. A timestamp in
/// seconds and one in ms differ by their size: ms before 1971 are no seconds before the year 33658.
fn by_line(line: &str) -> Option<Format> {
    let mut fields = Vec::new();
    if line_protocol::parse_line(line, &mut fields).is_ok_and(|point| point.is_some()) {
        return Some(Format::Influx);
    }
    match openmetrics::parse_line(line, Dialect::OpenMetrics) {
        Ok(Line::Sample(sample)) => match sample.time {
            Some(ms) if ms.abs() >= LAST_SECOND * 1000 => Some(Format::PrometheusText),
            _ => Some(Format::Openmetrics),
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_lines_tell() {
        let of = |name: &str, text: &str| detect(Path::new(name), text.as_bytes());
        assert_eq!(of("a/b.lp.gz", ""), Some(Format::Influx));
        assert_eq!(of("a.om", ""), Some(Format::Openmetrics));
        assert_eq!(of("x", "# INFLUXDB EXPORT: a\n# DDL\n"), Some(Format::Influx));
        assert_eq!(of("x", "\ncpu,a=b usage=1 1\n"), Some(Format::Influx));
        assert_eq!(
            of("x", "# TYPE a gauge\na{b=\"c d=e\"} 1 1700000000.5\n"),
            Some(Format::Openmetrics)
        );
        assert_eq!(of("-", "up 1 1700000000000\nup"), Some(Format::PrometheusText));
        assert_eq!(of("x", "hello\nworld\n"), None);
        assert_eq!(of("x", ""), None);
    }
}
