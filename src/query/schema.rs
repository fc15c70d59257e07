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
const VALUES: [&str; 2] = ["measure_value::double", "measure_value::bigint"];

/// The labels of a table and the columns that hold them.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Schema {
    /// Label and column, by label: the order in which Prometheus compares them.
    columns: BTreeMap<String, String>,
    /// All columns, with the label that a dimension holds.
    known: HashMap<String, Option<String>>,
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
        let label = is_dimension.then(|| label_of(column)).flatten();
        if let Some(label) = &label {
            self.columns.insert(label.clone(), column.to_owned());
        }
        self.known.insert(column.to_owned(), label);
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
        self.known.get(column).map(Option::as_deref)
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

/// The schemas seen lately.
#[derive(Debug)]
pub(super) struct SchemaCache {
    entries: Mutex<LruCache<TableKey, (Instant, Arc<Schema>)>>,
}

impl SchemaCache {
    pub(super) fn new() -> Self {
        SchemaCache { entries: Mutex::new(LruCache::new(CAPACITY)) }
    }

    /// The schema of a table if it is fresh enough to be believed about `labels` by a request that came at `asked`. What
    /// was written before the request came must be found, so a label that the schema lacks is looked for again;
    /// with `must_be_new` all are.
    pub(super) fn get<'a>(
        &self,
        key: &TableKey,
        labels: impl IntoIterator<Item = &'a str>,
        asked: Instant,
        must_be_new: bool,
    ) -> Option<Arc<Schema>> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let (fetched, schema) = entries.get(key)?;
        let lacks_one = labels.into_iter().any(|label| label != METRIC_NAME && schema.column(label).is_none());
        let believed = if lacks_one || must_be_new { *fetched >= asked } else { fetched.elapsed() < BELIEVED_FOR };
        believed.then(|| Arc::clone(schema))
    }

    /// Keeps a schema fetched at `fetched`.
    pub(super) fn put(&self, key: TableKey, fetched: Instant, schema: Arc<Schema>) {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).put(key, (fetched, schema));
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
        cache.put(key(1), Instant::now(), Arc::new(Schema::of_dimensions(["job"])));
        assert!(cache.get(&key(1), ["job", "nope", "__name__"], start, false).is_some());
        assert!(cache.get(&key(2), ["job"], start, false).is_none());
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(cache.get(&key(1), ["job", "nope"], Instant::now(), false).is_none());
        assert!(cache.get(&key(1), ["job", "__name__"], Instant::now(), false).is_some());
        assert!(cache.get(&key(1), ["job"], Instant::now(), true).is_none());
        assert!(cache.get(&key(1), ["job"], start, true).is_some());
        tokio::time::advance(BELIEVED_FOR).await;
        assert!(cache.get(&key(1), ["job"], start, false).is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_forgotten_is_asked_for_again() {
        let cache = SchemaCache::new();
        cache.put(key(1), Instant::now(), Arc::new(Schema::of_dimensions(["job"])));
        cache.forget(&key(1));
        assert!(cache.get(&key(1), ["job"], Instant::now(), false).is_none());
    }
}
