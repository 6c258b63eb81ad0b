//! Administration.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::reply::{ApiError, json_response, success, text_response};
use crate::app::App;

/// The refusal of a server that was started without `--enable-admin-api`.
pub(super) fn off(app: &App) -> Option<Response> {
    if app.settings.admin_api {
        return None;
    }
    let mut out = br#"{"status":"error","errorType":"unavailable","error":"#.to_vec();
    let text = "the admin API is off; start the server with --enable-admin-api";
    crate::json::string(&mut out, text);
    out.push(b'}');
    Some(json_response(StatusCode::FORBIDDEN, out))
}

/// Cuts the heads into blocks and compacts; replies when that is done.
pub(super) async fn flush(State(app): State<Arc<App>>) -> Result<Response, ApiError> {
    if let Some(refusal) = off(&app) {
        return Ok(refusal);
    }
    let db = app.db()?;
    super::query::blocking(move || db.flush().map_err(ApiError::from)).await??;
    Ok(success(|out| out.extend_from_slice(b"{}")))
}

/// Reads the configuration again.
pub(super) async fn reload(State(app): State<Arc<App>>) -> Response {
    match app.reload() {
        Ok(text) => text_response(StatusCode::OK, text),
        Err(text) => text_response(StatusCode::INTERNAL_SERVER_ERROR, text),
    }
}
