//! Parameters of a request: from the body of a form first, then from the URL.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::http::{Method, header};

use super::body::{self, BodyError};
use super::reply::{ApiError, ErrorKind};
use crate::app::App;
use crate::room::{Room, Rooms};
use nunatak::TimeRange;

/// The longest form: a query has at most 1 MiB, three times as much if each byte is escaped.
pub(crate) const MAX_FORM: usize = 4 << 20;

/// The most parameters of a request: each takes much more than the two bytes that it may have in a form.
const MOST: usize = 10_000;

/// Names and values in the order in which they count.
#[derive(Debug)]
pub(crate) struct Params {
    pairs: Vec<(String, String)>,
    /// What a form takes, for as long as the request runs.
    _room: Room,
}

impl FromRequest<Arc<App>> for Params {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, ApiError> {
        let (parts, body) = request.into_parts();
        let (mut pairs, mut room) = (Vec::new(), Room::default());
        let content_type = parts.headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok());
        let is_form =
            content_type.is_some_and(|t| t.starts_with("application/x-www-form-urlencoded"));
        if (parts.method == Method::POST || parts.method == Method::PUT) && is_form {
            pairs = read_form(body, &app.forms, &mut room).await?;
        }
        let url = parts.uri.query().unwrap_or_default();
        pairs.extend(form_urlencoded::parse(url.as_bytes()).into_owned().take(MOST + 1));
        if pairs.len() > MOST {
            return Err(ApiError::bad_data(format!("a request may have {MOST} parameters")));
        }
        Ok(Self { pairs, _room: room })
    }
}

async fn read_form(
    body: Body,
    rooms: &Rooms,
    room: &mut Room,
) -> Result<Vec<(String, String)>, ApiError> {
    let mut bytes = Vec::new();
    body::read(body, &mut bytes, rooms, room).await.map_err(|error| {
        let kind = match error {
            BodyError::NoRoom => ErrorKind::Unavailable,
            BodyError::TooLong { .. } | BodyError::Stalled { .. } => ErrorKind::Timeout,
            BodyError::TooLarge { .. } | BodyError::Broken(_) => ErrorKind::BadData,
        };
        ApiError::new(kind, format!("error parsing form values: {error}"))
    })?;
    Ok(form_urlencoded::parse(&bytes).into_owned().take(MOST + 1).collect())
}

