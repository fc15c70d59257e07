"""The SAM template keeps the connector's contract."""

import copy

import pytest

from tables import environment_variables
from templates import (ACCOUNT, REGION, ROOT, SERVERLESS, grants, lint, lint_transformed, load,
                       of_type, resolve, run, transform)

TABLE = f"arn:aws:timestream:{REGION}:{ACCOUNT}:database/metrics_db/table/samples"


@pytest.fixture(scope="module")
def template():
    return load(SERVERLESS)


def with_auth(template, sigv4):
    return resolve(template, EnableSigV4Auth=sigv4, DefaultDatabase="metrics_db", DefaultTable="samples")


def test_sam_takes_it():
    code, output = run("sam", "validate", "--lint", "--template-file", SERVERLESS)
    assert code == 0, output


def test_the_linter_finds_nothing(template, tmp_path):
    code, output = lint(SERVERLESS)
    assert (code, output) == (0, "")
    code, output = lint_transformed(template, tmp_path)
    assert (code, output) == (0, "")


def test_the_linter_would_find_a_fault_of_the_function(template, tmp_path):
    faulty = copy.deepcopy(template)
    faulty["Resources"]["Connector"]["Properties"]["Timeout"] = 9000
    code, output = lint_transformed(faulty, tmp_path)
    assert code != 0 and "Timeout" in output, output


def test_the_parameters_have_the_contracts_defaults(template):
    defaults = {name: parameter.get("Default") for name, parameter in template["Parameters"].items()}
    contract = {
        "APIGatewayStageName": "dev",
        "MemorySize": 512,
        "ApiGatewayTimeoutInMillis": 30000,
        "LambdaTimeoutInSeconds": 30,
        "ReadThrottlingBurstLimit": 1200,
        "WriteThrottlingBurstLimit": 1200,
        "DefaultDatabase": "PrometheusDatabase",
        "DefaultTable": "PrometheusMetricsTable",
        "ExecutionPolicyName": "LambdaExecutionPolicy",
        "LogLevel": "info",
        "EnableSigV4Auth": "true",
    }
    ours = {
        "ReadThrottlingRateLimit": 1200,
        "WriteThrottlingRateLimit": 1200,
        "Architecture": "arm64",
        "ReservedConcurrency": 0,
        "MaxWriteRetries": 10,
        "MaxReadRetries": 3,
        "LogRetentionInDays": 30,
        "AlarmTopicArn": "",
    }
    assert defaults == contract | ours


