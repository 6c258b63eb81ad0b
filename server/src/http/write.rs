//! Remote write.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use http_body::Body as _;
use nunatak::{AppendSeries, Appender, Db, LabelsBuilder, Outcome, RefusalReason};

use super::reply::text_response;
use crate::app::App;
use crate::clients::{Peer, Sender};
use crate::ingest::{Buffers, Ingest, Room};
use crate::metadata::MetadataStore;
use crate::remote_write::{Counts, FamilyMetadata, Sink, decode, unpack};

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
    body: Body,
) -> Result<Response, Refusal> {
    check_headers(headers)?;
    let sender = Sender::new(headers, peer);
    let db = app.db_soon().await.map_err(|error| Refusal::later(error.message))?;
    let announced = body.size_hint().exact();
    let gate = app.ingest();
    if announced.is_some_and(|bytes| bytes > gate.max_body as u64) {
        return Err(too_large(gate.max_body));
    }
    // A sender that announces much and sends little, or slowly, takes nothing from the others.
    let (mut room, mut buffers) = (Room::default(), gate.buffers());
    read_body(body, &mut buffers.body, gate, &mut room).await?;
    let place = gate.enter().await.ok_or_else(overloaded)?;
    let unpacked = gate.unpack(&buffers.body).await.ok_or_else(overloaded)?;
    let app = Arc::clone(app);
    let stored = tokio::task::spawn_blocking(move || {
        let result = store(&app, &db, sender, &mut buffers);
        app.ingest().give_back(buffers);
        drop((place, room, unpacked));
        result
    });
    stored.await.unwrap_or_else(|_| {
        let text = "the request failed; see the server's log";
        Err(Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, text))
    })
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

/// How long a body may take altogether.
const WHOLE_BODY: Duration = Duration::from_mins(2);
/// How long the next piece of a body may take.
const NEXT_PIECE: Duration = Duration::from_secs(30);

/// Collects the body in memory that is reused. A slow body is asked for again (503): after a 408
/// senders throw away what they have.
async fn read_body(
    body: Body,
    into: &mut Vec<u8>,
    gate: &Ingest,
    room: &mut Room,
) -> Result<(), Refusal> {
    tokio::time::timeout(WHOLE_BODY, read_pieces(body, into, gate, room, NEXT_PIECE))
        .await
        .unwrap_or_else(|_| {
            Err(Refusal::later(format!("the body took longer than {} s", WHOLE_BODY.as_secs())))
        })
}

async fn read_pieces(
    mut body: Body,
    into: &mut Vec<u8>,
    gate: &Ingest,
    room: &mut Room,
    patience: Duration,
) -> Result<(), Refusal> {
    into.clear();
    loop {
        let frame =
            std::future::poll_fn(|context| std::pin::Pin::new(&mut body).poll_frame(context));
        match tokio::time::timeout(patience, frame).await {
            Ok(Some(Ok(frame))) => {
                let data = frame.into_data().unwrap_or_default();
                let bytes = into.len() + data.len();
                if bytes > gate.max_body {
                    return Err(too_large(gate.max_body));
                }
                if !gate.grow(room, bytes).await {
                    return Err(overloaded());
                }
                into.extend_from_slice(&data);
            }
            Ok(None) => return Ok(()),
            Ok(Some(Err(error))) => {
                let text = format!("the body ends early: {error}");
                return Err(Refusal::new(StatusCode::BAD_REQUEST, text));
            }
            Err(_) => {
                let text = format!("no byte of the body came for {} s", patience.as_secs());
                return Err(Refusal::later(text));
            }
        }
    }
}

/// Unpacks, decodes and appends; runs on a blocking thread.
fn store(app: &App, db: &Db, sender: Sender, buffers: &mut Buffers) -> Result<Response, Refusal> {
    let bad = |text: String| Refusal::new(StatusCode::BAD_REQUEST, text);
    let Buffers { body, plain, scratch } = buffers;
    let message =
        unpack(body, plain, app.ingest().max_message).map_err(|error| bad(error.to_string()))?;
    let mut sink = Store { appender: db.appender(), metadata: &app.metadata };
    let counts = decode(message, scratch, &mut sink).map_err(|error| bad(error.to_string()))?;
    let outcome = sink.appender.commit().map_err(|error| {
        if error.is_retryable() {
            Refusal::later(format!("{error}; try again"))
        } else {
            bad(error.to_string())
        }
    })?;
    app.metrics.remote_write(&counts, &outcome, body.len());
    if outcome.new_series > 0 {
        app.clients.sent(sender, outcome.new_series, app.now_ms());
    }
    if outcome.refused.is_empty() {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    tracing::debug!(refused = outcome.refused_samples(), "remote write was partly refused");
    Err(bad(explain(&counts, &outcome)))
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

    #[tokio::test]
    async fn a_body_that_stalls_is_asked_for_again() {
        let (sender, receiver) = tokio::sync::mpsc::channel::<bytes::Bytes>(1);
        let body = Body::new(Stalls { receiver });
        sender.send(bytes::Bytes::from_static(b"begun")).await.unwrap();
        let (gate, mut room) = (Ingest::new(0), Room::default());
        let refusal = read_pieces(body, &mut Vec::new(), &gate, &mut room, Duration::ZERO).await;
        let refusal = refusal.unwrap_err();
        assert_eq!(refusal.status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(refusal.text, "no byte of the body came for 0 s");
        let response = refusal.into_response();
        assert!(response.headers().contains_key(header::RETRY_AFTER));
    }

    struct Stalls {
        receiver: tokio::sync::mpsc::Receiver<bytes::Bytes>,
    }

    impl http_body::Body for Stalls {
        type Data = bytes::Bytes;
        type Error = std::convert::Infallible;

        fn poll_frame(
            mut self: std::pin::Pin<&mut Self>,
            context: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<Result<http_body::Frame<bytes::Bytes>, Self::Error>>> {
            self.receiver
                .poll_recv(context)
                .map(|data| data.map(|data| Ok(http_body::Frame::data(data))))
        }
    }
}
