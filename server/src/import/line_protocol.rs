//! InfluxDB's line protocol, one line at a time, borrowing from the line.
//!
//! ```text
//! measurement[,tag=value …] field=value[,field=value …] [timestamp]
//! ```
//!
//! A backslash before a comma, a space or (in tags and field names) an equals sign takes its meaning
//! away; before anything else it is a backslash. In strings, which stand in double quotes, it
//! does so before a quote and a backslash. Source: InfluxData's reference of the line protocol, v1.

use std::borrow::Cow;

/// Why a line is none, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("column {column}: {what}")]
pub struct LineError {
    /// Byte of the line, from 1.
    pub column: usize,
    /// What is wrong.
    pub what: &'static str,
    /// Whether the line ends inside a string, which may go on in the next line.
    pub in_string: bool,
}

/// The value of a field.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum FieldValue {
    /// A float, or a whole number (`i`, `u`) as the float next to it.
    Number(f64),
    /// `t` or `f` in one of their spellings.
    Bool(bool),
    /// Text, which is not kept.
    Text,
}

/// A field: its name as it stands in the line, escapes included, and its value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Field<'a> {
    /// As it stands in the line; [`unescape`] takes the backslashes away.
    pub name: &'a str,
    /// What it says.
    pub value: FieldValue,
}

/// A parsed line.
#[derive(Debug, Clone, PartialEq)]
pub struct Point<'a> {
    /// Measurement and tags as they stand in the line: equal bytes are equal series.
    pub key: &'a str,
    /// The timestamp, in the sender's unit.
    pub timestamp: Option<i64>,
}

/// Parses a line into `fields`, which is emptied before. `None` for an empty line and a comment.
///
/// # Errors
/// If the line is none; what is wrong and in which column.
pub fn parse_line<'a>(
    line: &'a str,
    fields: &mut Vec<Field<'a>>,
) -> Result<Option<Point<'a>>, LineError> {
    fields.clear();
    let mut cursor = Cursor { line, at: line.len() - line.trim_ascii_start().len() };
    match cursor.peek() {
        None | Some(b'#') => return Ok(None),
        Some(b',' | b'=') => return Err(cursor.error("a measurement is missing")),
        _ => {}
    }
    let key = cursor.key()?;
    loop {
        fields.push(cursor.field()?);
        match cursor.peek() {
            Some(b',') => cursor.at += 1,
            _ => break,
        }
    }
    let timestamp = cursor.timestamp()?;
    Ok(Some(Point { key, timestamp }))
}

/// Calls `tag` with the name and value of each tag of a key and returns the measurement, all without
/// their backslashes.
///
/// # Errors
/// If a tag is none.
pub fn parse_key<'a>(
    key: &'a str,
    mut tag: impl FnMut(Cow<'a, str>, Cow<'a, str>),
) -> Result<Cow<'a, str>, LineError> {
    let mut parts = split_escaped(key);
    let (_, measurement) = parts.next().unwrap_or_default();
    for (at, part) in parts {
        let error = |what| LineError { column: at + 1, what, in_string: false };
        let equals = find_escaped(part, b'=').ok_or_else(|| error("a tag has no ="))?;
        let (name, value) = (&part[..equals], &part[equals + 1..]);
        if name.is_empty() {
            return Err(error("a tag has no name"));
        }
        if find_escaped(value, b'=').is_some() {
            return Err(error("a tag has two ="));
        }
        tag(unescape(name), unescape(value));
    }
    Ok(unescape(measurement))
}

/// Takes the backslashes before commas, spaces and equals signs away.
pub fn unescape(text: &str) -> Cow<'_, str> {
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match chars.peek() {
            Some(&next @ (',' | ' ' | '=')) if c == '\\' => {
                plain.push(next);
                chars.next();
            }
            _ => plain.push(c),
        }
    }
    Cow::Owned(plain)
}

/// The parts between commas that have no backslash before them, each with where it begins.
fn split_escaped(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut rest = Some((0, text));
    std::iter::from_fn(move || {
        let (at, part) = rest?;
        rest = None;
        let Some(end) = find_escaped(part, b',') else { return Some((at, part)) };
        rest = Some((at + end + 1, &part[end + 1..]));
        Some((at, &part[..end]))
    })
}

