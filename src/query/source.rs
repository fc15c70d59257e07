//! A table as one caller reads it during one request.

use std::sync::Arc;

use tokio::time::Instant;

use super::columns::Columns;
use super::form::{RowForm, RowForms};
use super::pages::{Asking, Page, Pages};
use super::request::ParsedQuery;
use super::schema::{Known, Schema, SchemaCache, TableKey};
use super::sql::{self, Order};
use crate::error::{Error, Kind};

/// How often a query is started again because the table's columns changed meanwhile.
const MAX_SCHEMA_CHANGES: u32 = 3;

/// The warning of a table that can't be read series by series.
const REFUSED: &str = "Timestream refuses to answer series by series: reads take a row for each sample, which is slow";

/// Where to read, and for which caller.
pub(super) struct Source {
    pub(super) schemas: Arc<SchemaCache>,
    pub(super) forms: Arc<RowForms>,
    pub(super) asking: Asking,
    pub(super) key: TableKey,
    /// When the request came.
    pub(super) asked: Instant,
}

/// The rows of one query, page by page.
pub(super) struct Rows {
    pages: Pages,
    first: Option<Page>,
    form: RowForm,
}

impl Rows {
    /// The next page; `None` after the last.
    pub(super) async fn next(&mut self) -> Result<Option<Page>, Error> {
        let page = match self.first.take() {
            Some(first) => Some(first),
            None => self.pages.next().await?,
        };
        if let Some(page) = &page {
            self.pages.count_rows(page.output.rows.len());
        }
        Ok(page)
    }
}

impl Source {
    /// Starts a query and waits for its first page. `None` if no row can match.
    ///
    /// A row for each series is asked for; smaller ones, and at last rows for samples, where Timestream refuses that.
    pub(super) async fn open(&self, query: &ParsedQuery, order: Order) -> Result<Option<(Rows, Columns)>, Error> {
        let form = match query.labels_alone {
            true => RowForm::Labels,
            // Such a table has rows that are no samples, and they are counted.
            false if self.known(query).await?.schema.has_other_measures() => RowForm::Sample,
            false => self.forms.of(&self.key),
        };
        self.open_from(query, order, form, None).await
    }

    /// Starts a query again whose later pages failed with `error`, if another form may help.
    ///
    /// # Errors
    /// `error`, if none may; and those of [`Self::open`].
    pub(super) async fn open_again(
        &self,
        query: &ParsedQuery,
        order: Order,
        rows: &Rows,
        error: Error,
    ) -> Result<Option<(Rows, Columns)>, Error> {
        let mut refusal = None;
        let form = self.next_form(rows.form, error, &mut refusal)?;
        self.open_from(query, order, form, refusal).await
    }

    /// Learns from an error after which the query can't be started again.
    pub(super) fn learn(&self, rows: &Rows, error: &Error) {
        if let RowForm::Series(bin) = rows.form
            && error.kind() == Kind::RowTooLarge
        {
            self.forms.too_large(&self.key, bin);
        }
    }

    /// `refusal` is why Timestream did not take a row for each series.
    async fn open_from(
        &self,
        query: &ParsedQuery,
        order: Order,
        mut form: RowForm,
        mut refusal: Option<Error>,
    ) -> Result<Option<(Rows, Columns)>, Error> {
        loop {
            match (self.open_as(query, order, form).await, refusal.as_ref()) {
                (Err(error), _) => form = self.next_form(form, error, &mut refusal)?,
                (Ok(opened), None) => return Ok(opened),
                // The form was to blame, and not the query.
                (Ok(opened), Some(refusal)) => {
                    self.forms.refused(&self.key);
                    self.asking.metrics.refused_series.increment(1);
                    let TableKey { database, table, .. } = &self.key;
                    tracing::warn!(database, table, error = %refusal, "{REFUSED}");
                    return Ok(opened);
                }
            }
        }
    }

    /// The form to ask for after an error in another one.
    ///
    /// # Errors
    /// The one to tell if no other form may help.
    fn next_form(&self, form: RowForm, error: Error, refusal: &mut Option<Error>) -> Result<RowForm, Error> {
        match form {
            RowForm::Series(bin) if error.kind() == Kind::RowTooLarge => {
                self.forms.too_large(&self.key, bin);
                Ok(self.forms.of(&self.key))
            }
            RowForm::Series(_) if error.kind() == Kind::QueryRefused => {
                *refusal = Some(error);
                Ok(RowForm::Sample)
            }
            // Whatever else was wrong with the query is wrong in this form too.
            RowForm::Series(_) | RowForm::Sample | RowForm::Labels if error.kind().is_retryable() => Err(error),
            RowForm::Series(_) | RowForm::Sample | RowForm::Labels => Err(refusal.take().unwrap_or(error)),
        }
    }

