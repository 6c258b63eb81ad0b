//! The engine: options, and one call for each kind of query.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use nunatak::{Hints, Selection, Selector, Source, Visit};
use nunatak_index::Labels;

use crate::ast::{Expr, ValueType};
use crate::budget::{MemoryShare, QueryMemory};
use crate::column::{Column, Matrix, Series};
use crate::error::{QueryError, Result};
use crate::eval::Exec;
use crate::grid::Grid;
use crate::notes::Notes;
use crate::parser::{ParserOptions, parse};
use crate::plan::{Plan, Query, VectorPlan, build};
use crate::profile::Profile;
use crate::runs::sort_by_labels;
use crate::value::{MatrixSeries, QueryResult, QueryStats, Value, VectorSample};
use crate::watch::Watch;

/// How an [`Engine`] evaluates.
#[derive(Debug, Clone)]
pub struct EngineOptions {
    lookback_ms: i64,
    max_samples: u64,
    timeout: Option<Duration>,
    delayed_name_removal: bool,
    subquery_step_ms: i64,
    parser: ParserOptions,
    memory: Option<Arc<QueryMemory>>,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            lookback_ms: 5 * 60 * 1000,
            max_samples: 50_000_000,
            timeout: None,
            delayed_name_removal: false,
            subquery_step_ms: 60_000,
            parser: ParserOptions::default(),
            memory: None,
        }
    }
}

impl EngineOptions {
    /// How long a sample counts after its time, in ms; at least 1. Default: 5 minutes.
    #[must_use]
    pub fn lookback_ms(mut self, lookback_ms: i64) -> Self {
        self.lookback_ms = lookback_ms.max(1);
        self
    }

    /// How many samples one query may have in memory. Default: 50,000,000.
    #[must_use]
    pub fn max_samples(mut self, max_samples: u64) -> Self {
        self.max_samples = max_samples;
        self
    }

    /// How long a query may run. Default: no limit.
    #[must_use]
    pub fn timeout(mut self, timeout: Option<Duration>) -> Self {
        self.timeout = timeout;
        self
    }

    /// Whether metric names go at the end of a query instead of where they lose their meaning, so
    /// that `label_replace` still sees them (Prometheus' feature flag
    /// `promql-delayed-name-removal`). Default: off.
    #[must_use]
    pub fn delayed_name_removal(mut self, delayed: bool) -> Self {
        self.delayed_name_removal = delayed;
        self
    }

    /// The step of subqueries that don't name one, in ms; at least 1. Default: 1 minute.
    #[must_use]
    pub fn subquery_step_ms(mut self, step_ms: i64) -> Self {
        self.subquery_step_ms = step_ms.max(1);
        self
    }

    /// The memory that queries share. Default: none, only samples are limited.
    #[must_use]
    pub fn memory(mut self, memory: Arc<QueryMemory>) -> Self {
        self.memory = Some(memory);
        self
    }

    /// Which syntax is on, experimental functions among it. Default: the stable language.
    #[must_use]
    pub fn parser(mut self, parser: ParserOptions) -> Self {
        self.parser = parser;
        self
    }
}

/// What one query does differently.
#[derive(Debug, Clone, Default)]
pub struct QueryParams {
    /// How long a sample counts after its time, in ms. Default: the engine's, also if this is 0 or
    /// negative (Prometheus takes `lookback_delta=0` so, too).
    pub lookback_ms: Option<i64>,
    /// How long the query may run; the engine's limit holds, too. Default: no limit.
    pub timeout: Option<Duration>,
    /// When the query has to be done. Default: no limit.
    pub deadline: Option<Instant>,
    /// Set it from another thread to stop the query. Default: none.
    pub cancel: Option<Arc<AtomicBool>>,
    /// Whether to say [what each operator did](QueryResult::operators). Default: no, since looking
    /// at the clock for each series takes time, too.
    pub profile: bool,
}

/// Evaluates queries; cheap to make, free of state, to be shared by threads.
#[derive(Debug, Clone, Default)]
pub struct Engine {
    options: EngineOptions,
}

impl Engine {
    /// An engine with these options.
    #[must_use]
    pub fn new(options: EngineOptions) -> Self {
        Self { options }
    }

    /// The value of a query at `at_ms` (milliseconds since the epoch).
    ///
    /// # Errors
    /// [`QueryError`] if the query can't be read or evaluated, or is above a limit.
    pub fn instant<S: Source + ?Sized>(
        &self,
        source: &S,
        query: &str,
        at_ms: i64,
    ) -> std::result::Result<QueryResult, QueryError> {
        self.instant_with(source, query, at_ms, &QueryParams::default())
    }

    /// The same with parameters of this query alone.
    ///
    /// # Errors
    /// [`QueryError`] if the query can't be read or evaluated, or is above a limit.
    pub fn instant_with<S: Source + ?Sized>(
        &self,
        source: &S,
        query: &str,
        at_ms: i64,
        params: &QueryParams,
    ) -> std::result::Result<QueryResult, QueryError> {
        let expr = parse(query, &self.options.parser)?;
        let at = self.query(at_ms, at_ms, 0);
        let plan = build(&expr, &at)?;
        let source = Erased(source);
        let exec = self.exec(&source, query, params);
        let value = instant_value(&exec, &plan, at_ms)?;
        Ok(result(exec, value))
    }

