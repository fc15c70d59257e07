//! Arrays and rows as SQLite holds them: a BLOB of values.
//!
//! The first byte is `A`, with which no time series begins. The next four are the number of values. Then follow the values,
//! each with a byte for its type before it: `n` NULL; `i` an integer and `r` a real of eight bytes; `t` a text and `b` a
//! BLOB (an array, row or time series in this one, or NaN), each behind four bytes with its length. All numbers are little-endian.

use rusqlite::types::{Value, ValueRef};

use super::failure::Failure;
use super::nan;
use super::series::MAX_ENTRIES;

/// The first byte.
const MARK: u8 = b'A';
const HEAD: usize = 5;
/// Bytes of one array or row, at most.
const MAX_BYTES: usize = 16 * 1024 * 1024;

/// Whether a value is an array or row, and no time series.
pub(crate) fn is_list(value: ValueRef<'_>) -> bool {
    matches!(value, ValueRef::Blob([MARK, ..]))
}

/// The values of an array or row.
pub(crate) fn read(value: ValueRef<'_>) -> Result<Vec<ValueRef<'_>>, Failure> {
    let ValueRef::Blob(bytes) = value else { return Err("An array or row is no BLOB".into()) };
    values(bytes).ok_or_else(|| "An array or row cannot be read".into())
}

fn values(bytes: &[u8]) -> Option<Vec<ValueRef<'_>>> {
    let (head, mut rest) = bytes.split_first_chunk::<HEAD>()?;
    let [MARK, a, b, c, d] = *head else { return None };
    let count = u32::from_le_bytes([a, b, c, d]) as usize;
    // Each value takes a byte at least.
    let mut values = Vec::with_capacity(count.min(rest.len()));
    for _ in 0..count {
        let value;
        (value, rest) = first(rest)?;
        values.push(value);
    }
    Some(values)
}

/// The first of some values, and the bytes behind it.
fn first(bytes: &[u8]) -> Option<(ValueRef<'_>, &[u8])> {
    let (kind, rest) = bytes.split_first()?;
    Some(match kind {
        b'n' => (ValueRef::Null, rest),
        b'i' | b'r' => {
            let (number, rest) = rest.split_first_chunk::<8>()?;
            let value = match kind {
                b'i' => ValueRef::Integer(i64::from_le_bytes(*number)),
                _ => ValueRef::Real(f64::from_le_bytes(*number)),
            };
            (value, rest)
        }
        b't' | b'b' => {
            let (length, rest) = rest.split_first_chunk::<4>()?;
            let (bytes, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
            (if *kind == b't' { ValueRef::Text(bytes) } else { ValueRef::Blob(bytes) }, rest)
        }
        _ => return None,
    })
}

/// Values to be written, in the order in which they are pushed.
#[derive(Debug, Default)]
pub(crate) struct Writer {
    bytes: Vec<u8>,
    count: usize,
}

impl Writer {
    /// Appends a value.
    pub(crate) fn push(&mut self, value: ValueRef<'_>) -> Result<(), Failure> {
        if self.bytes.is_empty() {
            self.bytes.extend_from_slice(&[MARK, 0, 0, 0, 0]);
        }
        match value {
            ValueRef::Null => self.bytes.push(b'n'),
            ValueRef::Integer(number) => {
                self.bytes.push(b'i');
                self.bytes.extend_from_slice(&number.to_le_bytes());
            }
            ValueRef::Real(number) if number.is_nan() => return self.push(nan::borrowed()),
            ValueRef::Real(number) => {
                self.bytes.push(b'r');
                self.bytes.extend_from_slice(&number.to_le_bytes());
            }
            ValueRef::Text(bytes) => self.push_bytes(b't', bytes),
            ValueRef::Blob(bytes) => self.push_bytes(b'b', bytes),
        }
        self.count += 1;
        if self.count > MAX_ENTRIES {
            return Err(Failure(format!("An array may not have more than {MAX_ENTRIES} entries")));
        }
        if self.bytes.len() > MAX_BYTES {
            return Err(Failure(format!("An array or row may not take more than {MAX_BYTES} bytes")));
        }
        Ok(())
    }

    fn push_bytes(&mut self, kind: u8, bytes: &[u8]) {
        self.bytes.push(kind);
        // SQLite's values are shorter than 4 GiB.
        self.bytes.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
        self.bytes.extend_from_slice(bytes);
    }

    /// The BLOB.
    pub(crate) fn finish(mut self) -> Value {
        self.bytes.resize(self.bytes.len().max(HEAD), 0);
        if let Some((head, _)) = self.bytes.split_first_chunk_mut::<HEAD>() {
            let [a, b, c, d] = (self.count as u32).to_le_bytes();
            *head = [MARK, a, b, c, d];
        }
        Value::Blob(self.bytes)
    }
}

/// Writes values in the order given.
pub(crate) fn write<'v>(values: impl IntoIterator<Item = ValueRef<'v>>) -> Result<Value, Failure> {
    let mut writer = Writer::default();
    for value in values {
        writer.push(value)?;
    }
    Ok(writer.finish())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<i64>().prop_map(Value::Integer),
            any::<f64>().prop_filter("NaN", |number| !number.is_nan()).prop_map(Value::Real),
            ".{0,10}".prop_map(Value::Text),
        ];
        leaf.prop_recursive(3, 20, 4, |inner| {
            prop::collection::vec(inner, 0..4).prop_map(|values| write(values.iter().map(ValueRef::from)).unwrap())
        })
    }

    proptest! {
        #[test]
        fn values_come_back(values in prop::collection::vec(value(), 0..8)) {
            let list = write(values.iter().map(ValueRef::from)).unwrap();
            prop_assert!(is_list((&list).into()));
            let read: Vec<Value> = read((&list).into()).unwrap().into_iter().map(|v| v.try_into().unwrap()).collect();
            prop_assert_eq!(read, values);
        }

        #[test]
        fn no_bytes_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..60), kind in 0..5_u8) {
            let _ = read(ValueRef::Blob(&bytes));
            bytes.splice(0..0, [MARK, kind, 0, 0, 0]);
            let _ = read(ValueRef::Blob(&bytes));
        }
    }

    #[test]
    fn lists_end_at_their_limits() {
        assert!(write(std::iter::repeat_n(ValueRef::Null, MAX_ENTRIES)).is_ok());
        assert!(write(std::iter::repeat_n(ValueRef::Null, MAX_ENTRIES + 1)).is_err());
        let long = vec![b'x'; MAX_BYTES];
        assert!(write([ValueRef::Text(&long)]).is_err());
    }
}
