//! Which dimensions a table has, from a cached DESCRIBE or, if that is denied, from the columns of an answer.

use std::collections::{BTreeMap, HashMap};
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_timestreamquery::types::{ColumnInfo, Row, ScalarType};
use lru::LruCache;
use tokio::time::Instant;

use super::matcher::METRIC_NAME;
use crate::dimension;

/// How long the columns of a DESCRIBE are trusted: rows are checked again anyway. That a column is missing is trusted
/// only during the request for which the DESCRIBE was made.
const BELIEVED_FOR: Duration = Duration::from_secs(60);

/// The most tables, counted per caller, whose schemas are kept.
const CAPACITY: NonZeroUsize = NonZeroUsize::new(1024).unwrap();

/// The columns that samples' values may stand in.
const VALUES: [&str; 2] = [DOUBLE, BIGINT];
pub(super) const DOUBLE: &str = "measure_value::double";
pub(super) const BIGINT: &str = "measure_value::bigint";

/// The labels of a table and the columns that hold them.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Schema {
    /// Label and column, by label: the order in which Prometheus compares them.
    columns: BTreeMap<String, String>,
    /// All columns, and what they are.
    known: HashMap<String, ColumnKind>,
}

/// What a column is to the connector.
#[derive(Debug, Clone, PartialEq, Eq)]
enum ColumnKind {
    /// A dimension that holds this label.
    Label(String),
    /// A dimension that holds no label.
    OtherDimension,
    /// Time, the measure name, or a measure.
    NoDimension,
}

impl Schema {
    /// The rows of a DESCRIBE: name, type, and what the column is to Timestream.
    pub(super) fn of_describe(rows: &[Row]) -> Self {
        let mut schema = Schema::default();
        for row in rows {
            let text = |index: usize| row.data().get(index).and_then(|datum| datum.scalar_value());
            if let Some(column) = text(0) {
                schema.add(column, text(2) == Some("DIMENSION"));
            }
        }
        schema
    }

    /// The columns of a `SELECT *`. Text measures of multi-measure records look like dimensions there, and are taken
    /// for them; the connector does not write such records.
    pub(super) fn of_columns(columns: &[ColumnInfo]) -> Self {
        let mut schema = Schema::default();
        for column in columns {
            let is_text = column.r#type().and_then(|t| t.scalar_type()) == Some(&ScalarType::Varchar);
            if let Some(name) = column.name() {
                schema.add(name, is_text && !is_reserved(name));
            }
        }
        schema
    }

    /// The schema with these dimensions, and values of both types.
    pub fn of_dimensions<'a>(dimensions: impl IntoIterator<Item = &'a str>) -> Self {
        let mut schema = Schema::default();
        dimensions.into_iter().for_each(|column| schema.add(column, true));
        VALUES.iter().for_each(|column| schema.add(column, false));
        schema
    }

    fn add(&mut self, column: &str, is_dimension: bool) {
        let kind = match is_dimension.then(|| label_of(column)) {
            Some(Some(label)) => {
                self.columns.insert(label.clone(), column.to_owned());
                ColumnKind::Label(label)
            }
            Some(None) => ColumnKind::OtherDimension,
            None => ColumnKind::NoDimension,
        };
        self.known.insert(column.to_owned(), kind);
    }

    /// The column that holds a label's values.
    pub(super) fn column(&self, label: &str) -> Option<&str> {
        self.columns.get(label).map(String::as_str)
    }

    /// All labels but the metric name, sorted, and their columns.
    pub(super) fn labels(&self) -> impl Iterator<Item = (&str, &str)> {
        self.columns.iter().map(|(label, column)| (label.as_str(), column.as_str()))
    }

    /// The columns that hold samples' values.
    pub(super) fn values(&self) -> impl Iterator<Item = &'static str> {
        VALUES.into_iter().filter(|column| self.known.contains_key(*column))
    }

    /// The label that a column of an answer holds; the inner `None` when it holds none, the outer one when the table
    /// has got the column since it was described.
    pub(super) fn label(&self, column: &str) -> Option<Option<&str>> {
        if is_reserved(column) {
            return Some(None);
        }
        self.known.get(column).map(|kind| match kind {
            ColumnKind::Label(label) => Some(label.as_str()),
            ColumnKind::OtherDimension | ColumnKind::NoDimension => None,
        })
    }

    /// The dimensions that hold no label, sorted.
    pub(super) fn other_dimensions(&self) -> Vec<&str> {
        let others = self.known.iter().filter(|(_, kind)| **kind == ColumnKind::OtherDimension);
        let mut found: Vec<&str> = others.map(|(column, _)| column.as_str()).collect();
        found.sort_unstable();
        found
    }

    /// Whether rows may hold measures that are no samples' values.
    pub(super) fn has_other_measures(&self) -> bool {
        let is_other = |column: &str| !["time", "measure_name"].contains(&column) && !VALUES.contains(&column);
        self.known.iter().any(|(column, kind)| *kind == ColumnKind::NoDimension && is_other(column))
    }
}

/// Whether Timestream reserves the name, so that no dimension and no measure has it.
fn is_reserved(column: &str) -> bool {
    column == "time" || ["measure_name", "measure_value", "ts_"].iter().any(|prefix| column.starts_with(prefix))
}

