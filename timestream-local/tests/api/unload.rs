//! UNLOAD.

use aws_sdk_timestreamquery::error::ProvideErrorMetadata;
use aws_sdk_timestreamquery::types::ScalarType;
use parquet::file::reader::{FileReader, SerializedFileReader};

use crate::binary::Binary;
use crate::objects::{self, Objects};
use crate::scratch::Scratch;
use crate::server::{Running, clients, keys, record};

/// Runs an UNLOAD. Its rows, manifest and metadata.
async fn unload(running: &Running, text: &str) -> (u64, String, String) {
    let answer = running.query.query().query_string(text).send().await.unwrap();
    let columns: Vec<_> = answer.column_info().iter().map(|column| column.name().unwrap()).collect();
    assert_eq!(columns, ["rows", "metadataFile", "manifestFile"]);
    let kind = answer.column_info()[0].r#type().unwrap().scalar_type().unwrap();
    assert_eq!(*kind, ScalarType::Bigint);
    let [row] = answer.rows() else { panic!("{answer:?}") };
    let cell = |index: usize| row.data()[index].scalar_value().unwrap().to_owned();
    (cell(0).parse().unwrap(), cell(1), cell(2))
}

async fn refusal(running: &Running, text: &str) -> (String, String) {
    let error = running.query.query().query_string(text).send().await.unwrap_err();
    (error.code().unwrap().to_owned(), error.message().unwrap().to_owned())
}

