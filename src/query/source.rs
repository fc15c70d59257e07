//! A table as one caller reads it during one request.

use std::sync::Arc;

use aws_sdk_timestreamquery::types::Row;
use tokio::time::Instant;

use super::columns::Columns;
use super::matcher::Matcher;
use super::pages::{Asking, Pages};
use super::request::{ParsedQuery, Wanted};
use super::schema::{Schema, SchemaCache, TableKey};
use super::sql::{self, Order};
use crate::error::{Error, Kind};

/// How often a query is started again because the table's columns changed meanwhile.
const MAX_SCHEMA_CHANGES: u32 = 3;

/// Where to read, and for which caller.
pub(super) struct Source {
    pub(super) schemas: Arc<SchemaCache>,
    pub(super) asking: Asking,
    pub(super) key: TableKey,
    /// When the request came.
    pub(super) asked: Instant,
}

/// The rows of one query, page by page.
pub(super) struct Rows {
    pages: Pages,
    first: Option<Vec<Row>>,
}

impl Rows {
    /// The rows of the next page; `None` after the last.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<Row>>, Error> {
        let rows = match self.first.take() {
            Some(first) => first,
            None => match self.pages.next().await? {
                Some(page) => page.rows,
                None => return Ok(None),
            },
        };
        self.pages.count_rows(rows.len());
        Ok(Some(rows))
    }
}

impl Source {
    /// Starts a query and waits for its first page. `None` if no row can match.
    pub(super) async fn open(&self, query: &ParsedQuery, order: Order) -> Result<Option<(Rows, Columns)>, Error> {
        let mut changes = 0;
        loop {
            match self.try_open(query, order).await {
                Err(error) if is_schema_change(error.kind()) && changes < MAX_SCHEMA_CHANGES => {
                    changes += 1;
                    self.schemas.forget(&self.key);
                }
                opened => return opened,
            }
        }
    }

    async fn try_open(&self, query: &ParsedQuery, order: Order) -> Result<Option<(Rows, Columns)>, Error> {
        let wanted = query.wanted;
        let schema = self.schema(&query.matchers, wanted).await?;
        let TableKey { database, table, .. } = &self.key;
        let Some(sql) = sql::select(database, table, &schema, &query.matchers, query.bounds, wanted, order)? else {
            return Ok(None);
        };
        tracing::debug!(sql, "query");
        let mut pages = self.asking.pages(&sql);
        while let Some(page) = pages.next().await? {
            if !page.column_info.is_empty() {
                let columns = match wanted {
                    Wanted::Samples => Columns::new(&page.column_info, &schema)?,
                    Wanted::Labels => Columns::of_labels(&page.column_info, &schema)?,
                };
                return Ok(Some((Rows { pages, first: Some(page.rows) }, columns)));
            }
        }
        Ok(None)
    }

    async fn schema(&self, matchers: &[Matcher], wanted: Wanted) -> Result<Arc<Schema>, Error> {
        let labels = matchers.iter().map(|matcher| matcher.label.as_str());
        // A query that names its columns does not answer others, by which a lack would show.
        let names_columns = wanted == Wanted::Labels;
        if let Some(schema) = self.schemas.get(&self.key, labels, self.asked, names_columns) {
            return Ok(schema);
        }
        let fetched = Instant::now();
        let schema = match self.describe().await {
            Err(error) if error.kind() == Kind::Forbidden => {
                tracing::debug!(%error, "DESCRIBE is denied: the columns of an empty answer are taken instead");
                self.columns_of_an_empty_answer().await?
            }
            described => described?,
        };
        let schema = Arc::new(schema);
        self.schemas.put(self.key.clone(), fetched, Arc::clone(&schema));
        Ok(schema)
    }

    async fn describe(&self) -> Result<Schema, Error> {
        let mut pages = self.asking.pages(&format!("DESCRIBE {}", self.table()));
        let mut rows = Vec::new();
        while let Some(page) = pages.next().await? {
            rows.extend(page.rows);
        }
        Ok(Schema::of_describe(&rows))
    }

    /// The schema for callers that may `timestream:Select` but not `timestream:DescribeTable`.
    async fn columns_of_an_empty_answer(&self) -> Result<Schema, Error> {
        let mut pages = self.asking.pages(&sql::nothing_of(&self.table()));
        let mut schema = Schema::default();
        while let Some(page) = pages.next().await? {
            if !page.column_info.is_empty() {
                schema = Schema::of_columns(&page.column_info);
            }
        }
        Ok(schema)
    }

    fn table(&self) -> String {
        sql::table(&self.key.database, &self.key.table)
    }
}

/// Whether the table has columns that the schema lacks, or lacks one that the schema has.
fn is_schema_change(kind: Kind) -> bool {
    matches!(kind, Kind::SchemaChanged | Kind::UnknownColumn)
}
