//! Remote write.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use http_body::Body as _;
use nunatak::{AppendSeries, Appender, Db, LabelsBuilder, Outcome, RefusalReason};
use tokio::sync::oneshot;

use super::body::{self, BodyError};
use super::reply::text_response;
use crate::app::App;
use crate::clients::{Peer, Sender};
use crate::ingest::Buffers;
use crate::metadata::MetadataStore;
use crate::remote_write::{Counts, FamilyMetadata, Sink, decode, unpack};
use crate::room::Room;

/// `write`
pub(super) async fn write(
    State(app): State<Arc<App>>,
    Peer(peer): Peer,
    headers: HeaderMap,
    body: Body,
) -> Response {
    match accept(&app, &headers, peer, body).await {
        Ok(response) => response,
        Err(refusal) => {
            app.metrics.remote_write_failed(refusal.status.as_u16());
            refusal.into_response()
        }
    }
}

/// Why a whole request is not stored.
#[derive(Debug)]
struct Refusal {
    status: StatusCode,
    text: String,
}

impl Refusal {
    fn new(status: StatusCode, text: impl Into<String>) -> Self {
        Self { status, text: text.into() }
    }

    fn later(text: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, text)
    }
}

impl From<BodyError> for Refusal {
    /// A slow body is asked for again (503): after a 408 senders throw away what they have.
    fn from(error: BodyError) -> Self {
        match error {
            BodyError::TooLarge { limit } => too_large(limit),
            BodyError::NoRoom => overloaded(),
            BodyError::TooLong { .. } | BodyError::Stalled { .. } => Self::later(error.to_string()),
            BodyError::Broken(_) => Self::new(StatusCode::BAD_REQUEST, error.to_string()),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = text_response(self.status, self.text);
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

async fn accept(
    app: &Arc<App>,
    headers: &HeaderMap,
    peer: Option<IpAddr>,
    content: Body,
) -> Result<Response, Refusal> {
    check_headers(headers)?;
    let sender = Sender::new(headers, peer);
    let db = app.db_soon().await.map_err(|error| Refusal::later(error.message))?;
    let announced = content.size_hint().exact();
    let gate = app.ingest();
    let most = gate.rooms.max_body;
    if announced.is_some_and(|bytes| bytes > most as u64) {
        return Err(too_large(most));
    }
    let (mut room, mut buffers) = (Room::default(), gate.buffers());
    body::read(content, &mut buffers.body, &gate.rooms, &mut room).await?;
    // What has come in whole is stored and counted also if its sender goes meanwhile.
    let stored = tokio::spawn(store(Arc::clone(app), db, sender, buffers, room));
    stored.await.unwrap_or_else(|_| Err(failed()))
}

async fn store(
    app: Arc<App>,
    db: Db,
    sender: Sender,
    mut buffers: Buffers,
    room: Room,
) -> Result<Response, Refusal> {
    let gate = app.ingest();
    let threads = app.threads_for(&sender).await;
    let _place = gate.enter().await.ok_or_else(overloaded)?;
    let unpacked = gate.unpack(&buffers.body).await.ok_or_else(overloaded)?;
    let shared = Arc::clone(&app);
    let appended = threads.spawn_blocking(move || {
        let result = append(&shared, &db, &mut buffers);
        shared.ingest().give_back(buffers);
        drop((room, unpacked));
        result
    });
    let Appended { outcome, counts, received } = appended.await.map_err(|_| failed())??;
    let outcome = outcome.await.map_err(|_| failed())?.map_err(|error| not_stored(&error))?;
    app.metrics.remote_write(&counts, &outcome, received);
    if outcome.new_series > 0 {
        app.clients.sent(sender, (outcome.new_series, outcome.stored), app.now_ms());
    }
    answer(&counts, &outcome)
}

/// After a panic.
fn failed() -> Refusal {
    Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "the request failed; see the server's log")
}

fn overloaded() -> Refusal {
    Refusal::later("overloaded: too many remote-write requests at once; try again")
}

fn too_large(limit: usize) -> Refusal {
    let text = format!("the body is larger than {limit} bytes; send smaller batches");
    Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, text)
}

/// 415 makes senders fall back to what this server understands.
fn check_headers(headers: &HeaderMap) -> Result<(), Refusal> {
    let text = |name| headers.get(name).map_or("", |v: &HeaderValue| v.to_str().unwrap_or("?"));
    let unsupported = |text: String| Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, text));
    let content_type = text(header::CONTENT_TYPE);
    let mut parts = content_type.split(';').map(str::trim);
    let media = parts.next().unwrap_or_default();
    if !media.is_empty() && !media.eq_ignore_ascii_case("application/x-protobuf") {
        return unsupported(format!(
            "content type {content_type:?} is not supported; send application/x-protobuf"
        ));
    }
    let message = parts.find_map(|part| part.strip_prefix("proto=")).unwrap_or_default();
    let message = message.trim_matches('"');
    if !matches!(message, "" | "prometheus.WriteRequest") {
        return unsupported(format!(
            "remote-write message {message:?} is not supported; send prometheus.WriteRequest \
             (remote write 1.0; in Prometheus the default of protobuf_message)"
        ));
    }
    let encoding = text(header::CONTENT_ENCODING);
    if !encoding.is_empty() && !encoding.eq_ignore_ascii_case("snappy") {
        return unsupported(format!(
            "content encoding {encoding:?} is not supported; send snappy (block format)"
        ));
    }
    Ok(())
}

