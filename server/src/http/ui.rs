//! The first page.

use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};

const PAGE: &str = include_str!("../ui/index.html");

/// A query box with a graph.
pub(super) async fn page() -> Response {
    (
        [
            (header::CACHE_CONTROL, "no-cache"),
            (
                header::CONTENT_SECURITY_POLICY,
                "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; \
                 connect-src 'self'; frame-ancestors 'self'",
            ),
        ],
        Html(PAGE),
    )
        .into_response()
}

/// There is none; browsers ask all the same.
pub(super) async fn icon() -> Response {
    StatusCode::NO_CONTENT.into_response()
}
