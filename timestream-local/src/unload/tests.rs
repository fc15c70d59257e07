use std::io::Read;
use std::path::PathBuf;

use flate2::read::GzDecoder;
use parquet::file::reader::{FileReader, SerializedFileReader};
use rusqlite::types::ValueRef;
use serde_json::Value;

use super::{MAX_PARTITIONS, UnloadError, Unloaded, Unloader};
use crate::error::{ApiError, ErrorKind};
use crate::objects::ObjectRoot;
use crate::sql::{Column, ColumnType, CsvForm, Field, UnloadFormat, UnloadOptions, write_list, write_series};

const CSV: UnloadFormat = UnloadFormat::Csv(CsvForm { delimiter: b',', escape: b'\\', has_header: true });

/// A directory that goes with the test.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Scratch {
        let path = std::env::temp_dir().join(format!("timestream-unload-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        Scratch(path)
    }

    fn unloader(&self, columns: &[Column], options: &UnloadOptions) -> Unloader {
        let root = ObjectRoot::open(&self.0).unwrap();
        Unloader::new(root, "s3://bucket/folder/", "QUERY", columns, options).unwrap()
    }

    fn read(&self, address: &str) -> Vec<u8> {
        std::fs::read(self.0.join(address.strip_prefix("s3://").unwrap())).unwrap()
    }

    fn json(&self, address: &str) -> Value {
        serde_json::from_slice(&self.read(address)).unwrap()
    }

    /// The addresses of the files in the manifest.
    fn files(&self, unloaded: &Unloaded) -> Vec<String> {
        let manifest = self.json(&unloaded.manifest);
        let files = manifest["result_files"].as_array().unwrap().iter();
        let files: Vec<String> = files.map(|file| file["url"].as_str().unwrap().to_owned()).collect();
        let mut all = 0;
        for file in manifest["result_files"].as_array().unwrap() {
            let length = self.read(file["url"].as_str().unwrap()).len();
            assert_eq!(file["file_metadata"]["content_length_in_bytes"], length);
            all += length;
        }
        // The names of the guide's code that reads it.
        let names = ["total_content_length_in_bytes", "total_row_count"];
        assert_eq!(
            names.map(|name| manifest["query_metadata"][name].as_u64()),
            [Some(all as u64), Some(unloaded.rows)]
        );
        files
    }

    /// All files below the root.
    fn all(&self) -> Vec<PathBuf> {
        let (mut left, mut files) = (vec![self.0.clone()], Vec::new());
        while let Some(folder) = left.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() { left.push(path) } else { files.push(path) }
            }
        }
        files
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn options(format: UnloadFormat, is_compressed: bool, partitioned_by: &[&str]) -> UnloadOptions {
    let partitioned_by = partitioned_by.iter().map(|name| (*name).to_owned()).collect();
    UnloadOptions { partitioned_by, format, is_compressed, max_file_bytes: 16 << 20 }
}

fn text(text: &str) -> ValueRef<'_> {
    ValueRef::Text(text.as_bytes())
}

#[test]
fn csv_goes_to_a_folder_for_each_partition() {
    let scratch = Scratch::new("csv");
    let columns = [
        Column::new("host", ColumnType::Varchar),
        Column::new("value", ColumnType::Double),
        Column::new("zone", ColumnType::Varchar),
    ];
    let mut unloader = scratch.unloader(&columns, &options(CSV, true, &["zone"]));
    for (host, zone) in [("a", "eu/1"), ("b", "us"), ("c", "eu/1")] {
        unloader.row(&[text(host), ValueRef::Real(1.5), text(zone)]).unwrap();
    }
    let unloaded = unloader.finish().unwrap();
    assert_eq!(unloaded.rows, 3);
    assert!(unloaded.manifest.starts_with("s3://bucket/folder/QUERY_"), "{unloaded:?}");
    assert!(unloaded.metadata.ends_with("_metadata.json"), "{unloaded:?}");
    let files = scratch.files(&unloaded);
    let contents: Vec<String> = files
        .iter()
        .map(|file| {
            let mut text = String::new();
            GzDecoder::new(scratch.read(file).as_slice()).read_to_string(&mut text).unwrap();
            text
        })
        .collect();
    assert!(files[0].starts_with("s3://bucket/folder/results/zone=eu%2F1/QUERY_"), "{files:?}");
    assert!(files[0].ends_with(".gz"), "{files:?}");
    assert_eq!(contents, ["\"host\",\"value\"\n\"a\",\"1.5\"\n\"c\",\"1.5\"\n", "\"host\",\"value\"\n\"b\",\"1.5\"\n"]);
    let metadata = scratch.json(&unloaded.metadata);
    assert_eq!(metadata["ColumnInfo"][2]["Name"], "zone");
    assert_eq!(metadata["ColumnInfo"][1]["Type"]["ScalarType"], "DOUBLE");
    assert_eq!(scratch.json(&unloaded.manifest)["query_metadata"]["result_format"], "CSV");
}

