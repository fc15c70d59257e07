//! Request bodies: read within limits of size, time and memory, and decompressed within a stated size.

use std::time::Duration;

use bytes::{Buf, Bytes};
use http_body_util::BodyExt;
use hyper::body::Body;

use crate::budget::{Budget, Exhausted, Limit, Reservation};
use crate::error::{Error, Kind};

/// The most that one byte of snappy can stand for: a copy of three bytes yields up to 64.
const MAX_SNAPPY_RATIO: usize = 22;

/// What a request body may cost.
#[derive(Debug, Clone, Copy)]
pub struct BodyLimits {
    /// Bytes as received.
    pub max_body_bytes: Limit,
    /// Bytes once decompressed.
    pub max_decoded_bytes: Limit,
    /// From the first wait for the body to its last byte.
    pub read_timeout: Duration,
}

/// Reads a whole body. The buffer grows as bytes arrive, and is taken from the budget before it grows: a slow sender
/// holds at most twice what it has sent.
///
/// # Errors
/// 413 over `max_body_bytes`, 408 when it does not arrive in time, 400 when the client breaks off, 503 when the budget
/// is exhausted.
pub async fn read<B>(body: B, limits: BodyLimits, budget: &Budget) -> Result<(Bytes, Reservation), Error>
where
    B: Body<Data = Bytes>,
    B::Error: std::fmt::Display,
{
    tokio::time::timeout(limits.read_timeout, read_all(body, limits.max_body_bytes, budget)).await.unwrap_or_else(
        |_| {
            let message = format!("the request body did not arrive within {:?}", limits.read_timeout);
            Err(Error::new(Kind::RequestTimeout, "RequestTimeout", message))
        },
    )
}

async fn read_all<B>(body: B, limit: Limit, budget: &Budget) -> Result<(Bytes, Reservation), Error>
where
    B: Body<Data = Bytes>,
    B::Error: std::fmt::Display,
{
    let too_large = || {
        let message = format!("the request body is over {limit}");
        Error::new(Kind::TooLarge, "RequestTooLarge", message)
    };
    let stated = body.size_hint();
    if stated.lower() > limit.bytes as u64 {
        return Err(too_large());
    }
    // The largest size that the body can have and the budget can give.
    let stated = stated.upper().and_then(|bytes| usize::try_from(bytes).ok()).unwrap_or(usize::MAX);
    let most = stated.min(limit.bytes).min(budget.largest());
    let mut body = std::pin::pin!(body);
    let out_of_memory = |why| out_of_memory(why, budget);
    let mut reservation = budget.reserve(0).await.map_err(out_of_memory)?;
    let mut read = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame =
            frame.map_err(|error| Error::invalid("IncompleteBody", format!("the request body broke off: {error}")))?;
        let Ok(data) = frame.into_data() else { continue };
        let length = read.len() + data.remaining();
        if length > limit.bytes {
            return Err(too_large());
        }
        if length > read.capacity() {
            // It doubles, so that bytes are copied a few times only.
            let capacity = length.max(most.min(2 * read.capacity()));
            reservation.resize(capacity).await.map_err(out_of_memory)?;
            read.reserve_exact(capacity - read.len());
        }
        read.extend_from_slice(&data);
    }
    Ok((read.into(), reservation))
}

/// Decompresses a snappy block, for which `reservation` is held. The size that it states is checked first. Then
/// `memory_factor` times that size is taken from the budget, for all that will be made of it, and only then allocated.
///
/// # Errors
/// 413 when it states more than `limit` or than the budget can ever give, 400 when it is not snappy, 503 when the budget is exhausted.
pub async fn decompress(
    body: &[u8],
    limit: Limit,
    memory_factor: usize,
    reservation: &mut Reservation,
) -> Result<Vec<u8>, Error> {
    let bad = |error: &dyn std::fmt::Display| {
        Error::invalid("SnappyError", format!("the body is not a snappy block: {error}"))
    };
    let stated = snap::raw::decompress_len(body).map_err(|error| bad(&error))?;
    if stated > limit.bytes {
        return Err(too_large_decoded(limit));
    }
    if stated > body.len().saturating_mul(MAX_SNAPPY_RATIO) {
        return Err(bad(&format_args!("{} bytes can't hold the {stated} that it states", body.len())));
    }
    let memory = reservation.bytes() + stated * memory_factor;
    reservation.resize(memory).await.map_err(|why| out_of_memory(why, reservation.budget()))?;
    let mut decoded = vec![0; stated];
    let length = snap::raw::Decoder::new().decompress(body, &mut decoded).map_err(|error| bad(&error))?;
    decoded.truncate(length);
    Ok(decoded)
}

/// The error of a body that is over the limit once it is decompressed.
pub(super) fn too_large_decoded(limit: Limit) -> Error {
    Error::new(Kind::TooLarge, "RequestTooLarge", format!("the body is over {limit} once decompressed"))
}

