//! Prometheus' HTTP API from the client's side.

use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::Value;

/// One series of an answer; a scalar is a series without labels.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) labels: BTreeMap<String, String>,
    /// Times as written and values as written.
    pub(crate) points: Vec<(String, String)>,
    /// The first value.
    pub(crate) value: Option<f64>,
}

/// A client.
#[derive(Debug)]
pub(crate) struct Web(ureq::Agent);

impl Default for Web {
    fn default() -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(30)))
            .build();
        Self(config.new_agent())
    }
}

type Response = Result<ureq::http::Response<ureq::Body>, ureq::Error>;

impl Web {
    pub(crate) fn get(&self, url: &str) -> Result<String, String> {
        text(self.0.get(url).call())
    }

    pub(crate) fn post(&self, url: &str) -> Result<String, String> {
        text(self.0.post(url).send_empty())
    }

    /// Sends a body of remote write.
    pub(crate) fn write(&self, url: &str, body: &[u8]) -> Result<String, String> {
        let request = self.0.post(url).header("Content-Encoding", "snappy");
        text(request.header("Content-Type", "application/x-protobuf").send(body))
    }

    /// Sends a form, or without one a plain GET; the status and the text of the reply.
    pub(crate) fn ask(
        &self,
        url: &str,
        form: Option<&[(&str, String)]>,
    ) -> Result<(u16, String), String> {
        let response = match form {
            Some(form) => self.0.post(url).send_form(form.iter().map(|(n, v)| (*n, v.as_str()))),
            None => self.0.get(url).call(),
        };
        read(response)
    }

    pub(crate) fn instant(&self, base: &str, query: &str, at: i64) -> Result<Vec<Answer>, String> {
        let form = [("query", query.to_owned()), ("time", seconds(at))];
        answers(&text(self.0.post(format!("{base}/api/v1/query")).send_form(form))?)
    }

    pub(crate) fn range(
        &self,
        base: &str,
        query: &str,
        start: i64,
        end: i64,
        step: i64,
    ) -> Result<Vec<Answer>, String> {
        let form = [
            ("query", query.to_owned()),
            ("start", seconds(start)),
            ("end", seconds(end)),
            ("step", seconds(step)),
        ];
        answers(&text(self.0.post(format!("{base}/api/v1/query_range")).send_form(form))?)
    }
}

/// Tries until `attempt` gives something; fails the test after `limit`.
pub(crate) fn wait_for<T>(
    what: &str,
    limit: Duration,
    mut attempt: impl FnMut() -> Option<T>,
) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = attempt() {
            return found;
        }
        assert!(begun.elapsed() < limit, "waited {limit:?} for {what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// The clock in ms since the epoch.
pub(crate) fn now_ms() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970");
    i64::try_from(now.as_millis()).expect("a clock before the year 292277026596")
}

fn seconds(ms: i64) -> String {
    format!("{}.{:03}", ms / 1_000, ms % 1_000)
}

fn read(response: Response) -> Result<(u16, String), String> {
    let mut response = response.map_err(|error| error.to_string())?;
    let status = response.status().as_u16();
    let body = response.body_mut().with_config().limit(1 << 30);
    let bytes = body.read_to_vec().map_err(|error| error.to_string())?;
    // Prometheus writes what is no UTF-8 as it is, also into JSON.
    Ok((status, String::from_utf8_lossy(&bytes).into_owned()))
}

fn text(response: Response) -> Result<String, String> {
    match read(response)? {
        (status, text) if status < 300 => Ok(text),
        (status, text) => Err(format!("HTTP {status}: {}", text.trim())),
    }
}

fn answers(text: &str) -> Result<Vec<Answer>, String> {
    let answer: Value = serde_json::from_str(text).map_err(|error| format!("{error}: {text}"))?;
    let result = answer.pointer("/data/result").ok_or("no result")?;
    let kind = answer.pointer("/data/resultType").and_then(Value::as_str).unwrap_or_default();
    if kind == "scalar" || kind == "string" {
        return Ok(vec![series(BTreeMap::new(), vec![point(result)?])]);
    }
    result.as_array().ok_or("the result is no list")?.iter().map(one).collect()
}

fn one(entry: &Value) -> Result<Answer, String> {
    let metric = entry.get("metric").and_then(Value::as_object).ok_or("no metric")?;
    let labels = metric
        .iter()
        .map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned()))
        .collect();
    let points = match (entry.get("value"), entry.get("values").and_then(Value::as_array)) {
        (Some(value), _) => vec![point(value)?],
        (None, Some(values)) => values.iter().map(point).collect::<Result<_, _>>()?,
        (None, None) => return Err(format!("no value: {entry}")),
    };
    Ok(series(labels, points))
}

fn series(labels: BTreeMap<String, String>, points: Vec<(String, String)>) -> Answer {
    let value = points.first().and_then(|(_, value)| value.parse().ok());
    Answer { labels, points, value }
}

/// `[1435781430.781, "1"]`: both as text, so that nothing is lost on the way.
fn point(pair: &Value) -> Result<(String, String), String> {
    match (pair.get(0), pair.get(1).and_then(Value::as_str)) {
        (Some(time), Some(value)) => Ok((time.to_string(), value.to_owned())),
        _ => Err(format!("no point: {pair}")),
    }
}
