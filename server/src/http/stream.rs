//! Replies that are written by a blocking thread, and sent in pieces once they grow large.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::body::Body;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http_body::Frame;
use tokio::sync::{mpsc, oneshot};

use super::reply::{ApiError, ErrorKind, json_response};

/// A reply longer than this is sent while it is written.
const PIECE: usize = 64 * 1024;

/// Where a reply is written to.
pub(crate) struct Out {
    /// The piece that is being written.
    pub(crate) buffer: Vec<u8>,
    first: Option<oneshot::Sender<Result<Body, ApiError>>>,
    pieces: Option<mpsc::Sender<Bytes>>,
    gone: bool,
}

impl Out {
    /// Sends the piece on if it is full; call it now and then. `false`: nobody listens any more.
    pub(crate) fn pass_on(&mut self) -> bool {
        if self.buffer.len() >= PIECE && !self.gone {
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
                self.gone = first.send(Ok(Body::new(Pieces { receiver }))).is_err();
            }
            sender
        });
        self.gone |= pieces.blocking_send(piece).is_err();
    }

    fn finish(mut self, result: Result<(), ApiError>) {
        match (self.first.take(), result) {
            (Some(first), Ok(())) => drop(first.send(Ok(Body::from(self.buffer)))),
            (Some(first), Err(error)) => drop(first.send(Err(error))),
            (None, Ok(())) if !self.gone => self.send(),
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
        let mut out = Out { buffer: Vec::new(), first: Some(first), pieces: None, gone: false };
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

/// The pieces as the body of a reply.
struct Pieces {
    receiver: mpsc::Receiver<Bytes>,
}

impl http_body::Body for Pieces {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let piece = ready!(self.receiver.poll_recv(context));
        Poll::Ready(piece.map(|piece| Ok(Frame::data(piece))))
    }
}
