//! A decoded write request in flat form: one buffer and spans into it, so that no label is copied and no series
//! allocates. Filled by [`crate::ingest`], read by [`crate::batcher`] and [`crate::sink`].

use std::ops::Range;

/// A part of the request's buffer. All are UTF-8; offsets fit 32 bits because decoded sizes are limited to less.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span {
    start: u32,
    end: u32,
}

impl Span {
    /// The span of `range`, which must lie below 4 GiB.
    pub(crate) fn new(range: Range<usize>) -> Option<Self> {
        Some(Span { start: u32::try_from(range.start).ok()?, end: u32::try_from(range.end).ok()? })
    }

    #[inline]
    pub(crate) fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }

    /// The length in bytes.
    pub fn len(self) -> usize {
        (self.end - self.start) as usize
    }

    /// Whether it is empty.
    pub fn is_empty(self) -> bool {
        self.start == self.end
    }
}

/// A label: name and value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Label {
    /// The label's name, not empty.
    pub name: Span,
    /// The label's value, not empty.
    pub value: Span,
}

/// A sample.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// The value.
    pub value: f64,
    /// Milliseconds since 1970.
    pub timestamp: i64,
}

/// Why a series can't be stored, whatever its samples are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// A label is repeated, or has no name.
    Label,
    /// The name or the value of a label is not UTF-8.
    NotUtf8,
    /// A label refers to a symbol that the request does not have (remote write 2.0).
    UnknownSymbol,
    /// The last label has a name and no value (remote write 2.0).
    MissingValue,
}

impl Fault {
    /// The fault in words, to be followed by "in" and the series.
    pub fn describe(self) -> &'static str {
        match self {
            Fault::Label => "a label stands twice or has no name",
            Fault::NotUtf8 => "a label is not UTF-8",
            Fault::UnknownSymbol => "a label refers to no symbol",
            Fault::MissingValue => "a label has no value",
        }
    }
}

/// A series: where its parts stand in the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Series {
    /// The metric name, the value of `__name__`. Empty where the request had none.
    pub name: Span,
    /// Why it can't be stored. A label that can't be read is left out of its labels.
    pub fault: Option<Fault>,
    pub(crate) labels: (u32, u32),
    pub(crate) samples: (u32, u32),
}

impl Series {
    /// The number of its samples.
    pub fn sample_count(&self) -> usize {
        (self.samples.1 - self.samples.0) as usize
    }

    /// The numbers of its samples within the request.
    pub fn sample_indexes(&self) -> Range<u32> {
        self.samples.0..self.samples.1
    }
}

/// A native histogram: of which series it is, and where its message stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NativeHistogram {
    pub(crate) series: u32,
    pub(crate) message: Span,
}

/// The outcome of a native histogram that was expanded: the worst outcome of its samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fate {
    Written,
    Ignored,
    Rejected,
    Failed,
}

/// A native histogram that was expanded into series of one sample each: the first of them, and its fate so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Expanded {
    pub(crate) first_series: u32,
    pub(crate) fate: Fate,
}

/// How many of a request's expanded histograms had each outcome.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HistogramTally {
    /// Stored, with all of their samples.
    pub written: u64,
    /// Stored at most in part, since samples of them were ignored by policy.
    pub ignored: u64,
    /// Stored at most in part, since samples of them can never be stored.
    pub rejected: u64,
    /// Stored at most in part, since samples of them were not stored this time.
    pub failed: u64,
}

impl HistogramTally {
    pub(crate) fn of(expanded: &[Expanded]) -> Self {
        let mut tally = HistogramTally::default();
        for histogram in expanded {
            match histogram.fate {
                Fate::Written => tally.written += 1,
                Fate::Ignored => tally.ignored += 1,
                Fate::Rejected => tally.rejected += 1,
                Fate::Failed => tally.failed += 1,
            }
        }
        tally
    }

    /// The same, but all histograms that count as written have failed.
    pub(crate) fn or_failed(self) -> Self {
        HistogramTally { written: 0, failed: self.failed + self.written, ..self }
    }
}

