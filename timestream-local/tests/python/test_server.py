"""What the server does beside the operations: signatures, TLS and endpoint discovery, faults, ends and starts."""

import datetime
import os
import subprocess

import boto3
import botocore.auth
import pytest
import trustme
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError

from conftest import record

CREDENTIALS = """
[default]
aws_access_key_id = AKIDEXAMPLE
aws_secret_access_key = secret/with+signs=

[temporary]
aws_access_key_id = ASIAEXAMPLE
aws_secret_access_key = other
aws_session_token = token/1==
"""


def code(call, **arguments):
    with pytest.raises(ClientError) as error:
        call(**arguments)
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    return error.value.response["Error"]


@pytest.fixture
def guarded(start, tmp_path):
    """A server that takes only signed requests."""
    file = tmp_path / "credentials"
    file.write_text(CREDENTIALS)
    return start("--credentials-file", str(file))


def test_configured_keys_are_taken_and_no_others(guarded):
    guarded.write(access_key="AKIDEXAMPLE", secret_key="secret/with+signs=").list_databases()
    temporary = {"access_key": "ASIAEXAMPLE", "secret_key": "other"}
    guarded.write(**temporary, aws_session_token="token/1==").list_databases()
    guarded.query(**temporary, aws_session_token="token/1==").query(QueryString="SELECT 1")
    invalid = code(guarded.write(access_key="AKIDEXAMPLE", secret_key="wrong").list_databases)
    assert invalid["Code"] == "InvalidSignatureException"
    assert invalid["Message"].startswith("The request signature we calculated does not match")
    for client in (guarded.write(access_key="OTHER"), guarded.write(**temporary)):
        unknown = code(client.list_databases)
        assert unknown["Code"] == "UnrecognizedClientException"
        assert unknown["Message"] == "The security token included in the request is invalid."


@pytest.mark.parametrize("minutes, text", [(-6, "Signature expired: "), (6, "Signature not yet current: ")])
def test_signatures_of_another_time(guarded, monkeypatch, minutes, text):
    other = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(minutes=minutes)
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda remove_tzinfo=True: other.replace(tzinfo=None))
    error = code(guarded.write(access_key="AKIDEXAMPLE", secret_key="secret/with+signs=").list_databases)
    assert error["Code"] == "InvalidSignatureException" and error["Message"].startswith(text)


def test_requests_without_a_signature(guarded):
    from botocore import UNSIGNED

    client = boto3.client(
        "timestream-write",
        endpoint_url=guarded.endpoint,
        region_name="us-east-1",
        config=Config(signature_version=UNSIGNED, retries={"total_max_attempts": 1}),
    )
    assert code(client.list_databases)["Code"] == "MissingAuthenticationTokenException"


def test_the_cli_signs(guarded):
    keys = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret/with+signs="}
    assert guarded.aws("timestream-write", "list-databases", environment=keys) == {"Databases": []}
    status, message = guarded.aws("timestream-write", "list-databases", check=False)
    assert status != 0 and "UnrecognizedClientException" in message


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize(
    "variables", [["AWS_ENDPOINT_URL"], ["AWS_ENDPOINT_URL_TIMESTREAM_WRITE", "AWS_ENDPOINT_URL_TIMESTREAM_QUERY"]]
)
def test_boto3_and_the_cli_are_pointed_here_by_the_environment(start, tmp_path, monkeypatch, scheme, variables):
    arguments = []
    if scheme == "https":
        authority = trustme.CA()
        issued = authority.issue_cert("localhost", "127.0.0.1")
        certificate, key, trusted = (tmp_path / name for name in ("certificate.pem", "key.pem", "ca.pem"))
        issued.cert_chain_pems[0].write_to_path(str(certificate))
        issued.private_key_pem.write_to_path(str(key))
        authority.cert_pem.write_to_path(str(trusted))
        arguments = ["--tls-certificate", str(certificate), "--tls-key", str(key)]
        monkeypatch.setenv("AWS_CA_BUNDLE", str(trusted))
    server = start(*arguments)
    assert server.endpoint.startswith(f"{scheme}://127.0.0.1:")
    # Named by the environment, the endpoint is where boto3 asks for the one to use. With endpoint_url it would not ask.
    endpoint = server.endpoint.replace("127.0.0.1", "localhost")
    keys = {"AWS_ACCESS_KEY_ID": "any", "AWS_SECRET_ACCESS_KEY": "any", "AWS_DEFAULT_REGION": "us-east-1"}
    for name, value in {**keys, **dict.fromkeys(variables, endpoint)}.items():
        monkeypatch.setenv(name, value)
    asked = []
    session = boto3.Session()
    session.events.register("before-send.*.*", lambda request, event_name, **_: asked.append((event_name, request.url)))
    write = session.client("timestream-write")
    write.create_database(DatabaseName="discovered")
    operations = [name.split(".")[-1] for name, _ in asked]
    assert operations == ["DescribeEndpoints", "CreateDatabase"]
    assert all(url.startswith(endpoint) for _, url in asked)
    assert session.client("timestream-query").query(QueryString="SHOW DATABASES")["Rows"]
    command = [os.sys.executable, "-m", "awscli", "timestream-write", "list-databases"]
    listed = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert listed.returncode == 0 and "discovered" in listed.stdout, listed.stderr


