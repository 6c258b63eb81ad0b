//! Guards native histograms in what a caller sees: with the options of a default server, in
//! matrices, and in what a query is charged.

use nunatak::{Histogram, ResetHint};
use nunatak_index::{Labels, labels};
use nunatak_promql::{Engine, EngineOptions, MemorySource, Value, query, query_range};

const MINUTE: i64 = 60_000;

fn histogram(count: f64) -> Histogram {
    Histogram { count, sum: count, positive: vec![(1, count)], ..Histogram::default() }
}

/// `h` counts by 2 a minute; `m` has floats for two minutes and then histograms.
fn source() -> MemorySource {
    let mut source = MemorySource::new();
    for minute in 0..4 {
        let t = minute * MINUTE;
        source.push_histogram(&named("h"), t, histogram(2.0 * minute as f64 + 1.0));
        if minute < 2 {
            source.push(&named("m"), t, minute as f64);
        } else {
            source.push_histogram(&named("m"), t, histogram(minute as f64));
        }
    }
    source
}

fn named(name: &str) -> Labels {
    labels! { "__name__" => name, "job" => "a" }
}

#[test]
fn names_go_where_values_lose_their_meaning() {
    for (text, keeps_name) in [
        ("h", true),
        ("last_over_time(h[5m])", true),
        ("h >/ 0", true),
        ("h == h", true),
        ("rate(h[5m])", false),
        ("h * 2", false),
        ("-h", false),
        ("histogram_count(h)", false),
        ("histogram_quantile(0.5, h)", false),
    ] {
        let options =
            EngineOptions::default().parser(nunatak_promql::ParserOptions::all_features());
        let result = Engine::new(options).instant(&source(), text, 3 * MINUTE).unwrap();
        let Value::Vector(samples) = result.value else { panic!("{text} is a vector") };
        assert_eq!(samples.len(), 1, "{text}");
        assert_eq!(!samples[0].labels.metric_name().is_empty(), keeps_name, "{text}");
        assert_eq!(samples[0].labels.get("job"), Some("a"));
    }
}

#[test]
fn floats_and_histograms_of_a_series_are_apart() {
    let Value::Matrix(series) = query_range(&source(), "m", 0, 3 * MINUTE, MINUTE).unwrap().value
    else {
        panic!("a matrix")
    };
    let counts: Vec<_> = series[0].histograms.iter().map(|(t, h)| (*t, h.count)).collect();
    assert_eq!(
        (series[0].times.as_slice(), series[0].values.as_slice()),
        (&[0, MINUTE][..], &[0.0, 1.0][..])
    );
    assert_eq!(counts, [(2 * MINUTE, 2.0), (3 * MINUTE, 3.0)]);

    let Value::Matrix(window) = query(&source(), "m[2m]", 2 * MINUTE).unwrap().value else {
        panic!("a matrix")
    };
    assert_eq!(window[0].times, [MINUTE]);
    assert_eq!(window[0].histograms[0].0, 2 * MINUTE);
}

#[test]
fn one_query_over_both_kinds_keeps_both() {
    let text = r#"{job="a"} unless on () vector(0) or {__name__=~"h|m"}"#;
    let Value::Vector(samples) = query(&source(), text, MINUTE).unwrap().value else { panic!() };
    let kinds: Vec<_> =
        samples.iter().map(|s| (s.labels.metric_name(), s.histogram.is_some())).collect();
    assert_eq!(kinds, [("h", true), ("m", false)]);
}

#[test]
fn a_mark_ends_a_series_of_histograms() {
    let mut source = source();
    source.push(&named("h"), 4 * MINUTE, f64::from_bits(0x7ff0_0000_0000_0002));
    let count = |text: &str, at: i64| {
        let Value::Vector(samples) = query(&source, text, at).unwrap().value else { panic!() };
        samples.len()
    };
    assert_eq!((count("h", 3 * MINUTE), count("h", 4 * MINUTE)), (1, 0));
    assert_eq!(count("rate(h[5m])", 4 * MINUTE), 1);
}

#[test]
fn differences_are_gauges_and_sums_of_counters_are_counters() {
    let hint = |text: &str| {
        let Value::Vector(samples) = query(&source(), text, 3 * MINUTE).unwrap().value else {
            panic!()
        };
        samples[0].histogram.as_ref().map(|h| h.hint)
    };
    assert_eq!(hint("h - h"), Some(ResetHint::Gauge));
    assert_eq!(hint("rate(h[3m])"), Some(ResetHint::Gauge));
    assert_eq!(hint("sum(h)"), Some(ResetHint::NotReset));
}

#[test]
fn buckets_count_as_memory() {
    let mut source = MemorySource::new();
    let wide = Histogram { positive: (0..1_000).map(|i| (i, 1.0)).collect(), ..histogram(1_000.0) };
    for minute in 0..4 {
        source.push_histogram(&named("h"), minute * MINUTE, wide.clone());
    }
    let engine = |limit| Engine::new(EngineOptions::default().max_samples(limit));
    let text = "sum_over_time(h[5m])";
    let error = engine(1_000).instant(&source, text, 3 * MINUTE).unwrap_err();
    assert_eq!(error.error_type(), "execution");
    assert!(engine(10_000).instant(&source, text, 3 * MINUTE).is_ok());
}
