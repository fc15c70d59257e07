//! UNLOAD: a query whose rows go to objects, and whose result tells where they are.

use std::sync::Arc;

use rusqlite::Row;
use tokio::sync::OwnedSemaphorePermit;

use super::job::Job;
use crate::error::{ApiError, ErrorKind};
use crate::sql::{Cell, Column, ColumnType, Compiled, Listing, Unload};
use crate::unload::{Unloaded, Unloader};

/// The columns of the result.
pub(super) fn columns() -> Vec<Column> {
    let columns =
        [("rows", ColumnType::Bigint), ("metadataFile", ColumnType::Varchar), ("manifestFile", ColumnType::Varchar)];
    columns.map(|(name, kind)| Column::new(name, kind)).into()
}

/// Makes ready to write, with a place that is given back when the query ends.
pub(super) fn begin(job: &Job, query: &Unload) -> Result<(Unloader, OwnedSemaphorePermit), ApiError> {
    let root = job.objects.clone().ok_or_else(|| {
        ApiError::validation(
            "UNLOAD writes to a directory in the place of S3, which timestream-local needs --object-root for, and the \
             connector --embedded.object-root.",
        )
    })?;
    let place = Arc::clone(&job.unloads).try_acquire_owned();
    let place = place.map_err(|_| ApiError::new(ErrorKind::Throttling, "Too many UNLOADs are running."))?;
    let unloader = Unloader::new(root, &query.to, &job.id, &query.select.columns, &query.options)?;
    Ok((unloader, place))
}

/// Writes a row. More are always wanted.
pub(super) fn row(unloader: &mut Unloader, select: &Compiled, row: &Row<'_>) -> Result<bool, ApiError> {
    let values = (0..select.columns.len()).map(|index| row.get_ref(index)).collect::<Result<Vec<_>, _>>()?;
    unloader.row(&values)?;
    Ok(true)
}

/// The result.
pub(super) fn listing(unloaded: Unloaded) -> Listing {
    let Unloaded { rows, metadata, manifest } = unloaded;
    let row = vec![Cell::Text(rows.to_string()), Cell::Text(metadata), Cell::Text(manifest)];
    Listing { columns: columns(), rows: vec![row] }
}
