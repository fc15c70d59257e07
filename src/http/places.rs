//! Answers that hold a place until their client has taken them, so that clients that do not read can't pile them up.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::Response;
use hyper::body::{Body, Frame, SizeHint};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::answer::AnswerBody;
use crate::error::{Error, Kind};

/// Answers about the connector itself that may be made or under way at once; an answer is 50 KB or so.
const PLACES: usize = 40;

/// The places for answers about the connector itself: metrics, status and the landing page.
#[derive(Debug)]
pub struct Places(Arc<Semaphore>);

impl Default for Places {
    fn default() -> Self {
        Places(Arc::new(Semaphore::new(PLACES)))
    }
}

impl Places {
    /// A place for an answer.
    ///
    /// # Errors
    /// `AnswersInFlightError` when all places are taken; it may pass.
    pub fn take(&self) -> Result<Place, Error> {
        self.0.clone().try_acquire_owned().map(Place).map_err(|_| {
            let message =
                format!("{PLACES} answers about the connector are under way to clients that have not read them");
            Error::new(Kind::Unavailable, "AnswersInFlightError", message)
        })
    }
}

/// A place, free again once it is dropped.
#[derive(Debug)]
pub struct Place(#[expect(dead_code, reason = "it is only held")] OwnedSemaphorePermit);

impl Place {
    /// The answer, which keeps the place until its last byte has left or its connection is gone.
    pub fn hold(self, answer: Response<AnswerBody>) -> Response<AnswerBody> {
        answer.map(|body| Held { body, place: Some(self) }.boxed())
    }
}

/// A body of one piece. HTTP/2 takes the piece before its client has room for it, so the place goes with it.
struct Held {
    body: AnswerBody,
    place: Option<Place>,
}

struct Piece {
    bytes: Bytes,
    _place: Option<Place>,
}

impl AsRef<[u8]> for Piece {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Body for Held {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        let place = self.place.take();
        Poll::Ready(
            frame.map(|frame| {
                frame.map(|frame| frame.map_data(|bytes| Bytes::from_owner(Piece { bytes, _place: place })))
            }),
        )
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use http_body_util::Full;

    use super::*;

    #[test]
    fn a_place_is_taken_until_the_answer_is_gone() {
        let places = Places::default();
        let answer = || Response::new(Full::new(Bytes::from_static(b"x")).map_err(|never| match never {}).boxed());
        let mut held: Vec<_> = (0..PLACES).map(|_| places.take().unwrap().hold(answer())).collect();
        assert_eq!(places.take().unwrap_err().name(), "AnswersInFlightError");
        assert_eq!(held[0].body().size_hint().exact(), Some(1));
        let body = held.pop().unwrap().into_body();
        let piece = body.collect().now_or_never().unwrap().unwrap().to_bytes();
        assert!(places.take().is_err());
        assert_eq!(piece, "x");
        drop(piece);
        assert!(places.take().is_ok());
    }
}
