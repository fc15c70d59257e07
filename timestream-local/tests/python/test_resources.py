"""Databases, tables and tags."""

import datetime

import pytest
from botocore.exceptions import ClientError

from conftest import NUMBERS


def refused(call, code, **arguments):
    """The message of the error with which the call is answered."""
    with pytest.raises(ClientError) as error:
        call(**arguments)
    assert error.value.response["Error"]["Code"] == code, error.value
    return error.value.response["Error"]["Message"]


def test_a_database_comes_changes_and_goes(server):
    write, name = server.write(), f"db{next(NUMBERS)}"
    made = write.create_database(DatabaseName=name, Tags=[{"Key": "team", "Value": "a"}])["Database"]
    assert made["DatabaseName"] == name and made["TableCount"] == 0
    assert made["Arn"].startswith("arn:aws:timestream:") and made["Arn"].endswith(f":database/{name}")
    age = datetime.datetime.now(datetime.timezone.utc) - made["CreationTime"]
    assert abs(age) < datetime.timedelta(minutes=1)
    refused(write.create_database, "ConflictException", DatabaseName=name)
    assert write.update_database(DatabaseName=name, KmsKeyId="alias/x")["Database"]["KmsKeyId"] == "alias/x"
    assert write.describe_database(DatabaseName=name)["Database"]["KmsKeyId"] == "alias/x"
    write.create_table(DatabaseName=name, TableName="metrics")
    refused(write.delete_database, "ValidationException", DatabaseName=name)
    write.delete_table(DatabaseName=name, TableName="metrics")
    write.delete_database(DatabaseName=name)
    for call in (write.describe_database, write.delete_database):
        refused(call, "ResourceNotFoundException", DatabaseName=name)
    refused(write.update_database, "ResourceNotFoundException", DatabaseName=name, KmsKeyId="alias/x")


@pytest.mark.parametrize("name", ["ab", "x" * 257])
def test_names_that_are_too_short_or_long(server, name):
    message = refused(server.write().create_database, "ValidationException", DatabaseName=name)
    assert "'databaseName' failed to satisfy constraint: Member must have length" in message


def test_names_with_other_characters(server, database):
    message = refused(server.write().create_database, "ValidationException", DatabaseName="a b c")
    assert "[a-zA-Z0-9_.-]+" in message
    refused(server.write().create_table, "ValidationException", DatabaseName=database, TableName="täble")


def test_a_table_has_the_services_defaults(server, database):
    table = server.write().create_table(DatabaseName=database, TableName="plain")["Table"]
    assert table["RetentionProperties"] == {
        "MemoryStoreRetentionPeriodInHours": 6,
        "MagneticStoreRetentionPeriodInDays": 73000,
    }
    assert table["MagneticStoreWriteProperties"] == {"EnableMagneticStoreWrites": False}
    assert table["Schema"] == {"CompositePartitionKey": [{"Type": "MEASURE"}]}
    assert table["TableStatus"] == "ACTIVE"
    described = server.write().describe_table(DatabaseName=database, TableName="plain")["Table"]
    assert described == table
    refused(server.write().create_table, "ConflictException", DatabaseName=database, TableName="plain")
    refused(server.write().create_table, "ResourceNotFoundException", DatabaseName="nowhere", TableName="plain")


def test_a_tables_properties_are_kept_and_updated(server, database):
    write = server.write()
    magnetic = {
        "EnableMagneticStoreWrites": True,
        "MagneticStoreRejectedDataLocation": {
            "S3Configuration": {"BucketName": "reports", "ObjectKeyPrefix": "p", "EncryptionOption": "SSE_S3"}
        },
    }
    key = {"Type": "DIMENSION", "Name": "tenant", "EnforcementInRecord": "REQUIRED"}
    table = write.create_table(
        DatabaseName=database,
        TableName="full",
        MagneticStoreWriteProperties=magnetic,
        Schema={"CompositePartitionKey": [key]},
    )["Table"]
    assert table["MagneticStoreWriteProperties"] == magnetic
    assert table["Schema"] == {"CompositePartitionKey": [key]}
    update = {"DatabaseName": database, "TableName": "full"}
    optional = {"CompositePartitionKey": [{**key, "EnforcementInRecord": "OPTIONAL"}]}
    table = write.update_table(**update, Schema=optional)["Table"]
    assert table["Schema"] == optional and table["MagneticStoreWriteProperties"] == magnetic
    other = {"CompositePartitionKey": [{**key, "Name": "other"}]}
    refused(write.update_table, "ValidationException", **update, Schema=other)
    refused(write.update_table, "ResourceNotFoundException", DatabaseName=database, TableName="none")


def test_lists_are_paged(server, database):
    write = server.write()
    names = sorted(f"table{number}" for number in range(23))
    for name in names:
        write.create_table(DatabaseName=database, TableName=name)
    first = write.list_tables(DatabaseName=database)
    assert len(first["Tables"]) == 20 and first["NextToken"]
    rest = write.list_tables(DatabaseName=database, NextToken=first["NextToken"])
    assert "NextToken" not in rest
    assert [table["TableName"] for table in first["Tables"] + rest["Tables"]] == names
    refused(write.list_tables, "ResourceNotFoundException", DatabaseName="nowhere")
    refused(write.list_tables, "ValidationException", DatabaseName=database, NextToken="?")
    found, token = [], {}
    while True:
        page = write.list_databases(MaxResults=1, **token)
        found += [one["DatabaseName"] for one in page["Databases"]]
        if "NextToken" not in page:
            break
        token = {"NextToken": page["NextToken"]}
    assert found == sorted(found) and database in found


def test_tags(server, database):
    write = server.write()
    arn = write.describe_database(DatabaseName=database)["Database"]["Arn"]
    write.tag_resource(ResourceARN=arn, Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": ""}])
    write.tag_resource(ResourceARN=arn, Tags=[{"Key": "a", "Value": "2"}])
    write.untag_resource(ResourceARN=arn, TagKeys=["b"])
    assert write.list_tags_for_resource(ResourceARN=arn)["Tags"] == [{"Key": "a", "Value": "2"}]
    many = [{"Key": f"k{number}", "Value": ""} for number in range(50)]
    refused(write.tag_resource, "ServiceQuotaExceededException", ResourceARN=arn, Tags=many)
    refused(write.list_tags_for_resource, "ResourceNotFoundException", ResourceARN=arn + "x")
    refused(write.list_tags_for_resource, "ValidationException", ResourceARN="arn:aws:s3:::bucket")


def test_batch_loads_without_a_directory_are_refused_with_the_options_name(server, database):
    write = server.write()
    message = refused(
        write.create_batch_load_task,
        "ValidationException",
        DataSourceConfiguration={"DataSourceS3Configuration": {"BucketName": "abc"}, "DataFormat": "CSV"},
        ReportConfiguration={},
        TargetDatabaseName=database,
        TargetTableName="metrics",
    )
    assert "--object-root" in message
    refused(write.describe_batch_load_task, "ResourceNotFoundException", TaskId="ABC")


def test_endpoints(server):
    for client in (server.write(), server.query()):
        [endpoint] = client.describe_endpoints()["Endpoints"]
        assert endpoint["Address"] == server.endpoint
        assert endpoint["CachePeriodInMinutes"] == 1440
