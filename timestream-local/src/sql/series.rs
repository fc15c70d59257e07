//! Time series as SQLite holds them: a BLOB of entries.
//!
//! The first byte is the type of the values (`r` real, `i` integer, `t` text). The next four are the number of entries.
//! Then follow the entries, each a time and a value of eight bytes each. Of a text, the value is its place and length in
//! the bytes behind the entries. All numbers are little-endian.

use rusqlite::types::{Value, ValueRef};

use super::failure::Failure;
use super::nan;

/// Most entries of one time series, array or row.
pub(crate) const MAX_ENTRIES: usize = 262_144;
const HEAD: usize = 5;
const ENTRY: usize = 16;

/// Entries to be read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entries<'b> {
    kind: u8,
    entries: &'b [u8],
    texts: &'b [u8],
}

impl<'b> Entries<'b> {
    /// Reads a BLOB that [`write`] made.
    pub(crate) fn read(value: ValueRef<'b>) -> Result<Self, Failure> {
        let ValueRef::Blob(bytes) = value else { return Err("A time series is no BLOB".into()) };
        Self::parse(bytes).ok_or_else(|| "A time series cannot be read".into())
    }

    fn parse(bytes: &'b [u8]) -> Option<Self> {
        let (kind, rest) = bytes.split_first()?;
        let (count, rest) = rest.split_first_chunk::<4>()?;
        let (entries, texts) = rest.split_at_checked(u32::from_le_bytes(*count) as usize * ENTRY)?;
        Some(Self { kind: *kind, entries, texts })
    }

    /// How many there are.
    pub(crate) fn len(self) -> usize {
        self.entries.len() / ENTRY
    }

    /// Time and value of each.
    pub(crate) fn iter(self) -> impl Iterator<Item = (i64, ValueRef<'b>)> {
        let (entries, _) = self.entries.as_chunks::<ENTRY>();
        entries.iter().map(move |entry| {
            let (time, value) = (word(entry, 0), word(entry, 8));
            let value = match self.kind {
                b'r' => ValueRef::Real(f64::from_bits(value)),
                b't' => ValueRef::Text(self.text(value)),
                _ => ValueRef::Integer(value as i64),
            };
            (time as i64, value)
        })
    }

    /// Time and value of each, the value a number.
    pub(crate) fn numbers(self) -> Vec<(i64, f64)> {
        let number = |value| match value {
            ValueRef::Real(number) => number,
            ValueRef::Integer(number) => number as f64,
            _ => f64::NAN,
        };
        self.iter().map(|(time, value)| (time, number(value))).collect()
    }

    fn text(self, place: u64) -> &'b [u8] {
        let (start, length) = ((place >> 32) as usize, (place & 0xffff_ffff) as usize);
        self.texts.get(start..).and_then(|rest| rest.get(..length)).unwrap_or_default()
    }
}

fn word(entry: &[u8; ENTRY], from: usize) -> u64 {
    let bytes = entry.get(from..).and_then(|rest| rest.first_chunk::<8>());
    bytes.map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

/// Entries to be written, in the order in which they are pushed. All values are of one kind.
#[derive(Debug, Default)]
pub(crate) struct Writer {
    entries: Vec<u8>,
    texts: Vec<u8>,
    kind: Option<u8>,
    last: Option<i64>,
    disordered: bool,
}

impl Writer {
    /// Appends an entry.
    pub(crate) fn push(&mut self, time: i64, value: ValueRef<'_>) -> Result<(), Failure> {
        let (kind, value) = match value {
            ValueRef::Real(number) => (b'r', number.to_bits()),
            ValueRef::Integer(number) => (b'i', number as u64),
            ValueRef::Text(text) => {
                let place = (self.texts.len() as u64) << 32 | text.len() as u64;
                self.texts.extend_from_slice(text);
                if self.texts.len() > u32::MAX as usize {
                    return Err("The texts of a time series are too long".into());
                }
                (b't', place)
            }
            nan if nan::is_nan(nan) => (b'r', f64::NAN.to_bits()),
            ValueRef::Null | ValueRef::Blob(_) => return Err("A value of a time series cannot be null".into()),
        };
        self.kind.get_or_insert(kind);
        self.disordered |= self.last.is_some_and(|last| last >= time);
        self.last = Some(time);
        if self.entries.is_empty() {
            self.entries.resize(HEAD, 0);
        }
        self.entries.extend_from_slice(&time.to_le_bytes());
        self.entries.extend_from_slice(&value.to_le_bytes());
        Ok(())
    }

    /// How many entries there are.
    pub(crate) fn len(&self) -> usize {
        self.entries.len().saturating_sub(HEAD) / ENTRY
    }

    /// Whether each entry has a later time than the one before.
    pub(crate) fn ascends(&self) -> bool {
        !self.disordered
    }

    /// The BLOB.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        let count = (self.len() as u32).to_le_bytes();
        self.entries.resize(self.entries.len().max(HEAD), 0);
        if let Some((head, _)) = self.entries.split_first_chunk_mut::<HEAD>() {
            let [a, b, c, d] = count;
            *head = [self.kind.unwrap_or(b'i'), a, b, c, d];
        }
        self.entries.append(&mut self.texts);
        self.entries
    }
}

/// A time series of doubles, whose times ascend.
///
/// # Errors
/// It says so if they are more than [`MAX_ENTRIES`].
pub(crate) fn time_series(points: &[(i64, f64)]) -> Result<Vec<u8>, String> {
    if points.len() > MAX_ENTRIES {
        return Err(format!("A time series may not have more than {MAX_ENTRIES} entries"));
    }
    let mut blob = Vec::with_capacity(HEAD + ENTRY * points.len());
    blob.push(b'r');
    blob.extend_from_slice(&(points.len() as u32).to_le_bytes());
    for (time, value) in points {
        blob.extend_from_slice(&time.to_le_bytes());
        blob.extend_from_slice(&value.to_bits().to_le_bytes());
    }
    Ok(blob)
}

/// Writes entries in the order given. All values are of one kind.
pub(crate) fn write(entries: &[(i64, Value)]) -> Result<Value, Failure> {
    if entries.len() > MAX_ENTRIES {
        return Err(Failure(format!("A time series may not have more than {MAX_ENTRIES} entries")));
    }
    let mut writer = Writer::default();
    for (time, value) in entries {
        writer.push(*time, value.into())?;
    }
    Ok(Value::Blob(writer.finish()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn round_trip(entries: Vec<(i64, Value)>) -> bool {
        let blob = write(&entries).unwrap();
        let read: Vec<(i64, Value)> = Entries::read((&blob).into())
            .unwrap()
            .iter()
            .map(|(time, value)| (time, value.try_into().unwrap()))
            .collect();
        read == entries
    }

    proptest! {
        #[test]
        fn entries_come_back(
            numbers in prop::collection::vec((any::<i64>(), any::<f64>().prop_filter("NaN", |n| !n.is_nan())), 0..20),
            texts in prop::collection::vec((any::<i64>(), ".{0,10}"), 0..20),
        ) {
            prop_assert!(round_trip(numbers.iter().map(|(t, n)| (*t, Value::Real(*n))).collect()));
            prop_assert!(round_trip(numbers.iter().map(|(t, _)| (*t, Value::Integer(*t))).collect()));
            prop_assert!(round_trip(texts.into_iter().map(|(t, text)| (t, Value::Text(text))).collect()));
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            if let Ok(entries) = Entries::read(ValueRef::Blob(&bytes)) {
                prop_assert_eq!(entries.iter().count(), entries.len());
            }
        }
    }
}
