//! The text formats of Prometheus, one line at a time, borrowing from the line.
//!
//! ```text
//! name{label="value", …} value [timestamp] [# exemplar]     {"name", label="value"} value …
//! # TYPE …   # HELP …   # UNIT …   # EOF
//! ```
//!
//! A sample line stands for itself: metadata is not held against it, so that reading can begin at any
//! line. Sources: the OpenMetrics specification 1.0, and Prometheus' description of its text format
//! 0.0.4, whose timestamps are milliseconds and whose comments may say anything.

use std::borrow::Cow;

/// Why a line is none, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("column {column}: {what}")]
pub struct TextError {
    /// Byte of the line, from 1.
    pub column: usize,
    /// What is wrong.
    pub what: &'static str,
}

/// Which of the two text formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// Timestamps are seconds, with a fraction; the text ends with `# EOF`.
    OpenMetrics,
    /// Prometheus' text format 0.0.4: timestamps are whole milliseconds.
    Prometheus,
}

/// What a line is.
#[derive(Debug, Clone, PartialEq)]
pub enum Line<'a> {
    /// Nothing, a comment, or metadata.
    Other,
    /// The end of the text.
    Eof,
    /// A sample.
    Sample(Sample<'a>),
}

/// A sample as it stands in its line.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample<'a> {
    /// Name and labels as they stand in the line: equal bytes are equal series.
    pub series: &'a str,
    /// The value.
    pub value: f64,
    /// When, in ms.
    pub time: Option<i64>,
    /// Whether an exemplar follows.
    pub has_exemplar: bool,
}

/// Parses a line without its line feed.
///
/// # Errors
/// If the line is none; what is wrong and in which column.
pub fn parse_line(line: &str, dialect: Dialect) -> Result<Line<'_>, TextError> {
    let line = line.strip_suffix('\r').unwrap_or(line);
    let start = line.len() - line.trim_ascii_start().len();
    match line.as_bytes().get(start) {
        None => return Ok(Line::Other),
        Some(b'#') => {
            let end = dialect == Dialect::OpenMetrics && line.trim_ascii_end() == "# EOF";
            return Ok(if end { Line::Eof } else { Line::Other });
        }
        _ => {}
    }
    let end = series_end(line, start)?;
    let series = &line[start..end];
    let mut words = Words { line, at: end };
    let value_at = words.skip_spaces();
    let value = words.next().ok_or_else(|| error(value_at, "the value is missing"))?;
    let value = number(value).ok_or_else(|| error(value_at, "the value is no number"))?;
    let time_at = words.skip_spaces();
    let mut word = words.next();
    let mut time = None;
    if let Some(text) = word.filter(|word| !word.starts_with('#')) {
        let wrong = || error(time_at, "the timestamp is no number");
        time = Some(timestamp(text, dialect).ok_or_else(wrong)?);
        words.skip_spaces();
        word = words.next();
    }
    match word {
        None => Ok(Line::Sample(Sample { series, value, time, has_exemplar: false })),
        Some("#") if dialect == Dialect::OpenMetrics => {
            Ok(Line::Sample(Sample { series, value, time, has_exemplar: true }))
        }
        Some(_) => Err(error(time_at, "something follows value and timestamp")),
    }
}

fn error(at: usize, what: &'static str) -> TextError {
    TextError { column: at + 1, what }
}

/// Words between spaces and tabs.
struct Words<'a> {
    line: &'a str,
    at: usize,
}

impl<'a> Words<'a> {
    /// Goes to the next word and says where it begins.
    fn skip_spaces(&mut self) -> usize {
        let rest = &self.line[self.at..];
        self.at += rest.len() - rest.trim_start_matches([' ', '\t']).len();
        self.at
    }

    fn next(&mut self) -> Option<&'a str> {
        let rest = &self.line[self.at..];
        let end = rest.find([' ', '\t']).unwrap_or(rest.len());
        self.at += end;
        (end > 0).then_some(&rest[..end])
    }
}

/// Where name and labels end.
fn series_end(line: &str, start: usize) -> Result<usize, TextError> {
    let bytes = line.as_bytes();
    let mut at = start;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'{' => return braces_end(bytes, at),
            b' ' | b'\t' => {
                // Spaces may stand between name and braces.
                let rest = line[at..].trim_start_matches([' ', '\t']);
                let next = line.len() - rest.len();
                return if rest.starts_with('{') { braces_end(bytes, next) } else { Ok(at) };
            }
            _ => at += 1,
        }
    }
    Err(error(at, "the value is missing"))
}

fn braces_end(bytes: &[u8], open: usize) -> Result<usize, TextError> {
    let (mut at, mut quoted) = (open + 1, false);
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'\\' if quoted => at += 1,
            b'"' => quoted = !quoted,
            b'}' if !quoted => return Ok(at + 1),
            _ => {}
        }
        at += 1;
    }
    Err(error(open, if quoted { "a quote is not closed" } else { "the brace is not closed" }))
}

