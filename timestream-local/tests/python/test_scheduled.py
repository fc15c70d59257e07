"""Scheduled queries, the insights of queries, and the settings of the account, with boto3."""

import datetime

import pytest
from botocore.exceptions import ClientError
from botocore.waiter import WaiterModel, create_waiter_with_client

from conftest import NUMBERS, now_ms, record

RUN_ENDED = {
    "operation": "DescribeScheduledQuery",
    "delay": 0.05,
    "maxAttempts": 400,
    "acceptors": [
        {
            "matcher": "path",
            "argument": "ScheduledQuery.LastRunSummary.RunStatus",
            "expected": f"MANUAL_TRIGGER_{outcome}",
            "state": "success",
        }
        for outcome in ("SUCCESS", "FAILURE")
    ],
}


def request(text, name=None, schedule="cron(0 0 1 1 ? *)", target=None, **more):
    """What CreateScheduledQuery requires."""
    target = {"TargetConfiguration": {"TimestreamConfiguration": target}} if target else {}
    return {
        "Name": name or f"query-{next(NUMBERS)}",
        "QueryString": text,
        "ScheduleConfiguration": {"ScheduleExpression": schedule},
        "NotificationConfiguration": {"SnsConfiguration": {"TopicArn": "arn:aws:sns:us-east-1:000000000000:topic"}},
        "ScheduledQueryExecutionRoleArn": "arn:aws:iam::000000000000:role/role",
        "ErrorReportConfiguration": {"S3Configuration": {"BucketName": "reports"}},
        **target,
        **more,
    }


def run(query, arn, time):
    """Runs a query for a time; the summary of the run."""
    query.execute_scheduled_query(ScheduledQueryArn=arn, InvocationTime=time)
    model = WaiterModel({"version": 2, "waiters": {"RunEnded": RUN_ENDED}})
    create_waiter_with_client("RunEnded", model, query).wait(ScheduledQueryArn=arn)
    return query.describe_scheduled_query(ScheduledQueryArn=arn)["ScheduledQuery"]["LastRunSummary"]


@pytest.fixture
def derived(server, table):
    """The name of a second table of the test's database."""
    server.write().create_table(
        DatabaseName=table[0],
        TableName="derived",
        RetentionProperties={"MemoryStoreRetentionPeriodInHours": 8766, "MagneticStoreRetentionPeriodInDays": 73000},
        MagneticStoreWriteProperties={"EnableMagneticStoreWrites": True},
    )
    return "derived"


def test_a_result_is_written_to_its_target(server, table, put, derived):
    query, minute = server.query(), now_ms() // 60_000 * 60_000 - 600_000
    values = [(0, 1.0), (10_000, 3.0), (60_000, 8.0)]
    put([record("cpu", value, time=minute + after, host="a") for after, value in values])
    target = {
        "DatabaseName": table[0],
        "TableName": derived,
        "TimeColumn": "minute",
        "DimensionMappings": [{"Name": "host", "DimensionValueType": "VARCHAR"}],
        "MixedMeasureMappings": [
            {"SourceColumn": "mean", "TargetMeasureName": "cpu_mean", "MeasureValueType": "DOUBLE"},
            {"SourceColumn": "samples", "MeasureValueType": "BIGINT"},
        ],
    }
    text = (
        "SELECT host, bin(time, 1m) AS minute, avg(measure_value::double) AS mean, count(*) AS samples "
        f'FROM "{table[0]}"."{table[1]}" WHERE time BETWEEN @scheduled_runtime - 5m AND @scheduled_runtime '
        "GROUP BY host, bin(time, 1m)"
    )
    arn = query.create_scheduled_query(**request(text, target=target))["Arn"]
    time = datetime.datetime.fromtimestamp(minute / 1000 + 120, datetime.timezone.utc)
    summary = run(query, arn, time)
    assert summary["RunStatus"] == "MANUAL_TRIGGER_SUCCESS" and summary["InvocationTime"] == time
    assert summary["ExecutionStats"]["QueryResultRows"] == 2
    assert summary["ExecutionStats"]["RecordsIngested"] == 4
    rows = server.rows(
        "SELECT measure_name, to_milliseconds(time), measure_value::double, measure_value::bigint "
        f'FROM "{table[0]}"."derived" ORDER BY measure_name, time'
    )
    assert rows == [
        ["cpu_mean", str(minute), "2.0", None],
        ["cpu_mean", str(minute + 60_000), "8.0", None],
        ["samples", str(minute), None, "2"],
        ["samples", str(minute + 60_000), None, "1"],
    ]


