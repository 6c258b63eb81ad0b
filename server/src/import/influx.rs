//! Reads a whole text of line protocol.

use std::io::BufRead;

use nunatak::{LabelsBuilder, METRIC_NAME};
use serde::{Deserialize, Serialize};

use super::ImportError;
use super::args::Precision;
use super::cache::Cache;
use super::job::Reader;
use super::line_protocol::{Field, FieldValue, LineError, Point, parse_key, parse_line, unescape};
use super::lines::Lines;
use super::sink::Sink;

/// Lines that a string may go over.
const MOST_LINES: u32 = 1000;

/// How lines become series.
#[derive(Debug, Clone)]
pub(super) struct Naming {
    pub(super) precision: Precision,
    pub(super) separator: String,
    pub(super) database_label: Option<String>,
}

/// What an export says between the points. An import that goes on where it was begins with it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Context {
    /// The database that points belong to.
    pub database: String,
    /// Between `# DDL` and `# DML`: statements, not points.
    pub in_statements: bool,
}

impl Context {
    /// Looks at a line; `true` if it is no point.
    fn takes(&mut self, line: &str) -> bool {
        let Some(comment) = line.strip_prefix('#') else { return self.in_statements };
        let comment = comment.trim();
        match comment {
            "DDL" => self.in_statements = true,
            "DML" => self.in_statements = false,
            _ => {}
        }
        if let Some(name) = comment.strip_prefix("CONTEXT-DATABASE:") {
            name.trim().clone_into(&mut self.database);
        }
        true
    }
}

/// The fields of a key that were seen, in their order, and their series.
type Fields<S> = Vec<(Box<str>, S)>;

/// Reads `lines` up to their end.
pub(super) fn read<S: Sink, R: BufRead>(
    reader: &mut Reader<'_, S>,
    lines: &mut Lines<R>,
    naming: &Naming,
    mut context: Context,
) -> Result<(), ImportError> {
    let mut cache: Cache<Fields<S::Series>> = Cache::default();
    let mut builder = LabelsBuilder::default();
    while lines.next().map_err(|e| reader.io(&e))?.is_some() {
        join_strings(reader, lines)?;
        let (number, offset) = (lines.number, lines.offset);
        let Some(line) = reader.utf8(lines.current(), number)? else { continue };
        if line.starts_with("# CONTEXT-DATABASE") {
            // The same key is another series in another database.
            cache = Cache::default();
        }
        if !context.takes(line) {
            let mut fields = Vec::new();
            match parse_line(line, &mut fields) {
                Ok(None) => {}
                Ok(Some(point)) => {
                    cache.follow(reader.sink.generation());
                    let mut target = Target {
                        naming,
                        cache: &mut cache,
                        builder: &mut builder,
                        context: &context,
                    };
                    target.push(reader, &point, &fields, number)?;
                }
                Err(error) => reader.bad_line(number, error.column, error.what)?,
            }
        }
        reader.commit_in_context(offset, number, &context)?;
    }
    Ok(())
}

/// Adds the following lines to one that ends inside a string. If no point comes of it the quote was a
/// mistake: the line stays alone, and those behind it are read as lines of their own.
fn join_strings<S: Sink, R: BufRead>(
    reader: &Reader<'_, S>,
    lines: &mut Lines<R>,
) -> Result<(), ImportError> {
    // Cheap for what it is asked about every line: almost no line has a quote.
    let first = lines.current();
    if !first.contains(&b'"') || first.starts_with(b"#") || ending(first) != Ending::InString {
        return Ok(());
    }
    for _ in 0..MOST_LINES {
        let before = lines.current().len();
        if !lines.extend().map_err(|e| reader.io(&e))? {
            break;
        }
        let line = lines.current();
        // Only a quote ends a string.
        if line[before..].contains(&b'"') {
            match ending(line) {
                Ending::Point => return Ok(()),
                Ending::InString => {}
                Ending::Bad => break,
            }
        }
    }
    lines.give_back();
    Ok(())
}

/// How a line, or several put together, end.
#[derive(Debug, PartialEq, Eq)]
enum Ending {
    Point,
    InString,
    Bad,
}

