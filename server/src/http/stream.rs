//! Replies that are written by a blocking thread, and sent in pieces once they grow large.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Body;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http_body::Frame;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};

use super::reply::{ApiError, ErrorKind, json_response};

/// A reply longer than this is sent while it is written. Each piece that is handed over wakes a thread,
/// which costs as much as writing some hundred series.
const PIECE: usize = 256 * 1024;
/// How long a reader may let one piece wait. Who is slower loses the reply, because meanwhile it
/// holds a place for queries and the answer's memory.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where a reply is written to.
pub(crate) struct Out {
    /// The piece that is being written.
    pub(crate) buffer: Vec<u8>,
    first: Option<oneshot::Sender<Result<Body, ApiError>>>,
    pieces: Option<mpsc::Sender<Bytes>>,
    gone: bool,
    patience: Duration,
    /// Set when every piece has been sent: a reply that ends without it was cut off.
    complete: Arc<AtomicBool>,
}

impl Out {
    fn new(first: oneshot::Sender<Result<Body, ApiError>>, patience: Duration) -> Self {
        Self { first: Some(first), patience, ..Self::whole() }
    }

    /// For a reply that is sent when it is whole.
    pub(crate) fn whole() -> Self {
        Self {
            buffer: Vec::with_capacity(4096),
            first: None,
            pieces: None,
            gone: false,
            patience: PATIENCE,
            complete: Arc::default(),
        }
    }

    /// Sends the piece on if it is full; call it now and then. `false`: nobody listens any more.
    pub(crate) fn pass_on(&mut self) -> bool {
        let is_sent_in_pieces = self.first.is_some() || self.pieces.is_some();
        if self.buffer.len() >= PIECE && is_sent_in_pieces && !self.gone {
            self.send();
        }
        !self.gone
    }

    fn send(&mut self) {
        let piece =
            Bytes::from(std::mem::replace(&mut self.buffer, Vec::with_capacity(PIECE + 4096)));
        let pieces = self.pieces.get_or_insert_with(|| {
            let (sender, receiver) = mpsc::channel(4);
            if let Some(first) = self.first.take() {
                let body = Pieces { receiver, complete: Arc::clone(&self.complete), ended: false };
                self.gone = first.send(Ok(Body::new(body))).is_err();
            }
            sender
        });
        let sending = async { tokio::time::timeout(self.patience, pieces.send(piece)).await };
        self.gone |= !matches!(Handle::current().block_on(sending), Ok(Ok(())));
    }

    fn finish(mut self, result: Result<(), ApiError>) {
        match (self.first.take(), result) {
            (Some(first), Ok(())) => drop(first.send(Ok(Body::from(self.buffer)))),
            (Some(first), Err(error)) => drop(first.send(Err(error))),
            (None, Ok(())) if !self.gone => {
                self.send();
                self.complete.store(!self.gone, Ordering::Release);
            }
            (None, _) => {}
        }
    }
}

/// Runs `write` on a blocking thread and replies with what it writes.
pub(crate) async fn reply(
    write: impl FnOnce(&mut Out) -> Result<(), ApiError> + Send + 'static,
) -> Response {
    let (first, head) = oneshot::channel();
    tokio::task::spawn_blocking(move || {
        let mut out = Out::new(first, PATIENCE);
        let result = write(&mut out);
        out.finish(result);
    });
    match head.await {
        Ok(Ok(body)) => json_response(StatusCode::OK, body),
        Ok(Err(error)) => error.into_response(),
        Err(_) => ApiError::new(ErrorKind::Internal, "the request failed; see the server's log")
            .into_response(),
    }
}

/// The pieces as the body of a reply; an error at its end if the writer stopped early, so that no
/// client takes half a reply for a whole one.
struct Pieces {
    receiver: mpsc::Receiver<Bytes>,
    complete: Arc<AtomicBool>,
    ended: bool,
}

impl http_body::Body for Pieces {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if let Some(piece) = ready!(self.receiver.poll_recv(context)) {
            return Poll::Ready(Some(Ok(Frame::data(piece))));
        }
        let cut_off = !self.ended && !self.complete.load(Ordering::Acquire);
        self.ended = true;
        Poll::Ready(cut_off.then(|| Err(io::Error::other("the reply was cut off"))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a client gets from a writer that writes `pieces` full pieces, then ends with `result`.
    async fn read_after(
        pieces: usize,
        patience: Duration,
        result: Result<(), ApiError>,
    ) -> Result<usize, axum::Error> {
        let (first, head) = oneshot::channel();
        let writing = tokio::task::spawn_blocking(move || {
            let mut out = Out::new(first, patience);
            for _ in 0..pieces {
                out.buffer.resize(PIECE, b'x');
                out.pass_on();
            }
            out.finish(result);
        });
        let body = head.await.unwrap().unwrap();
        if patience.is_zero() {
            // This reader reads nothing before the writer has given up.
            writing.await.unwrap();
        }
        axum::body::to_bytes(body, usize::MAX).await.map(|bytes| bytes.len())
    }

    #[tokio::test]
    async fn a_whole_reply_ends_well() {
        assert_eq!(read_after(0, PATIENCE, Ok(())).await.unwrap(), 0);
        assert_eq!(read_after(20, PATIENCE, Ok(())).await.unwrap(), 20 * PIECE);
    }

    #[tokio::test]
    async fn a_reply_that_is_cut_off_ends_with_an_error() {
        let late = ApiError::new(ErrorKind::Timeout, "too late");
        assert!(read_after(2, PATIENCE, Err(late)).await.is_err());
    }

    #[tokio::test]
    async fn a_reader_that_stalls_loses_the_reply() {
        assert!(read_after(20, Duration::ZERO, Ok(())).await.is_err());
    }
}
