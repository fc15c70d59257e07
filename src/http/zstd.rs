//! Request bodies that are compressed with zstd (RFC 8878), decompressed within a stated size.
//!
//! The decoder is the one of zstd's authors, which is fuzzed without end and the fastest there is.

use zstd::stream::raw::{DParameter, Decoder, Operation};
use zstd::zstd_safe::get_frame_content_size;

use super::body::{out_of_memory, too_large_decoded};
use crate::budget::{Limit, Reservation};
use crate::error::Error;

/// The largest window that a frame may ask for: 8 MiB, which RFC 8878, section 3.1.1.1.2, recommends to support.
const MAX_WINDOW_LOG: u32 = 23;
/// What a decoder may hold: its window, and blocks and tables of less than a megabyte.
const DECODER_BYTES: usize = (1 << MAX_WINDOW_LOG) + (1 << 20);
/// The first size of the output buffer if the frame does not state its size. The buffer doubles whenever it is full.
const FIRST_PIECE: usize = 64 << 10;

/// Decompresses a body of one or more frames. All memory is taken from the budget before it is allocated:
/// `memory_factor` times the output, for all that will be made of it, and the decoder's own memory while it runs.
///
/// # Errors
/// 413 when it holds more than `limit` or than the budget can ever give, 400 when it is not zstd or its window
/// is over 8 MiB, 503 when the budget is exhausted.
pub async fn decompress(
    body: &[u8],
    limit: Limit,
    memory_factor: usize,
    reservation: &mut Reservation,
) -> Result<Vec<u8>, Error> {
    let bad = |error: &dyn std::fmt::Display| {
        Error::invalid("ZstdError", format!("the body is not a whole zstd frame: {error}"))
    };
    let stated = match get_frame_content_size(body) {
        Ok(stated) => stated.map(|stated| usize::try_from(stated).unwrap_or(usize::MAX)),
        Err(_) => return Err(bad(&"its head can't be read")),
    };
    if stated.is_some_and(|stated| stated > limit.bytes) {
        return Err(too_large_decoded(limit));
    }
    let mut decoder = Decoder::new().map_err(|error| bad(&error))?;
    decoder.set_parameter(DParameter::WindowLogMax(MAX_WINDOW_LOG)).map_err(|error| bad(&error))?;
    // One byte over the limit shows that the body holds more than that.
    let most = limit.bytes + 1;
    let mut capacity = stated.unwrap_or(FIRST_PIECE).clamp(1, most);
    let (mut decoded, mut read, mut written) = (Vec::new(), 0, 0);
    loop {
        // While the buffer grows, the old one still exists beside the new one.
        let memory = body.len() + DECODER_BYTES + decoded.len() + capacity * memory_factor;
        reservation.resize(memory).await.map_err(|why| out_of_memory(why, reservation.budget()))?;
        decoded.reserve_exact(capacity - decoded.len());
        decoded.resize(capacity, 0);
        let step = decoder.run_on_buffers(&body[read..], &mut decoded[written..]).map_err(|error| bad(&error))?;
        read += step.bytes_read;
        written += step.bytes_written;
        if written == most {
            return Err(too_large_decoded(limit));
        }
        let frame_ended = step.remaining == 0;
        if frame_ended && read == body.len() {
            decoded.truncate(written);
            return Ok(decoded);
        }
        if written == capacity {
            capacity = capacity.saturating_mul(2).min(most);
        } else if read == body.len() || step.bytes_read == 0 {
            return Err(bad(&"it ends too early"));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::budget::Budget;
    use crate::error::Kind;

    const LIMIT: usize = 1 << 20;

    async fn decoded(body: &[u8]) -> Result<Vec<u8>, Error> {
        let budget = Budget::new(Limit::new("the limit", 64 << 20));
        let mut reservation = budget.reserve(body.len()).await.unwrap();
        decompress(body, Limit::new("the limit", LIMIT), 1, &mut reservation).await
    }

    /// A frame that does not state its size.
    fn streamed(plain: &[u8], window_log: u32) -> Vec<u8> {
        let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
        encoder.window_log(window_log).unwrap();
        plain.chunks(1000).for_each(|piece| encoder.write_all(piece).unwrap());
        encoder.finish().unwrap()
    }

    fn plain(length: usize) -> Vec<u8> {
        (0..length).map(|at| (at * at / 7) as u8).collect()
    }

    #[tokio::test]
    async fn whole_streamed_and_several_frames_are_read() {
        for length in [0, 1, 63 << 10, 64 << 10, 300_000, LIMIT] {
            let plain = plain(length);
            let whole = zstd::bulk::compress(&plain, 1).unwrap();
            assert!(decoded(&whole).await.unwrap() == plain, "{length}");
            assert!(decoded(&streamed(&plain, 20)).await.unwrap() == plain, "{length}");
            let (first, second) = plain.split_at(length / 3);
            let frames = [zstd::bulk::compress(first, 1).unwrap(), streamed(second, 18)].concat();
            assert!(decoded(&frames).await.unwrap() == plain, "{length}");
        }
    }

    #[tokio::test]
    async fn bombs_are_refused_whether_they_state_their_size_or_not() {
        let bomb = vec![0; LIMIT + 1];
        for body in [zstd::bulk::compress(&bomb, 1).unwrap(), streamed(&bomb, 20)] {
            assert_eq!(decoded(&body).await.unwrap_err().kind(), Kind::TooLarge);
        }
    }

    #[tokio::test]
    async fn a_frame_with_a_large_window_is_refused() {
        let error = decoded(&streamed(&plain(100_000), 24)).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Invalid, "{error}");
    }

    #[tokio::test]
    async fn what_is_cut_off_or_no_zstd_is_invalid() {
        let whole = zstd::bulk::compress(&plain(10_000), 1).unwrap();
        let streamed = streamed(&plain(10_000), 18);
        for body in
            [&b""[..], b"no", b"not zstd", &[0xff; 20], &whole[..3], &whole[..whole.len() - 1], &streamed[..500]]
        {
            assert_eq!(decoded(body).await.unwrap_err().kind(), Kind::Invalid, "{} bytes", body.len());
        }
        let followed = [&whole[..], b"garbage"].concat();
        assert_eq!(decoded(&followed).await.unwrap_err().kind(), Kind::Invalid);
    }

    #[tokio::test(start_paused = true)]
    async fn memory_is_taken_from_the_budget_first() {
        let body = streamed(&plain(300_000), 18);
        let budget = Budget::new(Limit::new("the limit", DECODER_BYTES + body.len() + (100 << 10)));
        let mut reservation = budget.reserve(body.len()).await.unwrap();
        let error = decompress(&body, Limit::new("the limit", LIMIT), 1, &mut reservation).await.unwrap_err();
        assert_eq!(error.kind(), Kind::TooLarge, "it can never fit");
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(body in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let with_magic = [&[0x28, 0xb5, 0x2f, 0xfd], body.as_slice()].concat();
            for body in [body, with_magic] {
                let _ = runtime.block_on(decoded(&body));
            }
        }
    }
}
