//! Who makes the series: the cardinality of what is in memory, and its growth.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use nunatak::{
    GROWTH_SPANS_MS, Grown, Growth, LimitUsage, MetricCardinality, MetricLabel, RankBy,
    RefusedSeriesCount,
};
use serde_json::{Map, Value, json};

use super::params::Params;
use super::query::blocking;
use super::reply::{ApiError, success_value};
use crate::app::App;

/// The names of the spans of growth.
const SPANS: [&str; GROWTH_SPANS_MS.len()] = ["5m", "1h", "1d"];

/// `cardinality`: everything, or with `metric` one metric.
pub(super) async fn cardinality(
    State(app): State<Arc<App>>,
    params: Params,
) -> Result<Response, ApiError> {
    let db = app.db()?;
    let top = top(&params)?;
    if !params.get("metric").is_empty() {
        let metric = params.get("metric").to_owned();
        let found = blocking(move || db.metric_cardinality(&metric, top)).await?;
        return Ok(success_value(&metric_value(&found)));
    }
    let by = rank(params.get("by"))?;
    let (growth, usage, refused) =
        blocking(move || (db.growth(top, by), db.limit_usage(), db.refused_series())).await?;
    let mut value = growth_value(&growth);
    value["limits"] = usage.iter().map(usage_value).collect();
    value["refused"] = refused.iter().map(refused_value).collect();
    value["clients"] = app.clients.value(top);
    Ok(success_value(&value))
}

/// How many of each list: `limit`, or `topN` as VictoriaMetrics calls it; 10 by default.
pub(super) fn top(params: &Params) -> Result<usize, ApiError> {
    let limit = match (params.limit()?, params.get("topN")) {
        (0, "") => 10,
        (0, text) => text
            .parse()
            .map_err(|_| ApiError::parameter("topN", "topN must be a non-negative number"))?,
        (limit, _) => limit,
    };
    Ok(limit.min(10_000))
}

fn rank(text: &str) -> Result<RankBy, ApiError> {
    match (text, SPANS.iter().position(|span| *span == text)) {
        ("" | "count", _) => Ok(RankBy::Count),
        (_, Some(span)) => Ok(RankBy::Growth(span)),
        _ => Err(ApiError::parameter("by", "by must be one of count, 5m, 1h, 1d")),
    }
}

fn time(ms: i64) -> String {
    jiff::Timestamp::from_millisecond(ms).map_or(String::new(), |time| time.to_string())
}

fn spans<T: Copy>(numbers: [T; GROWTH_SPANS_MS.len()], value: impl Fn(T) -> Value) -> Value {
    let spans = SPANS.iter().zip(numbers);
    Value::Object(spans.map(|(span, number)| ((*span).to_owned(), value(number))).collect())
}

fn grown(grown: &Grown) -> Value {
    let growth = spans(grown.growth, Value::from);
    json!({ "name": grown.name, "value": grown.count, "growth": growth })
}

fn growth_value(growth: &Growth) -> Value {
    let list = |list: &[Grown]| -> Value { list.iter().map(grown).collect() };
    json!({
        "growthSince": spans(growth.since_ms, |ms| ms.map_or(Value::Null, |ms| time(ms).into())),
        "totalSeries": growth.series.count,
        "totalSeriesGrowth": spans(growth.series.growth, Value::from),
        "seriesCountByMetricName": list(&growth.metrics),
        "labelValueCountByLabelName": list(&growth.labels),
        "seriesCountByLabelValuePair": list(&growth.pairs),
    })
}

fn metric_value(metric: &MetricCardinality) -> Value {
    let sources = metric.sources.iter().map(
        |source| json!({ "job": source.job, "instance": source.instance, "series": source.series }),
    );
    let history = metric.history.iter().map(|(ms, series)| json!([ms / 1000, series]));
    json!({
        "metric": metric.series.name,
        "series": metric.series.count,
        "growth": spans(metric.series.growth, Value::from),
        "risingSince": metric.rising_since_ms.map(time),
        "newSince": metric.new_since_ms.map(time),
        "newSeries": metric.new_series,
        "labels": metric.labels.iter().map(label_value).collect::<Value>(),
        "sources": sources.collect::<Value>(),
        "history": history.collect::<Value>(),
    })
}

fn label_value(label: &MetricLabel) -> Value {
    let top: Map<String, Value> =
        label.top.iter().map(|(value, series)| (value.clone(), (*series).into())).collect();
    json!({
        "name": label.name, "values": label.values, "newValues": label.new_values,
        "seriesByValue": top,
    })
}

fn tenant(name: &str) -> &str {
    if name.is_empty() { "default" } else { name }
}

fn usage_value(usage: &LimitUsage) -> Value {
    json!({
        "limit": usage.limit, "tenant": usage.tenant.as_deref().map(tenant),
        "culprit": usage.culprit, "used": usage.used, "allowed": usage.allowed,
        "ratio": usage.ratio(),
    })
}

fn refused_value(refused: &RefusedSeriesCount) -> Value {
    json!({
        "reason": refused.reason.id(), "tenant": tenant(&refused.tenant),
        "metric": refused.metric, "label": refused.label, "samples": refused.samples,
        "last": time(refused.last_ms),
    })
}
