"""WriteRecords."""

import pytest
from botocore.exceptions import ClientError

from conftest import now_ms, record

HOUR = 3_600_000


def error_of(put, records, **common):
    with pytest.raises(ClientError) as error:
        put(records, **common)
    return error.value.response


def validation(put, records, **common):
    response = error_of(put, records, **common)
    assert response["Error"]["Code"] == "ValidationException", response
    return response["Error"]["Message"]


def test_every_type_is_a_column_of_its_own(server, table, put):
    time = now_ms()
    values = {"DOUBLE": "0.30000000000000004", "BIGINT": "-9223372036854775808", "VARCHAR": "ü \"'", "BOOLEAN": "false"}
    records = [record("m", value, kind, time, text=kind) for kind, value in values.items()]
    ingested = put(records)["RecordsIngested"]
    assert ingested == {"Total": 4, "MemoryStore": 4, "MagneticStore": 0}
    for kind, value in values.items():
        column = f"measure_value::{kind.lower()}"
        [row] = server.rows(f"SELECT {column} FROM \"{table[0]}\".metrics WHERE text = '{kind}'")
        assert row == [value]


def test_multi_measures(server, table, put):
    multi = {
        "Dimensions": [{"Name": "host", "Value": "a"}],
        "MeasureName": "weather",
        "MeasureValueType": "MULTI",
        "MeasureValues": [
            {"Name": "temperature", "Value": "21.5", "Type": "DOUBLE"},
            {"Name": "seen", "Value": "1700000000", "Type": "TIMESTAMP"},
        ],
        "Time": "1700000000",
        "TimeUnit": "SECONDS",
    }
    put([multi, record("up", 1, host="b")])
    rows = server.rows(f'SELECT host, temperature, seen, measure_value::double FROM "{table[0]}".metrics ORDER BY host')
    assert rows == [["a", "21.5", "2023-11-14 22:13:20.000000000", None], ["b", None, None, "1.0"]]
    measures = server.rows(f'SHOW MEASURES FROM "{table[0]}".metrics')
    assert measures == [
        ["up", "double", [["host", "varchar"]]],
        ["weather", "multi", [["host", "varchar"]]],
    ]


def test_common_attributes(server, table, put):
    common = {
        "Dimensions": [{"Name": "region", "Value": "eu"}],
        "MeasureName": "m",
        "MeasureValueType": "BIGINT",
        "Time": str(now_ms()),
        "Version": 2,
    }
    own = [{"Dimensions": [{"Name": "host", "Value": host}], "MeasureValue": "1"} for host in "ab"]
    own.append({"Dimensions": [{"Name": "host", "Value": "c"}], "MeasureValue": "x", "MeasureValueType": "VARCHAR"})
    assert put(own, **common)["RecordsIngested"]["Total"] == 3
    rows = server.rows(f'SELECT region, host, measure_value::bigint FROM "{table[0]}".metrics ORDER BY host')
    assert rows == [["eu", "a", "1"], ["eu", "b", "1"], ["eu", "c", None]]
    both = [{"Dimensions": [{"Name": "region", "Value": "us"}], "MeasureValue": "1"}]
    assert "Duplicate dimensions" in validation(put, both, **common)
    rejected = error_of(put, [{**own[0], "MeasureValue": "5", "Version": 1}], **common)["RejectedRecords"]
    assert rejected[0]["ExistingVersion"] == 2


def test_rejected_records_say_why_and_the_others_are_stored(server, table, put):
    time = now_ms()
    put([record("m", 1, time=time, host="a")])
    response = error_of(
        put,
        [
            record("m", 1, time=time, host="a"),
            record("m", 2, time=time, host="a"),
            record("m", 3, time=time, host="b"),
            record("m", 4, time=time + HOUR, host="c"),
        ],
    )
    assert response["Error"]["Code"] == "RejectedRecordsException"
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 419
    first, second = response["RejectedRecords"]
    assert (first["RecordIndex"], first["ExistingVersion"]) == (1, 1)
    assert first["Reason"].startswith("A record already exists with the same time, dimensions, measure name")
    assert second["RecordIndex"] == 3 and "outside the time range" in second["Reason"]
    rows = server.rows(f'SELECT host, measure_value::double FROM "{table[0]}".metrics ORDER BY host')
    assert rows == [["a", "1.0"], ["b", "3.0"]]


