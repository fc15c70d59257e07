//! The operations of the service models timestream-write and timestream-query, 2018-11-01.

mod account;
mod arn;
mod batch_load;
mod databases;
mod discovery;
mod new_scheduled_query;
mod queries;
mod scheduled_queries;
mod scheduled_shape;
mod shape;
mod table_properties;
mod tables;
mod tags;
mod write;

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;

use crate::batch_load::BatchLoads;
use crate::calendar::Clock;
use crate::error::{ApiError, ErrorKind};
use crate::faults::FaultHandle;
use crate::objects::ObjectRoot;
use crate::query::Queries;
use crate::schedule::{Context, Orders, Scheduler};
use crate::storage::Storage;
pub(crate) use discovery::Caller;

/// Answers calls.
pub(crate) struct Api {
    storage: Storage,
    batch_loads: BatchLoads,
    queries: Arc<Queries>,
    orders: Orders,
    clock: Clock,
    address: SocketAddr,
    faults: FaultHandle,
}

impl Api {
    /// Answers calls from `storage`, with `objects` in the place of S3. `address` is where the server listens. Scheduled
    /// queries run while the scheduler does.
    ///
    /// # Errors
    /// Batch load tasks in the storage that can't be read, or written.
    pub(crate) async fn new(
        storage: Storage,
        objects: Option<ObjectRoot>,
        clock: Clock,
        address: SocketAddr,
        faults: FaultHandle,
    ) -> Result<(Self, Scheduler), ApiError> {
        let batch_loads = BatchLoads::open(storage.clone(), objects.clone()).await?;
        let queries = Arc::new(Queries::new(storage.reader().clone(), clock.clone(), objects.clone()));
        let context =
            Context { storage: storage.clone(), queries: Arc::clone(&queries), objects, clock: clock.clone() };
        let (scheduler, orders) = Scheduler::new(context);
        Ok((Api { storage, batch_loads, queries, orders, clock, address, faults }, scheduler))
    }

    /// Answers one call with the body of a success.
    pub(crate) async fn call(&self, operation: &str, caller: Caller<'_>, body: &[u8]) -> Result<Bytes, ApiError> {
        let answer = match operation {
            "WriteRecords" => self.write_records(body).await?,
            "Query" => return self.query(body).await,
            "CancelQuery" => self.cancel_query(body)?,
            "PrepareQuery" => self.prepare_query(body).await?,
            "DescribeEndpoints" => discovery::endpoints(caller, self.address),
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
            "TagResource" => self.tag_resource(body).await?,
            "UntagResource" => self.untag_resource(body).await?,
            "ListTagsForResource" => self.list_tags(body)?,
            "CreateBatchLoadTask" => self.create_batch_load_task(body).await?,
            "DescribeBatchLoadTask" => self.describe_batch_load_task(body)?,
            "ListBatchLoadTasks" => self.list_batch_load_tasks(body)?,
            "ResumeBatchLoadTask" => self.resume_batch_load_task(body).await?,
            "CreateScheduledQuery" => self.create_scheduled_query(body).await?,
            "DescribeScheduledQuery" => self.describe_scheduled_query(body)?,
            "ListScheduledQueries" => self.list_scheduled_queries(body)?,
            "UpdateScheduledQuery" => self.update_scheduled_query(body).await?,
            "DeleteScheduledQuery" => self.delete_scheduled_query(body).await?,
            "ExecuteScheduledQuery" => self.execute_scheduled_query(body).await?,
            "DescribeAccountSettings" => self.describe_account_settings(),
            "UpdateAccountSettings" => self.update_account_settings(body).await?,
            _ => {
                let what = format!("There is no operation {operation:?}.");
                return Err(ApiError::new(ErrorKind::UnknownOperation, what));
            }
        };
        Ok(answer.to_string().into())
    }
}
