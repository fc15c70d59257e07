//! WriteRecords.

use serde_json::{Value, json};

use super::Api;
use crate::error::{ApiError, ErrorKind, RejectedRecord};
use crate::faults::REJECTED;
use crate::records::{self, WriteCall};
use crate::storage::Ingested;

impl Api {
    pub(super) async fn write_records(&self, body: &[u8]) -> Result<Value, ApiError> {
        let call = records::parse(body)?;
        let forced = self.faults.rejections(call.records.len());
        let ingested =
            if forced.is_empty() { self.storage.write(call).await? } else { self.write_partly(call, &forced).await? };
        let total = ingested.memory + ingested.magnetic;
        Ok(
            json!({"RecordsIngested": {"Total": total, "MemoryStore": ingested.memory, "MagneticStore": ingested.magnetic}}),
        )
    }

    /// Stores all records except those at `forced`, which are rejected on purpose.
    async fn write_partly(&self, mut call: WriteCall, forced: &[usize]) -> Result<Ingested, ApiError> {
        let kept: Vec<usize> = (0..call.records.len()).filter(|index| !forced.contains(index)).collect();
        let mut index = 0..;
        call.records.retain(|_| index.next().is_some_and(|index| !forced.contains(&index)));
        let mut rejected = match self.storage.write(call).await {
            Ok(_) => Vec::new(),
            Err(error) if error.kind == ErrorKind::RejectedRecords => error.rejected,
            Err(error) => return Err(error),
        };
        for record in &mut rejected {
            record.index = kept.get(record.index).copied().unwrap_or(record.index);
        }
        let on_purpose = |&index| RejectedRecord { index, reason: REJECTED.to_owned(), existing_version: None };
        rejected.extend(forced.iter().map(on_purpose));
        rejected.sort_by_key(|record| record.index);
        Err(ApiError::rejected(rejected))
    }
}