    /// The same in one form.
    async fn open_as(
        &self,
        query: &ParsedQuery,
        order: Order,
        form: RowForm,
    ) -> Result<Option<(Rows, Columns)>, Error> {
        let mut changes = 0;
        loop {
            match self.try_open(query, order, form).await {
                Err(error) if is_schema_change(error.kind()) && changes < MAX_SCHEMA_CHANGES => {
                    changes += 1;
                    self.schemas.forget(&self.key);
                }
                opened => return opened,
            }
        }
    }

    async fn try_open(
        &self,
        query: &ParsedQuery,
        order: Order,
        form: RowForm,
    ) -> Result<Option<(Rows, Columns)>, Error> {
        let mut known = self.known(query).await?;
        loop {
            let schema = &known.schema;
            let TableKey { database, table, .. } = &self.key;
            let Some(sql) = sql::select(database, table, schema, &query.matchers, query.bounds, form, order)? else {
                return Ok(None);
            };
            tracing::debug!(sql, "query");
            let pages = match form {
                RowForm::Series(_) => self.asking.pages_with_points(&sql),
                RowForm::Labels | RowForm::Sample => self.asking.pages(&sql),
            };
            let opening = first_page(pages, form, schema);
            // An answer to a query that names its columns does not show that the table has got a new one. So the columns
            // are looked at again meanwhile.
            if form == RowForm::Sample || known.fetched >= self.asked {
                return opening.await;
            }
            let (opened, now) = tokio::join!(opening, self.now_known());
            let now = now?;
            if now.schema == known.schema {
                return opened;
            }
            known = now;
        }
    }

    /// The schema that the query may rely on.
    async fn known(&self, query: &ParsedQuery) -> Result<Known, Error> {
        let labels = query.matchers.iter().map(|matcher| matcher.label.as_str());
        match self.schemas.get(&self.key, labels, self.asked) {
            Some(known) => Ok(known),
            None => self.now_known().await,
        }
    }

    /// The schema of now, which is kept.
    async fn now_known(&self) -> Result<Known, Error> {
        let fetched = Instant::now();
        let mut denied = self.schemas.denied(&self.key);
        let described = if denied.is_none() { Some(self.describe().await) } else { None };
        let schema = match described {
            Some(Err(error)) if error.kind() == Kind::Forbidden => {
                tracing::debug!(%error, "DESCRIBE is denied: the columns of an empty answer are taken instead");
                denied = Some(fetched);
                self.columns_of_an_empty_answer().await?
            }
            Some(described) => described?,
            None => self.columns_of_an_empty_answer().await?,
        };
        let known = Known { schema: Arc::new(schema), fetched, denied };
        self.schemas.put(self.key.clone(), known.clone());
        Ok(known)
    }

    /// The table's schema, as new as the request.
    pub(super) async fn now_known_schema(&self) -> Result<Arc<Schema>, Error> {
        Ok(self.now_known().await?.schema)
    }

    async fn describe(&self) -> Result<Schema, Error> {
        let mut pages = self.asking.pages(&format!("DESCRIBE {}", self.table()));
        let mut rows = Vec::new();
        while let Some(page) = pages.next().await? {
            rows.extend(page.output.rows);
        }
        Ok(Schema::of_describe(&rows))
    }

    /// The schema for callers that may `timestream:Select` but not `timestream:DescribeTable`.
    async fn columns_of_an_empty_answer(&self) -> Result<Schema, Error> {
        let mut pages = self.asking.pages(&sql::nothing_of(&self.table()));
        let mut schema = Schema::default();
        while let Some(page) = pages.next().await? {
            if !page.output.column_info.is_empty() {
                schema = Schema::of_columns(&page.output.column_info);
            }
        }
        Ok(schema)
    }

    fn table(&self) -> String {
        sql::table(&self.key.database, &self.key.table)
    }
}

/// The first page that has columns. `None` if none has.
async fn first_page(mut pages: Pages, form: RowForm, schema: &Schema) -> Result<Option<(Rows, Columns)>, Error> {
    while let Some(page) = pages.next().await? {
        let columns = &page.output.column_info;
        if columns.is_empty() {
            continue;
        }
        let columns = match form {
            RowForm::Labels => Columns::of_labels(columns, schema)?,
            RowForm::Series(_) | RowForm::Sample => Columns::new(columns, schema)?,
        };
        return Ok(Some((Rows { pages, first: Some(page), form }, columns)));
    }
    Ok(None)
}

/// Whether the table has columns that the schema lacks, or lacks one that the schema has.
fn is_schema_change(kind: Kind) -> bool {
    matches!(kind, Kind::SchemaChanged | Kind::UnknownColumn)
}
