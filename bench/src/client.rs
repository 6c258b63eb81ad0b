//! The HTTP client of the measurements.

use std::time::Duration;

use serde_json::Value;

use crate::{Error, Result};

/// The longest answer that is read.
const ANSWER_LIMIT: u64 = 256 * 1024 * 1024;

/// One client with its connections, kept open between requests.
#[derive(Debug, Clone)]
pub struct Client(ureq::Agent);

impl Default for Client {
    fn default() -> Self {
        Self::new(Duration::from_mins(10))
    }
}

impl Client {
    /// A client that gives up on a request after `timeout`.
    #[must_use]
    pub fn new(timeout: Duration) -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(timeout))
            .build();
        Self(config.new_agent())
    }

    /// Sends the body of a remote-write request.
    ///
    /// # Errors
    /// If no answer came.
    pub fn write(&self, url: &str, body: &[u8]) -> Result<Answer> {
        let request = self
            .0
            .post(url)
            .header("Content-Type", "application/x-protobuf")
            .header("Content-Encoding", "snappy")
            .header("X-Prometheus-Remote-Write-Version", "0.1.0");
        answer(url, request.send(body))
    }

    /// Sends a POST without a body.
    ///
    /// # Errors
    /// If no answer came.
    pub fn post(&self, url: &str) -> Result<Answer> {
        answer(url, self.0.post(url).send_empty())
    }

    /// Fetches a page.
    ///
    /// # Errors
    /// If no answer came.
    pub fn get(&self, url: &str) -> Result<Answer> {
        answer(url, self.0.get(url).call())
    }

    /// Asks an instant query and gives the `result` of the answer.
    ///
    /// # Errors
    /// If the answer is none or an error.
    pub fn query(&self, base: &str, query: &str, at_seconds: f64) -> Result<Value> {
        let url = format!("{base}/api/v1/query");
        let request = self
            .0
            .get(&url)
            .query("query", query)
            .query("time", at_seconds.to_string())
            .query("nocache", "1");
        let answer = answer(&url, request.call())?;
        let parsed: Value = serde_json::from_str(&answer.text).unwrap_or(Value::Null);
        match parsed.pointer("/data/result") {
            Some(result) if answer.is_ok() => Ok(result.clone()),
            _ => Err(Error::Target(format!("{query} at {url}: {answer}"))),
        }
    }
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub text: String,
}

impl Answer {
    /// Whether the status is a success.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Whether the sender is to repeat the request later.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        self.status == 429 || self.status >= 500
    }
}

impl std::fmt::Display for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let start: String = self.text.trim().chars().take(300).collect();
        write!(f, "HTTP {}: {start}", self.status)
    }
}

fn answer(
    url: &str,
    result: std::result::Result<ureq::http::Response<ureq::Body>, ureq::Error>,
) -> Result<Answer> {
    let http = |source| Error::Http { url: url.to_owned(), source: Box::new(source) };
    let mut response = result.map_err(http)?;
    let status = response.status().as_u16();
    let body = response.body_mut().with_config().limit(ANSWER_LIMIT);
    Ok(Answer { status, text: body.read_to_string().map_err(http)? })
}
