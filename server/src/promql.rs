//! The one place that knows the query engine.

mod tree;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use nunatak::{Db, Histogram, Labels, Matcher};
use nunatak_promql::{
    Engine, EngineOptions, OperatorStats, QueryError, QueryMemory, QueryParams, QueryResult, Value,
};

use crate::http::{ApiError, ErrorKind, Out};
use crate::json::{self, LabelsWriter};

/// So many warnings, and so many infos, are in a reply.
const MOST_REMARKS: usize = 10;

/// What a client asks.
#[derive(Debug, Clone)]
pub(crate) struct Question {
    pub(crate) text: String,
    pub(crate) when: When,
    pub(crate) lookback_ms: i64,
    pub(crate) deadline: Instant,
    pub(crate) cancel: Arc<AtomicBool>,
    /// Whether the time and the samples of each operator are wanted.
    pub(crate) profile: bool,
}

/// At what time or times; all in ms.
#[derive(Debug, Clone, Copy)]
pub(crate) enum When {
    At(i64),
    Range { start: i64, end: i64, step: i64 },
}

impl When {
    /// What is the same when the query is asked again later.
    pub(crate) fn shape(self) -> (i64, i64) {
        match self {
            Self::At(_) => (0, 0),
            Self::Range { start, end, step } => (end.saturating_sub(start), step),
        }
    }
}

/// Samples above which an answer is large.
const LARGE: usize = 16_384;

/// Whether it takes long to write an answer.
pub(crate) fn is_large(answer: &QueryResult) -> bool {
    match &answer.value {
        Value::Vector(samples) => samples.len() > LARGE / 8,
        Value::Matrix(series) => {
            series.iter().map(|series| 8 + series.values.len()).sum::<usize>() > LARGE
        }
        _ => false,
    }
}