    /// The values of a query from `start_ms` to at most `end_ms`, `step_ms` apart.
    ///
    /// # Errors
    /// [`QueryError`] if the query can't be read or evaluated, has a result that is no scalar or
    /// instant vector, or is above a limit; if `step_ms` is not positive.
    pub fn range<S: Source + ?Sized>(
        &self,
        source: &S,
        query: &str,
        start_ms: i64,
        end_ms: i64,
        step_ms: i64,
    ) -> std::result::Result<QueryResult, QueryError> {
        let range = (start_ms, end_ms, step_ms);
        self.range_with(source, query, range, &QueryParams::default())
    }

    /// The same with parameters of this query alone; `range` is start, end and step.
    ///
    /// # Errors
    /// [`QueryError`] as for [`range`](Self::range).
    pub fn range_with<S: Source + ?Sized>(
        &self,
        source: &S,
        query: &str,
        (start_ms, end_ms, step_ms): (i64, i64, i64),
        params: &QueryParams,
    ) -> std::result::Result<QueryResult, QueryError> {
        let expr = parse(query, &self.options.parser)?;
        check_range(&expr, step_ms)?;
        let plan = build(&expr, &self.query(start_ms, end_ms, step_ms))?;
        let source = Erased(source);
        let mut exec = self.exec(&source, query, params);
        exec.is_range_query = true;
        let value = range_value(&exec, &plan, &Grid::range(start_ms, end_ms, step_ms))?;
        Ok(result(exec, value))
    }

    fn query(&self, start_ms: i64, end_ms: i64, step_ms: i64) -> Query {
        Query { start_ms, end_ms, step_ms, subquery_step_ms: self.options.subquery_step_ms }
    }

    fn exec<'a>(&self, source: &'a dyn Source, query: &str, params: &'a QueryParams) -> Exec<'a> {
        let now = Instant::now();
        let limits = [self.options.timeout, params.timeout].into_iter().flatten();
        let deadlines = limits.filter_map(|limit| now.checked_add(limit)).chain(params.deadline);
        let watch = Watch::new(deadlines.min(), params.cancel.as_deref());
        let mut exec = Exec::new(source, Notes::new(query), watch, self.options.max_samples);
        let lookback = params.lookback_ms.filter(|&lookback| lookback > 0);
        exec.lookback_ms = lookback.unwrap_or(self.options.lookback_ms);
        exec.delayed_names = self.options.delayed_name_removal;
        exec.share = self.options.memory.clone().map(MemoryShare::new);
        exec.profile = params.profile.then(Profile::new);
        exec
    }
}

/// The value of `query` at `at_ms`, with the default options.
///
/// # Errors
/// [`QueryError`] if the query can't be read or evaluated.
pub fn query<S: Source + ?Sized>(
    source: &S,
    query: &str,
    at_ms: i64,
) -> std::result::Result<QueryResult, QueryError> {
    Engine::default().instant(source, query, at_ms)
}

/// The values of `query` from `start_ms` to at most `end_ms`, `step_ms` apart, with the default
/// options.
///
/// # Errors
/// [`QueryError`] if the query can't be read or evaluated.
pub fn query_range<S: Source + ?Sized>(
    source: &S,
    query: &str,
    start_ms: i64,
    end_ms: i64,
    step_ms: i64,
) -> std::result::Result<QueryResult, QueryError> {
    Engine::default().range(source, query, start_ms, end_ms, step_ms)
}

fn check_range(expr: &Expr, step_ms: i64) -> Result<()> {
    if step_ms <= 0 {
        let message = "zero or negative query resolution step widths are not accepted. Try a \
                       positive integer";
        return Err(QueryError::BadData { message: message.to_owned() });
    }
    match expr.value_type() {
        ValueType::Scalar | ValueType::Vector => Ok(()),
        other => {
            let other = other.documented();
            let message = format!(
                "invalid expression type {other:?} for range query, must be Scalar or instant Vector"
            );
            Err(QueryError::BadData { message })
        }
    }
}

fn instant_value(exec: &Exec, plan: &Plan, at_ms: i64) -> Result<Value> {
    let grid = Grid::instant(at_ms);
    Ok(match plan {
        Plan::String(text) => Value::String { t: at_ms, s: text.clone() },
        Plan::Scalar(scalar) => Value::Scalar { t: at_ms, v: exec.scalar(scalar, &grid)?.get(0) },
        Plan::Range(range) => Value::Matrix(exec.matrix(range, at_ms)?),
        Plan::Vector(vector) => {
            let mut samples = instant_samples(exec, vector, &grid)?;
            if vector.is_unsorted() {
                samples = sort_by_labels(samples, |sample| &sample.labels);
            }
            Value::Vector(samples)
        }
    })
}

