//! A file of a result while it is written.

use std::io::{BufWriter, Write};
use std::sync::Arc;

use flate2::Compression;
use flate2::write::GzEncoder;
use parquet::basic::{Compression as Codec, GzipLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesPtr};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::TypePtr;
use rusqlite::types::ValueRef;

use super::columns::Columns;
use super::csv;
use super::failure::UnloadError;
use super::schema::schema;
use crate::objects::{Address, NewObject};
use crate::sql::{Column, ColumnType, CsvForm, UnloadFormat};

/// What a file gathers before it writes.
const BUFFER: usize = 32 << 10;

/// What all files of a result have in common.
pub(super) struct Form {
    columns: Vec<Column>,
    kind: Kind,
}

enum Kind {
    Csv(CsvForm, bool),
    Parquet(TypePtr, WriterPropertiesPtr),
}

impl Form {
    /// The form of files with some columns.
    pub(super) fn new(columns: Vec<Column>, format: UnloadFormat, is_compressed: bool) -> Result<Form, UnloadError> {
        let kind = match format {
            UnloadFormat::Csv(form) => Kind::Csv(form, is_compressed),
            UnloadFormat::Parquet => {
                let codec = if is_compressed { Codec::GZIP(GzipLevel::default()) } else { Codec::UNCOMPRESSED };
                // What is told of pages would stay in memory until the file ends.
                let properties = WriterProperties::builder()
                    .set_compression(codec)
                    .set_statistics_enabled(EnabledStatistics::Chunk)
                    .set_offset_index_disabled(true);
                Kind::Parquet(schema(&columns).map_err(UnloadError::Schema)?, Arc::new(properties.build()))
            }
        };
        Ok(Form { columns, kind })
    }

    /// How the names of the files end.
    pub(super) fn extension(&self) -> &'static str {
        match self.kind {
            Kind::Csv(_, false) => "csv",
            Kind::Csv(_, true) => "gz",
            Kind::Parquet(..) => "parquet",
        }
    }

    /// The name of the format in the manifest.
    pub(super) fn name(&self) -> &'static str {
        match self.kind {
            Kind::Csv(..) => "CSV",
            Kind::Parquet(..) => "PARQUET",
        }
    }

    /// Begins a file.
    pub(super) fn begin(&self, object: NewObject) -> Result<File, UnloadError> {
        let address = object.address().clone();
        let sink = match &self.kind {
            Kind::Csv(form, is_compressed) => {
                let buffered = BufWriter::with_capacity(BUFFER, object);
                let mut text = match is_compressed {
                    false => Text::Plain(buffered),
                    true => Text::Gzip(Box::new(GzEncoder::new(buffered, Compression::default()))),
                };
                if form.has_header {
                    let mut line = Vec::new();
                    csv::header(&self.columns, *form, &mut line);
                    text.write(&line).map_err(|source| UnloadError::Write { address: address.clone(), source })?;
                }
                Sink::Text(text)
            }
            Kind::Parquet(schema, properties) => {
                let writer = SerializedFileWriter::new(object, Arc::clone(schema), Arc::clone(properties));
                let writer = writer.map_err(|source| UnloadError::Parquet { address: address.clone(), source })?;
                Sink::Parquet(Box::new(writer), Columns::new(self.kinds()))
            }
        };
        Ok(File { address, sink, rows: 0, chunks: 0 })
    }

    fn kinds(&self) -> impl Iterator<Item = &ColumnType> {
        self.columns.iter().map(|column| &column.column_type)
    }
}

/// A file while it is written. Dropped before its end, it leaves nothing.
pub(super) struct File {
    address: Address,
    sink: Sink,
    rows: u64,
    /// Columns of the row groups that are written.
    chunks: usize,
}

enum Sink {
    Text(Text),
    Parquet(Box<SerializedFileWriter<NewObject>>, Columns),
}

enum Text {
    Plain(BufWriter<NewObject>),
    Gzip(Box<GzEncoder<BufWriter<NewObject>>>),
}

impl Text {
    fn write(&mut self, line: &[u8]) -> std::io::Result<()> {
        match self {
            Text::Plain(file) => file.write_all(line),
            Text::Gzip(file) => file.write_all(line),
        }
    }

    fn object(&self) -> &NewObject {
        match self {
            Text::Plain(file) => file.get_ref(),
            Text::Gzip(file) => file.get_ref().get_ref(),
        }
    }

    fn end(self) -> std::io::Result<NewObject> {
        let buffered = match self {
            Text::Plain(file) => file,
            Text::Gzip(file) => file.finish()?,
        };
        buffered.into_inner().map_err(std::io::IntoInnerError::into_error)
    }
}

/// A file that is written.
pub(super) struct Finished {
    /// Where it is.
    pub(super) address: Address,
    /// Its size.
    pub(super) bytes: u64,
    /// The rows in it.
    pub(super) rows: u64,
}

impl File {
    /// Appends a row.
    pub(super) fn row(&mut self, form: &Form, values: &[ValueRef<'_>]) -> Result<(), UnloadError> {
        self.rows += 1;
        match (&mut self.sink, &form.kind) {
            (Sink::Text(text), Kind::Csv(csv_form, _)) => {
                let mut line = Vec::new();
                csv::row(&form.columns, values, *csv_form, &mut line)?;
                text.write(&line).map_err(|source| UnloadError::Write { address: self.address.clone(), source })
            }
            (Sink::Parquet(_, columns), _) => Ok(columns.push(form.kinds(), values)?),
            (Sink::Text(_), Kind::Parquet(..)) => Ok(()),
        }
    }

    /// Bytes of rows that wait in memory to be written together.
    pub(super) fn waiting(&self) -> usize {
        match &self.sink {
            Sink::Text(_) => 0,
            Sink::Parquet(_, columns) => columns.bytes(),
        }
    }

    /// The columns of the row groups that are written. Until the file ends, the writer keeps what its footer says of them.
    pub(super) fn chunks(&self) -> usize {
        self.chunks
    }

    /// Bytes that are written.
    pub(super) fn written(&self) -> u64 {
        match &self.sink {
            Sink::Text(text) => text.object().bytes(),
            Sink::Parquet(file, _) => file.bytes_written() as u64,
        }
    }

    /// Writes the rows that wait.
    pub(super) fn write_waiting(&mut self) -> Result<(), UnloadError> {
        match &mut self.sink {
            Sink::Parquet(file, columns) if columns.bytes() > 0 => {
                self.chunks += columns.leaves();
                columns.write(file).map_err(|source| broken(&self.address, source))
            }
            _ => Ok(()),
        }
    }

    /// Ends the file, which has its name then.
    pub(super) fn finish(mut self) -> Result<Finished, UnloadError> {
        self.write_waiting()?;
        let File { address, sink, rows, .. } = self;
        let object = match sink {
            Sink::Text(text) => text.end().map_err(|source| UnloadError::Write { address: address.clone(), source })?,
            Sink::Parquet(file, _) => file.into_inner().map_err(|source| broken(&address, source))?,
        };
        let bytes = object.bytes();
        object.finish()?;
        Ok(Finished { address, bytes, rows })
    }
}

fn broken(address: &Address, source: ParquetError) -> UnloadError {
    UnloadError::Parquet { address: address.clone(), source }
}
