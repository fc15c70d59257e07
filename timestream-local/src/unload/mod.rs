//! The result of a query as objects: UNLOAD. Names, manifest and metadata are those of the developer guide ("UNLOAD
//! concepts").

mod columns;
mod csv;
mod failure;
mod file;
mod partition;
mod schema;

use std::collections::BTreeMap;

use ring::rand::{SecureRandom, SystemRandom};
use rusqlite::types::ValueRef;
use serde_json::{Value, json};

use crate::objects::{Address, Folder, ObjectRoot};
use crate::sql::{Column, UnloadOptions};
pub(crate) use failure::UnloadError;
use file::{File, Finished, Form};

/// Most partitions of a result (quotas of the developer guide).
const MAX_PARTITIONS: usize = 100;
/// Bytes of rows that wait to be written as Parquet, in all partitions.
const MAX_WAITING: usize = 16 << 20;
/// Columns of row groups of which open Parquet files keep in memory what their footers will say, about 1 KB of each.
const MAX_CHUNKS: usize = 64 << 10;

/// Writes a result.
pub(crate) struct Unloader {
    root: ObjectRoot,
    folder: Folder,
    query_id: String,
    form: Form,
    columns: Vec<Column>,
    partitioned_by: Vec<Column>,
    max_file_bytes: u64,
    /// The open file of each partition, if it has one, by the path of its folder.
    partitions: BTreeMap<String, Option<File>>,
    /// Bytes of rows that wait, and the most of them.
    waiting: usize,
    max_waiting: usize,
    /// Columns of row groups in the open files, and the most of them.
    chunks: usize,
    max_chunks: usize,
    finished: Vec<Finished>,
}

/// A result that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unloaded {
    /// Rows in all files.
    pub(crate) rows: u64,
    /// Where the columns are described.
    pub(crate) metadata: String,
    /// Where the files are listed.
    pub(crate) manifest: String,
}

impl Unloader {
    /// Begins to write the result of a query with some columns. Nothing is written before there is a row.
    pub(crate) fn new(
        root: ObjectRoot,
        to: &str,
        query_id: &str,
        columns: &[Column],
        options: &UnloadOptions,
    ) -> Result<Unloader, UnloadError> {
        let folder = Address::folder(to)?;
        let data = columns.len().saturating_sub(options.partitioned_by.len());
        let (own, partitioned_by) = columns.split_at(data);
        Ok(Unloader {
            root,
            folder,
            query_id: query_id.to_owned(),
            form: Form::new(own.to_vec(), options.format, options.is_compressed)?,
            columns: columns.to_vec(),
            partitioned_by: partitioned_by.to_vec(),
            max_file_bytes: options.max_file_bytes,
            partitions: BTreeMap::new(),
            waiting: 0,
            max_waiting: MAX_WAITING,
            chunks: 0,
            max_chunks: MAX_CHUNKS,
            finished: Vec::new(),
        })
    }

