//! Runs the cases of a script.

use std::sync::Arc;

use nunatak::Histogram;
use nunatak_index::{Labels, Pattern};
use nunatak_promql::ast::{AtModifier, Expr, ExprKind};
use nunatak_promql::{
    Engine, EngineOptions, FunctionId, MatrixSeries, MemorySource, ParserOptions, QueryResult,
    Value, parse,
};

use crate::nhcb;
use crate::script::{Command, CommandKind, Eval, Expect, ExpectKind, Item, SeriesLine, Text, Time};

/// What became of a case.
pub(crate) struct Outcome {
    pub(crate) line: usize,
    pub(crate) result: Result<(), String>,
}

/// The engine as Prometheus' suite sets it up.
fn engine() -> Engine {
    let options =
        EngineOptions::default().delayed_name_removal(true).parser(ParserOptions::all_features());
    Engine::new(options)
}

/// Runs all commands; one outcome for each `eval`.
pub(crate) fn run(commands: &[Command]) -> Vec<Outcome> {
    let mut source = MemorySource::new();
    let mut outcomes = Vec::new();
    for command in commands {
        match &command.kind {
            CommandKind::Clear => source.clear(),
            CommandKind::Load { step_ms, series, with_nhcb } => {
                load(&mut source, *step_ms, series);
                if *with_nhcb {
                    nhcb::load(&mut source, *step_ms, series);
                }
            }
            CommandKind::Bad { is_eval: true, why } => {
                outcomes.push(Outcome { line: command.line, result: Err(why.clone()) });
            }
            CommandKind::Bad { is_eval: false, why } => println!("line {}: {why}", command.line),
            CommandKind::Eval(eval) => {
                let case = std::panic::AssertUnwindSafe(|| case(&source, eval));
                let result = std::panic::catch_unwind(case)
                    .unwrap_or_else(|_| Err("the engine panicked".to_owned()));
                outcomes.push(Outcome { line: command.line, result });
            }
        }
    }
    outcomes
}

fn load(source: &mut MemorySource, step_ms: i64, series: &[SeriesLine]) {
    for line in series {
        // The last of equal lines wins.
        if series
            .iter()
            .rfind(|other| other.labels == line.labels)
            .is_some_and(|last| !std::ptr::eq(last, line))
        {
            continue;
        }
        for (i, item) in line.values.iter().enumerate() {
            let t = i as i64 * step_ms;
            match item {
                Item::Number(value) => source.push(&line.labels, t, *value),
                Item::Histogram(h) => source.push_histogram(&line.labels, t, h.histogram.clone()),
                Item::None => {}
            }
        }
    }
}

fn case(source: &MemorySource, eval: &Eval) -> Result<(), String> {
    let engine = engine();
    match eval.time {
        Time::Range { start, end, step } => {
            let result = engine.range(source, &eval.query, start, end, step);
            let Some(result) = failure(eval, result.map_err(|error| error.to_string()))? else {
                return Ok(());
            };
            remarks(eval, &result)?;
            compare_range(eval, &result.value, start, step)
        }
        Time::Instant(at) => {
            instant(&engine, source, eval, &eval.query, at)?;
            for (query, at) in pinned(&eval.query, at) {
                instant(&engine, source, eval, &query, at)
                    .map_err(|why| format!("as {query} at {at}: {why}"))?;
            }
            Ok(())
        }
    }
}

fn instant(
    engine: &Engine,
    source: &MemorySource,
    eval: &Eval,
    query: &str,
    at: i64,
) -> Result<(), String> {
    let result = engine.instant(source, query, at).map_err(|error| error.to_string());
    let Some(result) = failure(eval, result)? else { return Ok(()) };
    remarks(eval, &result)?;
    compare_instant(eval, &result.value)?;
    if eval.ordered || eval.string.is_some() || eval.range_vector.is_some() || fixed_to_range(query)
    {
        return Ok(());
    }
    let range = engine.range(source, query, at - 60_000, at + 60_000, 60_000);
    let range = range.map_err(|error| format!("as a range: {error}"))?;
    let Value::Matrix(series) = &range.value else { return Err("a range is no matrix".into()) };
    sorted(series)?;
    let middle = middle(&result.value, series, at)?;
    compare_instant(eval, &middle).map_err(|why| format!("as a range: {why}"))
}