/// The answer when a budget is exhausted.
pub fn out_of_memory(why: Exhausted, budget: &Budget) -> Error {
    let limit = budget.named_limit();
    match why {
        Exhausted::ForNow => {
            Error::new(Kind::Unavailable, "MemoryLimit", format!("{limit}, is used up; send again later"))
        }
        Exhausted::ForEver => {
            let message = format!("the request takes more memory than one may of {limit}");
            Error::new(Kind::TooLarge, "RequestTooLarge", message)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use http_body_util::{Full, StreamBody};
    use hyper::body::Frame;

    use super::*;

    const BIG: Limit = Limit::new("--body", 1 << 20);

    fn budget_of(bytes: usize) -> Budget {
        Budget::new(Limit::new("--memory", bytes))
    }

    const LIMITS: BodyLimits = BodyLimits {
        max_body_bytes: Limit::new("--body", 100),
        max_decoded_bytes: Limit::new("--decoded", 1000),
        read_timeout: Duration::from_secs(30),
    };

    async fn decoded(body: &[u8]) -> Result<Vec<u8>, Error> {
        let mut reservation = budget_of(1 << 20).reserve(body.len()).await.unwrap();
        decompress(body, LIMITS.max_decoded_bytes, 1, &mut reservation).await
    }

    #[tokio::test]
    async fn a_body_within_the_limit_is_read_and_accounted() {
        let budget = budget_of(1000);
        let (body, reservation) = read(Full::new(Bytes::from(vec![7; 100])), LIMITS, &budget).await.unwrap();
        assert_eq!((body.len(), reservation.bytes(), budget.in_use()), (100, 100, 100));
    }

    #[tokio::test]
    async fn a_body_over_the_limit_is_refused_and_its_bytes_given_back() {
        let budget = budget_of(1000);
        let error = read(Full::new(Bytes::from(vec![7; 101])), LIMITS, &budget).await.unwrap_err();
        assert_eq!((error.kind(), budget.in_use()), (Kind::TooLarge, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_over_the_budget_is_told_to_come_again() {
        let budget = budget_of(120);
        let other = budget.reserve(30).await.unwrap();
        let error = read(Full::new(Bytes::from(vec![7; 100])), LIMITS, &budget).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Unavailable);
        drop(other);
        assert_eq!(budget.in_use(), 0);
        let error = read(Full::new(Bytes::from(vec![7; 100])), LIMITS, &budget_of(99)).await.unwrap_err();
        assert_eq!(error.kind(), Kind::TooLarge, "it never fits");
    }

    #[tokio::test]
    async fn a_bomb_is_refused_by_what_it_states() {
        // A varint of 4 GiB - 1 and nothing behind it.
        let error = decoded(&[0xff, 0xff, 0xff, 0xff, 0x0f]).await.unwrap_err();
        assert_eq!(error.kind(), Kind::TooLarge);
        let error = decoded(&[0xe7, 0x07, 0x00]).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Invalid, "three bytes can't hold 999");
    }

    #[tokio::test]
    async fn bad_snappy_is_invalid() {
        for body in [&b""[..], b"not snappy", &[0xff; 20]] {
            assert_eq!(decoded(body).await.unwrap_err().kind(), Kind::Invalid, "{body:?}");
        }
    }

    #[tokio::test]
    async fn the_tightest_snappy_passes() {
        let plain = vec![b'a'; 1000];
        let packed = snap::raw::Encoder::new().compress_vec(&plain).unwrap();
        assert_eq!(decoded(&packed).await.unwrap(), plain);
    }

    /// A body of this many bytes, in frames of a thousand, that does not state its length.
    fn of_unknown_length(bytes: usize) -> impl Body<Data = Bytes, Error = Infallible> {
        let frames = (0..bytes).step_by(1000).map(move |at| Bytes::from(vec![7; 1000.min(bytes - at)]));
        StreamBody::new(futures_util::stream::iter(frames.map(|frame| Ok(Frame::data(frame)))))
    }

    #[test]
    fn what_is_allocated_for_a_body_is_reserved() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let limits = BodyLimits { max_body_bytes: BIG, ..LIMITS };
        for bytes in [1, 1000, 1001, 2500, 3000, 4001, 100_000] {
            let budget = budget_of(1 << 20);
            let mut done = None;
            let counted = allocation_counter::measure(|| {
                done = Some(runtime.block_on(read(of_unknown_length(bytes), limits, &budget)).unwrap());
            });
            let (body, reservation) = done.unwrap();
            assert_eq!(body.len(), bytes);
            // The bookkeeping comes on top of the buffer.
            let held = usize::try_from(counted.bytes_current).unwrap();
            assert!(held <= reservation.bytes() + 100, "{bytes}: {held} held, {} reserved", reservation.bytes());
            assert!(reservation.bytes() < 2 * bytes + 1000);
        }
    }

    #[tokio::test]
    async fn no_more_is_reserved_than_the_body_or_the_budget_can_come_to() {
        let limits = BodyLimits { max_body_bytes: BIG, ..LIMITS };
        let stated = Full::new(Bytes::from(vec![7; 3333]));
        assert_eq!(read(stated, limits, &budget_of(1 << 20)).await.unwrap().1.bytes(), 3333);
        let (body, reservation) = read(of_unknown_length(5500), limits, &budget_of(6000)).await.unwrap();
        assert_eq!((body.len(), reservation.bytes()), (5500, 6000));
    }

    #[tokio::test(start_paused = true)]
    async fn an_error_names_the_limit_that_was_reached() {
        let body = |bytes| Full::new(Bytes::from(vec![7; bytes]));
        let message = |error: Error| error.message().to_owned();
        let budget = budget_of(120);
        assert_eq!(
            message(read(body(101), LIMITS, &budget).await.unwrap_err()),
            "the request body is over --body, 100 bytes"
        );
        assert_eq!(
            message(read(body(100), LIMITS, &budget_of(99)).await.unwrap_err()),
            "the request takes more memory than one may of --memory, 99 bytes"
        );
        let _other = budget.reserve(30).await.unwrap();
        assert_eq!(
            message(read(body(100), LIMITS, &budget).await.unwrap_err()),
            "--memory, 120 bytes, is used up; send again later"
        );
        assert_eq!(
            message(decoded(&[0xe9, 0x07]).await.unwrap_err()),
            "the body is over --decoded, 1000 bytes once decompressed"
        );
    }
}