fn number(text: &str) -> Option<f64> {
    // Signed and mixed-case infinities and NaN are numbers for both.
    text.parse().ok()
}

/// A timestamp in ms. Decimals are read as such: a float would lose the last millisecond.
fn timestamp(text: &str, dialect: Dialect) -> Option<i64> {
    if dialect == Dialect::Prometheus {
        return text.parse().ok();
    }
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let plain = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || !plain(whole) || !plain(fraction) {
        let ms = number(text)? * 1000.0;
        return (ms.abs() < 9e18).then_some(ms.round() as i64);
    }
    let mut ms: i64 = whole.parse::<i64>().ok()?.checked_mul(1000)?;
    let places = fraction.bytes().chain([b'0'; 4]).map(|b| i64::from(b - b'0'));
    let [tenths, hundredths, thousandths, next] = first_four(places);
    ms = ms.checked_add(tenths * 100 + hundredths * 10 + thousandths + i64::from(next >= 5))?;
    Some(sign * ms)
}

fn first_four(mut digits: impl Iterator<Item = i64>) -> [i64; 4] {
    std::array::from_fn(|_| digits.next().unwrap_or(0))
}

/// Calls `label` with the name and value of each label of a series, the metric's name first, as
/// `__name__`.
///
/// # Errors
/// If the labels are not as they should be; the column counts from the begin of the series.
pub fn parse_series<'a>(
    series: &'a str,
    mut label: impl FnMut(Cow<'a, str>, Cow<'a, str>),
) -> Result<(), TextError> {
    let open = series.find('{').unwrap_or(series.len());
    let name = series[..open].trim_ascii_end();
    if !name.is_empty() {
        label(Cow::Borrowed("__name__"), Cow::Borrowed(name));
    }
    let mut named = !name.is_empty();
    let mut labels = LabelCursor { text: series, at: (open + 1).min(series.len()) };
    while let Some(first) = labels.name()? {
        if labels.take(b'=') {
            labels.skip();
            let value = labels.quoted()?.ok_or_else(|| error(labels.at, "no value in quotes"))?;
            label(first.text, value);
        } else if first.quoted && !named {
            named = true;
            label(Cow::Borrowed("__name__"), first.text);
        } else {
            return Err(error(labels.at, "a label has no ="));
        }
        labels.skip();
        if !labels.take(b',') && labels.peek() != Some(b'}') {
            return Err(error(labels.at, "neither a comma nor a closing brace"));
        }
    }
    if named { Ok(()) } else { Err(error(0, "the name is missing")) }
}

struct LabelCursor<'a> {
    text: &'a str,
    at: usize,
}

struct Name<'a> {
    text: Cow<'a, str>,
    quoted: bool,
}

impl<'a> LabelCursor<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn skip(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t')) {
            self.at += 1;
        }
    }

    /// The next name; `None` at the closing brace.
    fn name(&mut self) -> Result<Option<Name<'a>>, TextError> {
        self.skip();
        if matches!(self.peek(), None | Some(b'}')) {
            return Ok(None);
        }
        let name = if let Some(text) = self.quoted()? {
            Name { text, quoted: true }
        } else {
            let rest = &self.text[self.at..];
            let end = rest.find(['=', ' ', '\t', ',', '}', '"']).unwrap_or(rest.len());
            self.at += end;
            Name { text: Cow::Borrowed(&rest[..end]), quoted: false }
        };
        if name.text.is_empty() {
            return Err(error(self.at, "a label has no name"));
        }
        self.skip();
        Ok(Some(name))
    }

    /// Text in quotes, if it begins here, without its escapes.
    fn quoted(&mut self) -> Result<Option<Cow<'a, str>>, TextError> {
        if self.peek() != Some(b'"') {
            return Ok(None);
        }
        let begin = self.at + 1;
        let rest = &self.text[begin..];
        let mut escaped = false;
        let end = rest.bytes().position(|byte| {
            let ends = byte == b'"' && !escaped;
            escaped = byte == b'\\' && !escaped;
            ends
        });
        let end = end.ok_or_else(|| error(self.at, "a quote is not closed"))?;
        self.at = begin + end + 1;
        Ok(Some(unescape(&rest[..end])))
    }
}