    /// Writes a row.
    pub(crate) fn row(&mut self, values: &[ValueRef<'_>]) -> Result<(), UnloadError> {
        let data = values.len().saturating_sub(self.partitioned_by.len());
        let (data, partition) = values.split_at(data);
        let path = partition::path(&self.partitioned_by, partition);
        if !self.partitions.contains_key(&path) && self.partitions.len() == MAX_PARTITIONS {
            return Err(UnloadError::Partitions(MAX_PARTITIONS));
        }
        let mut open = match self.partitions.get_mut(&path).and_then(Option::take) {
            Some(open) => open,
            None => self.begin(&path)?,
        };
        let before = open.waiting();
        open.row(&self.form, data)?;
        self.waiting += open.waiting().saturating_sub(before);
        let open = match open.written() < self.max_file_bytes {
            true => Some(open),
            false => {
                self.end(open)?;
                None
            }
        };
        self.partitions.insert(path, open);
        if self.waiting > self.max_waiting {
            self.write_most()?;
        }
        if self.chunks > self.max_chunks { self.end_longest() } else { Ok(()) }
    }

    /// Begins a file in the folder of a partition.
    fn begin(&self, path: &str) -> Result<File, UnloadError> {
        let slash = if path.is_empty() { "" } else { "/" };
        let name = format!("results/{path}{slash}{}_{}.{}", self.query_id, uuid()?, self.form.extension());
        self.form.begin(self.root.create(self.folder.object(&name)?)?)
    }

    /// Writes the rows that wait of the partition that has most of them.
    fn write_most(&mut self) -> Result<(), UnloadError> {
        let open = self.partitions.values_mut().flatten();
        if let Some(most) = open.max_by_key(|file| file.waiting()) {
            self.waiting -= most.waiting();
            self.chunks -= most.chunks();
            most.write_waiting()?;
            self.chunks += most.chunks();
        }
        Ok(())
    }

    /// Ends the file whose footer takes most memory. Its partition goes on in another one.
    fn end_longest(&mut self) -> Result<(), UnloadError> {
        let slots = self.partitions.values_mut().filter(|slot| slot.is_some());
        let longest = slots.max_by_key(|slot| slot.as_ref().map_or(0, File::chunks)).and_then(Option::take);
        longest.map_or(Ok(()), |file| self.end(file))
    }

    /// Ends a file that is open no longer.
    fn end(&mut self, file: File) -> Result<(), UnloadError> {
        self.waiting -= file.waiting();
        self.chunks -= file.chunks();
        self.finished.push(file.finish()?);
        Ok(())
    }

    /// Ends all files, and then writes what describes and lists them, the list last.
    pub(crate) fn finish(mut self) -> Result<Unloaded, UnloadError> {
        for file in std::mem::take(&mut self.partitions).into_values().flatten() {
            self.finished.push(file.finish()?);
        }
        let stem = format!("{}_{}", self.query_id, uuid()?);
        let metadata = self.folder.object(&format!("{stem}_metadata.json"))?;
        let manifest = self.folder.object(&format!("{stem}_manifest.json"))?;
        self.root.put(metadata.clone(), self.metadata().to_string().as_bytes())?;
        self.root.put(manifest.clone(), self.manifest().to_string().as_bytes())?;
        Ok(Unloaded { rows: self.rows(), metadata: metadata.to_string(), manifest: manifest.to_string() })
    }

    fn rows(&self) -> u64 {
        self.finished.iter().map(|file| file.rows).sum()
    }

    fn metadata(&self) -> Value {
        let column = |column: &Column| json!({"Name": column.name, "Type": column.column_type.api_type()});
        json!({
            "ColumnInfo": self.columns.iter().map(column).collect::<Vec<_>>(),
            "Author": {"Name": "Amazon Timestream", "MetadataFileVersion": "1.0"},
        })
    }

    fn manifest(&self) -> Value {
        let file = |file: &Finished| {
            json!({
                "url": file.address.to_string(),
                "file_metadata": {"content_length_in_bytes": file.bytes, "row_count": file.rows},
            })
        };
        json!({
            "result_files": self.finished.iter().map(file).collect::<Vec<_>>(),
            "query_metadata": {
                "total_content_length_in_bytes": self.finished.iter().map(|file| file.bytes).sum::<u64>(),
                "total_row_count": self.rows(),
                "result_format": self.form.name(),
                "result_version": "Amazon Timestream version 1.0.0",
            },
            "author": {"name": "Amazon Timestream", "manifest_file_version": "1.0"},
        })
    }
}

/// A random UUID (version 4).
fn uuid() -> Result<String, UnloadError> {
    let mut bytes = [0; 16];
    SystemRandom::new().fill(&mut bytes).map_err(|_| UnloadError::Random)?;
    let number = u128::from_be_bytes(bytes) & !(0xf << 76) & !(0x3 << 62) | (0x4 << 76) | (0x2 << 62);
    let hex = format!("{number:032x}");
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    Ok(format!("{}-{}-{}-{}-{}", part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)))
}

#[cfg(test)]
mod tests;
