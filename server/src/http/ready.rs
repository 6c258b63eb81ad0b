//! Health and readiness.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;

use super::reply::text_response;
use crate::app::App;

/// The process answers.
pub(super) async fn healthy() -> Response {
    text_response(StatusCode::OK, "nunatak is healthy.")
}

/// The database is open.
pub(super) async fn ready(State(app): State<Arc<App>>) -> Response {
    match app.db() {
        Ok(_) => text_response(StatusCode::OK, "nunatak is ready."),
        Err(error) => {
            let mut response = text_response(StatusCode::SERVICE_UNAVAILABLE, error.message);
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
            response
        }
    }
}