/// Where `wanted` first stands without a backslash before it.
fn find_escaped(text: &str, wanted: u8) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        if byte == wanted {
            return Some(at);
        }
        at += 1 + usize::from(byte == b'\\' && bytes.get(at + 1).is_some_and(u8::is_ascii));
    }
    None
}

struct Cursor<'a> {
    line: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    fn peek(&self) -> Option<u8> {
        self.line.as_bytes().get(self.at).copied()
    }

    fn error(&self, what: &'static str) -> LineError {
        LineError { column: self.at + 1, what, in_string: false }
    }

    fn skip_spaces(&mut self) {
        while self.peek() == Some(b' ') {
            self.at += 1;
        }
    }

    fn key(&mut self) -> Result<&'a str, LineError> {
        let rest = &self.line[self.at..];
        let Some(end) = find_escaped(rest, b' ') else {
            self.at = self.line.len();
            return Err(self.error("fields are missing"));
        };
        self.at += end;
        self.skip_spaces();
        Ok(&rest[..end])
    }

    fn field(&mut self) -> Result<Field<'a>, LineError> {
        let rest = &self.line[self.at..];
        let end = find_escaped(rest, b'=').ok_or_else(|| self.error("a field has no ="))?;
        let name = &rest[..end];
        if name.is_empty() {
            return Err(self.error("a field has no name"));
        }
        if find_escaped(name, b' ').is_some() || find_escaped(name, b',').is_some() {
            return Err(self.error("a field has no value"));
        }
        self.at += end + 1;
        let value = if self.peek() == Some(b'"') { self.text()? } else { self.plain()? };
        Ok(Field { name, value })
    }

    fn text(&mut self) -> Result<FieldValue, LineError> {
        let begin = self.at;
        self.at += 1;
        loop {
            match self.peek() {
                None => {
                    let what = "a string has no closing quote";
                    return Err(LineError { column: begin + 1, what, in_string: true });
                }
                Some(b'\\') => self.at += 1,
                Some(b'"') => break,
                _ => {}
            }
            self.at += 1;
        }
        self.at += 1;
        match self.peek() {
            None | Some(b',' | b' ' | b'\r') => Ok(FieldValue::Text),
            _ => Err(self.error("something follows the closing quote")),
        }
    }

    fn plain(&mut self) -> Result<FieldValue, LineError> {
        let rest = &self.line[self.at..];
        let end = rest.bytes().position(|b| matches!(b, b',' | b' ' | b'\r')).unwrap_or(rest.len());
        let value = value(&rest[..end]).map_err(|what| self.error(what))?;
        self.at += end;
        Ok(value)
    }

    fn timestamp(&mut self) -> Result<Option<i64>, LineError> {
        let rest = self.line[self.at..].trim_ascii();
        if rest.is_empty() {
            return Ok(None);
        }
        self.skip_spaces();
        rest.parse().map(Some).map_err(|_| self.error("the timestamp is no whole number"))
    }
}