@pytest.mark.parametrize(
    "change, message",
    [
        ({"Dimensions": []}, "At least one dimension is required for a record."),
        ({"Dimensions": [{"Name": "a_", "Value": "x"}]}, "The dimension name is invalid."),
        ({"Dimensions": [{"Name": "a" * 61, "Value": "x"}]}, "60 bytes"),
        ({"Dimensions": [{"Name": "time", "Value": "x"}]}, "reserved"),
        ({"Dimensions": [{"Name": "ts_x", "Value": "x"}]}, "reserved"),
        ({"Dimensions": [{"Name": "a", "Value": ""}]}, "empty"),
        ({"Dimensions": [{"Name": "a", "Value": "x" * 2048}]}, "2048 bytes"),
        ({"MeasureName": "measure_value::double"}, "reserved"),
        ({"MeasureName": "job:up:sum"}, "colon: job:up:sum"),
        ({"MeasureName": "m" * 257}, "256 bytes"),
        ({"MeasureValue": "NaN"}, "not a valid DOUBLE"),
        ({"MeasureValue": "1.5", "MeasureValueType": "BIGINT"}, "not a valid BIGINT"),
        ({"MeasureValue": "1", "MeasureValueType": "TIMESTAMP"}, "TIMESTAMP is an invalid measure value type"),
        ({"MeasureValueType": "MULTI"}, "takes MeasureValues"),
        ({"Time": "-1"}, "The time is not valid"),
        ({"Time": "9223372036854775807"}, "The time is not valid"),
        ({"TimeUnit": "HOURS"}, "'timeUnit' failed to satisfy constraint"),
        ({"Version": 0}, "version"),
    ],
)
def test_a_bad_record_refuses_the_call(put, change, message):
    assert message in validation(put, [record("m", 1, host="good"), {**record("m", 1, host="a"), **change}])


def test_a_call_has_at_most_100_records(put):
    records = [record("m", 1, host=str(number)) for number in range(101)]
    assert "Member must have length less than or equal to 100" in validation(put, records)
    assert put(records[:100])["RecordsIngested"]["Total"] == 100


def test_a_table_that_is_not_there(server, database):
    for name, table in ((database, "none"), ("nowhere", "none")):
        with pytest.raises(server.write().exceptions.ResourceNotFoundException):
            server.write().write_records(DatabaseName=name, TableName=table, Records=[record("m", 1, host="a")])


def test_late_records_count_as_the_magnetic_stores(server, database):
    server.write().create_table(
        DatabaseName=database,
        TableName="late",
        RetentionProperties={"MemoryStoreRetentionPeriodInHours": 1, "MagneticStoreRetentionPeriodInDays": 2},
        MagneticStoreWriteProperties={"EnableMagneticStoreWrites": True},
    )
    time = now_ms()
    records = [record("m", 1, time=time - age * HOUR, host=str(age)) for age in (0, 2, 24)]
    answer = server.write().write_records(DatabaseName=database, TableName="late", Records=records)
    assert answer["RecordsIngested"] == {"Total": 3, "MemoryStore": 1, "MagneticStore": 2}
    with pytest.raises(server.write().exceptions.RejectedRecordsException) as error:
        server.write().write_records(
            DatabaseName=database, TableName="late", Records=[record("m", 1, time=time - 72 * HOUR, host="x")]
        )
    [rejected] = error.value.response["RejectedRecords"]
    assert "of the magnetic store or memory store." in rejected["Reason"]
