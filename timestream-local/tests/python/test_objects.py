"""UNLOAD and batch load, with a directory in the place of S3."""

import csv
import gzip
import json
import time

import pyarrow.parquet
import pytest
from conftest import now_ms, record

TABLE = {"DatabaseName": "objects", "TableName": "metrics"}
RETENTION = {"MemoryStoreRetentionPeriodInHours": 24, "MagneticStoreRetentionPeriodInDays": 100}


@pytest.fixture
def root(tmp_path):
    return tmp_path / "objects"


@pytest.fixture
def server(start, root):
    server = start("--object-root", str(root))
    write = server.write()
    write.create_database(DatabaseName="objects")
    magnetic = {"EnableMagneticStoreWrites": True}
    write.create_table(**TABLE, RetentionProperties=RETENTION, MagneticStoreWriteProperties=magnetic)
    return server


def path(root, url):
    assert url.startswith("s3://")
    return root / url.removeprefix("s3://")


def unload(server, root, query, **options):
    """Rows, manifest and metadata of an UNLOAD."""
    partitions = options.pop("partitioned_by", [])
    given = [f"{name} = '{value}'" for name, value in options.items()]
    if partitions:
        given.append(f"partitioned_by = ARRAY{partitions}")
    [[rows, metadata, manifest]] = server.rows(f"UNLOAD ({query}) TO 's3://bucket/out/' WITH ({', '.join(given)})")
    metadata, manifest = [json.loads(path(root, url).read_text()) for url in (metadata, manifest)]
    for file in manifest["result_files"]:
        assert path(root, file["url"]).stat().st_size == file["file_metadata"]["content_length_in_bytes"]
    return int(rows), manifest, metadata


def put(server, *records):
    server.write().write_records(**TABLE, Records=list(records))


def load(server, key, model, **options):
    """Runs a batch load task to its end; its description."""
    write = server.write()
    task = write.create_batch_load_task(
        DataModelConfiguration={"DataModel": model},
        DataSourceConfiguration={
            "DataSourceS3Configuration": {"BucketName": "bucket", "ObjectKeyPrefix": key},
            "DataFormat": "CSV",
            "CsvConfiguration": options,
        },
        ReportConfiguration={"ReportS3Configuration": {"BucketName": "reports", "ObjectKeyPrefix": "batch_load_errors"}},
        TargetDatabaseName="objects",
        TargetTableName="metrics",
    )["TaskId"]
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        found = write.describe_batch_load_task(TaskId=task)["BatchLoadTaskDescription"]
        if found["TaskStatus"] not in ("CREATED", "IN_PROGRESS"):
            return found
        time.sleep(0.05)
    raise AssertionError(f"the task does not end: {found}")


def test_parquet_is_read_back_by_arrow(server, root):
    time_ms = now_ms()
    put(server, record("cpu", 0.1, time=time_ms, host="a", zone="eu"), record("cpu", 2, time=time_ms, host="b", zone="us"))
    put(server, record("up", 7, "BIGINT", time=time_ms, host="c", zone="eu"))
    query = (
        "SELECT host, measure_name, time, measure_value::double AS d, measure_value::bigint AS b, "
        "ARRAY[1, NULL] AS list, CAST(ROW(1.5, ARRAY['x']) AS ROW(x double, y array(varchar))) AS pair, "
        "date(time) AS day, zone FROM objects.metrics"
    )
    for compression in ("GZIP", "NONE"):
        rows, manifest, metadata = unload(
            server, root, query, format="PARQUET", compression=compression, partitioned_by=["zone"]
        )
        assert rows == 3
        assert [column["Name"] for column in metadata["ColumnInfo"]][-1] == "zone"
        found = {}
        for file in manifest["result_files"]:
            [zone] = [part for part in file["url"].split("/") if part.startswith("zone=")]
            table = pyarrow.parquet.ParquetFile(path(root, file["url"])).read()
            assert str(table.schema.field("time").type) == "timestamp[ns, tz=UTC]"
            for row in table.to_pylist():
                found[zone, row["host"]] = row
        assert sorted(found) == [("zone=eu", "a"), ("zone=eu", "c"), ("zone=us", "b")]
        a, c = found["zone=eu", "a"], found["zone=eu", "c"]
        assert (a["d"], a["b"], a["measure_name"]) == (0.1, None, "cpu") and (c["d"], c["b"]) == (None, 7)
        assert a["time"].value == time_ms * 1_000_000 if hasattr(a["time"], "value") else a["time"].timestamp() * 1000 == time_ms
        assert a["list"] == [1, None] and a["pair"] == {"x": 1.5, "y": ["x"]}
        assert a["day"] == a["time"].date()


