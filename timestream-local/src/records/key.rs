//! The identity of a series in bytes: its measure name, then its dimensions by name, each text with its length before it.

/// The dimensions of a key, by name.
pub(crate) type KeyDimensions<'a> = Vec<(&'a str, &'a str)>;

/// Writes the key of a series. `dimensions` are in order of their names, each name once. Texts are at most 64 KiB long.
pub(crate) fn encode_key(measure_name: &str, dimensions: &[(&str, &str)]) -> Vec<u8> {
    let size = 2 + measure_name.len() + dimensions.iter().map(|(n, v)| 4 + n.len() + v.len()).sum::<usize>();
    let mut key = Vec::with_capacity(size);
    push(&mut key, measure_name);
    for (name, value) in dimensions {
        push(&mut key, name);
        push(&mut key, value);
    }
    key
}

fn push(key: &mut Vec<u8>, text: &str) {
    let length = u16::try_from(text.len()).unwrap_or(u16::MAX);
    key.extend_from_slice(&length.to_be_bytes());
    key.extend_from_slice(text.as_bytes());
}

/// Reads a key back. `None` if the bytes are not a key.
pub(crate) fn decode_key(mut key: &[u8]) -> Option<(&str, KeyDimensions<'_>)> {
    let measure_name = pull(&mut key)?;
    let mut dimensions = Vec::new();
    while !key.is_empty() {
        dimensions.push((pull(&mut key)?, pull(&mut key)?));
    }
    Some((measure_name, dimensions))
}

fn pull<'a>(key: &mut &'a [u8]) -> Option<&'a str> {
    let (length, rest) = key.split_first_chunk::<2>()?;
    let (text, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
    *key = rest;
    std::str::from_utf8(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn round_trip(measure in ".{0,20}", dimensions in prop::collection::vec((".{0,10}", ".{0,10}"), 0..5)) {
            let borrowed: Vec<_> = dimensions.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
            let key = encode_key(&measure, &borrowed);
            prop_assert_eq!(decode_key(&key), Some((measure.as_str(), borrowed)));
        }

        #[test]
        fn any_bytes_are_read_without_panic(key in prop::collection::vec(any::<u8>(), 0..40)) {
            let _ = decode_key(&key);
        }
    }
}