def test_boto3_retries_what_may_pass(start):
    server = start("--fault", "throttle=1x,error=1x,drop=1x,seed=1")
    # Three faults, and then it works.
    server.write(retries=4).create_database(DatabaseName="db1")


@pytest.mark.parametrize(
    "fault, name, status",
    [
        ("throttle=1", "ThrottlingException", 429),
        ("error=1", "InternalServerException", 500),
        ("endpoint=1", "InvalidEndpointException", 421),
        ("validation=1", "ValidationException", 400),
    ],
)
def test_faults_have_the_services_codes(start, fault, name, status):
    with pytest.raises(ClientError) as error:
        start("--fault", fault).write().list_databases()
    assert error.value.response["Error"]["Code"] == name
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == status


def test_dropped_and_delayed_calls(start):
    server = start("--fault", "drop-after=1x,only=CreateDatabase")
    with pytest.raises(ConnectionClosedError):
        server.write().create_database(DatabaseName="db1")
    assert [one["DatabaseName"] for one in server.write().list_databases()["Databases"]] == ["db1"]
    server.kill()
    server = start("--fault", "delay=3s@1x")
    impatient = Config(read_timeout=1, retries={"total_max_attempts": 1})
    keys = {"aws_access_key_id": "any", "aws_secret_access_key": "any", "region_name": "us-east-1"}
    client = boto3.client("timestream-write", endpoint_url=server.endpoint, config=impatient, **keys)
    with pytest.raises(ReadTimeoutError):
        client.list_databases()
    client.list_databases()


def test_what_was_written_is_there_after_a_stop_and_after_a_kill(start):
    server = start()
    server.write().create_database(DatabaseName="db1")
    server.write().create_table(DatabaseName="db1", TableName="metrics")
    for end in ("stop", "kill", "stop"):
        server.write().write_records(DatabaseName="db1", TableName="metrics", Records=[record("m", 1, at=server.endpoint)])
        assert getattr(server, end)() in (0, None)
        server = start()
    assert server.rows('SELECT count(*) FROM "db1"."metrics"') == [["3"]]


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--fault", "trottle=1"], '"trottle=1" is no fault'),
        (["--tls-certificate", "x.pem"], "--tls-key"),
        (["--credentials-file", "/nowhere"], "can't read /nowhere"),
        (["--listen-address", "localhost"], "invalid socket address"),
    ],
)
def test_bad_options_stop_the_start(tmp_path, arguments, message):
    command = [os.environ["TIMESTREAM_LOCAL"], "--data-dir", str(tmp_path), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20)
    assert done.returncode != 0 and message in done.stderr


def test_a_second_server_on_the_same_data_is_refused(start, tmp_path):
    start(data=tmp_path / "shared")
    command = [os.environ["TIMESTREAM_LOCAL"], "--data-dir", str(tmp_path / "shared"), "--listen-address", "127.0.0.1:0"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20)
    assert done.returncode == 1 and "in use by another process" in done.stderr
