//! Which dimensions a table has, from a cached DESCRIBE.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_timestreamquery::types::Row;
use lru::LruCache;
use tokio::time::Instant;

use super::matcher::METRIC_NAME;
use crate::dimension;

/// How long a DESCRIBE is believed where its answer only adds conditions: rows are checked again anyway.
const BELIEVED_FOR: Duration = Duration::from_secs(60);

/// How long it is believed that a table lacks a label. Soon after the first sample with a new label, a query for it
/// must find it.
const LACK_BELIEVED_FOR: Duration = Duration::from_secs(1);

/// The most tables, counted per caller, whose schemas are kept.
const CAPACITY: NonZeroUsize = NonZeroUsize::new(1024).unwrap();

/// The labels of a table and the columns that hold them.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Schema {
    columns: HashMap<String, String>,
}

impl Schema {
    /// The rows of a DESCRIBE: name, type, and what the column is to Timestream.
    pub(super) fn of_describe(rows: &[Row]) -> Self {
        let dimensions = rows.iter().filter_map(|row| {
            let text = |index: usize| row.data().get(index).and_then(|datum| datum.scalar_value());
            (text(2) == Some("DIMENSION")).then(|| text(0)).flatten()
        });
        Schema::of_dimensions(dimensions)
    }

    /// The schema with these dimensions.
    pub(super) fn of_dimensions<'a>(dimensions: impl IntoIterator<Item = &'a str>) -> Self {
        let columns =
            dimensions.into_iter().filter_map(|column| Some((label_of(column)?, column.to_owned()))).collect();
        Schema { columns }
    }

    /// The column that holds a label's values.
    pub(super) fn column(&self, label: &str) -> Option<&str> {
        self.columns.get(label).map(String::as_str)
    }
}

/// The label that a dimension holds. The placeholder holds none, nor does what another writer named like the metric
/// name.
pub(super) fn label_of(dimension: &str) -> Option<String> {
    let label = dimension::restore(dimension);
    (dimension != dimension::PLACEHOLDER && label != METRIC_NAME).then(|| label.into_owned())
}

/// A table as one caller sees it: schemas are never shared between callers, who may not see the same.
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

    /// The schema of a table if it is fresh enough to be believed about `labels`.
    pub(super) fn get<'a>(&self, key: &TableKey, labels: impl IntoIterator<Item = &'a str>) -> Option<Arc<Schema>> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let (fetched, schema) = entries.get(key)?;
        let lacks_one = labels.into_iter().any(|label| label != METRIC_NAME && schema.column(label).is_none());
        let believed_for = if lacks_one { LACK_BELIEVED_FOR } else { BELIEVED_FOR };
        (fetched.elapsed() < believed_for).then(|| Arc::clone(schema))
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

    #[tokio::test(start_paused = true)]
    async fn a_lack_is_believed_for_less_long_than_a_column() {
        let cache = SchemaCache::new();
        cache.put(key(1), Instant::now(), Arc::new(Schema::of_dimensions(["job"])));
        assert!(cache.get(&key(1), ["job", "nope", "__name__"]).is_some());
        assert!(cache.get(&key(2), ["job"]).is_none());
        tokio::time::advance(LACK_BELIEVED_FOR).await;
        assert!(cache.get(&key(1), ["job", "nope"]).is_none());
        assert!(cache.get(&key(1), ["job", "__name__"]).is_some());
        tokio::time::advance(BELIEVED_FOR).await;
        assert!(cache.get(&key(1), ["job"]).is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_forgotten_is_asked_for_again() {
        let cache = SchemaCache::new();
        cache.put(key(1), Instant::now(), Arc::new(Schema::of_dimensions(["job"])));
        cache.forget(&key(1));
        assert!(cache.get(&key(1), ["job"]).is_none());
    }
}
