//! Request bodies: read within limits of size, time and memory, and decompressed within a stated size.

use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::Body;

use crate::budget::{Budget, Exhausted, Reservation};
use crate::error::{Error, Kind};

/// The most that one byte of snappy can stand for: a copy of three bytes yields up to 64.
const MAX_SNAPPY_RATIO: usize = 22;

/// What a request body may cost.
#[derive(Debug, Clone, Copy)]
pub struct BodyLimits {
    /// Bytes as received.
    pub max_body_bytes: usize,
    /// Bytes once decompressed.
    pub max_decoded_bytes: usize,
    /// From the first wait for the body to its last byte.
    pub read_timeout: Duration,
}

/// Reads a whole body. Its bytes are taken from the budget as they arrive, so that a slow sender holds no more than it
/// has sent.
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

async fn read_all<B>(body: B, limit: usize, budget: &Budget) -> Result<(Bytes, Reservation), Error>
where
    B: Body<Data = Bytes>,
    B::Error: std::fmt::Display,
{
    let too_large = || {
        let message = format!("the request body is over --web.max-body-bytes, {limit}");
        Error::new(Kind::TooLarge, "RequestTooLarge", message)
    };
    if body.size_hint().lower() > limit as u64 {
        return Err(too_large());
    }
    let mut body = std::pin::pin!(body);
    let out_of_memory = |why| out_of_memory(why, budget);
    let mut reservation = budget.reserve(0).await.map_err(out_of_memory)?;
    let mut read = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame =
            frame.map_err(|error| Error::invalid("IncompleteBody", format!("the request body broke off: {error}")))?;
        let Ok(data) = frame.into_data() else { continue };
        let length = read.len() + data.remaining();
        if length > limit {
            return Err(too_large());
        }
        reservation.resize(length).await.map_err(out_of_memory)?;
        read.extend_from_slice(&data);
    }
    Ok((read.freeze(), reservation))
}

/// Decompresses a snappy block. The size that it states is checked, and taken from the budget `memory_factor` times for
/// what will be made of it, before any byte is allocated for it.
///
/// # Errors
/// 413 when it states more than `max_decoded_bytes` or than the budget can ever give, 400 when it is not snappy, 503 when the budget is exhausted.
pub async fn decompress(
    body: &[u8],
    max_decoded_bytes: usize,
    memory_factor: usize,
    reservation: &mut Reservation,
) -> Result<Vec<u8>, Error> {
    let bad = |error: &dyn std::fmt::Display| {
        Error::invalid("SnappyError", format!("the body is not a snappy block: {error}"))
    };
    let stated = snap::raw::decompress_len(body).map_err(|error| bad(&error))?;
    if stated > max_decoded_bytes {
        return Err(too_large_decoded(max_decoded_bytes));
    }
    if stated > body.len().saturating_mul(MAX_SNAPPY_RATIO) {
        return Err(bad(&format_args!("{} bytes can't hold the {stated} that it states", body.len())));
    }
    let memory = body.len() + stated * memory_factor;
    reservation.resize(memory).await.map_err(|why| out_of_memory(why, reservation.budget()))?;
    let mut decoded = vec![0; stated];
    let length = snap::raw::Decoder::new().decompress(body, &mut decoded).map_err(|error| bad(&error))?;
    decoded.truncate(length);
    Ok(decoded)
}

/// The error of a body that holds more than it may once it is decompressed.
pub(super) fn too_large_decoded(max_decoded_bytes: usize) -> Error {
    let message = format!("the body is over --web.max-decoded-bytes, {max_decoded_bytes}, once decompressed");
    Error::new(Kind::TooLarge, "RequestTooLarge", message)
}

/// The answer when the byte budget is exhausted.
pub fn out_of_memory(why: Exhausted, budget: &Budget) -> Error {
    match why {
        Exhausted::ForNow => {
            Error::new(Kind::Unavailable, "MemoryLimit", "the connector's memory limit is reached; send again later")
        }
        Exhausted::ForEver => {
            let message =
                format!("the request takes more memory than one may of --write.memory-limit, {}", budget.limit());
            Error::new(Kind::TooLarge, "RequestTooLarge", message)
        }
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::Full;

    use super::*;

    const LIMITS: BodyLimits =
        BodyLimits { max_body_bytes: 100, max_decoded_bytes: 1000, read_timeout: Duration::from_secs(30) };

    async fn decoded(body: &[u8]) -> Result<Vec<u8>, Error> {
        let mut reservation = Budget::new(1 << 20).reserve(body.len()).await.unwrap();
        decompress(body, LIMITS.max_decoded_bytes, 1, &mut reservation).await
    }

    #[tokio::test]
    async fn a_body_within_the_limit_is_read_and_accounted() {
        let budget = Budget::new(1000);
        let (body, reservation) = read(Full::new(Bytes::from(vec![7; 100])), LIMITS, &budget).await.unwrap();
        assert_eq!((body.len(), reservation.bytes(), budget.in_use()), (100, 100, 100));
    }

    #[tokio::test]
    async fn a_body_over_the_limit_is_refused_and_its_bytes_given_back() {
        let budget = Budget::new(1000);
        let error = read(Full::new(Bytes::from(vec![7; 101])), LIMITS, &budget).await.unwrap_err();
        assert_eq!((error.kind(), budget.in_use()), (Kind::TooLarge, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_over_the_budget_is_told_to_come_again() {
        let budget = Budget::new(120);
        let other = budget.reserve(30).await.unwrap();
        let error = read(Full::new(Bytes::from(vec![7; 100])), LIMITS, &budget).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Unavailable);
        drop(other);
        assert_eq!(budget.in_use(), 0);
        let error = read(Full::new(Bytes::from(vec![7; 100])), LIMITS, &Budget::new(99)).await.unwrap_err();
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
}
