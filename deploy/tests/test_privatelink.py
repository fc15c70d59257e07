"""The template for a VPC without internet."""

import re

import pytest

import tables
from templates import (ACCOUNT, PRIVATELINK, REGION, grants, lint, load, of_type, resolve, seconds)

TABLE = f"arn:aws:timestream:{REGION}:{ACCOUNT}:database/PrometheusDatabase/table/PrometheusMetricsTable"
GIVEN = {
    "TimestreamWriteCell": "ingest-cell2",
    "TimestreamQueryCell": "query-cell3",
    "VpcId": "vpc-1",
    "VpcCidr": "10.0.0.0/16",
    "PrivateSubnetIds": "subnet-1,subnet-2",
    "PrivateRouteTableIds": "rtb-1",
    "S3PrefixListId": "pl-1",
    "ClientCidr": "10.0.8.0/24",
    "ImageTag": "1.0.0",
}


@pytest.fixture(scope="module")
def template():
    return load(PRIVATELINK)


@pytest.fixture(scope="module")
def resolved(template):
    return resolve(template, **GIVEN)


def container(resolved):
    (task,) = of_type(resolved, "AWS::ECS::TaskDefinition").values()
    (container,) = task["ContainerDefinitions"]
    return container


def arguments(resolved):
    return dict(argument.split("=", 1) for argument in container(resolved)["Command"])


def test_the_linter_finds_nothing():
    code, output = lint(PRIVATELINK)
    assert (code, output) == (0, "")


def test_the_arguments_are_options_of_the_binary(resolved):
    assert arguments(resolved) == {
        "--default-database": "PrometheusDatabase",
        "--default-table": "PrometheusMetricsTable",
        "--region": REGION,
        "--write-base-endpoint": f"https://ingest-cell2.timestream.{REGION}.amazonaws.com",
        "--query-base-endpoint": f"https://query-cell3.timestream.{REGION}.amazonaws.com",
        "--enable-sigv4-auth": "true",
        "--log.level": "info",
        "--log.format": "json",
        "--shutdown.grace-period": "20s",
    }
    assert set(arguments(resolved)) <= tables.options()


def test_the_vpc_has_an_endpoint_for_all_that_is_called(template, resolved):
    endpoints = {e["ServiceName"]: e["VpcEndpointType"] for e in of_type(resolved, "AWS::EC2::VPCEndpoint").values()}
    of_timestream = {
        f"com.amazonaws.{REGION}.timestream.ingest-cell2": "Interface",
        f"com.amazonaws.{REGION}.timestream.query-cell3": "Interface",
    }
    shared = {
        f"com.amazonaws.{REGION}.ecr.api": "Interface",
        f"com.amazonaws.{REGION}.ecr.dkr": "Interface",
        f"com.amazonaws.{REGION}.logs": "Interface",
        f"com.amazonaws.{REGION}.s3": "Gateway",
    }
    assert endpoints == of_timestream | shared
    without = resolve(template, CreateSharedEndpoints="false", **GIVEN)
    assert {e["ServiceName"] for e in of_type(without, "AWS::EC2::VPCEndpoint").values()} == set(of_timestream)


def test_the_endpoints_names_are_the_ones_that_the_connector_asks_for(resolved):
    hosts = {re.sub("^https://", "", arguments(resolved)[flag]) for flag in ("--write-base-endpoint", "--query-base-endpoint")}
    endpoints = of_type(resolved, "AWS::EC2::VPCEndpoint").values()
    private = {e["ServiceName"].rsplit(".", 1)[1] for e in endpoints if "timestream" in e["ServiceName"]}
    assert hosts == {f"{cell}.timestream.{REGION}.amazonaws.com" for cell in private}
    assert all(e["PrivateDnsEnabled"] for e in endpoints if e["VpcEndpointType"] == "Interface")


