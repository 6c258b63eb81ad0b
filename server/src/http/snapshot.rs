//! Snapshots of the database.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use serde_json::json;

use super::admin;
use super::params::Params;
use super::query::blocking;
use super::reply::{ApiError, success_value};
use crate::app::App;

/// Makes a snapshot in the folder `snapshots` of the database and replies with its name. Prometheus'
/// `skip_head` has no effect: leaving samples out would save nothing.
pub(super) async fn snapshot(
    State(app): State<Arc<App>>,
    params: Params,
) -> Result<Response, ApiError> {
    if let Some(refusal) = admin::off(&app) {
        return Ok(refusal.into_response());
    }
    let name = match params.get("name") {
        "" => new_name(app.now_ms()),
        name => name.to_owned(),
    };
    let db = app.db()?;
    let made = blocking(move || db.snapshot(&name).map_err(ApiError::from)).await??;
    tracing::info!(
        name = %made.name, files = made.files, bytes = made.bytes, position = made.position.0,
        "made a snapshot"
    );
    Ok(success_value(&json!({ "name": made.name })))
}

/// Time and chance, as Prometheus names its snapshots.
pub(crate) fn new_name(now_ms: i64) -> String {
    let time = jiff::Timestamp::from_millisecond(now_ms).unwrap_or_default();
    let chance = RandomState::new().hash_one(now_ms);
    format!("{}-{chance:016x}", time.strftime("%Y%m%dT%H%M%SZ"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_look_like_prometheus_names() {
        let name = new_name(1_512_940_344_000);
        assert!(name.starts_with("20171210T211224Z-") && name.len() == 33, "{name}");
        assert_ne!(name, new_name(1_512_940_344_000));
    }
}
