//! Administration.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use nunatak::{Db, Delete, DeleteId};

use super::labels::selectors;
use super::params::Params;
use super::query::blocking;
use super::reply::{ApiError, json_response, success, success_value, text_response};
use crate::app::App;

/// Tells a client the names of its deletes, so that it can take them back.
const DELETE_IDS: HeaderName = HeaderName::from_static("x-nunatak-delete-ids");

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
    on_db(&app, Db::flush).await?;
    Ok(success(|out| out.extend_from_slice(b"{}")))
}

/// Hides the samples of one or several selectors.
pub(super) async fn delete_series(
    State(app): State<Arc<App>>,
    params: Params,
) -> Result<Response, ApiError> {
    if let Some(refusal) = off(&app) {
        return Ok(refusal);
    }
    if params.all("match[]").next().is_none() {
        return Err(ApiError::bad_data("no match[] parameter provided"));
    }
    let selectors = selectors(&params, |what| ApiError::parameter("match[]", what))?;
    let delete = move |db: &Db| selectors.iter().map(|s| db.delete(s)).collect();
    let ids: Vec<DeleteId> = on_db(&app, delete).await?;
    let ids = ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    let mut response = StatusCode::NO_CONTENT.into_response();
    if let Ok(ids) = HeaderValue::from_str(&ids) {
        response.headers_mut().insert(DELETE_IDS, ids);
    }
    Ok(response)
}

/// Gives the bytes of deleted samples back; replies when that is done.
pub(super) async fn clean_tombstones(State(app): State<Arc<App>>) -> Result<Response, ApiError> {
    if let Some(refusal) = off(&app) {
        return Ok(refusal);
    }
    on_db(&app, Db::clean_deletes).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Lists the deletes whose bytes are not given back.
pub(super) async fn deletes(State(app): State<Arc<App>>) -> Result<Response, ApiError> {
    if let Some(refusal) = off(&app) {
        return Ok(refusal);
    }
    let deletes = on_db(&app, Db::deletes).await?;
    Ok(success_value(&deletes.iter().map(description).collect()))
}

fn description(delete: &Delete) -> serde_json::Value {
    let matchers: Vec<String> = delete.matchers.iter().map(ToString::to_string).collect();
    let seconds = |ms: i64| ms as f64 / 1000.0;
    let bound = |ms: i64| (ms != i64::MIN && ms != i64::MAX).then(|| seconds(ms));
    serde_json::json!({
        "id": delete.id.to_string(),
        "match": format!("{{{}}}", matchers.join(",")),
        "start": bound(delete.range.start),
        "end": bound(delete.range.end),
        "at": seconds(delete.at_ms),
        "undoable": delete.is_undoable,
    })
}

/// Takes a delete back.
pub(super) async fn undelete(
    State(app): State<Arc<App>>,
    params: Params,
) -> Result<Response, ApiError> {
    if let Some(refusal) = off(&app) {
        return Ok(refusal);
    }
    let id = params.get("id").parse();
    let id = id.map_err(|_| ApiError::parameter("id", "the id of a delete is a number"))?;
    on_db(&app, move |db| db.undelete(DeleteId(id))).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Reads the configuration again.
pub(super) async fn reload(State(app): State<Arc<App>>) -> Response {
    match app.reload() {
        Ok(text) => text_response(StatusCode::OK, text),
        Err(text) => text_response(StatusCode::INTERNAL_SERVER_ERROR, text),
    }
}

/// Does something that may block.
async fn on_db<T: Send + 'static>(
    app: &App,
    act: impl FnOnce(&Db) -> nunatak::Result<T> + Send + 'static,
) -> Result<T, ApiError> {
    let db = app.db()?;
    blocking(move || act(&db).map_err(ApiError::from)).await?
}
