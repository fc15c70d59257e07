//! QueryInsightsResponse: what a query has read, and what it has given.
//!
//! Rows, bytes and tables are counted. The shares of series and the times are those that this server has read, which need not be
//! what the service would have read.

use rusqlite::Connection;
use serde_json::{Value, json};

use super::catalog::UsedTable;
use crate::names::table_arn;
use crate::storage::samples::Trace;

/// A table that a query reads, and what it has read of it.
pub(super) struct Traced {
    pub(super) used: UsedTable,
    pub(super) trace: Trace,
}

impl Traced {
    pub(super) fn new(used: UsedTable) -> Self {
        Traced { used, trace: Trace::default() }
    }

    fn arn(&self) -> String {
        let (database, table) = &self.used.names;
        table_arn(database, table)
    }
}

/// What a query has read.
#[derive(Debug, Default)]
pub(super) struct Insights {
    tables: usize,
    /// `QuerySpatialCoverage`.
    coverage: Option<Value>,
    /// `QueryTemporalRange`.
    range: Option<Value>,
}

impl Insights {
    /// The insights of a query that has read all that it reads.
    pub(super) fn of(connection: &Connection, tables: &[Traced]) -> rusqlite::Result<Self> {
        let shares = tables.iter().map(|table| table.trace.coverage(connection, &table.used.table));
        let shares = shares.collect::<rusqlite::Result<Vec<f64>>>()?;
        let widest = tables.iter().zip(shares).max_by(|(_, a), (_, b)| a.total_cmp(b));
        let longest = tables.iter().max_by_key(|table| table.trace.duration());
        Ok(Insights {
            tables: tables.len(),
            coverage: widest.map(|(table, share)| {
                let key = table.used.table.properties.partition_key();
                json!({"Max": {"Value": share, "TableArn": table.arn(), "PartitionKey": [key]}})
            }),
            range: longest.map(|table| json!({"Max": {"Value": table.trace.duration(), "TableArn": table.arn()}})),
        })
    }

    /// QueryInsightsResponse of a query that has given so many rows, whose JSON has so many bytes.
    pub(super) fn to_json(&self, rows: u64, bytes: u64) -> Value {
        let mut response = json!({"QueryTableCount": self.tables, "OutputRows": rows, "OutputBytes": bytes});
        if let (Some(coverage), Some(range)) = (&self.coverage, &self.range) {
            response["QuerySpatialCoverage"] = coverage.clone();
            response["QueryTemporalRange"] = range.clone();
        }
        response
    }
}
