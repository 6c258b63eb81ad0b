//! Reads the body of a request into memory, within its room and its time.

use std::time::Duration;

use axum::body::Body;
use http_body::Body as _;

use crate::room::{Room, Rooms};

/// How long a body may take altogether.
const WHOLE_BODY: Duration = Duration::from_mins(2);
/// How long the next piece of a body may take.
const NEXT_PIECE: Duration = Duration::from_secs(30);

/// Why a body was not read to its end.
#[derive(Debug, thiserror::Error)]
pub(super) enum BodyError {
    #[error("the body is larger than {limit} bytes")]
    TooLarge { limit: usize },
    #[error("overloaded: too many requests at once; try again")]
    NoRoom,
    #[error("the body took longer than {} s", .limit.as_secs())]
    TooLong { limit: Duration },
    #[error("no byte of the body came for {} s", .limit.as_secs())]
    Stalled { limit: Duration },
    #[error("the body ends early: {0}")]
    Broken(#[from] axum::Error),
}

/// Collects a body in memory that may be used again. A sender that announces much and sends little,
/// or slowly, takes nothing from the others.
pub(super) async fn read(
    body: Body,
    into: &mut Vec<u8>,
    rooms: &Rooms,
    room: &mut Room,
) -> Result<(), BodyError> {
    let pieces = read_pieces(body, into, rooms, room, NEXT_PIECE);
    let limit = WHOLE_BODY;
    tokio::time::timeout(limit, pieces).await.unwrap_or(Err(BodyError::TooLong { limit }))
}

async fn read_pieces(
    mut body: Body,
    into: &mut Vec<u8>,
    rooms: &Rooms,
    room: &mut Room,
    patience: Duration,
) -> Result<(), BodyError> {
    into.clear();
    loop {
        let frame =
            std::future::poll_fn(|context| std::pin::Pin::new(&mut body).poll_frame(context));
        let Ok(frame) = tokio::time::timeout(patience, frame).await else {
            return Err(BodyError::Stalled { limit: patience });
        };
        let Some(frame) = frame else { return Ok(()) };
        let data = frame?.into_data().unwrap_or_default();
        let bytes = into.len() + data.len();
        if bytes > rooms.max_body {
            return Err(BodyError::TooLarge { limit: rooms.max_body });
        }
        if !rooms.grow(room, bytes).await {
            return Err(BodyError::NoRoom);
        }
        into.extend_from_slice(&data);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_body_that_stalls_or_is_too_large_is_not_read_on() {
        let (sender, receiver) = tokio::sync::mpsc::channel::<bytes::Bytes>(1);
        let (rooms, mut room, mut into) = (Rooms::new(0, 5), Room::default(), Vec::new());
        let body = Body::new(Stalls { receiver });
        sender.send(bytes::Bytes::from_static(b"begun")).await.unwrap();
        let limit = Duration::ZERO;
        let error = read_pieces(body, &mut into, &rooms, &mut room, limit).await.unwrap_err();
        assert_eq!(error.to_string(), "no byte of the body came for 0 s");
        assert_eq!(into, b"begun");
        let error = read(Body::from("longer"), &mut into, &rooms, &mut room).await.unwrap_err();
        assert_eq!(error.to_string(), "the body is larger than 5 bytes");
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
