//! What happens around every request.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::reply::{ApiError, ErrorKind, text_response};
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

/// Refuses what a browser sends for a page from elsewhere, to an endpoint that changes something: it
/// reaches servers that only its user should reach, and some requests it sends without asking first.
pub(super) async fn no_foreign_pages(request: Request, next: Next) -> Response {
    if is_from_elsewhere(request.headers()) {
        let text = "pages from elsewhere may not do this; see docs/http-api.md";
        return text_response(StatusCode::FORBIDDEN, text);
    }
    next.run(request).await
}

/// Whether a browser says so. What is no browser sends neither header.
fn is_from_elsewhere(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    if let Some(site) = text("sec-fetch-site") {
        return !matches!(site, "same-origin" | "none");
    }
    let host = |origin: &str| origin.split_once("://").map(|(_, host)| host.to_owned());
    text("origin").is_some_and(|origin| host(origin).as_deref() != text("host"))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_from_elsewhere_are_told_by_what_the_browser_says() {
        let from = |pairs: &[(&'static str, &'static str)]| {
            let value = |&(name, value): &(&str, _)| {
                (name.parse().unwrap(), HeaderValue::from_static(value))
            };
            is_from_elsewhere(&pairs.iter().map(value).collect::<HeaderMap>())
        };
        assert!(!from(&[("host", "a:9099")]), "no browser");
        assert!(!from(&[("host", "a:9099"), ("origin", "http://a:9099")]));
        assert!(from(&[("host", "a:9099"), ("origin", "http://a:3000")]));
        assert!(from(&[("host", "a:9099"), ("origin", "null")]));
        assert!(from(&[("sec-fetch-site", "cross-site")]));
        assert!(from(&[("sec-fetch-site", "same-site"), ("host", "a"), ("origin", "http://a")]));
        assert!(!from(&[("sec-fetch-site", "same-origin"), ("origin", "https://proxy")]));
        assert!(!from(&[("sec-fetch-site", "none")]));
    }
}