#[test]
fn parquet_has_all_types() {
    let scratch = Scratch::new("parquet");
    let bigints = ColumnType::Bigint.array();
    let field = |name: Option<&str>, kind| Field { name: name.map(str::to_owned), kind };
    let row = ColumnType::Row([field(Some("x"), ColumnType::Double), field(None, bigints.clone())].into());
    let columns = [
        Column::new("text", ColumnType::Varchar),
        Column::new("double", ColumnType::Double),
        Column::new("bigint", ColumnType::Bigint),
        Column::new("integer", ColumnType::Integer),
        Column::new("boolean", ColumnType::Boolean),
        Column::new("time", ColumnType::Timestamp),
        Column::new("date", ColumnType::Date),
        Column::new("interval", ColumnType::IntervalDayToSecond),
        Column::new("lists", bigints.clone().array()),
        Column::new("row", row),
        Column::new("series", ColumnType::Double.series().unwrap()),
    ];
    let list = |values: &[ValueRef<'_>]| write_list(values.iter().copied()).unwrap();
    let numbers = list(&[ValueRef::Integer(1), ValueRef::Null, ValueRef::Integer(3)]);
    let empty = list(&[]);
    let lists = list(&[(&numbers).into(), (&empty).into(), ValueRef::Null, (&numbers).into()]);
    let pair = list(&[ValueRef::Real(2.5), (&numbers).into()]);
    let series = write_series(&[(10, 1.0.into()), (20, 2.0.into())]).unwrap();
    let mut unloader = scratch.unloader(&columns, &options(UnloadFormat::Parquet, true, &[]));
    let values: [ValueRef<'_>; 11] = [
        text("ü"),
        ValueRef::Real(0.5),
        ValueRef::Integer(i64::MIN),
        ValueRef::Integer(-7),
        ValueRef::Integer(1),
        ValueRef::Integer(1_700_000_000_000_000_001),
        ValueRef::Integer(1),
        ValueRef::Integer(1_000_000_000),
        (&lists).into(),
        (&pair).into(),
        (&series).into(),
    ];
    unloader.row(&values).unwrap();
    unloader.row(&[ValueRef::Null; 11]).unwrap();
    let mut third = values;
    third[8] = (&empty).into();
    unloader.row(&third).unwrap();
    let unloaded = unloader.finish().unwrap();
    let files = scratch.files(&unloaded);
    assert!(files[0].starts_with("s3://bucket/folder/results/QUERY_") && files[0].ends_with(".parquet"), "{files:?}");
    let bytes = bytes::Bytes::from(scratch.read(&files[0]));
    let reader = SerializedFileReader::new(bytes).unwrap();
    let rows: Vec<String> = reader.get_row_iter(None).unwrap().map(|row| row.unwrap().to_string()).collect();
    assert_eq!(rows.len(), 3);
    assert!(
        rows[0].contains("text: \"ü\", double: 0.5, bigint: -9223372036854775808, integer: -7, boolean: true"),
        "{}",
        rows[0]
    );
    assert!(rows[0].contains("lists: [[1, null, 3], [], null, [1, null, 3]]"), "{}", rows[0]);
    assert!(rows[0].contains("row: {x: 2.5, field1: [1, null, 3]}"), "{}", rows[0]);
    assert!(rows[0].contains("value: 2.0}]"), "{}", rows[0]);
    assert_eq!(rows[1].matches("null").count(), 11, "{}", rows[1]);
    assert!(rows[2].contains("lists: []"), "{}", rows[2]);
}

#[test]
fn files_end_at_their_size_and_rows_that_wait_are_bounded() {
    let scratch = Scratch::new("sizes");
    let columns = [Column::new("text", ColumnType::Varchar), Column::new("p", ColumnType::Bigint)];
    let long = "x".repeat(1 << 20);
    for format in [CSV, UnloadFormat::Parquet] {
        let mut unloader = scratch.unloader(&columns, &options(format, false, &["p"]));
        for number in 0..80 {
            let long = format!("{number}{long}");
            unloader.row(&[text(&long), ValueRef::Integer(number % 2)]).unwrap();
            assert!(unloader.waiting <= super::MAX_WAITING + 2 * long.len());
        }
        let unloaded = unloader.finish().unwrap();
        let files = scratch.files(&unloaded);
        assert!(files.len() >= 4, "{files:?}");
        let largest = files.iter().map(|file| scratch.read(file).len()).max().unwrap();
        assert!(largest < 50 << 20, "{largest}");
    }
}

#[test]
fn what_footers_will_say_is_bounded_in_memory() {
    let scratch = Scratch::new("footers");
    let columns = [
        Column::new("text", ColumnType::Varchar),
        Column::new("numbers", ColumnType::Bigint.array()),
        Column::new("p", ColumnType::Bigint),
    ];
    let mut unloader = scratch.unloader(&columns, &options(UnloadFormat::Parquet, true, &["p"]));
    (unloader.max_waiting, unloader.max_chunks) = (1000, 10);
    let numbers = write_list([ValueRef::Integer(1), ValueRef::Integer(2)]).unwrap();
    // Each row is more than what may wait of all partitions together.
    let long = "x".repeat(1000);
    for number in 0..12 {
        unloader.row(&[text(&long), (&numbers).into(), ValueRef::Integer(number % 3)]).unwrap();
        assert!(unloader.chunks <= 10, "{}", unloader.chunks);
        let open = unloader.partitions.values().flatten();
        assert_eq!(open.map(|file| file.chunks()).sum::<usize>(), unloader.chunks);
    }
    let unloaded = unloader.finish().unwrap();
    assert_eq!(unloaded.rows, 12);
    let files = scratch.files(&unloaded);
    // Ten are five row groups, which the sixth one makes too many.
    assert!((4..12).contains(&files.len()), "{files:?}");
    let rows = files.iter().map(|file| {
        let reader = SerializedFileReader::new(bytes::Bytes::from(scratch.read(file))).unwrap();
        reader.metadata().file_metadata().num_rows()
    });
    assert_eq!(rows.sum::<i64>(), 12);
}

#[test]
fn a_row_is_limited_in_memory_and_as_json() {
    let scratch = Scratch::new("rows");
    // A NULL takes a level in each of the hundred fields of a row.
    let field = |number: usize| Field { name: Some(format!("f{number}")), kind: ColumnType::Bigint };
    let wide = ColumnType::Row((0..100).map(field).collect());
    let columns = [Column::new("rows", wide.array())];
    let nulls = write_list(std::iter::repeat_n(ValueRef::Null, 60_000)).unwrap();
    let fitting = write_list(std::iter::repeat_n(ValueRef::Null, 20_000)).unwrap();
    let mut unloader = scratch.unloader(&columns, &options(UnloadFormat::Parquet, true, &[]));
    unloader.row(&[(&fitting).into()]).unwrap();
    let error = ApiError::from(unloader.row(&[(&nulls).into()]).unwrap_err());
    assert_eq!(error.message, "A row takes more than 64 MiB in memory");
    drop(unloader);

    let columns = [Column::new("texts", ColumnType::Varchar.array())];
    // Six letters of JSON for each.
    let controls = "\u{1}".repeat(1 << 20);
    let texts = |count| write_list(std::iter::repeat_n(text(&controls), count)).unwrap();
    let mut unloader = scratch.unloader(&columns, &options(CSV, false, &[]));
    unloader.row(&[(&texts(2)).into()]).unwrap();
    let error = ApiError::from(unloader.row(&[(&texts(15)).into()]).unwrap_err());
    assert_eq!(error.message, "A value takes more than 64 MiB as JSON");
    drop(unloader);
    assert!(scratch.all().is_empty(), "{:?}", scratch.all());
}

#[test]
fn a_result_that_is_broken_off_has_no_manifest() {
    let scratch = Scratch::new("broken");
    let columns = [Column::new("text", ColumnType::Varchar), Column::new("p", ColumnType::Bigint)];
    for format in [CSV, UnloadFormat::Parquet] {
        let mut unloader = scratch.unloader(&columns, &options(format, true, &["p"]));
        for number in 0..MAX_PARTITIONS {
            unloader.row(&[text("x"), ValueRef::Integer(number as i64)]).unwrap();
        }
        let error = unloader.row(&[text("x"), ValueRef::Integer(-1)]).unwrap_err();
        assert!(matches!(error, UnloadError::Partitions(100)), "{error}");
        assert_eq!(ApiError::from(error).kind, ErrorKind::QueryExecution);
        drop(unloader);
        assert!(scratch.all().is_empty(), "{:?}", scratch.all());
    }
}

#[test]
fn a_result_without_rows_has_a_manifest_without_files() {
    let scratch = Scratch::new("empty");
    let columns = [Column::new("text", ColumnType::Varchar)];
    let unloaded = scratch.unloader(&columns, &options(CSV, true, &[])).finish().unwrap();
    assert_eq!((unloaded.rows, scratch.files(&unloaded)), (0, Vec::new()));
    assert_eq!(scratch.all().len(), 2);
}

#[test]
fn no_address_leads_out_of_the_root() {
    let scratch = Scratch::new("address");
    let root = ObjectRoot::open(&scratch.0).unwrap();
    let columns = [Column::new("text", ColumnType::Varchar)];
    for to in ["s3://bucket/../../etc/", "s3://../x", "/etc", "file:///etc", "s3://bucket//etc"] {
        let made = Unloader::new(root.clone(), to, "QUERY", &columns, &options(CSV, true, &[]));
        assert_eq!(ApiError::from(made.err().unwrap()).kind, ErrorKind::Validation, "{to}");
    }
    // A value is the name of one folder, whatever it is.
    let columns = [Column::new("text", ColumnType::Varchar), Column::new("..", ColumnType::Varchar)];
    let mut unloader = scratch.unloader(&columns, &options(CSV, true, &[".."]));
    unloader.row(&[text("x"), text("/../..")]).unwrap();
    let unloaded = unloader.finish().unwrap();
    assert!(scratch.files(&unloaded)[0].contains("/results/..=%2F..%2F../"));
    let long = "y".repeat(300);
    let mut unloader = scratch.unloader(&columns, &options(CSV, true, &[".."]));
    let error = ApiError::from(unloader.row(&[text("x"), text(&long)]).unwrap_err());
    assert!(error.message.contains("longer than 255 bytes"), "{}", error.message);
}