/// The points of a range query at one time, as the instant query returns them.
fn middle(like: &Value, series: &[MatrixSeries], at: i64) -> Result<Value, String> {
    let mut samples = Vec::new();
    for series in series {
        if let Some(i) = series.times.iter().position(|&t| t == at) {
            samples.push(nunatak_promql::VectorSample {
                labels: series.labels.clone(),
                t: at,
                v: series.values[i],
                histogram: None,
            });
        }
        if let Some((_, histogram)) = series.histograms.iter().find(|(t, _)| *t == at) {
            samples.push(nunatak_promql::VectorSample {
                labels: series.labels.clone(),
                t: at,
                v: f64::NAN,
                histogram: Some(Arc::clone(histogram)),
            });
        }
    }
    match like {
        Value::Scalar { .. } => match samples.first() {
            Some(sample) => Ok(Value::Scalar { t: at, v: sample.v }),
            None => Err("as a range: no point at the time of the instant query".into()),
        },
        _ => Ok(Value::Vector(samples)),
    }
}

/// `None` if the query failed as it should.
fn failure(
    eval: &Eval,
    result: Result<QueryResult, String>,
) -> Result<Option<QueryResult>, String> {
    let wanted = eval.expect.iter().find(|expect| expect.kind == ExpectKind::Fail);
    match (wanted, result) {
        (None, Ok(result)) => Ok(Some(result)),
        (None, Err(error)) => Err(format!("error: {error}")),
        (Some(_), Ok(_)) => Err("should fail".into()),
        (Some(expect), Err(error)) if fits(expect, &error) => Ok(None),
        (Some(expect), Err(error)) => Err(format!("wanted failure {:?}, got {error}", expect.text)),
    }
}

fn fits(expect: &Expect, text: &str) -> bool {
    match &expect.text {
        Text::Any => true,
        Text::Exactly(wanted) => wanted == text || wanted == without_position(text),
        Text::Matching(pattern) => {
            let anywhere = Pattern::new(&format!(".*(?:{pattern}).*"));
            anywhere.is_ok_and(|pattern| pattern.captures(text).is_some())
        }
    }
}

/// The scripts give remarks without their place in the query.
fn without_position(text: &str) -> &str {
    match text.rsplit_once(" (") {
        Some((before, place)) if place.ends_with(')') && place.contains(':') => before,
        _ => text,
    }
}

fn remarks(eval: &Eval, result: &QueryResult) -> Result<(), String> {
    kind_of_remarks(eval, ExpectKind::Warn, ExpectKind::NoWarn, &result.warnings)?;
    kind_of_remarks(eval, ExpectKind::Info, ExpectKind::NoInfo, &result.infos)
}

fn kind_of_remarks(
    eval: &Eval,
    some: ExpectKind,
    none: ExpectKind,
    got: &[String],
) -> Result<(), String> {
    if eval.expect.iter().any(|expect| expect.kind == none) && !got.is_empty() {
        return Err(format!("unexpected remarks {got:?}"));
    }
    let wanted: Vec<_> = eval.expect.iter().filter(|expect| expect.kind == some).collect();
    if wanted.is_empty() {
        return Ok(());
    }
    let missing = wanted.iter().find(|expect| !got.iter().any(|text| fits(expect, text)));
    let surplus = got.iter().find(|text| !wanted.iter().any(|expect| fits(expect, text)));
    match (missing, surplus) {
        (None, None) => Ok(()),
        (Some(missing), _) => Err(format!("no remark {:?}, got {got:?}", missing.text)),
        (_, Some(surplus)) => Err(format!("unexpected remark {surplus:?}")),
    }
}

