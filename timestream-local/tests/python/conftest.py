"""Starts the binary, and gives tests boto3 clients of it and the AWS CLI.

The binary is the one that `TIMESTREAM_LOCAL` names, which `run` sets.
"""

import itertools
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import boto3
import pytest
from botocore.config import Config

sys.dont_write_bytecode = True
NUMBERS = itertools.count(1)


class Server:
    """A running server; its data stays in `data` when it ends."""

    def __init__(self, data, *arguments):
        self.data = data
        command = [os.environ["TIMESTREAM_LOCAL"], "--data-dir", str(data), "--listen-address", "127.0.0.1:0"]
        self.process = subprocess.Popen([*command, *arguments], stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        assert "API is at " in line, f"it did not start: {line!r}"
        self.endpoint = line.split()[-1]

    def client(self, service, access_key="any", secret_key="any", retries=1, **options):
        """A boto3 client; `retries` counts all attempts."""
        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id=access_key,
            aws_secret_access_key=secret_key,
            config=Config(retries={"total_max_attempts": retries}),
            **options,
        )

    def write(self, **options):
        return self.client("timestream-write", **options)

    def query(self, **options):
        return self.client("timestream-query", **options)

    def rows(self, text, **options):
        """All rows of a query, over all pages: a list for each of text, None, list or dict as the data says."""
        pages = self.query().get_paginator("query").paginate(QueryString=text, **options)
        return [[cell(data) for data in row["Data"]] for page in pages for row in page["Rows"]]

    def aws(self, *arguments, check=True, environment=None):
        """Runs the AWS CLI: what it printed as JSON, or, unchecked, its exit code and standard error."""
        command = [sys.executable, "-m", "awscli", "--endpoint-url", self.endpoint, *arguments]
        keys = {"AWS_ACCESS_KEY_ID": "any", "AWS_SECRET_ACCESS_KEY": "any", "AWS_DEFAULT_REGION": "us-east-1"}
        environment = {**os.environ, **keys, "AWS_MAX_ATTEMPTS": "1", **(environment or {})}
        done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60)
        if not check:
            return done.returncode, done.stderr
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if done.stdout.strip() else None

    def stop(self):
        """SIGTERM; the exit code."""
        self.process.terminate()
        return self.process.wait(timeout=30)

    def kill(self):
        self.process.kill()
        self.process.wait()


def cell(data):
    """A value of a result as Python has it."""
    if data.get("NullValue"):
        return None
    if "ScalarValue" in data:
        return data["ScalarValue"]
    if "ArrayValue" in data:
        return [cell(item) for item in data["ArrayValue"]]
    if "RowValue" in data:
        return [cell(item) for item in data["RowValue"]["Data"]]
    return [(point["Time"], cell(point["Value"])) for point in data["TimeSeriesValue"]]


def now_ms():
    return int(time.time() * 1000)


def record(measure, value, kind="DOUBLE", time=None, **dimensions):
    """A record of a single measure, in milliseconds."""
    return {
        "Dimensions": [{"Name": name, "Value": text} for name, text in dimensions.items()],
        "MeasureName": measure,
        "MeasureValue": str(value),
        "MeasureValueType": kind,
        "Time": str(now_ms() if time is None else time),
    }


@pytest.fixture
def start(tmp_path):
    """Starts servers that end with the test: `start("--flag", ..., data=path)`."""
    servers = []

    def start(*arguments, data=None):
        servers.append(Server(data or tmp_path / "data", *arguments))
        return servers[-1]

    yield start
    for server in servers:
        server.kill()


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """A server that all tests share."""
    server = Server(tmp_path_factory.mktemp("timestream") / "data")
    yield server
    assert server.stop() == 0


@pytest.fixture
def database(server):
    """The name of a database of this test's own."""
    name = f"db{next(NUMBERS)}"
    server.write().create_database(DatabaseName=name)
    return name


@pytest.fixture
def table(server, database):
    """Database and name of an empty table that takes all times since 1970."""
    server.write().create_table(
        DatabaseName=database,
        TableName="metrics",
        RetentionProperties={
            "MemoryStoreRetentionPeriodInHours": 8766,
            "MagneticStoreRetentionPeriodInDays": 73000,
        },
        MagneticStoreWriteProperties={"EnableMagneticStoreWrites": True},
    )
    return database, "metrics"


@pytest.fixture
def put(server, table):
    """Writes records to the table: `put([record(...)], **common_attributes)`; the answer."""

    def put(records, **common):
        database, name = table
        return server.write().write_records(
            DatabaseName=database, TableName=name, Records=records, CommonAttributes=common
        )

    return put