/// The label that a dimension holds. The placeholder holds none, nor does a dimension that another writer named like
/// the label of the metric name.
fn label_of(dimension: &str) -> Option<String> {
    let label = dimension::restore(dimension);
    (dimension != dimension::PLACEHOLDER && label != METRIC_NAME).then(|| label.into_owned())
}

/// A table as one caller sees it. Schemas are never shared between callers, since they may see different ones.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct TableKey {
    pub(super) caller: [u8; 32],
    pub(super) database: String,
    pub(super) table: String,
}

/// What is known of a table.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub(super) schema: Arc<Schema>,
    pub(super) fetched: Instant,
    /// When the caller was last denied to DESCRIBE it.
    pub(super) denied: Option<Instant>,
}

/// The schemas seen lately.
#[derive(Debug)]
pub(super) struct SchemaCache {
    entries: Mutex<LruCache<TableKey, Known>>,
}

impl SchemaCache {
    pub(super) fn new() -> Self {
        SchemaCache { entries: Mutex::new(LruCache::new(CAPACITY)) }
    }

    /// The schema of a table if it is fresh enough to be believed about `labels` by a request that came at `asked`. What
    /// was written before the request came must be found, so a label or the values that the schema lacks are looked for
    /// again.
    pub(super) fn get<'a>(
        &self,
        key: &TableKey,
        labels: impl IntoIterator<Item = &'a str>,
        asked: Instant,
    ) -> Option<Known> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let known = entries.get(key)?;
        let schema = &known.schema;
        let lacks_one = labels.into_iter().any(|label| label != METRIC_NAME && schema.column(label).is_none())
            || schema.values().next().is_none();
        let believed = if lacks_one { known.fetched >= asked } else { known.fetched.elapsed() < BELIEVED_FOR };
        believed.then(|| known.clone())
    }

    /// When DESCRIBE was denied, if it need not be tried again yet.
    pub(super) fn denied(&self, key: &TableKey) -> Option<Instant> {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.peek(key)?.denied.filter(|denied| denied.elapsed() < BELIEVED_FOR)
    }

    /// Keeps what is known of a table.
    pub(super) fn put(&self, key: TableKey, known: Known) {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).put(key, known);
    }

    /// Forgets a schema that turned out to be wrong.
    pub(super) fn forget(&self, key: &TableKey) {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).pop(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(caller: u8) -> TableKey {
        TableKey { caller: [caller; 32], database: "d".to_owned(), table: "t".to_owned() }
    }

    fn known(denied: Option<Instant>) -> Known {
        Known { schema: Arc::new(Schema::of_dimensions(["job"])), fetched: Instant::now(), denied }
    }

    #[test]
    fn columns_are_known_by_the_label_they_hold() {
        let schema = Schema::of_dimensions(["job", "z__x_z", dimension::PLACEHOLDER, "z___name___z"]);
        assert_eq!(schema.column("job"), Some("job"));
        assert_eq!(schema.column("_x"), Some("z__x_z"));
        assert_eq!((schema.column(""), schema.column("z__x_z"), schema.column("__name__")), (None, None, None));
    }

    #[test]
    fn columns_of_an_answer_hold_a_label_or_none_or_are_new() {
        let row = |name: &str, kind: &str| {
            let datum = |text: &str| aws_sdk_timestreamquery::types::Datum::builder().scalar_value(text).build();
            Row::builder().set_data(Some(vec![datum(name), datum("varchar"), datum(kind)])).build().unwrap()
        };
        let schema = Schema::of_describe(&[row("z_a_z", "DIMENSION"), row("z__x_z", "DIMENSION"), row("cpu", "MULTI")]);
        assert_eq!((schema.label("z__x_z"), schema.label("z_a_z")), (Some(Some("_x")), Some(Some("z_a_z"))));
        assert_eq!((schema.label("cpu"), schema.label("measure_value::double")), (Some(None), Some(None)));
        assert_eq!((schema.label("time"), schema.label("job")), (Some(None), None));
        assert_eq!(schema.labels().collect::<Vec<_>>(), [("_x", "z__x_z"), ("z_a_z", "z_a_z")]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_lack_is_believed_only_by_the_request_that_asked() {
        let (cache, start) = (SchemaCache::new(), Instant::now());
        cache.put(key(1), known(None));
        assert!(cache.get(&key(1), ["job", "nope", "__name__"], start).is_some());
        assert!(cache.get(&key(2), ["job"], start).is_none());
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(cache.get(&key(1), ["job", "nope"], Instant::now()).is_none());
        assert!(cache.get(&key(1), ["job", "__name__"], Instant::now()).is_some());
        tokio::time::advance(BELIEVED_FOR).await;
        assert!(cache.get(&key(1), ["job"], start).is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_forgotten_is_asked_for_again() {
        let cache = SchemaCache::new();
        cache.put(key(1), known(None));
        cache.forget(&key(1));
        assert!(cache.get(&key(1), ["job"], Instant::now()).is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn a_describe_that_was_denied_is_tried_again_later() {
        let cache = SchemaCache::new();
        cache.put(key(1), known(Some(Instant::now())));
        assert!(cache.denied(&key(1)).is_some() && cache.denied(&key(2)).is_none());
        tokio::time::advance(BELIEVED_FOR).await;
        assert!(cache.denied(&key(1)).is_none());
    }
}
