//! Guards the limits: a query that is too big, too slow or no longer wanted ends with its own
//! error.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use nunatak::{Cursor, Hints, SampleBatch, SelectedSeries, Selection, Selector, Source};
use nunatak_index::labels;
use nunatak_promql::{
    Engine, EngineOptions, MemorySource, QueryError, QueryMemory, QueryParams, Value,
};

fn source(series: i64, samples: i64) -> MemorySource {
    let mut source = MemorySource::new();
    for i in 0..series {
        let labels = labels! { "__name__" => "m", "i" => &i.to_string() };
        for t in 0..samples {
            source.push(&labels, t * 1000, t as f64);
        }
    }
    source
}

fn engine(max_samples: u64) -> Engine {
    Engine::new(EngineOptions::default().max_samples(max_samples))
}

#[test]
fn too_many_samples_are_refused() {
    let source = source(10, 100);
    for query in ["m[5m]", "m + m", "quantile(0.5, m)", "sum(m + 1)[5m:1ms]", "m[100y:1ms]"] {
        let error = engine(80).instant(&source, query, 100_000).expect_err(query);
        assert!(matches!(error, QueryError::Execution { .. }), "{query}: {error:?}");
        let text = "query processing would load too many samples into memory in query execution";
        assert_eq!(error.to_string(), text);
        assert_eq!((error.http_status(), error.error_type()), (422, "execution"));
    }
}

/// Each series has one sample, and the next one is an hour later.
fn sparse(series: i64) -> MemorySource {
    let mut source = MemorySource::new();
    for i in 0..series {
        let labels = labels! { "__name__" => "m", "i" => &i.to_string() };
        source.push(&labels, i * 3_600_000, 1.0);
    }
    source
}

#[test]
fn columns_count_with_the_steps_that_have_no_value() {
    // 100 series, 10,000 steps of a minute, and 5 minutes of each series: 500 points, or 100
    // columns of 80,000 bytes, as much as 500,000 samples.
    let (source, range) = (sparse(100), (0, 9999 * 60_000, 60_000));
    let run = |limit, query: &str| {
        engine(limit).range_with(&source, query, range, &QueryParams::default())
    };
    for query in [
        "m + on(i) m",
        "quantile(0.5, m)",
        "topk by (i) (1, m)",
        "sum by (i) (m)",
        "stddev by (i) (m)",
        "timestamp(m)",
        "rate(m[5m] offset 1m) or m",
        "label_replace(m, \"j\", \"$1\", \"i\", \"(.*)\")",
    ] {
        let error = run(400_000, query).expect_err(query);
        assert!(error.to_string().contains("too many samples"), "{query}: {error:?}");
        run(8_000_000, query).expect(query);
    }
    for query in ["m", "-m", "m * 2", "abs(m)"] {
        let result = run(10_000, query).expect(query);
        let Value::Matrix(series) = result.value else { panic!("{query}: a matrix") };
        let points: usize = series.iter().map(|series| series.values.len()).sum();
        assert_eq!((series.len(), points), (100, 500), "{query}");
    }
}

/// `label_join` so many times around a series, each of eight times the value before.
fn joined(times: usize) -> String {
    let sources = ", \"i\"".repeat(8);
    let wrap = |inner: String, _| format!("label_join({inner}, \"i\", \"\"{sources})");
    (0..times).fold("m".to_owned(), wrap)
}

#[test]
fn labels_that_grow_are_charged_before_they_are_made() {
    let memory = |limit| EngineOptions::default().memory(Arc::new(QueryMemory::new(limit)));
    let (small, large) = (Engine::new(memory(1 << 20)), Engine::new(memory(1 << 30)));
    let replaced = |times| {
        format!("label_replace(m, \"j\", \"{}\", \"__name__\", \"(.*)\")", "$1".repeat(times))
    };
    let source = source(100, 1);
    let one = "label_replace(vector(1), \"j\", \"$1\", \"j\", \"()\")";
    let one = one.replace("$1", &"x".repeat(20_000));
    let copied = format!("m * on() group_left(j) {one}");
    for query in [joined(5), replaced(20_000), copied] {
        let error = small.instant(&source, &query, 0).expect_err("too much");
        assert!(error.to_string().starts_with("query needs more memory"), "{error}");
        large.instant(&source, &query, 0).expect("there is room");
    }
    let error = large.instant(&source, &joined(9), 0).expect_err("values of 128 MiB");
    let text = "the value of label \"i\" would have 2097152 bytes, more than 1048576";
    assert_eq!((error.to_string().as_str(), error.http_status()), (text, 422));
}

/// Counts how often it is asked for series.
struct Counting(MemorySource, AtomicUsize);