fn compare_instant(eval: &Eval, value: &Value) -> Result<(), String> {
    match value {
        Value::Scalar { v, .. } => match eval.scalar {
            Some(wanted) if equal(wanted, *v) => Ok(()),
            other => Err(format!("wanted {other:?}, got scalar {v}")),
        },
        Value::String { s, .. } if eval.string.as_ref() == Some(s) => Ok(()),
        Value::String { s, .. } => Err(format!("wanted {:?}, got string {s:?}", eval.string)),
        Value::Matrix(series) => {
            let (start, step) = eval.range_vector.ok_or("unexpected range vector")?;
            compare_matrix(eval, series, start, step)
        }
        Value::Vector(samples) => {
            if eval.scalar.is_some() {
                return Err("wanted a scalar, got a vector".into());
            }
            if samples.len() != eval.series.len() {
                return Err(format!("wanted {} series, got {samples:?}", eval.series.len()));
            }
            for (i, sample) in samples.iter().enumerate() {
                let place = eval.series.iter().position(|line| line.labels == sample.labels);
                let line = place.map(|i| &eval.series[i]);
                let line = line.ok_or_else(|| format!("unexpected series {:?}", sample.labels))?;
                if eval.ordered && place != Some(i) {
                    return Err(format!("{:?} is at the wrong place", sample.labels));
                }
                let fits = match (line.values.as_slice(), &sample.histogram) {
                    ([Item::Number(wanted)], None) => equal(*wanted, sample.v),
                    ([Item::Histogram(wanted)], Some(got)) => wanted.fits(got),
                    _ => false,
                };
                if !fits {
                    let wanted = &line.values;
                    return Err(format!("wanted {wanted:?}, got {sample:?}"));
                }
            }
            distinct(samples.iter().map(|sample| &sample.labels))
        }
        _ => Err("a value of an unknown kind".into()),
    }
}

/// A point of a series.
#[derive(Debug)]
enum Got<'a> {
    Number(f64),
    Histogram(&'a Histogram),
}

impl Got<'_> {
    fn fits(&self, item: &Item) -> bool {
        match (self, item) {
            (Self::Number(got), Item::Number(wanted)) => equal(*wanted, *got),
            (Self::Histogram(got), Item::Histogram(wanted)) => wanted.fits(got),
            _ => false,
        }
    }
}

fn compare_range(eval: &Eval, value: &Value, start: i64, step: i64) -> Result<(), String> {
    let Value::Matrix(series) = value else { return Err("a range is no matrix".into()) };
    compare_matrix(eval, series, start, step)
}

fn compare_matrix(
    eval: &Eval,
    series: &[MatrixSeries],
    start: i64,
    step: i64,
) -> Result<(), String> {
    sorted(series)?;
    let wanted: Vec<_> = eval
        .series
        .iter()
        .filter(|line| line.values.iter().any(|item| *item != Item::None))
        .collect();
    if wanted.len() != series.len() {
        let got: Vec<_> = series.iter().map(|series| &series.labels).collect();
        return Err(format!("wanted {} series, got {got:?}", wanted.len()));
    }
    for line in wanted {
        let got = series.iter().find(|series| series.labels == line.labels);
        let got = got.ok_or_else(|| format!("missing series {:?}", line.labels))?;
        let floats = got.times.iter().zip(&got.values).map(|(&t, &v)| (t, Got::Number(v)));
        let histograms = got.histograms.iter().map(|(t, h)| (*t, Got::Histogram(h)));
        let mut points: Vec<_> = floats.chain(histograms).collect();
        points.sort_by_key(|(t, _)| *t);
        let wanted = line.values.iter().enumerate().filter(|(_, item)| **item != Item::None);
        let wanted: Vec<_> = wanted.map(|(i, item)| (start + i as i64 * step, item)).collect();
        let same = points.len() == wanted.len()
            && points
                .iter()
                .zip(&wanted)
                .all(|((t, got), (time, item))| t == time && got.fits(item));
        if !same {
            return Err(format!("{:?}: wanted {wanted:?}, got {points:?}", line.labels));
        }
    }
    Ok(())
}

