//! Reads STREAMED_XOR_CHUNKS as a strict reader would.

use prost::Message;
use timestream_prometheus_connector::proto;

use super::remote::{Answer, Series, packed, post};

#[path = "../../src/query/xor/decode.rs"]
mod decode;

/// Sends queries to a `/read` path, asking for chunks first; the answer as it comes.
pub fn post_read(url: &str, queries: &[proto::Query]) -> Answer {
    let request = proto::ReadRequest { queries: queries.to_vec(), accepted_response_types: vec![1, 0] };
    post(url, &[("Content-Encoding", "snappy"), ("Content-Type", "application/x-protobuf")], &packed(&request))
}

/// Sends queries to a `/read` path; the series of each query, from chunks.
pub fn read_chunks(url: &str, queries: &[proto::Query]) -> Vec<Vec<Series>> {
    let answer = post_read(url, queries);
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(
        answer.header("content-type"),
        Some("application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse")
    );
    assert_eq!(answer.header("content-encoding"), None);
    series_of(&answer.body, queries.len(), |chunk, samples, rest| {
        assert!((1..=120).contains(&samples.len()), "{} samples in a chunk", samples.len());
        assert_eq!(samples[0].0, chunk.min_time_ms);
        assert_eq!(samples[samples.len() - 1].0, chunk.max_time_ms);
        assert!(rest.len() < 8 && !rest.contains(&true));
    })
}

/// The series of each query in a body of frames; `check` sees each chunk, its samples, and the bits behind them.
pub fn series_of(
    mut body: &[u8],
    queries: usize,
    check: impl Fn(&proto::Chunk, &[(i64, u64)], &[bool]),
) -> Vec<Vec<Series>> {
    let mut results: Vec<Vec<Series>> = vec![Vec::new(); queries];
    let mut last_query = 0;
    while !body.is_empty() {
        let length = usize::try_from(prost::encoding::decode_varint(&mut body).unwrap()).unwrap();
        assert!(length <= 50_000_000, "a frame of {length} bytes, which Prometheus refuses");
        let (checksum, rest) = body.split_at(4);
        let (message, rest) = rest.split_at(length);
        assert_eq!(checksum, castagnoli(message).to_be_bytes());
        body = rest;
        let frame = proto::ChunkedReadResponse::decode(message).unwrap();
        let query = usize::try_from(frame.query_index).unwrap();
        assert!(query >= last_query, "answers come in the order of the queries");
        last_query = query;
        let [series] = <[proto::ChunkedSeries; 1]>::try_from(frame.chunked_series).unwrap();
        let labels: Vec<_> = series.labels.into_iter().map(|label| (label.name, label.value)).collect();
        // Prometheus takes each frame for a series of its own.
        assert!(results[query].last().is_none_or(|(last, _)| *last != labels), "two frames of {labels:?}");
        let mut samples = Vec::new();
        for chunk in series.chunks {
            assert_eq!(chunk.r#type, 1);
            let (decoded, rest) = decode::decode(&chunk.data);
            check(&chunk, &decoded, &rest);
            samples.extend(decoded.into_iter().map(|(time, bits)| (f64::from_bits(bits), time)));
        }
        results[query].push((labels, samples));
    }
    results
}

fn castagnoli(bytes: &[u8]) -> u32 {
    static TABLE: std::sync::LazyLock<[u32; 256]> = std::sync::LazyLock::new(|| {
        std::array::from_fn(|byte| {
            (0..8).fold(byte as u32, |rest, _| (rest >> 1) ^ if rest & 1 == 1 { 0x82f6_3b78 } else { 0 })
        })
    });
    !bytes.iter().fold(!0, |rest: u32, byte| (rest >> 8) ^ TABLE[((rest ^ u32::from(*byte)) & 0xff) as usize])
}
