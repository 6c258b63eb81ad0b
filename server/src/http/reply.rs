//! Replies in Prometheus' envelope.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::json;

/// The kinds of error of Prometheus' API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ErrorKind {
    BadData,
    Execution,
    Timeout,
    Canceled,
    NotFound,
    Unavailable,
    Internal,
}

impl ErrorKind {
    fn id(self) -> &'static str {
        match self {
            Self::BadData => "bad_data",
            Self::Execution => "execution",
            Self::Timeout => "timeout",
            Self::Canceled => "canceled",
            Self::NotFound => "not_found",
            Self::Unavailable => "unavailable",
            Self::Internal => "internal",
        }
    }

    fn status(self) -> StatusCode {
        match self {
            Self::BadData => StatusCode::BAD_REQUEST,
            Self::Execution => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Timeout | Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::Canceled => StatusCode::from_u16(499).unwrap_or(StatusCode::BAD_REQUEST),
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

/// An error of the API.
#[derive(Debug, Clone)]
pub(crate) struct ApiError {
    pub(crate) kind: ErrorKind,
    pub(crate) message: String,
}

impl ApiError {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    pub(crate) fn bad_data(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::BadData, message)
    }

    /// Prometheus' text for a parameter that can't be read.
    pub(crate) fn parameter(name: &str, what: impl std::fmt::Display) -> Self {
        Self::bad_data(format!("invalid parameter {name:?}: {what}"))
    }
}

impl From<nunatak::Error> for ApiError {
    fn from(error: nunatak::Error) -> Self {
        let kind = match &error {
            nunatak::Error::Invalid { .. } => ErrorKind::BadData,
            nunatak::Error::Refused(_) => ErrorKind::Execution,
            nunatak::Error::Overloaded { .. }
            | nunatak::Error::DiskFull { .. }
            | nunatak::Error::LowSpace { .. }
            | nunatak::Error::Closed => ErrorKind::Unavailable,
            _ => ErrorKind::Internal,
        };
        Self::new(kind, error.to_string())
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut out = br#"{"status":"error","errorType":""#.to_vec();
        out.extend_from_slice(self.kind.id().as_bytes());
        out.extend_from_slice(br#"","error":"#);
        json::string(&mut out, &self.message);
        out.push(b'}');
        let mut response = json_response(self.kind.status(), out);
        if self.kind == ErrorKind::Unavailable {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

pub(crate) fn json_response(status: StatusCode, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

pub(crate) fn text_response(status: StatusCode, text: impl Into<String>) -> Response {
    let mut text: String = text.into();
    text.push('\n');
    (status, [(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response()
}

/// `{"status":"success","data":` … `}` around what `write` writes.
pub(crate) fn success(write: impl FnOnce(&mut Vec<u8>)) -> Response {
    success_with(&[], write)
}

/// A success with warnings.
pub(crate) fn success_with(warnings: &[String], write: impl FnOnce(&mut Vec<u8>)) -> Response {
    let mut out = br#"{"status":"success","data":"#.to_vec();
    write(&mut out);
    if !warnings.is_empty() {
        out.extend_from_slice(br#","warnings":"#);
        json::strings(&mut out, warnings);
    }
    out.push(b'}');
    json_response(StatusCode::OK, out)
}

/// A success with data that is small or rarely asked for.
pub(crate) fn success_value(data: &serde_json::Value) -> Response {
    success(|out| out.extend_from_slice(data.to_string().as_bytes()))
}