def test_a_time_series_in_parquet(server, root):
    put(server, *[record("cpu", value, time=now_ms() + value, host="a") for value in (1, 2, 3)])
    query = "SELECT host, CREATE_TIME_SERIES(time, measure_value::double) AS points FROM objects.metrics GROUP BY host, measure_name"
    _, manifest, _ = unload(server, root, query, format="PARQUET")
    [file] = manifest["result_files"]
    [row] = pyarrow.parquet.ParquetFile(path(root, file["url"])).read().to_pylist()
    assert [point["value"] for point in row["points"]] == [1.0, 2.0, 3.0]


def test_what_was_unloaded_can_be_loaded(server, root):
    hosts = ["plain", 'quo"te', "back\\slash", "comma,", "line\nend", "ü"]
    put(server, *[record("cpu", number, time=now_ms() - number, host=host) for number, host in enumerate(hosts)])
    query = "SELECT host, to_milliseconds(time) AS ms, measure_value::double AS v FROM objects.metrics"
    _, manifest, _ = unload(server, root, query, format="CSV", compression="NONE", include_header="true")
    [file] = manifest["result_files"]
    server.write().delete_table(**TABLE)
    server.write().create_table(**TABLE, RetentionProperties=RETENTION)
    model = {
        "TimeColumn": "ms",
        "DimensionMappings": [{"SourceColumn": "host", "DestinationColumn": "host"}],
        "MixedMeasureMappings": [{"SourceColumn": "v", "TargetMeasureName": "cpu", "MeasureValueType": "DOUBLE"}],
    }
    done = load(server, file["url"].removeprefix("s3://bucket/"), model, EscapeChar="\\")
    assert done["TaskStatus"] == "SUCCEEDED", done
    assert done["ProgressReport"]["RecordsIngested"] == len(hosts)
    found = server.rows("SELECT host, measure_value::double FROM objects.metrics ORDER BY 2")
    assert found == [[host, f"{number}.0"] for number, host in enumerate(hosts)]


def test_csv_is_read_back(server, root):
    put(server, record("cpu", 1.5, time=now_ms(), host='a"b\\c'))
    query = "SELECT host, measure_value::double AS v, CAST(NULL AS varchar) AS n, ARRAY[23, 24] AS list FROM objects.metrics"
    _, manifest, _ = unload(server, root, query, include_header="true", field_delimiter="|")
    [file] = manifest["result_files"]
    assert file["url"].endswith(".gz")
    with gzip.open(path(root, file["url"]), "rt", newline="") as text:
        rows = list(csv.reader(text, delimiter="|", escapechar="\\", doublequote=False))
    assert rows == [["host", "v", "n", "list"], ['a"b\\c', "1.5", "", "[23,24]"]]


def test_errors_of_a_load_are_in_the_report(server, root):
    (root / "bucket").mkdir(parents=True)
    old = now_ms() - 200 * 86_400_000
    (root / "bucket/in.csv").write_text(f"time,host,v\n{now_ms()},a,1\n{old},a,2\n{old},a,3\n")
    model = {
        "TimeColumn": "time",
        "DimensionMappings": [{"SourceColumn": "host"}],
        "MultiMeasureMappings": {
            "TargetMultiMeasureName": "m",
            "MultiMeasureAttributeMappings": [{"SourceColumn": "v", "MeasureValueType": "BIGINT"}],
        },
    }
    done = load(server, "in.csv", model)
    assert done["TaskStatus"] == "FAILED" and done["ProgressReport"]["RecordIngestionFailures"] == 2
    [report] = (root / "reports/batch_load_errors").iterdir()
    reason = "The record timestamp is outside the time range of the data ingestion window."
    assert json.loads(report.read_text()) == {
        "taskId": done["TaskId"],
        "taskErrors": [],
        "fileErrors": [{"fileName": "in.csv", "errors": [{"reason": reason, "lineRanges": [[3, 4]]}]}],
    }
    [listed] = server.write().list_batch_load_tasks(TaskStatus="FAILED")["BatchLoadTasks"]
    assert listed["TaskId"] == done["TaskId"]
