//! Records on their way to the storage: gathered into calls, of which a few are under way at once.

use std::collections::VecDeque;

use super::errors::Errors;
use super::task::Progress;
use crate::error::{ApiError, ErrorKind};
use crate::records::{MAX_RECORDS, Record, WriteCall};
use crate::storage::{Ingested, Pending, Storage};

/// Calls under way at once. The writer commits them together.
const MAX_PENDING: usize = 8;

/// The records of a file that are on their way.
pub(super) struct Window<'s> {
    storage: &'s Storage,
    database: &'s str,
    table: &'s str,
    file: &'s str,
    /// What is not sent yet, each with its line.
    records: Vec<Record>,
    lines: Vec<u64>,
    pending: VecDeque<(Pending<Ingested>, Vec<u64>)>,
}

impl<'s> Window<'s> {
    pub(super) fn new(storage: &'s Storage, (database, table): (&'s str, &'s str), file: &'s str) -> Self {
        Window { storage, database, table, file, records: Vec::new(), lines: Vec::new(), pending: VecDeque::new() }
    }

    /// Sends a record, at the latest with the next drain.
    ///
    /// # Errors
    /// Why the storage takes no more.
    pub(super) fn push(
        &mut self,
        record: Record,
        line: u64,
        outcome: (&mut Progress, &mut Errors),
    ) -> Result<(), ApiError> {
        self.records.push(record);
        self.lines.push(line);
        if self.records.len() < MAX_RECORDS {
            return Ok(());
        }
        if self.pending.len() == MAX_PENDING {
            self.settle(outcome)?;
        }
        self.send()
    }

    /// Sends what is left, and waits until all is stored or refused.
    pub(super) fn drain(&mut self, (progress, errors): (&mut Progress, &mut Errors)) -> Result<(), ApiError> {
        if !self.records.is_empty() {
            self.send()?;
        }
        while !self.pending.is_empty() {
            self.settle((&mut *progress, &mut *errors))?;
        }
        Ok(())
    }

    fn send(&mut self) -> Result<(), ApiError> {
        let call = WriteCall {
            database: self.database.to_owned(),
            table: self.table.to_owned(),
            records: std::mem::take(&mut self.records),
        };
        self.pending.push_back((self.storage.begin_write(call)?, std::mem::take(&mut self.lines)));
        Ok(())
    }

    /// Waits for the oldest call.
    fn settle(&mut self, (progress, errors): (&mut Progress, &mut Errors)) -> Result<(), ApiError> {
        let Some((pending, lines)) = self.pending.pop_front() else { return Ok(()) };
        let rejected = match pending.wait() {
            Ok(_) => Vec::new(),
            Err(error) if error.kind == ErrorKind::RejectedRecords => error.rejected,
            Err(error) => return Err(error),
        };
        progress.records_processed += lines.len() as u64;
        progress.record_ingestion_failures += rejected.len() as u64;
        progress.records_ingested += lines.len().saturating_sub(rejected.len()) as u64;
        for record in rejected {
            errors.of_file(self.file, lines.get(record.index).copied(), &record.reason);
        }
        Ok(())
    }
}
