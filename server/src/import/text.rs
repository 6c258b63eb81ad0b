//! Reads a whole text of OpenMetrics or of Prometheus' text format.

use std::io::BufRead;

use nunatak::LabelsBuilder;

use super::ImportError;
use super::cache::Cache;
use super::job::Reader;
use super::lines::Lines;
use super::openmetrics::{Dialect, Line, Sample, parse_line, parse_series};
use super::sink::Sink;

/// Reads `lines` up to their end.
pub(super) fn read<S: Sink, R: BufRead>(
    reader: &mut Reader<'_, S>,
    lines: &mut Lines<R>,
    dialect: Dialect,
) -> Result<(), ImportError> {
    let mut cache: Cache<S::Series> = Cache::default();
    let mut builder = LabelsBuilder::default();
    let mut ended = false;
    while lines.next().map_err(|e| reader.io(&e))?.is_some() {
        let (number, offset) = (lines.number, lines.offset);
        let Some(line) = reader.utf8(lines.current(), number)? else { continue };
        if ended && !line.trim_ascii().is_empty() {
            reader.bad_line(number, 1, "something follows # EOF")?;
            continue;
        }
        match parse_line(line, dialect) {
            Ok(Line::Other) => {}
            Ok(Line::Eof) => ended = true,
            Ok(Line::Sample(sample)) => {
                cache.follow(reader.sink.generation());
                push(reader, &mut cache, &mut builder, &sample, number)?;
            }
            Err(error) => reader.bad_line(number, error.column, error.what)?,
        }
        reader.commit_if_full(offset, number)?;
    }
    if dialect == Dialect::OpenMetrics && !ended {
        let what =
            "the text ends without # EOF: is it cut off? (--format prometheus-text needs none)";
        return Err(ImportError::Input {
            place: reader.place(lines.number),
            what: what.to_owned(),
        });
    }
    Ok(())
}

fn push<S: Sink>(
    reader: &mut Reader<'_, S>,
    cache: &mut Cache<S::Series>,
    builder: &mut LabelsBuilder,
    sample: &Sample<'_>,
    number: u64,
) -> Result<(), ImportError> {
    let Some(time) = sample.time else {
        return reader.bad_line(number, 1, "the sample has no timestamp");
    };
    if sample.has_exemplar {
        reader.note_exemplar();
    }
    let series = cache.get_or_try(sample.series, || {
        builder.clear();
        parse_series(sample.series, |name, value| builder.push(&name, &value))
            .map_err(|error| (error.column, error.what.to_owned()))?;
        let labels = builder.build().map_err(|error| (1, error.to_string()))?;
        Ok::<_, (usize, String)>(reader.sink.series(&labels))
    });
    match series {
        Ok(&mut series) => reader.push(series, time, sample.value),
        Err((column, what)) => reader.bad_line(number, column, &what),
    }
}