impl Params {
    /// The first value of a parameter, empty if it is not there.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.all(name).next().unwrap_or_default()
    }

    /// All values of a parameter.
    pub(crate) fn all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        self.pairs.iter().filter(move |(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// A time in ms, `None` if the parameter is not there.
    pub(crate) fn time(&self, name: &str) -> Result<Option<i64>, ApiError> {
        match self.get(name) {
            "" => Ok(None),
            text => parse_time(text).map(Some).map_err(|what| {
                ApiError::parameter(name, format!("invalid time value for '{name}': {what}"))
            }),
        }
    }

    /// A time that must be there.
    pub(crate) fn required_time(&self, name: &str) -> Result<i64, ApiError> {
        parse_time(self.get(name)).map_err(|what| ApiError::parameter(name, what))
    }

    /// A duration, `None` if the parameter is not there.
    pub(crate) fn duration(&self, name: &str) -> Result<Option<i64>, ApiError> {
        match self.get(name) {
            "" => Ok(None),
            text => parse_step(text).map(Some).map_err(|what| ApiError::parameter(name, what)),
        }
    }

    /// `limit`; 0 means none.
    pub(crate) fn limit(&self) -> Result<usize, ApiError> {
        match self.get("limit") {
            "" => Ok(0),
            text => parse_limit(text).map_err(|what| ApiError::parameter("limit", what)),
        }
    }

    /// `start` and `end`, all of time where they are not there; empty if the end is before the
    /// start.
    pub(crate) fn range(&self) -> Result<TimeRange, ApiError> {
        let start = self.time("start")?.unwrap_or(TimeRange::ALL.start);
        let end = self.time("end")?.unwrap_or(TimeRange::ALL.end);
        Ok(TimeRange::new(start, end))
    }
}

/// Reads a limit; the texts of Go's `Atoi`.
fn parse_limit(text: &str) -> Result<usize, String> {
    match text.parse::<i64>() {
        Ok(limit) => usize::try_from(limit).map_err(|_| "limit must be non-negative".to_owned()),
        Err(error) => {
            use std::num::IntErrorKind::{NegOverflow, PosOverflow};
            let too_big = matches!(error.kind(), PosOverflow | NegOverflow);
            let what = if too_big { "value out of range" } else { "invalid syntax" };
            Err(format!("strconv.Atoi: parsing {text:?}: {what}"))
        }
    }
}

/// Whether a time has all parts of RFC 3339 in their places: `2015-07-01T20:10:30.781Z`.
fn is_rfc3339(text: &str) -> bool {
    let digits = |range: std::ops::Range<usize>| {
        text.get(range).is_some_and(|part| part.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let marks = [(4, "-"), (7, "-"), (10, "T"), (13, ":"), (16, ":")];
    marks.into_iter().all(|(at, mark)| text.get(at..=at) == Some(mark))
        && digits(17..19)
        // Go knows no leap seconds.
        && text.get(17..19) != Some("60")
        && (text.ends_with('Z') || has_offset(text))
}

/// Whether a time ends with hours and minutes off UTC: `+02:00`.
fn has_offset(text: &str) -> bool {
    let end = text.len().checked_sub(6).and_then(|at| text.as_bytes().get(at..));
    end.is_some_and(|end| {
        matches!(end[0], b'+' | b'-')
            && end[3] == b':'
            && [1, 2, 4, 5].iter().all(|&at| end[at].is_ascii_digit())
    })
}

/// Reads float seconds or RFC 3339 into ms.
pub(crate) fn parse_time(text: &str) -> Result<i64, String> {
    if let Some(seconds) = text.parse::<f64>().ok().filter(|s| s.is_finite()) {
        let whole = seconds.trunc();
        return Ok((whole * 1000.0) as i64 + ((seconds - whole) * 1000.0).round() as i64);
    }
    match text {
        "-292273086-05-16T16:47:06Z" => return Ok(i64::MIN),
        "292277025-08-18T07:12:54.999999999Z" => return Ok(i64::MAX),
        _ => {}
    }
    let time = text.parse::<jiff::Timestamp>().ok().filter(|_| is_rfc3339(text));
    time.map(jiff::Timestamp::as_millisecond)
        .ok_or_else(|| format!("cannot parse {text:?} to a valid timestamp"))
}

/// Reads float seconds or Prometheus' durations into ms.
pub(crate) fn parse_step(text: &str) -> Result<i64, String> {
    if let Ok(seconds) = text.parse::<f64>() {
        if seconds.is_nan() {
            // What Go makes an integer of on x86-64.
            return Ok(i64::MIN);
        }
        let ms = seconds * 1000.0;
        if ms.abs() > i64::MAX as f64 / 1e6 {
            return Err(format!("cannot parse {text:?} to a valid duration. It overflows int64"));
        }
        return Ok(ms as i64);
    }
    nunatak_promql::parse_duration(text)
        .map_err(|_| format!("cannot parse {text:?} to a valid duration"))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn posted(form: String) -> Result<Params, ApiError> {
        let request = Request::post("/?b=2")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(form));
        Params::from_request(request.unwrap(), &App::unopened()).await
    }

    #[tokio::test]
    async fn forms_come_first_and_have_limits() {
        let params = posted("a=1&b=1".to_owned()).await.unwrap();
        assert_eq!((params.get("a"), params.get("b"), params.get("c")), ("1", "1", ""));
        let large = posted(format!("a={}", "x".repeat(MAX_FORM))).await.unwrap_err();
        assert_eq!(large.kind, ErrorKind::BadData);
        assert!(large.message.contains("larger than 4194304 bytes"), "{}", large.message);
        let many = posted("a&".repeat(MOST)).await.unwrap_err();
        assert_eq!(many.message, "a request may have 10000 parameters");
    }

    #[test]
    fn times() {
        assert_eq!(parse_time("4"), Ok(4000));
        assert_eq!(parse_time("1435781430.781"), Ok(1_435_781_430_781));
        assert_eq!(parse_time("-1.5"), Ok(-1500));
        assert_eq!(parse_time("1e3"), Ok(1_000_000));
        assert_eq!(parse_time("2015-07-01T20:10:30.781Z"), Ok(1_435_781_430_781));
        assert_eq!(parse_time("2015-07-01T22:10:30+02:00"), Ok(1_435_781_430_000));
        assert_eq!(parse_time("2015-07-01T20:10:30,5Z"), Ok(1_435_781_430_500));
        for text in [
            "",
            "now",
            "NaN",
            "inf",
            "2015-07-01",
            "2015-07-01T20:10Z",
            "2015-07-01 20:10:30Z",
            "2015-07-01t20:10:30Z",
            "2015-07-01T20:10:30z",
            "2015-07-01T20:10:60Z",
            "2015-07-01T20:10:30.Z",
            "2015-07-01T20:10:30+02",
            "2015-07-01T20:10:30+0200",
            "2015-07-01T20:10:30",
        ] {
            let error = format!("cannot parse {text:?} to a valid timestamp");
            assert_eq!(parse_time(text), Err(error));
        }
    }

    #[test]
    fn limits() {
        assert_eq!(parse_limit("7"), Ok(7));
        for (text, error) in [
            ("-1", "limit must be non-negative"),
            ("x", "strconv.Atoi: parsing \"x\": invalid syntax"),
            (
                "99999999999999999999",
                "strconv.Atoi: parsing \"99999999999999999999\": value out of range",
            ),
        ] {
            assert_eq!(parse_limit(text), Err(error.to_owned()));
        }
    }

    #[test]
    fn steps() {
        assert_eq!(parse_step("15"), Ok(15_000));
        assert_eq!(parse_step("0.25"), Ok(250));
        assert_eq!(parse_step("1m30s"), Ok(90_000));
        assert_eq!(parse_step("-1"), Ok(-1000));
        assert!(parse_step("1e300").unwrap_err().ends_with("It overflows int64"));
        assert!(parse_step("300y").is_err());
        assert!(parse_step(" 1m").is_err() && parse_step("1m ").is_err());
        assert!(parse_step("soon").is_err());
    }
}