fn sorted(series: &[MatrixSeries]) -> Result<(), String> {
    if series.windows(2).all(|pair| pair[0].labels <= pair[1].labels) {
        Ok(())
    } else {
        Err("the series are not sorted by labels".into())
    }
}

fn distinct<'a>(labels: impl Iterator<Item = &'a Labels>) -> Result<(), String> {
    let mut all: Vec<_> = labels.collect();
    all.sort();
    if all.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err("the same labels twice".into());
    }
    Ok(())
}

/// Equal up to what the suite allows.
pub(crate) fn equal(a: f64, b: f64) -> bool {
    const STALE: u64 = 0x7ff0_0000_0000_0002;
    if a.to_bits() == STALE || b.to_bits() == STALE {
        return a.to_bits() == b.to_bits();
    }
    if a == b || (a.is_nan() && b.is_nan()) {
        return true;
    }
    let (size, difference) = (a.abs() + b.abs(), (a - b).abs());
    if a == 0.0 || b == 0.0 || size < f64::MIN_POSITIVE {
        return difference < 1e-6 * f64::MIN_POSITIVE;
    }
    difference / size.min(f64::MAX) < 1e-6
}

/// The query with everything pinned to its time, at other times.
fn pinned(query: &str, at: i64) -> Vec<(String, i64)> {
    let Ok(mut expr) = parse(query, &ParserOptions::all_features()) else { return Vec::new() };
    if calls(&expr, |func| {
        use FunctionId as F;
        matches!(
            func,
            F::Time
                | F::Timestamp
                | F::PredictLinear
                | F::Minute
                | F::Hour
                | F::DayOfWeek
                | F::DayOfMonth
                | F::DayOfYear
                | F::DaysInMonth
                | F::Month
                | F::Year
                | F::Start
                | F::End
                | F::Step
                | F::Range
        )
    }) {
        return Vec::new();
    }
    pin(&mut expr, at);
    let query = expr.to_string();
    let times = if at == 0 { vec![-1000, 0, 1000] } else { vec![-10 * at, 0, at / 5, at, 10 * at] };
    times.into_iter().map(|at| (query.clone(), at)).collect()
}

fn calls(expr: &Expr, wanted: impl Fn(FunctionId) -> bool) -> bool {
    let mut found = false;
    expr.walk(&mut |expr| {
        if let ExprKind::Call(call) = &expr.kind {
            found |= wanted(call.func.id);
        }
    });
    found
}

/// Whether the value depends on the range of the query.
fn fixed_to_range(query: &str) -> bool {
    ["start()", "end()", "range()", "step()"].iter().any(|call| query.contains(call))
}

fn pin(expr: &mut Expr, at: i64) {
    let pin_at = |slot: &mut Option<AtModifier>| match slot {
        Some(AtModifier::Timestamp(_)) => {}
        other => *other = Some(AtModifier::Timestamp(at)),
    };
    match &mut expr.kind {
        ExprKind::VectorSelector(selector) => pin_at(&mut selector.at),
        ExprKind::MatrixSelector(matrix) => pin_at(&mut matrix.selector.at),
        // What is inside a pinned subquery stays as it is.
        ExprKind::Subquery(subquery) => pin_at(&mut subquery.at),
        ExprKind::Unary(unary) => pin(&mut unary.expr, at),
        ExprKind::Paren(inner) => pin(inner, at),
        ExprKind::Binary(binary) => {
            pin(&mut binary.lhs, at);
            pin(&mut binary.rhs, at);
        }
        ExprKind::Aggregate(aggregate) => {
            pin(&mut aggregate.expr, at);
            aggregate.param.iter_mut().for_each(|param| pin(param, at));
        }
        ExprKind::Call(call) => call.args.iter_mut().for_each(|arg| pin(arg, at)),
        _ => {}
    }
}