fn unescape(text: &str) -> Cow<'_, str> {
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (c, chars.clone().next()) {
            ('\\', Some('n')) => plain.push('\n'),
            ('\\', Some(next @ ('\\' | '"'))) => plain.push(next),
            _ => {
                plain.push(c);
                continue;
            }
        }
        chars.next();
    }
    Cow::Owned(plain)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sample(line: &str, dialect: Dialect) -> Sample<'_> {
        match parse_line(line, dialect) {
            Ok(Line::Sample(sample)) => sample,
            other => panic!("{line}: {other:?}"),
        }
    }

    fn labels(series: &str) -> Result<Vec<(String, String)>, TextError> {
        let mut found = Vec::new();
        parse_series(series, |n, v| found.push((n.into_owned(), v.into_owned())))?;
        Ok(found)
    }

    fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
        expected.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn samples_of_both_dialects() {
        let line = r#"a{b="x } y",c="\\\"\n",} 1.5e3 1520879607.789 # {trace="k"} 1 2"#;
        let found = sample(line, Dialect::OpenMetrics);
        assert_eq!((found.value, found.time), (1500.0, Some(1_520_879_607_789)));
        assert!(found.has_exemplar);
        let expected = [("__name__", "a"), ("b", "x } y"), ("c", "\\\"\n")];
        assert_eq!(labels(found.series), Ok(pairs(&expected)));
        let found = sample("up -Inf 12", Dialect::Prometheus);
        assert_eq!((found.value, found.time), (f64::NEG_INFINITY, Some(12)));
        assert_eq!(labels(found.series), Ok(pairs(&[("__name__", "up")])));
        assert!(sample("up NaN", Dialect::OpenMetrics).value.is_nan());
        let found = sample("up { a = \"b\" } 1", Dialect::Prometheus);
        assert_eq!(labels(found.series), Ok(pairs(&[("__name__", "up"), ("a", "b")])));
    }

    #[test]
    fn names_may_be_in_quotes() {
        let found = sample(r#"{"my.name","la bel"="v",x="y"} 1"#, Dialect::OpenMetrics);
        let expected = [("__name__", "my.name"), ("la bel", "v"), ("x", "y")];
        assert_eq!(labels(found.series), Ok(pairs(&expected)));
    }

    #[test]
    fn seconds_become_the_nearest_millisecond() {
        for (text, ms) in [
            ("0", 0),
            ("-1.5", -1500),
            ("1520879607.789", 1_520_879_607_789),
            ("1.0004", 1000),
            ("1.0005", 1001),
            ("1.5e9", 1_500_000_000_000),
            ("1700000000.", 1_700_000_000_000),
        ] {
            assert_eq!(timestamp(text, Dialect::OpenMetrics), Some(ms), "{text}");
        }
        for text in ["", "x", "NaN", "1e300", "-", ".", "99999999999999999999"] {
            assert_eq!(timestamp(text, Dialect::OpenMetrics), None, "{text}");
        }
        assert_eq!(timestamp("1.5", Dialect::Prometheus), None);
    }

    #[test]
    fn other_lines() {
        let om = |line| parse_line(line, Dialect::OpenMetrics);
        assert_eq!(om("# TYPE a counter"), Ok(Line::Other));
        assert_eq!(om(""), Ok(Line::Other));
        assert_eq!(om("# EOF"), Ok(Line::Eof));
        assert_eq!(parse_line("# EOF", Dialect::Prometheus), Ok(Line::Other));
    }

    #[test]
    fn what_is_no_line_is_told_with_its_column() {
        for (line, column, what) in [
            ("up", 3, "the value is missing"),
            ("up{", 3, "the brace is not closed"),
            ("up{a=\"} 1", 3, "a quote is not closed"),
            ("up x", 4, "the value is no number"),
            ("up 1 x", 6, "the timestamp is no number"),
            ("up 1 2 3", 6, "something follows value and timestamp"),
        ] {
            let error = parse_line(line, Dialect::OpenMetrics).unwrap_err();
            assert_eq!((error.column, error.what), (column, what), "{line}");
        }
        for (series, what) in [
            ("{}", "the name is missing"),
            ("a{b}", "a label has no ="),
            ("a{b=c}", "no value in quotes"),
            ("a{b=\"c\" d=\"e\"}", "neither a comma nor a closing brace"),
            ("a{=\"c\"}", "a label has no name"),
            ("a{\"b\"}", "a label has no ="),
        ] {
            assert_eq!(labels(series).unwrap_err().what, what, "{series}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_comes_back(
            name in "[a-z_:]{1,8}",
            set in prop::collection::vec(("[a-z_]{1,6}", "[a-z\\\\\"\n{}, #é=]{0,8}"), 0..4),
            value in any::<f64>(),
            time in any::<i32>(),
        ) {
            let escape = |v: &str| v.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            let written: Vec<_> = set.iter().map(|(n, v)| format!("{n}=\"{}\"", escape(v))).collect();
            let line = format!("{name}{{{}}} {value} {time}", written.join(","));
            let found = sample(&line, Dialect::Prometheus);
            prop_assert_eq!(found.time, Some(i64::from(time)));
            prop_assert!(found.value == value || (found.value.is_nan() && value.is_nan()));
            let mut expected = vec![("__name__".to_owned(), name)];
            expected.extend(set);
            prop_assert_eq!(labels(found.series), Ok(expected));
        }

        #[test]
        fn no_text_makes_it_panic(line in "[a-z{},= \\\\\"é0-9#.]{0,40}") {
            if let Ok(Line::Sample(sample)) = parse_line(&line, Dialect::OpenMetrics) {
                let _ = labels(sample.series);
            }
        }
    }
}
