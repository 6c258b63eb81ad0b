//! What the server is and how it does.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use nunatak::{Cardinality, Stats};
use serde_json::{Map, Value, json};

use super::cardinality;
use super::params::Params;
use super::query::blocking;
use super::reply::{ApiError, success_value};
use crate::app::App;

/// The Prometheus whose API this is; Grafana chooses what to ask by it.
const COMPATIBLE_WITH: &str = "3.5.0";

/// `status/buildinfo`. There must be no `features`, else Grafana takes the server for Mimir.
pub(super) async fn build_info() -> Response {
    success_value(&json!({
        "version": COMPATIBLE_WITH,
        "revision": "",
        "branch": "",
        "buildUser": "",
        "buildDate": "",
        "goVersion": "",
        "application": "nunatak",
        "nunatakVersion": env!("CARGO_PKG_VERSION"),
    }))
}

/// `status/runtimeinfo`
pub(super) async fn runtime_info(State(app): State<Arc<App>>) -> Result<Response, ApiError> {
    let stats = stats(&app).await?;
    let time =
        |ms: i64| jiff::Timestamp::from_millisecond(ms).map_or(String::new(), |t| t.to_string());
    let folder = std::env::current_dir().map_or(String::new(), |path| path.display().to_string());
    Ok(success_value(&json!({
        "startTime": time(app.started_ms),
        "CWD": folder,
        "serverTime": time(app.now_ms()),
        "reloadConfigSuccess": app.reload_succeeded(),
        "lastConfigTime": time(app.reloaded_ms()),
        "corruptionCount": stats.quarantined.len(),
        "goroutineCount": 0,
        "GOMAXPROCS": std::thread::available_parallelism().map_or(1, usize::from),
        "GOMEMLIMIT": stats.memory_budget,
        "GOGC": "",
        "GODEBUG": "",
        "storageRetention": app.settings.retention_text(),
        "quarantined": stats.quarantined,
        "backgroundFailures": stats.background_failures,
        "lastBackgroundFailure": stats.last_background_failure,
    })))
}

/// `status/flags`
pub(super) async fn flags(State(app): State<Arc<App>>) -> Response {
    let flags: Map<String, Value> =
        app.describe().into_iter().map(|(key, text)| (key.to_owned(), text.into())).collect();
    success_value(&Value::Object(flags))
}

/// `status/config`
pub(super) async fn config(State(app): State<Arc<App>>) -> Response {
    success_value(&json!({ "yaml": app.settings.config_text }))
}

/// `status/tsdb`
pub(super) async fn tsdb(
    State(app): State<Arc<App>>,
    params: Params,
) -> Result<Response, ApiError> {
    let db = app.db()?;
    let top = cardinality::top(&params)?;
    let focus = params.get("focusLabel").to_owned();
    let largest = move || (db.stats(), db.cardinality(top), db.largest_values(&focus, top));
    let (stats, largest, focus) = blocking(largest).await?;
    let mut value = tsdb_value(&stats, &largest);
    value["seriesCountByFocusLabelValue"] = named(&focus);
    Ok(success_value(&value))
}

fn named(list: &[(String, u64)]) -> Value {
    list.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect()
}

fn tsdb_value(stats: &Stats, largest: &Cardinality) -> Value {
    let (min_time, max_time) = stats.time_range.unwrap_or((i64::MAX, i64::MIN));
    json!({
        "headStats": {
            "numSeries": largest.series,
            "numLabelPairs": largest.label_pairs,
            "chunkCount": largest.series,
            "minTime": min_time,
            "maxTime": max_time,
        },
        "totalSeries": largest.series,
        "totalLabelValuePairs": largest.label_pairs,
        "seriesCountByMetricName": named(&largest.series_by_metric),
        "seriesCountByLabelName": named(&largest.series_by_label),
        "labelValueCountByLabelName": named(&largest.values_by_label),
        "memoryInBytesByLabelName": named(&largest.bytes_by_label),
        "seriesCountByLabelValuePair": named(&largest.series_by_pair),
        "quarantined": stats.quarantined,
    })
}

async fn stats(app: &App) -> Result<Stats, ApiError> {
    let db = app.db()?;
    blocking(move || db.stats()).await
}

/// The server's own metrics in Prometheus' text format.
pub(super) async fn metrics(State(app): State<Arc<App>>) -> Result<Response, ApiError> {
    let text =
        blocking(move || app.metrics.text(app.db().ok().map(|db| db.stats()).as_ref())).await?;
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response())
}