def test_the_roles_may_do_exactly_this(resolved):
    roles = of_type(resolved, "AWS::IAM::Role")
    assert {name: grants(role) for name, role in roles.items()} == {
        "TaskRole": [
            ("timestream:CancelQuery", "*"),
            ("timestream:Select", TABLE),
            ("timestream:WriteRecords", TABLE),
        ],
        "ExecutionRole": [
            ("ecr:BatchCheckLayerAvailability", f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/timestream-prometheus-connector"),
            ("ecr:BatchGetImage", f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/timestream-prometheus-connector"),
            ("ecr:GetAuthorizationToken", "*"),
            ("ecr:GetDownloadUrlForLayer", f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/timestream-prometheus-connector"),
            ("logs:CreateLogStream", "<ConnectorLogs.Arn>"),
            ("logs:PutLogEvents", "<ConnectorLogs.Arn>"),
        ],
    }


def test_with_basic_auth_the_task_may_do_nothing(template):
    resolved = resolve(template, EnableSigV4Auth="false", **GIVEN)
    assert grants(of_type(resolved, "AWS::IAM::Role")["TaskRole"]) == []
    assert arguments(resolved)["--enable-sigv4-auth"] == "false"


def test_timestreams_endpoints_let_only_this_table_through(resolved):
    endpoints = of_type(resolved, "AWS::EC2::VPCEndpoint")
    allowed = {
        name: [(s["Action"], s["Resource"]) for s in endpoints[name]["PolicyDocument"]["Statement"]]
        for name in ("WriteEndpoint", "QueryEndpoint")
    }
    assert allowed == {
        "WriteEndpoint": [("timestream:WriteRecords", TABLE)],
        "QueryEndpoint": [("timestream:Select", TABLE), ("timestream:CancelQuery", "*")],
    }


def test_nothing_goes_to_or_comes_from_the_internet(resolved):
    groups = of_type(resolved, "AWS::EC2::SecurityGroup")
    rules = {
        name: [(rule.get("CidrIp") or rule.get("SourceSecurityGroupId") or rule.get("DestinationPrefixListId"), rule["ToPort"])
               for rule in group[direction]]
        for direction in ("SecurityGroupIngress", "SecurityGroupEgress")
        for name, group in ((f"{name} {direction[13:]}", group) for name, group in groups.items())
    }
    assert rules == {
        "BalancerSecurityGroup Ingress": [("10.0.8.0/24", 9201)],
        "BalancerSecurityGroup Egress": [("10.0.0.0/16", 9201)],
        "ConnectorSecurityGroup Ingress": [("<BalancerSecurityGroup>", 9201)],
        "ConnectorSecurityGroup Egress": [("10.0.0.0/16", 443), ("pl-1", 443)],
        "EndpointSecurityGroup Ingress": [("<ConnectorSecurityGroup>", 443)],
        "EndpointSecurityGroup Egress": [("127.0.0.1/32", 1)],
    }
    (service,) = of_type(resolved, "AWS::ECS::Service").values()
    assert service["NetworkConfiguration"]["AwsvpcConfiguration"]["AssignPublicIp"] == "DISABLED"
    (balancer,) = of_type(resolved, "AWS::ElasticLoadBalancingV2::LoadBalancer").values()
    assert balancer["Scheme"] == "internal"


def test_no_task_starts_before_the_endpoints_that_it_needs(template):
    service = template["Resources"]["Service"]
    waits_for = set(service["DependsOn"])
    for tag in service["Properties"]["Tags"]:
        waits_for |= {node["Ref"] for node in tag["Value"]["Fn::If"][1]["Fn::Join"][1]}
    assert waits_for == {"Listener", *of_type(resolve(template, **GIVEN), "AWS::EC2::VPCEndpoint")}


def test_a_stop_leaves_time_for_what_is_in_flight(resolved):
    takes = seconds(tables.default_of("--shutdown.delay")) + seconds(arguments(resolved)["--shutdown.grace-period"])
    assert container(resolved)["StopTimeout"] > takes
    (targets,) = of_type(resolved, "AWS::ElasticLoadBalancingV2::TargetGroup").values()
    attributes = {attribute["Key"]: attribute["Value"] for attribute in targets["TargetGroupAttributes"]}
    assert int(attributes["deregistration_delay.timeout_seconds"]) > seconds(tables.default_of("--write.timeout"))
    assert targets["HealthCheckPath"] == "/-/healthy"


def test_the_container_can_do_no_harm(resolved):
    settings = container(resolved)
    assert settings["User"] == "65532"
    assert settings["ReadonlyRootFilesystem"] is True
    assert settings["LinuxParameters"] == {"Capabilities": {"Drop": ["ALL"]}}
    assert settings["Image"] == f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/timestream-prometheus-connector:1.0.0"


def test_logs_are_kept_for_a_while_only(template):
    (group,) = of_type(resolve(template, LogRetentionInDays="7", **GIVEN), "AWS::Logs::LogGroup").values()
    assert group["RetentionInDays"] == "7"


def test_the_outputs_say_where_to_write_and_to_read(resolved):
    outputs = {name: output["Value"] for name, output in resolved["Outputs"].items()}
    assert outputs["WriteURL"] == "http://<Balancer.DNSName>:9201/write"
    assert outputs["ReadURL"] == "http://<Balancer.DNSName>:9201/read"
