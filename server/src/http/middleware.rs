//! What happens around every request.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::reply::{ApiError, ErrorKind};
use crate::app::App;

/// Counts and times requests.
pub(super) async fn measure(
    State(app): State<Arc<App>>,
    path: Option<MatchedPath>,
    request: Request,
    next: Next,
) -> Response {
    let begun = Instant::now();
    let method = request.method().clone();
    let response = next.run(request).await;
    let handler = path.as_ref().map_or("other", MatchedPath::as_str);
    app.metrics.request(handler, response.status().as_u16(), begun.elapsed());
    tracing::debug!(
        %method, handler, status = response.status().as_u16(),
        ms = begun.elapsed().as_millis() as u64, "request"
    );
    response
}

/// Lets pages from anywhere read, as Prometheus does, and answers their preflights; they may not
/// write or administrate.
pub(super) async fn cors(request: Request, next: Next) -> Response {
    let path = request.uri().path();
    if path.starts_with("/write") || path.starts_with("/admin") {
        return next.run(request).await;
    }
    let from_a_page = request.headers().contains_key(header::ORIGIN);
    let mut response = if request.method() == Method::OPTIONS {
        StatusCode::NO_CONTENT.into_response()
    } else {
        next.run(request).await
    };
    if from_a_page {
        for (name, value) in [
            (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
            (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST, OPTIONS"),
            (header::ACCESS_CONTROL_ALLOW_HEADERS, "Accept, Authorization, Content-Type, Origin"),
            (header::ACCESS_CONTROL_EXPOSE_HEADERS, "Date"),
        ] {
            response.headers_mut().insert(name, HeaderValue::from_static(value));
        }
    }
    response
}

/// A path under `/api/v1` that does not exist.
pub(super) async fn no_such_endpoint(request: Request) -> ApiError {
    let path = request.uri().path();
    ApiError::new(
        ErrorKind::NotFound,
        format!("there is no /api/v1{path} here; see docs/http-api.md"),
    )
}

/// A path that exists, with a method that does not.
pub(super) async fn no_such_method(method: Method) -> Response {
    let text = format!("method {method} is not allowed here; see docs/http-api.md");
    let mut response = ApiError::bad_data(text).into_response();
    *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
    response
}