fn urls(objects: &Objects, manifest: &str) -> Vec<String> {
    let manifest = objects.json(manifest);
    let files = manifest["result_files"].as_array().unwrap().iter();
    files.map(|file| file["url"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_go_to_csv_by_partition() {
    let (running, objects) = objects::start().await;
    running.records([record("a", 1.0, 0), record("b", 2.0, 0), record("b", 3.0, 1000)]).send().await.unwrap();
    let text = "UNLOAD (SELECT measure_value::double AS v, host FROM db1.metrics ORDER BY 1) TO 's3://bucket/out/' \
                WITH (format = 'CSV', compression = 'NONE', include_header = 'true', field_delimiter = '|', \
                partitioned_by = ARRAY['host'])";
    let (rows, metadata, manifest) = unload(&running, text).await;
    assert_eq!(rows, 3);
    let urls = urls(&objects, &manifest);
    assert_eq!(urls.len(), 2);
    for (url, host) in urls.iter().zip(["a", "b"]) {
        assert!(url.starts_with(&format!("s3://bucket/out/results/host={host}/AEBQ")), "{url}");
        assert!(url.ends_with(".csv"), "{url}");
    }
    let texts: Vec<_> = urls.iter().map(|url| std::fs::read_to_string(objects.path(url)).unwrap()).collect();
    assert_eq!(texts, ["\"v\"\n\"1.0\"\n", "\"v\"\n\"2.0\"\n\"3.0\"\n"]);
    let metadata = objects.json(&metadata);
    assert_eq!(metadata["ColumnInfo"][0], serde_json::json!({"Name": "v", "Type": {"ScalarType": "DOUBLE"}}));
    assert_eq!(metadata["Author"]["Name"], "Amazon Timestream");
    // The same again gets names of its own.
    let before = objects.all();
    unload(&running, text).await;
    let after = objects.all();
    assert_eq!((before.len(), after.len()), (4, 8));
    assert!(before.iter().all(|file| after.contains(file)));
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_go_to_parquet_with_time_series() {
    let (running, objects) = objects::start().await;
    running.records([record("a", 1.0, 2000), record("a", 2.0, 1000)]).send().await.unwrap();
    let text = "UNLOAD (SELECT host, measure_name, CREATE_TIME_SERIES(time, measure_value::double) AS points \
                FROM db1.metrics GROUP BY host, measure_name) TO 's3://bucket' WITH (format = 'PARQUET')";
    let (rows, _, manifest) = unload(&running, text).await;
    assert_eq!(rows, 1);
    let [url] = urls(&objects, &manifest).try_into().unwrap();
    let file = std::fs::File::open(objects.path(&url)).unwrap();
    let reader = SerializedFileReader::new(file).unwrap();
    let rows: Vec<String> = reader.get_row_iter(None).unwrap().map(|row| row.unwrap().to_string()).collect();
    assert_eq!(rows.len(), 1);
    assert!(rows[0].starts_with("{host: \"a\", measure_name: \"m\", points: [{time: "), "{rows:?}");
    assert!(rows[0].contains("value: 1.0}, {time: ") && rows[0].ends_with("value: 2.0}]}"), "{rows:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_unloaded_is_refused_and_leaves_nothing() {
    let (running, objects) = objects::start().await;
    let records = (0..101).map(|host| record(&host.to_string(), 1.0, 0)).collect::<Vec<_>>();
    for chunk in records.chunks(100) {
        running.records(chunk.to_vec()).send().await.unwrap();
    }
    let with = |select: &str, to: &str, with: &str| format!("UNLOAD ({select}) TO '{to}' WITH ({with})");
    let csv = "format = 'CSV'";
    for (text, code, message) in [
        (with("SELECT 1 AS a", "s3://bucket/../x", csv), "ValidationException", "is . or .."),
        (with("SELECT 1 AS a", "/etc", csv), "ValidationException", "does not begin with s3://"),
        (with("SELECT 1 AS a, 2 AS a", "s3://bucket", csv), "ValidationException", "more than once"),
        (with("SELECT NULL AS a", "s3://bucket", csv), "ValidationException", "unknown"),
        (
            with("SELECT host, time FROM db1.metrics", "s3://bucket", "partitioned_by = ARRAY['host']"),
            "ValidationException",
            "must be the last of the SELECT",
        ),
        (
            with("SELECT host FROM db1.metrics", "s3://bucket", "partitioned_by = ARRAY['host']"),
            "ValidationException",
            "needs a column that is not in partitioned_by",
        ),
        (
            with("SELECT 1 AS a, ARRAY[1] AS b", "s3://bucket", "partitioned_by = ARRAY['b']"),
            "ValidationException",
            "can't be partitioned by the column 'b'",
        ),
        (
            with("SELECT time, host FROM db1.metrics", "s3://bucket", "partitioned_by = ARRAY['host']"),
            "QueryExecutionException",
            "at most 100 partitions",
        ),
        (
            with("SELECT 1 / (n - 3000) AS x FROM UNNEST(sequence(1, 5000, 1)) AS t (n)", "s3://bucket", csv),
            "QueryExecutionException",
            "zero",
        ),
        (with("SELECT x FROM db1.metrics", "s3://bucket", csv), "ValidationException", "line 1:16"),
    ] {
        let (found_code, found) = refusal(&running, &text).await;
        assert_eq!(found_code, code, "{text}: {found}");
        assert!(found.contains(message), "{text}: {found}");
        assert_eq!(objects.all(), [""; 0], "{text}");
    }
    let error = running.query.prepare_query().query_string(with("SELECT 1 AS a", "s3://bucket", csv));
    let error = error.validate_only(true).send().await.unwrap_err();
    assert!(error.message().unwrap().contains("not UNLOAD"), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_directory_the_option_is_named() {
    let running = Running::start().await.table().await;
    let (code, message) = refusal(&running, "UNLOAD (SELECT 1 AS a) TO 's3://bucket/x' WITH (format = 'CSV')").await;
    assert_eq!(code, "ValidationException");
    assert!(message.contains("--object-root") && message.contains("--embedded.object-root"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_told_and_leaves_nothing() {
    let scratch = Scratch::new();
    let objects = Objects(scratch.path().join("objects"));
    let root = objects.0.to_str().unwrap().to_owned();
    let server = Binary::with_full_disk(&scratch.path().join("data"), 2000, &["--object-root", &root]);
    let (_, query) = clients(&server.endpoint, &keys("any", "any"));
    for format in ["CSV", "PARQUET"] {
        let text = format!(
            "UNLOAD (SELECT a.n AS a, rand() AS b, rand() AS c FROM UNNEST(sequence(1, 1000, 1)) AS a (n) CROSS JOIN \
             UNNEST(sequence(1, 200, 1)) AS b (n)) TO 's3://bucket/out' WITH (format = '{format}', compression = 'NONE')"
        );
        let error = query.query().query_string(text).send().await.unwrap_err();
        assert_eq!(error.code(), Some("InternalServerException"), "{error:?}");
        let message = error.message().unwrap();
        assert!(message.contains("s3://bucket/out/results/") && message.contains("File too large"), "{message}");
        assert_eq!(objects.all(), [""; 0]);
    }
}