fn instant_samples(exec: &Exec, plan: &VectorPlan, grid: &Grid) -> Result<Vec<VectorSample>> {
    let sample = |labels, column: &Column| VectorSample {
        t: grid.start,
        v: column.get(0).unwrap_or(f64::NAN),
        histogram: column.histograms.get(&0).cloned(),
        labels,
    };
    if exec.delayed_names {
        let Matrix { series, held } = exec.drop_due_names(exec.collect(plan, grid)?)?;
        drop(held);
        let sample = |series: Series| sample(series.labels, &series.column);
        return Ok(series.into_iter().map(sample).collect());
    }
    let (mut samples, mut held) = (Vec::new(), exec.held());
    exec.stream(plan, grid, &mut |row| {
        if !row.column.is_empty() {
            exec.take(&mut held, row.column.cost())?;
            if samples.len() == samples.capacity() {
                // Each growth copies all of them into fresh memory; what stays untouched costs nothing.
                samples.reserve(3 * samples.len());
            }
            samples.push(sample(row.labels, row.column));
        }
        Ok(())
    })?;
    Ok(samples)
}

fn range_value(exec: &Exec, plan: &Plan, grid: &Grid) -> Result<Value> {
    exec.admit(grid)?;
    let all: Vec<_> = match plan {
        _ if grid.count == 0 => Vec::new(),
        Plan::Scalar(scalar) => {
            let values = exec.scalar(scalar, grid)?.into_values(grid.count);
            let times = (0..grid.count).map(|step| grid.time(step)).collect();
            vec![MatrixSeries { labels: Labels::empty(), times, values, histograms: Vec::new() }]
        }
        Plan::Vector(vector) if exec.delayed_names => {
            let matrix = exec.drop_due_names(exec.collect(vector, grid)?)?;
            matrix.series.into_iter().map(|s| points(s.labels, &s.column, grid)).collect()
        }
        Plan::Vector(vector) => {
            // Points instead of columns: a series that is seldom there costs what it has.
            let (mut all, mut held) = (Vec::new(), exec.held());
            exec.stream(vector, grid, &mut |row| {
                if !row.column.is_empty() {
                    let histograms = row.column.histograms.values().map(|h| h.bytes().div_ceil(16));
                    let histograms: usize = histograms.sum();
                    exec.take(&mut held, row.column.present.count() + histograms)?;
                    all.push(points(row.labels, row.column, grid));
                }
                Ok(())
            })?;
            all
        }
        // `check_range` has refused the others.
        Plan::String(_) | Plan::Range(_) => Vec::new(),
    };
    Ok(Value::Matrix(sort_by_labels(all, |series| &series.labels)))
}

fn points(labels: Labels, column: &Column, grid: &Grid) -> MatrixSeries {
    let count = column.present.count();
    let (mut times, mut values) = (Vec::with_capacity(count), Vec::with_capacity(count));
    for (step, value) in column.iter() {
        times.push(grid.time(step));
        values.push(value);
    }
    let histograms = column.histograms.iter().map(|(&step, h)| (grid.time(step), Arc::clone(h)));
    MatrixSeries { labels, times, values, histograms: histograms.collect() }
}

fn result(exec: Exec, value: Value) -> QueryResult {
    let stats = QueryStats {
        samples: exec.samples_read.get(),
        series: exec.series_read.get(),
        peak_samples: exec.peak.get(),
        peak_bytes: exec.peak_bytes.get(),
    };
    let operators = exec.profile.map(Profile::finish).unwrap_or_default();
    let (warnings, infos) = exec.notes.finish();
    QueryResult { value, warnings, infos, stats, operators, memory: exec.share.map(Arc::new) }
}

/// Any source, also an unsized one, as a trait object.
struct Erased<'a, S: ?Sized>(&'a S);

impl<S: Source + ?Sized> Source for Erased<'_, S> {
    fn select(&self, selector: &Selector, hints: &Hints) -> nunatak::Result<Selection> {
        self.0.select(selector, hints)
    }

    fn scan(
        &self,
        selector: &Selector,
        hints: &Hints,
        visit: Visit,
    ) -> nunatak::Result<Vec<String>> {
        self.0.scan(selector, hints, visit)
    }

    fn has_rollups(&self, range: nunatak::TimeRange, windows: &nunatak::Windows<'_>) -> bool {
        self.0.has_rollups(range, windows)
    }

    fn rollups(
        &self,
        selector: &Selector,
        windows: &nunatak::Windows<'_>,
        wanted: nunatak::Aggregation,
        visit: nunatak::VisitRollups<'_>,
    ) -> nunatak::Result<Vec<String>> {
        self.0.rollups(selector, windows, wanted, visit)
    }

    fn label_names(&self, selector: &Selector, limit: usize) -> nunatak::Result<Vec<String>> {
        self.0.label_names(selector, limit)
    }

    fn label_values(
        &self,
        name: &str,
        selector: &Selector,
        limit: usize,
    ) -> nunatak::Result<Vec<String>> {
        self.0.label_values(name, selector, limit)
    }

    fn warnings(&self, range: nunatak::TimeRange) -> Vec<String> {
        self.0.warnings(range)
    }
}
