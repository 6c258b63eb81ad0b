//! Endpoints of things that this server does not do; clients expect them to be there and empty.

use axum::response::Response;
use serde_json::json;

use super::reply::success_value;

/// Exemplars are not kept. Grafana probes with times in ms, so nothing is checked.
pub(super) async fn exemplars() -> Response {
    success_value(&json!([]))
}

/// Nothing is scraped.
pub(super) async fn targets() -> Response {
    let counts = json!({});
    success_value(&json!({
        "activeTargets": [], "droppedTargets": [], "droppedTargetCounts": counts,
    }))
}

/// No rule is evaluated.
pub(super) async fn rules() -> Response {
    success_value(&json!({ "groups": [] }))
}

/// No rule, no alert.
pub(super) async fn alerts() -> Response {
    success_value(&json!({ "alerts": [] }))
}

/// No rule, no Alertmanager.
pub(super) async fn alertmanagers() -> Response {
    success_value(&json!({ "activeAlertmanagers": [], "droppedAlertmanagers": [] }))
}
