//! The operations of the service models timestream-write and timestream-query, 2018-11-01.

mod databases;
mod queries;
mod shape;
mod tables;

use std::net::SocketAddr;

use serde_json::json;

use crate::error::{ApiError, ErrorKind};
use crate::query::Queries;
use crate::records;
use crate::storage::Storage;

/// How long a client may keep a discovered endpoint, in minutes, as the service answers.
const ENDPOINT_MINUTES: u32 = 1440;

/// Answers calls.
pub(crate) struct Api {
    storage: Storage,
    queries: Queries,
    address: SocketAddr,
}

impl Api {
    /// Answers calls from `storage`. `address` is what endpoint discovery answers.
    pub(crate) fn new(storage: Storage, address: SocketAddr) -> Self {
        let queries = Queries::new(storage.file().to_owned());
        Api { storage, queries, address }
    }

    /// Answers one call: the body of a success.
    pub(crate) async fn call(&self, operation: &str, body: &[u8]) -> Result<Vec<u8>, ApiError> {
        let answer = match operation {
            "WriteRecords" => self.write_records(body).await?,
            "Query" => return self.query(body).await,
            "CancelQuery" => self.cancel_query(body)?,
            "PrepareQuery" => self.prepare_query(body).await?,
            "DescribeEndpoints" => {
                json!({"Endpoints": [{"Address": self.address.to_string(), "CachePeriodInMinutes": ENDPOINT_MINUTES}]})
            }
            "CreateDatabase" => self.create_database(body).await?,
            "DescribeDatabase" => self.describe_database(body)?,
            "UpdateDatabase" => self.update_database(body).await?,
            "DeleteDatabase" => self.delete_database(body).await?,
            "ListDatabases" => self.list_databases(body)?,
            "CreateTable" => self.create_table(body).await?,
            "DescribeTable" => self.describe_table(body)?,
            "UpdateTable" => self.update_table(body).await?,
            "DeleteTable" => self.delete_table(body).await?,
            "ListTables" => self.list_tables(body)?,
            _ => {
                let message = format!("The operation {operation} is not supported by timestream-local.");
                return Err(ApiError::new(ErrorKind::UnknownOperation, message));
            }
        };
        Ok(answer.to_string().into_bytes())
    }

    async fn write_records(&self, body: &[u8]) -> Result<serde_json::Value, ApiError> {
        let ingested = self.storage.write(records::parse(body)?).await?;
        let total = ingested.memory + ingested.magnetic;
        Ok(
            json!({"RecordsIngested": {"Total": total, "MemoryStore": ingested.memory, "MagneticStore": ingested.magnetic}}),
        )
    }
}