fn ending(line: &[u8]) -> Ending {
    let Ok(line) = std::str::from_utf8(line) else { return Ending::Bad };
    match parse_line(line, &mut Vec::new()) {
        Ok(_) => Ending::Point,
        Err(error) if error.in_string => Ending::InString,
        Err(_) => Ending::Bad,
    }
}

struct Target<'a, S: Sink> {
    naming: &'a Naming,
    cache: &'a mut Cache<Fields<S::Series>>,
    builder: &'a mut LabelsBuilder,
    context: &'a Context,
}

impl<S: Sink> Target<'_, S> {
    fn push(
        &mut self,
        reader: &mut Reader<'_, S>,
        point: &Point<'_>,
        fields: &[Field<'_>],
        number: u64,
    ) -> Result<(), ImportError> {
        let Some(time) = point.timestamp.and_then(|t| to_ms(t, self.naming.precision)) else {
            return reader.bad_line(number, 1, "no timestamp that fits");
        };
        let Ok(known) = self.cache.get_or_try(point.key, || Ok::<_, LineError>(Vec::new())) else {
            return Ok(());
        };
        for (at, field) in fields.iter().enumerate() {
            let value = match field.value {
                FieldValue::Number(value) => value,
                FieldValue::Bool(value) => f64::from(u8::from(value)),
                FieldValue::Text => {
                    reader.note_text();
                    continue;
                }
            };
            // Lines of one key almost always have the same fields in the same order.
            let here = known.get(at).filter(|(name, _)| **name == *field.name);
            let place = here.or_else(|| known.iter().find(|(name, _)| **name == *field.name));
            if let Some(&(_, series)) = place {
                reader.push(series, time, value)?;
                continue;
            }
            match build(self.builder, self.naming, self.context, point.key, field) {
                Ok(labels) => {
                    let series = reader.sink.series(&labels);
                    known.push((field.name.into(), series));
                    reader.push(series, time, value)?;
                }
                Err((column, what)) => return reader.bad_line(number, column, &what),
            }
        }
        Ok(())
    }
}

/// The label set of a field.
fn build(
    builder: &mut LabelsBuilder,
    naming: &Naming,
    context: &Context,
    key: &str,
    field: &Field<'_>,
) -> Result<nunatak::Labels, (usize, String)> {
    builder.clear();
    let measurement = parse_key(key, |name, value| builder.push(&name, &value))
        .map_err(|error| (error.column, error.what.to_owned()))?;
    let name = format!("{measurement}{}{}", naming.separator, unescape(field.name));
    builder.push(METRIC_NAME, &name);
    if let Some(label) = naming.database_label.as_ref().filter(|_| !context.database.is_empty()) {
        builder.push(label, &context.database);
    }
    builder.build().map_err(|error| (1, error.to_string()))
}

fn to_ms(t: i64, precision: Precision) -> Option<i64> {
    match precision {
        Precision::Ns => Some(t.div_euclid(1_000_000)),
        Precision::Us => Some(t.div_euclid(1000)),
        Precision::Ms => Some(t),
        Precision::S => t.checked_mul(1000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_of_an_export_are_no_points() {
        let mut context = Context::default();
        for line in ["# INFLUXDB EXPORT: 1 - 2", "# DDL", "CREATE DATABASE a WITH NAME b", "# DML"]
        {
            assert!(context.takes(line), "{line}");
        }
        assert!(context.takes("# CONTEXT-DATABASE:db 1"));
        assert_eq!(context.database, "db 1");
        assert!(!context.takes("cpu value=1 1"));
    }

    #[test]
    fn timestamps_of_all_units_become_milliseconds() {
        assert_eq!(to_ms(-1, Precision::Ns), Some(-1), "rounded down");
        assert_eq!(to_ms(1_999_999, Precision::Ns), Some(1));
        assert_eq!(to_ms(1_999, Precision::Us), Some(1));
        assert_eq!(to_ms(5, Precision::Ms), Some(5));
        assert_eq!(to_ms(5, Precision::S), Some(5000));
        assert_eq!(to_ms(i64::MAX, Precision::S), None);
    }
}