impl Source for Counting {
    fn select(&self, selector: &Selector, hints: &Hints) -> nunatak::Result<Selection> {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.select(selector, hints)
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
}

#[test]
fn series_that_differ_by_name_alone_are_opened_once() {
    let mut source = MemorySource::new();
    for (name, t) in [("a", 0), ("b", 600_000)] {
        source.push(&labels! { "__name__" => name, "i" => "1" }, t, 1.0);
    }
    let source = Counting(source, AtomicUsize::new(0));
    let query = "abs({__name__=~\"a|b\"})";
    let result = engine(1000).range(&source, query, 0, 600_000, 60_000).expect("they never meet");
    let Value::Matrix(series) = result.value else { panic!("a matrix") };
    assert_eq!((series.len(), source.1.load(Ordering::Relaxed)), (1, 1));
}

#[test]
fn samples_are_given_back() {
    // One series at a time is in memory, ten groups of one step, one step's windows, and what is kept
    // of the times for the next series.
    let result =
        engine(157).instant(&source(10, 100), "sum by (i) (sum_over_time(m[5m]))", 100_000);
    let result = result.expect("it is within the limit");
    assert_eq!((result.stats.samples, result.stats.series), (1000, 10));
    assert!(result.stats.peak_samples <= 157);
}

#[test]
fn cancelled_queries_end() {
    let cancel = Some(Arc::new(AtomicBool::new(true)));
    let params = QueryParams { cancel, ..QueryParams::default() };
    let error = engine(1000).instant_with(&source(1, 1), "m", 0, &params).expect_err("cancelled");
    assert_eq!(error.to_string(), "query was canceled in expression evaluation");
    assert_eq!((error.http_status(), error.error_type()), (499, "canceled"));
}

#[test]
fn late_queries_end() {
    let params = QueryParams { timeout: Some(Duration::ZERO), ..QueryParams::default() };
    let range = (0, 10_000, 1000);
    let error = engine(1000).range_with(&source(1, 1), "m", range, &params).expect_err("late");
    assert_eq!(error.to_string(), "query timed out in expression evaluation");
    assert_eq!((error.http_status(), error.error_type()), (503, "timeout"));
}

/// Hands on what another source has, and cancels the query as soon as a series is read.
struct Canceling(MemorySource, Arc<AtomicBool>);

struct CancelingCursor(Box<dyn Cursor>, Arc<AtomicBool>);

impl Cursor for CancelingCursor {
    fn next_batch(&mut self, batch: &mut SampleBatch) -> nunatak::Result<bool> {
        self.1.store(true, Ordering::Relaxed);
        self.0.next_batch(batch)
    }
}

impl Source for Canceling {
    fn select(&self, selector: &Selector, hints: &Hints) -> nunatak::Result<Selection> {
        let mut selection = self.0.select(selector, hints)?;
        let wrap = |series: SelectedSeries| SelectedSeries {
            cursor: Box::new(CancelingCursor(series.cursor, Arc::clone(&self.1))),
            ..series
        };
        selection.series = selection.series.into_iter().map(wrap).collect();
        Ok(selection)
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
}

#[test]
fn a_query_stops_inside_the_windows_of_one_series() {
    for query in [
        "quantile_over_time(0.5, m[30d])",
        "deriv(m[30d])",
        "absent_over_time(m[30d])",
        "sum_over_time(sum_over_time(m[1h:1s])[1h:1s])",
    ] {
        let cancel = Arc::new(AtomicBool::new(false));
        let source = Canceling(source(1, 1000), Arc::clone(&cancel));
        let params = QueryParams { cancel: Some(cancel), ..QueryParams::default() };
        let range = (0, 1_000_000, 1000);
        let error = engine(1_000_000).range_with(&source, query, range, &params).expect_err(query);
        assert!(matches!(error, QueryError::Canceled { .. }), "{query}: {error:?}");
    }
}

#[test]
fn lookback_is_a_parameter_too() {
    let at = |params: &QueryParams| {
        let result = engine(1000).instant_with(&source(1, 1), "count(m)", 2000, params);
        matches!(result.expect("it is evaluated").value, Value::Vector(v) if v.len() == 1)
    };
    assert!(at(&QueryParams::default()));
    assert!(!at(&QueryParams { lookback_ms: Some(2000), ..QueryParams::default() }));
    assert!(at(&QueryParams { lookback_ms: Some(2001), ..QueryParams::default() }));
    // 0 is the engine's own.
    assert!(at(&QueryParams { lookback_ms: Some(0), ..QueryParams::default() }));
}

#[test]
fn ranges_need_a_step_and_a_vector() {
    let error = engine(10).range(&source(1, 1), "m", 0, 1, 0).expect_err("no step");
    assert_eq!((error.http_status(), error.error_type()), (400, "bad_data"));
    let error = engine(10).range(&source(1, 1), "m[5m]", 0, 1, 1).expect_err("a range vector");
    let text = "invalid expression type \"range vector\" for range query, must be Scalar or instant Vector";
    assert_eq!(error.to_string(), text);
}

#[test]
fn the_highest_trees_are_evaluated() {
    let source = source(1, 1);
    for (open, close) in [("-(", ")"), ("abs(", ")"), ("sum(", ")"), ("1 + (m * ", ")")] {
        // As high as the parser lets a tree be.
        let most = (1..500).rev().find_map(|n| {
            let query = format!("{}m{}", open.repeat(n), close.repeat(n));
            engine(100_000).instant(&source, &query, 0).ok()
        });
        assert!(most.is_some(), "{open}");
    }
}

#[test]
fn extreme_times_do_no_harm() {
    let source = source(2, 3);
    let queries = [
        "m",
        "m offset 290y",
        "m offset -290y",
        "m @ 9223372036854",
        "rate(m[290y])",
        "sum_over_time(m[1h:1m] offset 290y)",
        "m[5m:1m] @ -9223372036854",
        "timestamp(m)",
        "predict_linear(m[5m] @ 0, 1e300)",
        "year(vector(1e300))",
        "absent(m offset 100y)",
    ];
    for query in queries {
        for at in [i64::MIN, -1, 0, 5000, i64::MAX] {
            // An answer or an error: never a panic.
            let _ = engine(10_000).instant(&source, query, at);
            let _ = engine(10_000).range(&source, query, at, at.saturating_add(9), 3);
        }
    }
}