/// A value without quotes.
fn value(text: &str) -> Result<FieldValue, &'static str> {
    const NO_VALUE: &str = "not a number, a boolean or a string in double quotes";
    match text {
        "" => return Err("a field has no value"),
        "t" | "T" | "true" | "True" | "TRUE" => return Ok(FieldValue::Bool(true)),
        "f" | "F" | "false" | "False" | "FALSE" => return Ok(FieldValue::Bool(false)),
        _ => {}
    }
    if let Some(whole) = text.strip_suffix('i') {
        return whole.parse().map(|n: i64| FieldValue::Number(n as f64)).map_err(|_| NO_VALUE);
    }
    if let Some(whole) = text.strip_suffix('u') {
        return whole.parse().map(|n: u64| FieldValue::Number(n as f64)).map_err(|_| NO_VALUE);
    }
    // What Rust takes besides: infinities and NaN, which the protocol does not have.
    if !text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E')) {
        return Err(NO_VALUE);
    }
    text.parse().map(FieldValue::Number).map_err(|_| NO_VALUE)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Parsed = (String, Vec<(String, String)>, Vec<(String, FieldValue)>, Option<i64>);

    fn parsed(line: &str) -> Result<Option<Parsed>, LineError> {
        let mut fields = Vec::new();
        let Some(point) = parse_line(line, &mut fields)? else { return Ok(None) };
        let mut tags = Vec::new();
        let measurement =
            parse_key(point.key, |n, v| tags.push((n.into_owned(), v.into_owned())))?.into_owned();
        let fields = fields.iter().map(|f| (unescape(f.name).into_owned(), f.value)).collect();
        Ok(Some((measurement, tags, fields, point.timestamp)))
    }

    fn some(line: &str) -> Parsed {
        parsed(line).unwrap().unwrap()
    }

    #[test]
    fn a_whole_line() {
        let (measurement, tags, fields, time) = some(
            "  weather,location=us-midwest,season=s t=82,n=-3i,u=18446744073709551615u,b=T,s=\"a,b =\\\" \" 1465839830100400200\r",
        );
        assert_eq!(measurement, "weather");
        let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        assert_eq!(tags, [pair("location", "us-midwest"), pair("season", "s")]);
        let expected = [
            ("t", FieldValue::Number(82.0)),
            ("n", FieldValue::Number(-3.0)),
            ("u", FieldValue::Number(u64::MAX as f64)),
            ("b", FieldValue::Bool(true)),
            ("s", FieldValue::Text),
        ];
        assert_eq!(fields, expected.map(|(n, v)| (n.to_owned(), v)));
        assert_eq!(time, Some(1_465_839_830_100_400_200));
    }

    #[test]
    fn escapes_are_taken_away_where_they_mean_something() {
        let (measurement, tags, fields, time) =
            some(r"my\ mea\,sure=ment\x,ta\=g\ key=va\,l\ ue\\ fi\=eld\ k=1");
        assert_eq!(measurement, r"my mea,sure=ment\x");
        assert_eq!(tags, [("ta=g key".to_owned(), r"va,l ue\\".to_owned())]);
        assert_eq!(fields, [("fi=eld k".to_owned(), FieldValue::Number(1.0))]);
        assert_eq!(time, None);
    }

    #[test]
    fn what_is_no_line_is_told_with_its_column() {
        for (line, column, what) in [
            ("m", 2, "fields are missing"),
            (",a=b f=1", 1, "a measurement is missing"),
            ("m f", 3, "a field has no ="),
            ("m =1", 3, "a field has no name"),
            ("m f=", 5, "a field has no value"),
            ("m f=1,", 7, "a field has no ="),
            ("m f=nan", 5, "not a number, a boolean or a string in double quotes"),
            ("m f=1x 5", 5, "not a number, a boolean or a string in double quotes"),
            ("m f=1 now", 7, "the timestamp is no whole number"),
            ("m f=\"a\"b", 8, "something follows the closing quote"),
            ("m,t f=1", 3, "a tag has no ="),
            ("m,=v f=1", 3, "a tag has no name"),
        ] {
            let error = parsed(line).unwrap_err();
            assert_eq!((error.column, error.what), (column, what), "{line}");
        }
        assert!(parsed("m f=\"a\nb").unwrap_err().in_string);
        assert_eq!(parsed("# a comment").unwrap(), None);
        assert_eq!(parsed("  ").unwrap(), None);
    }

    fn escaped(text: &str) -> String {
        text.chars().fold(String::new(), |mut out, c| {
            if matches!(c, ',' | ' ' | '=') {
                out.push('\\');
            }
            out.push(c);
            out
        })
    }

    proptest! {
        #[test]
        fn what_is_written_comes_back(
            measurement in "[a-z ,é][a-z ,=é.]{0,8}",
            tags in prop::collection::vec(("[a-z ,=é]{1,6}", "[a-z ,=é]{1,6}"), 0..4),
            fields in prop::collection::vec(("[a-z ,=é]{1,6}", any::<f64>().prop_filter("finite", |v| v.is_finite())), 1..4),
            time in any::<Option<i64>>(),
        ) {
            let mut line = escaped(&measurement);
            for (name, value) in &tags {
                line.extend([",", &escaped(name), "=", &escaped(value)]);
            }
            let written: Vec<_> = fields.iter().map(|(n, v)| format!("{}={v}", escaped(n))).collect();
            line.extend([" ", &written.join(",")]);
            line += &time.map_or(String::new(), |t| format!(" {t}"));
            let (m, t, f, at) = some(&line);
            prop_assert_eq!((m, t, at), (measurement, tags, time));
            let expected: Vec<_> = fields.into_iter().map(|(n, v)| (n, FieldValue::Number(v))).collect();
            prop_assert_eq!(f, expected);
        }

        #[test]
        fn no_text_makes_it_panic(line in "[a-z,= \\\\\"é0-9\n#]{0,40}") {
            let _ = parsed(&line);
        }
    }
}