def test_the_role_may_do_exactly_this(template):
    resolved = with_auth(template, "true")
    roles = of_type(resolved, "AWS::IAM::Role")
    assert list(roles) == ["ConnectorRole"]
    role = roles["ConnectorRole"]
    assert grants(role) == [
        ("logs:CreateLogStream", "<ConnectorLogs.Arn>"),
        ("logs:PutLogEvents", "<ConnectorLogs.Arn>"),
        ("timestream:DescribeEndpoints", "*"),
        ("timestream:Select", TABLE),
        ("timestream:WriteRecords", TABLE),
    ]
    (trusted,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert trusted == {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    assert role["Policies"][0]["PolicyName"] == "LambdaExecutionPolicy"


def test_with_basic_auth_the_role_may_only_log(template):
    role = of_type(with_auth(template, "false"), "AWS::IAM::Role")["ConnectorRole"]
    assert grants(role) == [
        ("logs:CreateLogStream", "<ConnectorLogs.Arn>"),
        ("logs:PutLogEvents", "<ConnectorLogs.Arn>"),
    ]


def test_sam_adds_no_role_and_no_permission(template):
    transformed = transform(template)["Resources"]
    assert {name: r["Type"] for name, r in transformed.items() if r["Type"].startswith("AWS::IAM::")} == {
        "ConnectorRole": "AWS::IAM::Role"
    }
    permissions = [name for name, r in transformed.items() if r["Type"] == "AWS::Lambda::Permission"]
    assert permissions == ["WritePermission", "ReadPermission"]


@pytest.mark.parametrize("sigv4, authorization", [("true", "AWS_IAM"), ("false", "NONE")])
def test_who_may_call_is_one_setting_for_the_api_and_the_connector(template, sigv4, authorization):
    resolved = with_auth(template, sigv4)
    routes = of_type(resolved, "AWS::ApiGatewayV2::Route").values()
    assert {route["RouteKey"]: route["AuthorizationType"] for route in routes} == {
        "POST /write": authorization,
        "POST /read": authorization,
    }
    function = resolved["Resources"]["Connector"]["Properties"]
    assert function["Environment"]["Variables"]["enable_sigv4_auth"] == sigv4


def test_only_the_two_routes_may_invoke_the_function(template):
    permissions = of_type(resolve(template), "AWS::Lambda::Permission").values()
    api = f"arn:aws:execute-api:{REGION}:{ACCOUNT}:<Api>/dev/POST"
    assert sorted(permission["SourceArn"] for permission in permissions) == [f"{api}/read", f"{api}/write"]


def test_the_environment_is_options_of_the_binary(template):
    resolved = resolve(template, LogLevel="debug", MaxWriteRetries="4", MaxReadRetries="5")
    variables = resolved["Resources"]["Connector"]["Properties"]["Environment"]["Variables"]
    assert variables == {
        "default_database": "PrometheusDatabase",
        "default_table": "PrometheusMetricsTable",
        "region": REGION,
        "enable_sigv4_auth": "true",
        "max_write_retries": "4",
        "max_read_retries": "5",
        "log_level": "debug",
        "log_format": "json",
    }
    assert set(variables) <= environment_variables()


def test_the_function_is_as_the_package_makes_it(template):
    function = resolve(template)["Resources"]["Connector"]["Properties"]
    expected = {"CodeUri": "bootstrap.zip", "Handler": "bootstrap", "Runtime": "provided.al2023",
                "Architectures": ["arm64"], "MemorySize": "512", "Timeout": "30"}
    assert expected.items() <= function.items()
    assert "ReservedConcurrentExecutions" not in function
    bounded = resolve(template, ReservedConcurrency="50", Architecture="x86_64")["Resources"]["Connector"]["Properties"]
    assert (bounded["ReservedConcurrentExecutions"], bounded["Architectures"]) == ("50", ["x86_64"])
    assert "/deploy/serverless/bootstrap.zip" in (ROOT / ".gitignore").read_text().split()


def test_requests_are_throttled_and_timed(template):
    resolved = resolve(template, ReadThrottlingBurstLimit="7", ReadThrottlingRateLimit="8", ApiGatewayTimeoutInMillis="9000")
    (stage,) = of_type(resolved, "AWS::ApiGatewayV2::Stage").values()
    assert stage["RouteSettings"] == {
        "POST /write": {"ThrottlingBurstLimit": "1200", "ThrottlingRateLimit": "1200"},
        "POST /read": {"ThrottlingBurstLimit": "7", "ThrottlingRateLimit": "8"},
    }
    (integration,) = of_type(resolved, "AWS::ApiGatewayV2::Integration").values()
    assert (integration["PayloadFormatVersion"], integration["TimeoutInMillis"]) == ("2.0", "9000")


def test_logs_are_kept_for_a_while_only(template):
    groups = of_type(resolve(template, LogRetentionInDays="7"), "AWS::Logs::LogGroup")
    assert {name: group["RetentionInDays"] for name, group in groups.items()} == {"ConnectorLogs": "7", "AccessLogs": "7"}
    function = resolve(template)["Resources"]["Connector"]["Properties"]
    assert function["LoggingConfig"] == {"LogGroup": "<ConnectorLogs>"}


def test_alarms_watch_errors_and_throttles(template):
    topic = f"arn:aws:sns:{REGION}:{ACCOUNT}:alarms"
    alarms = of_type(resolve(template, AlarmTopicArn=topic), "AWS::CloudWatch::Alarm").values()
    assert sorted((alarm["Namespace"], alarm["MetricName"]) for alarm in alarms) == [
        ("AWS/ApiGateway", "4xx"),
        ("AWS/ApiGateway", "5xx"),
        ("AWS/Lambda", "Errors"),
        ("AWS/Lambda", "Throttles"),
    ]
    assert all(alarm["AlarmActions"] == [topic] for alarm in alarms)
    silent = of_type(resolve(template), "AWS::CloudWatch::Alarm").values()
    assert not any("AlarmActions" in alarm for alarm in silent)


def test_the_outputs_say_where_to_write_and_to_read(template):
    outputs = {name: output["Value"] for name, output in resolve(template)["Outputs"].items()}
    url = f"https://<Api>.execute-api.{REGION}.amazonaws.com/dev"
    assert outputs["InvokeWriteURL"] == f"{url}/write"
    assert outputs["InvokeReadURL"] == f"{url}/read"
    assert (outputs["DefaultDatabase"], outputs["DefaultTable"]) == ("PrometheusDatabase", "PrometheusMetricsTable")
