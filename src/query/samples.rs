//! The encoding of a SAMPLES answer.

use prost::Message;
use prost::encoding::{WireType, encode_key, encode_varint};

use crate::error::{Error, Kind};
use crate::proto::TimeSeries;

/// The field of a ReadResponse that holds its results, and the field of a result that holds its series.
const FIELD: u32 = 1;

/// The series of each query of a request, as a compressed ReadResponse. Each series is dropped as soon as it is
/// encoded, so that memory never holds both all series and all encoded bytes.
///
/// # Errors
/// [`Kind::TooLarge`] for an answer over 4 GiB, which snappy can't hold.
pub fn pack(results: Vec<Vec<TimeSeries>>) -> Result<Vec<u8>, Error> {
    let mut encoded = Vec::new();
    for series in results {
        let length: usize = series.iter().map(|one| field_len(one.encoded_len())).sum();
        encode_key(FIELD, WireType::LengthDelimited, &mut encoded);
        encode_varint(length as u64, &mut encoded);
        for one in series {
            encode_key(FIELD, WireType::LengthDelimited, &mut encoded);
            // A vector grows, so this does not fail.
            let _ = one.encode_length_delimited(&mut encoded);
        }
    }
    let packed = snap::raw::Encoder::new().compress_vec(&encoded);
    packed.map_err(|_| Error::new(Kind::TooLarge, "AnswerSizeLimitError", "the answer is over 4 GiB"))
}

fn field_len(length: usize) -> usize {
    1 + prost::encoding::encoded_len_varint(length as u64) + length
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::{Label, QueryResult, ReadResponse, Sample};

    #[test]
    fn the_encoding_is_that_of_a_read_response() {
        let series = |name: &str, samples: usize| TimeSeries {
            labels: vec![Label { name: "__name__".to_owned(), value: name.to_owned() }],
            samples: (0..samples).map(|n| Sample { value: Some(-(n as f64)), timestamp: n as i64 }).collect(),
            ..TimeSeries::default()
        };
        for results in [
            vec![],
            vec![vec![]],
            vec![
                vec![series("a", 0), series("b", 3)],
                vec![],
                vec![series("c", 100_000)],
                vec![series(&"d".repeat(300), 1)],
            ],
        ] {
            let whole = results.iter().map(|series| QueryResult { timeseries: series.clone() }).collect();
            let unpacked = snap::raw::Decoder::new().decompress_vec(&pack(results).unwrap()).unwrap();
            assert!(unpacked == ReadResponse { results: whole }.encode_to_vec());
        }
    }
}