def test_pages_of_scheduled_queries(start, tmp_path):
    query = start(data=tmp_path / "data").query()
    names = sorted(f"query-{number}" for number in range(12))
    for name in names:
        query.create_scheduled_query(**request("SELECT 1", name=name))
    pages = list(query.get_paginator("list_scheduled_queries").paginate(PaginationConfig={"PageSize": 5}))
    assert [len(page["ScheduledQueries"]) for page in pages] == [5, 5, 2]
    listed = [found for page in pages for found in page["ScheduledQueries"]]
    assert [found["Name"] for found in listed] == names
    assert {found["State"] for found in listed} == {"ENABLED"}
    assert all(found["NextInvocationTime"].month == 1 for found in listed)


def test_a_query_is_tagged_switched_off_and_removed(server):
    query = server.query()
    arn = query.create_scheduled_query(**request("SELECT 1", Tags=[{"Key": "team", "Value": "a"}]))["Arn"]
    query.tag_resource(ResourceARN=arn, Tags=[{"Key": "env", "Value": "test"}])
    pages = query.get_paginator("list_tags_for_resource").paginate(ResourceARN=arn, PaginationConfig={"PageSize": 1})
    assert [tag["Key"] for page in pages for tag in page["Tags"]] == ["env", "team"]
    query.update_scheduled_query(ScheduledQueryArn=arn, State="DISABLED")
    found = query.describe_scheduled_query(ScheduledQueryArn=arn)["ScheduledQuery"]
    assert found["State"] == "DISABLED" and "NextInvocationTime" not in found
    with pytest.raises(query.exceptions.ValidationException):
        query.execute_scheduled_query(ScheduledQueryArn=arn, InvocationTime=datetime.datetime.now())
    query.delete_scheduled_query(ScheduledQueryArn=arn)
    with pytest.raises(query.exceptions.ResourceNotFoundException):
        query.describe_scheduled_query(ScheduledQueryArn=arn)


def test_a_run_that_fails_says_why(server, derived, table):
    query = server.query()
    arn = query.create_scheduled_query(**request("SELECT 1 / (1 - length('x')) AS n"))["Arn"]
    summary = run(query, arn, datetime.datetime(2024, 5, 6, tzinfo=datetime.timezone.utc))
    assert summary["RunStatus"] == "MANUAL_TRIGGER_FAILURE"
    assert "Division by zero" in summary["FailureReason"]
    failed = query.describe_scheduled_query(ScheduledQueryArn=arn)["ScheduledQuery"]["RecentlyFailedRuns"]
    assert failed == [summary]


@pytest.mark.parametrize(
    "changed",
    [
        {"ScheduleConfiguration": {"ScheduleExpression": "rate(1 second)"}},
        {"ErrorReportConfiguration": {"S3Configuration": {"BucketName": "Reports"}}},
        {"QueryString": "SELECT nothing FROM nowhere.at_all"},
        {"Name": "no spaces"},
    ],
)
def test_what_could_not_run_is_refused(server, changed):
    with pytest.raises(ClientError) as error:
        server.query().create_scheduled_query(**{**request("SELECT 1"), **changed})
    assert error.value.response["Error"]["Code"] == "ValidationException"


def test_insights_come_with_the_last_page(server, table, put):
    put([record("cpu", number, time=now_ms() - number * 1000, host="a") for number in range(10)])
    pages = server.query().get_paginator("query").paginate(
        QueryString=f'SELECT time FROM "{table[0]}"."{table[1]}"',
        QueryInsights={"Mode": "ENABLED_WITH_RATE_CONTROL"},
        PaginationConfig={"PageSize": 4},
    )
    insights = [page.get("QueryInsightsResponse") for page in pages]
    assert all(found is None for found in insights[:-1])
    assert insights[-1]["OutputRows"] == 10 and insights[-1]["QueryTableCount"] == 1
    assert insights[-1]["QuerySpatialCoverage"]["Max"]["TableArn"].endswith(f"/{table[0]}/table/{table[1]}")


def test_the_settings_of_the_account(start, tmp_path):
    query = start(data=tmp_path / "data").query()
    found = query.describe_account_settings()
    assert found["MaxQueryTCU"] == 200 and found["QueryPricingModel"] == "COMPUTE_UNITS"
    assert query.update_account_settings(MaxQueryTCU=8, QueryPricingModel="COMPUTE_UNITS")["MaxQueryTCU"] == 8
    with pytest.raises(query.exceptions.ValidationException):
        query.update_account_settings(MaxQueryTCU=7)