/// The expanded histogram that the series of number `series` was made for.
pub(crate) fn expanded_by_series(expanded: &mut [Expanded], series: u32) -> Option<&mut Expanded> {
    let after = expanded.partition_point(|histogram| histogram.first_series <= series);
    expanded.get_mut(after.checked_sub(1)?)
}

/// A cache of what is known about labels, by their place in the buffer. Equal labels of neighbouring series mostly have
/// the same span, so a label is examined only once for many series.
pub(crate) struct BySpan<K, V, const SLOTS: usize>([(K, V); SLOTS]);

impl<K: Copy + Default + Eq, V: Copy + Default, const SLOTS: usize> BySpan<K, V, SLOTS> {
    /// An empty cache.
    pub(crate) fn new() -> Self {
        BySpan([(K::default(), V::default()); SLOTS])
    }

    /// What is known about `key`, or else the result of `find`. `key` is not the default one, and `span` is a part of
    /// it.
    #[inline]
    pub(crate) fn get(&mut self, key: K, span: Span, find: impl FnOnce() -> V) -> V {
        let (known, value) = &mut self.0[span.start as usize % SLOTS];
        if *known != key {
            (*known, *value) = (key, find());
        }
        *value
    }
}

/// A decoded write request. Labels of a series are sorted by name, without `__name__` and without empty values.
#[derive(Debug, Clone, Default)]
pub struct WriteRequest {
    pub(crate) buffer: Vec<u8>,
    pub(crate) labels: Vec<Label>,
    pub(crate) series: Vec<Series>,
    pub(crate) samples: Vec<Sample>,
    pub(crate) histograms: Vec<NativeHistogram>,
    /// In the order of their series, which stand behind those of the request itself.
    pub(crate) expanded: Vec<Expanded>,
    /// Exemplars in the request. They are not stored.
    pub exemplars: u64,
}

/// The tables of a request have no room for further labels, series or samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NoRoom;

/// What the tables of a request that is being decoded may still take in memory, in bytes. It keeps a request of empty
/// labels and samples, two bytes each, from taking many times its size.
#[derive(Debug)]
pub(crate) struct Room(usize);

impl Room {
    /// Room for `factor` times `bytes`, and a little for the first items of any request.
    pub(crate) fn new(bytes: usize, factor: usize) -> Self {
        const FIRST_ITEMS: usize = 8192;
        Room(bytes.saturating_mul(factor).saturating_add(FIRST_ITEMS))
    }

    /// Reserves `items` of an empty table, as far as there is room.
    pub(crate) fn reserve<T>(&mut self, table: &mut Vec<T>, items: usize) {
        let items = items.min(self.0 / size_of::<T>());
        table.reserve_exact(items);
        self.0 -= items * size_of::<T>();
    }

    /// Appends to a table within the room.
    #[inline]
    pub(crate) fn push<T>(&mut self, table: &mut Vec<T>, item: T) -> Result<(), NoRoom> {
        if table.len() == table.capacity() {
            self.grow(table)?;
        }
        table.push(item);
        Ok(())
    }

    #[cold]
    fn grow<T>(&mut self, table: &mut Vec<T>) -> Result<(), NoRoom> {
        let more = table.capacity().max(16).min(self.0 / size_of::<T>());
        if more == 0 {
            return Err(NoRoom);
        }
        table.reserve_exact(more);
        self.0 -= more * size_of::<T>();
        Ok(())
    }
}

impl WriteRequest {
    /// All series.
    pub fn series(&self) -> &[Series] {
        &self.series
    }

    /// The series of number `index`.
    #[inline]
    pub fn series_at(&self, index: u32) -> &Series {
        &self.series[index as usize]
    }

    /// The labels of a series.
    #[inline]
    pub fn labels(&self, series: &Series) -> &[Label] {
        &self.labels[series.labels.0 as usize..series.labels.1 as usize]
    }

    /// The sample of number `index`.
    #[inline]
    pub fn sample_at(&self, index: u32) -> Sample {
        self.samples[index as usize]
    }

    /// The number of samples of all series.
    pub fn sample_count(&self) -> usize {
        self.samples.len()
    }

