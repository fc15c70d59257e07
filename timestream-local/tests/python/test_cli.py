"""The AWS CLI, through every operation of the write API."""

import json

from conftest import NUMBERS, record


def test_the_cli_does_it_all(server):
    name = f"db{next(NUMBERS)}"
    write = lambda operation, *arguments: server.aws("timestream-write", operation, *arguments)
    database = write("create-database", "--database-name", name)["Database"]
    assert write("describe-database", "--database-name", name)["Database"]["Arn"] == database["Arn"]
    write("update-database", "--database-name", name, "--kms-key-id", "alias/x")
    assert name in [one["DatabaseName"] for one in write("list-databases")["Databases"]]
    table = ["--database-name", name, "--table-name", "metrics"]
    retention = "MemoryStoreRetentionPeriodInHours=24,MagneticStoreRetentionPeriodInDays=7"
    write("create-table", *table, "--retention-properties", retention)
    write("update-table", *table, "--magnetic-store-write-properties", "EnableMagneticStoreWrites=true")
    described = write("describe-table", *table)["Table"]
    assert described["RetentionProperties"]["MemoryStoreRetentionPeriodInHours"] == 24
    assert [one["TableName"] for one in write("list-tables", "--database-name", name)["Tables"]] == ["metrics"]
    arn = ["--resource-arn", described["Arn"]]
    write("tag-resource", *arn, "--tags", "Key=a,Value=1")
    assert write("list-tags-for-resource", *arn) == {"Tags": [{"Key": "a", "Value": "1"}]}
    write("untag-resource", *arn, "--tag-keys", "a")

    records = json.dumps([record("m", 1.5, host="a"), record("m", 2.5, host="b")])
    written = write("write-records", *table, "--records", records)
    assert written["RecordsIngested"]["Total"] == 2
    query = ["timestream-query", "query", "--query-string", f'SELECT sum(measure_value::double) FROM "{name}".metrics']
    assert server.aws(*query)["Rows"] == [{"Data": [{"ScalarValue": "4.0"}]}]
    assert server.aws("timestream-query", "describe-endpoints")["Endpoints"]

    write("delete-table", *table)
    write("delete-database", "--database-name", name)
    code, message = server.aws("timestream-write", "describe-table", *table, check=False)
    assert code != 0 and "ResourceNotFoundException" in message
    assert server.aws("timestream-write", "list-batch-load-tasks") == {"BatchLoadTasks": []}


def test_the_cli_shows_rejected_records(server, database):
    server.write().create_table(DatabaseName=database, TableName="metrics")
    old = json.dumps([record("m", 1, time=0, host="a")])
    table = ["--database-name", database, "--table-name", "metrics"]
    code, message = server.aws("timestream-write", "write-records", *table, "--records", old, check=False)
    assert code != 0 and "RejectedRecordsException" in message