/// A request that is stored and waits for the disk.
struct Appended {
    outcome: oneshot::Receiver<nunatak::Result<Outcome>>,
    counts: Counts,
    /// Bytes of the body.
    received: usize,
}

/// Unpacks, decodes and appends; runs on a blocking thread.
fn append(app: &App, db: &Db, buffers: &mut Buffers) -> Result<Appended, Refusal> {
    let Buffers { body, plain, scratch } = buffers;
    let message =
        unpack(body, plain, app.ingest().max_message).map_err(|error| bad(error.to_string()))?;
    let mut sink = Store { appender: db.appender(), metadata: &app.metadata };
    let counts = decode(message, scratch, &mut sink).map_err(|error| bad(error.to_string()))?;
    let appended = sink.appender.append().map_err(|error| not_stored(&error))?;
    Ok(Appended { outcome: app.commits.commit(appended), counts, received: body.len() })
}

fn answer(counts: &Counts, outcome: &Outcome) -> Result<Response, Refusal> {
    if outcome.refused.is_empty() {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    tracing::debug!(refused = outcome.refused_samples(), "remote write was partly refused");
    Err(bad(explain(counts, outcome)))
}

fn not_stored(error: &nunatak::Error) -> Refusal {
    if error.is_retryable() {
        Refusal::later(format!("{error}; try again"))
    } else {
        bad(error.to_string())
    }
}

fn bad(text: String) -> Refusal {
    Refusal::new(StatusCode::BAD_REQUEST, text)
}

/// Says what was stored, and each reason with its count and first example.
fn explain(counts: &Counts, outcome: &Outcome) -> String {
    let mut text = format!(
        "partial write: {} samples stored, {} of {} refused for good (don't send them again)",
        outcome.stored,
        outcome.refused_samples(),
        counts.samples + counts.histograms,
    );
    for refusal in &outcome.refused {
        let _ = write!(text, "\n{refusal}");
    }
    text
}

/// Hands a request's content to the engine.
struct Store<'a> {
    appender: Appender<'a>,
    metadata: &'a MetadataStore,
}

impl Sink for Store<'_> {
    type Series = AppendSeries;

    #[inline]
    fn series(
        &mut self,
        raw: &[u8],
        parse: impl FnOnce(&mut LabelsBuilder) -> Result<(), (RefusalReason, String)>,
    ) -> AppendSeries {
        self.appender.series(raw, parse)
    }

    fn all_series(
        &mut self,
        raw: &[&[u8]],
        parse: impl FnMut(usize, &mut LabelsBuilder) -> Result<(), (RefusalReason, String)>,
        found: &mut Vec<AppendSeries>,
    ) {
        self.appender.all_series(raw, parse, found);
    }

    #[inline]
    fn push(&mut self, series: AppendSeries, t: i64, v: f64) {
        self.appender.push(series, t, v);
    }

    fn refuse(&mut self, reason: RefusalReason, samples: u64, example: String) {
        self.appender.refuse(reason, samples, example);
    }

    fn metadata(&mut self, metadata: &FamilyMetadata<'_>) {
        self.metadata.set(metadata);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use nunatak::storage::FaultStorage;
    use nunatak::{ManualClock, Options};

    use super::*;

    fn status(content_type: &'static str, encoding: &'static str) -> u16 {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
        check_headers(&headers).map_or_else(|refusal| refusal.status.as_u16(), |()| 204)
    }

    #[test]
    fn only_version_one_in_snappy() {
        assert_eq!(status("application/x-protobuf", "snappy"), 204);
        assert_eq!(status("application/x-protobuf;proto=prometheus.WriteRequest", "snappy"), 204);
        assert_eq!(status("", ""), 204);
        let v2 = "application/x-protobuf;proto=io.prometheus.write.v2.Request";
        assert_eq!(status(v2, "snappy"), 415);
        assert_eq!(status("application/json", "snappy"), 415);
        assert_eq!(status("application/x-protobuf", "zstd"), 415);
    }

    #[test]
    fn a_body_that_stalls_is_asked_for_again() {
        let refusal = Refusal::from(BodyError::Stalled { limit: Duration::from_secs(30) });
        assert_eq!(refusal.text, "no byte of the body came for 30 s");
        let response = refusal.into_response();
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(response.headers().contains_key(header::RETRY_AFTER));
    }

    /// Who floods gives up first: it must be known all the same.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_request_whose_sender_goes_is_stored_and_counted() {
        let storage = FaultStorage::new(1);
        let options = Options::new("test").storage(Arc::new(storage.clone())).threads(0);
        let app = App::unopened();
        app.opened(Db::open(options.clock(Arc::new(ManualClock::new(1)))).unwrap());
        storage.slow_syncs(Duration::from_millis(300));
        // The sample 0 at 1 ms of {__name__="m"}.
        let series = b"\x0a\x0d\x0a\x08__name__\x12\x01m\x12\x02\x10\x01";
        let message = [&[0x0a, series.len() as u8], &series[..]].concat();
        let body = Body::from(snap::raw::Encoder::new().compress_vec(&message).unwrap());
        let headers = HeaderMap::new();
        let request = accept(&app, &headers, None, body);
        let given_up = tokio::time::timeout(Duration::from_millis(50), request).await;
        assert!(given_up.is_err(), "the sync takes longer: {given_up:?}");
        let counted = async {
            while app.clients.value(1)[0]["newSeries"] != 1 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_mins(1), counted).await.expect("its sender is known");
    }
}