    /// The number of samples that came as such: not made from native histograms.
    pub(crate) fn own_sample_count(&self) -> u64 {
        match self.expanded.first() {
            None => self.samples.len() as u64,
            Some(first) => {
                let own = &self.series[..(first.first_series as usize).min(self.series.len())];
                own.iter().map(|series| series.sample_count() as u64).sum()
            }
        }
    }

    /// The number of native histograms.
    pub fn histogram_count(&self) -> usize {
        self.histograms.len()
    }

    /// Notes which expanded histograms have lost samples, and so are at best ignored.
    pub(crate) fn mark_incomplete_histograms(&mut self) {
        let WriteRequest { series, expanded, .. } = self;
        let mut end = series.len();
        for histogram in expanded.iter_mut().rev() {
            let first = histogram.first_series as usize;
            if series[first..end].iter().any(|one| one.sample_count() == 0) {
                histogram.fate = histogram.fate.max(Fate::Ignored);
            }
            end = first;
        }
    }

    /// The bytes of a span.
    #[inline]
    pub fn bytes(&self, span: Span) -> &[u8] {
        &self.buffer[span.range()]
    }

    /// A span as text, for messages.
    pub fn text(&self, span: Span) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(self.bytes(span))
    }

    /// The first characters of a span, for messages: it may have megabytes.
    pub(crate) fn beginning(&self, span: Span, limit: usize) -> String {
        /// The longest character.
        const BYTES: usize = 4;
        let bytes = self.bytes(span);
        let text = String::from_utf8_lossy(&bytes[..bytes.len().min(limit.saturating_mul(BYTES))]);
        text.chars().take(limit).collect()
    }

    /// The series as people write it, `name{label="value"}`, cut after `limit` characters; for messages.
    pub fn describe(&self, series: &Series, limit: usize) -> String {
        // One more, so that what is cut is seen to be.
        let beginning = |span| self.beginning(span, limit + 1);
        let mut text = beginning(series.name);
        text.push('{');
        for (index, label) in self.labels(series).iter().enumerate() {
            if text.len() > limit {
                break;
            }
            let comma = if index > 0 { "," } else { "" };
            text.push_str(&format!("{comma}{}={:?}", beginning(label.name), beginning(label.value)));
        }
        text.push('}');
        if text.chars().count() > limit {
            text = text.chars().take(limit).chain("…".chars()).collect();
        }
        text
    }

    /// One of a series' samples, `name{label="value"} value at time ms`, the series cut after `limit` characters; for
    /// messages.
    pub fn describe_sample(&self, series: &Series, sample: Sample, limit: usize) -> String {
        format!("{} {} at {} ms", self.describe(series, limit), sample.value, sample.timestamp)
    }

    /// About how many bytes the JSON of its samples' records takes if they share no attributes.
    pub fn records_footprint(&self) -> usize {
        self.series.iter().map(|series| self.record_bytes(series) * series.sample_count()).sum()
    }

    /// The same for one record of a series.
    pub(crate) fn record_bytes(&self, series: &Series) -> usize {
        /// The keys, brackets and commas of a dimension.
        const DIMENSION: usize = 24;
        /// The keys of a record, with its time and an ordinary value.
        const RECORD: usize = 110;
        /// A record that is not too large for Timestream is hardly larger than this.
        const LARGEST: usize = 8192;
        let labels = self.labels(series).iter();
        let labels: usize = labels.map(|label| label.name.len() + label.value.len() + DIMENSION).sum();
        (series.name.len() + labels + RECORD).min(LARGEST)
    }

    /// The memory that the request holds, in bytes.
    pub fn footprint(&self) -> usize {
        self.buffer.capacity()
            + self.labels.capacity() * size_of::<Label>()
            + self.series.capacity() * size_of::<Series>()
            + self.samples.capacity() * size_of::<Sample>()
            + self.histograms.capacity() * size_of::<NativeHistogram>()
            + self.expanded.capacity() * size_of::<Expanded>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_grows_until_the_room_is_used_up() {
        let mut room = Room(1000);
        let mut table: Vec<u64> = Vec::new();
        while room.push(&mut table, 7).is_ok() {}
        assert_eq!((table.len(), table.capacity(), room.0), (125, 125, 0));
    }
}