/// Writes `{"resultType":…,"result":…}`, and what belongs behind `data`. At most `limit` series
/// are written (0: all).
pub(crate) fn write(out: &mut Out, mut answer: QueryResult, limit: usize, stats: Option<f64>) {
    out.buffer.extend_from_slice(br#"{"status":"success","data":{"resultType":""#);
    out.buffer.extend_from_slice(answer.value.type_name().as_bytes());
    out.buffer.extend_from_slice(br#"","result":"#);
    if truncate(&mut answer.value, limit) {
        answer.warnings.push("results truncated due to limit".to_owned());
    }
    // Each series goes when it is written, while the processor has it at hand.
    write_value(out, std::mem::replace(&mut answer.value, Value::Vector(Vec::new())));
    if let Some(seconds) = stats {
        write_stats(&mut out.buffer, &answer, seconds);
    }
    out.buffer.push(b'}');
    for (kind, mut texts) in [("warning", answer.warnings), ("info", answer.infos)] {
        if !texts.is_empty() {
            leave_out(&mut texts, kind);
            out.buffer.push(b',');
            json::string(&mut out.buffer, &format!("{kind}s"));
            out.buffer.push(b':');
            json::strings(&mut out.buffer, &texts);
        }
    }
    out.buffer.push(b'}');
}

/// Keeps the first remarks of a kind and says how many more there are, as Prometheus does.
fn leave_out(texts: &mut Vec<String>, kind: &str) {
    if let Some(more) = texts.len().checked_sub(MOST_REMARKS).filter(|&more| more > 0) {
        texts.truncate(MOST_REMARKS);
        texts.push(format!("{more} more {kind} annotations omitted"));
    }
}

fn truncate(value: &mut Value, limit: usize) -> bool {
    let cut = |len: usize| limit > 0 && len > limit;
    match value {
        Value::Vector(samples) if cut(samples.len()) => samples.truncate(limit),
        Value::Matrix(series) if cut(series.len()) => series.truncate(limit),
        _ => return false,
    }
    true
}

fn write_value(out: &mut Out, value: Value) {
    match value {
        Value::Scalar { t, v } => json::point(&mut out.buffer, t, v),
        Value::String { t, s } => {
            out.buffer.push(b'[');
            json::timestamp(&mut out.buffer, t);
            out.buffer.push(b',');
            json::string(&mut out.buffer, &s);
            out.buffer.push(b']');
        }
        Value::Vector(samples) => write_series(out, samples, |out, labels, sample| {
            series_head(&mut out.buffer, labels, sample.labels);
            if let Some(histogram) = &sample.histogram {
                out.buffer.extend_from_slice(br#""histogram":"#);
                json::histogram(&mut out.buffer, sample.t, histogram);
            } else {
                out.buffer.extend_from_slice(br#""value":"#);
                json::point(&mut out.buffer, sample.t, sample.v);
            }
            out.pass_on()
        }),
        Value::Matrix(series) => write_series(out, series, |out, labels, series| {
            series_head(&mut out.buffer, labels, series.labels);
            if series.histograms.is_empty() || !series.times.is_empty() {
                out.buffer.extend_from_slice(br#""values":["#);
                for (i, (&t, &v)) in series.times.iter().zip(&series.values).enumerate() {
                    if i > 0 {
                        out.buffer.push(b',');
                    }
                    json::point(&mut out.buffer, t, v);
                }
                out.buffer.push(b']');
            }
            write_histograms(&mut out.buffer, &series.histograms, !series.times.is_empty());
            out.pass_on()
        }),
        _ => out.buffer.extend_from_slice(b"null"),
    }
}

/// Writes the native histograms of a series, if it has any.
fn write_histograms(buffer: &mut Vec<u8>, histograms: &[(i64, Arc<Histogram>)], floats: bool) {
    if histograms.is_empty() {
        return;
    }
    if floats {
        buffer.push(b',');
    }
    buffer.extend_from_slice(br#""histograms":"#);
    json::list(buffer, histograms, |out, (t, h)| json::histogram(out, *t, h));
}

/// Writes `[…,…]` until `write` says that nobody listens.
fn write_series<T>(
    out: &mut Out,
    items: Vec<T>,
    write: impl Fn(&mut Out, &mut LabelsWriter, T) -> bool,
) {
    let mut labels = LabelsWriter::new();
    out.buffer.push(b'[');
    for (i, item) in items.into_iter().enumerate() {
        if i > 0 {
            out.buffer.push(b',');
        }
        if !write(out, &mut labels, item) {
            return;
        }
        out.buffer.push(b'}');
    }
    out.buffer.push(b']');
}

fn series_head(buffer: &mut Vec<u8>, writer: &mut LabelsWriter, labels: Labels) {
    buffer.extend_from_slice(br#"{"metric":"#);
    writer.write(buffer, labels);
    buffer.push(b',');
}

fn write_stats(buffer: &mut Vec<u8>, answer: &QueryResult, seconds: f64) {
    let operators: Vec<_> = answer.operators.iter().map(operator).collect();
    let mut stats = serde_json::json!({
        "timings": {
            "evalTotalTime": seconds,
            "resultSortTime": 0,
            "queryPreparationTime": 0,
            "innerEvalTime": seconds,
            "execQueueTime": 0,
            "execTotalTime": seconds,
        },
        "samples": {
            "totalQueryableSamples": answer.stats.samples,
            "peakSamples": answer.stats.peak_samples,
        },
        "series": answer.stats.series,
        "peakBytes": answer.stats.peak_bytes,
    });
    if !operators.is_empty() {
        stats["operators"] = operators.into();
    }
    buffer.extend_from_slice(b",\"stats\":");
    buffer.extend_from_slice(stats.to_string().as_bytes());
}

fn operator(operator: &OperatorStats) -> serde_json::Value {
    serde_json::json!({
        "depth": operator.depth,
        "operator": operator.operator,
        "series": operator.series,
        "points": operator.points,
        "samplesRead": operator.samples,
        "peakBytes": operator.peak_bytes,
        "seconds": operator.time.as_secs_f64(),
    })
}

impl From<QueryError> for ApiError {
    fn from(error: QueryError) -> Self {
        let text = error.to_string();
        if let QueryError::Storage(inner) = error {
            // What the storage says counts: a database that is being closed is no defect.
            return Self::new(Self::from(inner).kind, text);
        }
        let kind = match error.error_type() {
            "bad_data" => {
                return Self::parameter("query", text);
            }
            "execution" => ErrorKind::Execution,
            "timeout" => ErrorKind::Timeout,
            "canceled" => ErrorKind::Canceled,
            _ => ErrorKind::Internal,
        };
        Self::new(kind, text)
    }
}

/// The matchers of `name{…}`.
pub(crate) fn selector(text: &str) -> Result<Vec<Matcher>, String> {
    nunatak_promql::parse_metric_selector(text).map_err(|error| error.to_string())
}

/// The query in Prometheus' layout.
pub(crate) fn format_query(text: &str) -> Result<String, ApiError> {
    let expr = nunatak_promql::parse(text, &nunatak_promql::ParserOptions::default())
        .map_err(|error| ApiError::parameter("query", error))?;
    Ok(nunatak_promql::prettify(&expr))
}

/// The query's tree as JSON.
pub(crate) fn parse_query(text: &str) -> Result<serde_json::Value, ApiError> {
    nunatak_promql::parse(text, &nunatak_promql::ParserOptions::default())
        .map(|expr| tree::tree(&expr))
        .map_err(|error| ApiError::parameter("query", error))
}

/// Asks the database.
pub(crate) fn ask(
    db: &Db,
    memory: Arc<QueryMemory>,
    question: &Question,
) -> Result<QueryResult, ApiError> {
    let params = QueryParams {
        lookback_ms: Some(question.lookback_ms),
        timeout: None,
        deadline: Some(question.deadline),
        cancel: Some(Arc::clone(&question.cancel)),
        profile: question.profile,
    };
    let engine = Engine::new(EngineOptions::default().memory(memory));
    let text = &question.text;
    match question.when {
        When::At(t) => engine.instant_with(db, text, t, &params),
        When::Range { start, end, step } => {
            engine.range_with(db, text, (start, end, step), &params)
        }
    }
    .map_err(ApiError::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_remarks_are_written() {
        let texts = |count: usize| (0..count).map(|i| i.to_string()).collect::<Vec<_>>();
        let mut few = texts(10);
        leave_out(&mut few, "info");
        assert_eq!(few, texts(10));
        let mut many = texts(12);
        leave_out(&mut many, "info");
        assert_eq!(many.pop().as_deref(), Some("2 more info annotations omitted"));
        assert_eq!(many, texts(10));
    }

    #[test]
    fn a_closed_database_is_unavailable() {
        let error = ApiError::from(QueryError::Storage(nunatak::Error::Closed));
        assert_eq!(error.kind, ErrorKind::Unavailable);
        assert!(error.message.starts_with("expanding series: "), "{}", error.message);
    }
}
