"""Reads the templates as CloudFormation does: the transform, parameters, conditions and intrinsic functions."""

import copy
import json
import os
import re
import subprocess
import sys
from pathlib import Path

from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse

ROOT = Path(__file__).resolve().parents[2]
SERVERLESS = ROOT / "deploy/serverless/template.yml"
PRIVATELINK = ROOT / "deploy/privatelink/template.yml"
REGION = "eu-west-1"
ACCOUNT = "123456789012"
PSEUDO = {
    "AWS::Region": REGION,
    "AWS::AccountId": ACCOUNT,
    "AWS::Partition": "aws",
    "AWS::URLSuffix": "amazonaws.com",
    "AWS::StackName": "metrics",
}
NOTHING = object()

# The translator asks boto for the region's partition.
os.environ.setdefault("AWS_DEFAULT_REGION", REGION)


def load(path):
    return yaml_parse(path.read_text())


def transform(template):
    """What CloudFormation makes of a SAM template whose code was uploaded."""
    template = copy.deepcopy(template)
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = f"s3://bucket/{resource['Properties']['CodeUri']}"
    return Translator({}, Parser()).translate(template, dict(PSEUDO))


def parameters(template, **given):
    unknown = set(given) - set(template["Parameters"])
    assert not unknown, f"the template has no parameters {unknown}"
    defaults = {name: str(p["Default"]) for name, p in template["Parameters"].items() if "Default" in p}
    return defaults | given


def resolve(template, **given):
    """The template's resources and outputs with these parameters. What only AWS knows stays `<Resource.Attribute>`."""
    values = PSEUDO | parameters(template, **given)

    def condition(name):
        return evaluate(template["Conditions"][name])

    def ref(name):
        if name == "AWS::NoValue":
            return NOTHING
        return values.get(name, f"<{name}>")

    def evaluate(node):
        if isinstance(node, list):
            return [item for item in map(evaluate, node) if item is not NOTHING]
        if not isinstance(node, dict):
            return node
        if len(node) == 1:
            (function, argument), = node.items()
            if function == "Ref":
                return ref(argument)
            if function == "Fn::GetAtt":
                return "<" + (argument if isinstance(argument, str) else ".".join(argument)) + ">"
            if function == "Fn::Sub":
                return re.sub(r"\$\{([^}]+)\}", lambda match: str(ref(match[1])), argument)
            if function == "Fn::Join":
                return argument[0].join(evaluate(argument[1]))
            if function == "Fn::Equals":
                left, right = map(evaluate, argument)
                return str(left) == str(right)
            if function == "Fn::Not":
                return not evaluate(argument[0])
            if function == "Fn::If":
                return evaluate(argument[1] if condition(argument[0]) else argument[2])
            assert not function.startswith("Fn::"), f"{function} is not known here"
        return {key: value for key, value in ((k, evaluate(v)) for k, v in node.items()) if value is not NOTHING}

    resources = {
        name: evaluate(resource)
        for name, resource in template["Resources"].items()
        if "Condition" not in resource or condition(resource["Condition"])
    }
    return {"Resources": resources, "Outputs": evaluate(template["Outputs"])}


def of_type(resolved, kind):
    return {name: r["Properties"] for name, r in resolved["Resources"].items() if r["Type"] == kind}


def grants(role):
    """Every pair of action and resource that a role allows."""
    assert "ManagedPolicyArns" not in role
    pairs = []
    for policy in role.get("Policies", []):
        for statement in policy["PolicyDocument"]["Statement"]:
            assert statement["Effect"] == "Allow"
            assert set(statement) == {"Effect", "Action", "Resource"}
            actions, resources = as_list(statement["Action"]), as_list(statement["Resource"])
            pairs += [(action, resource) for action in actions for resource in resources]
    return sorted(pairs)


def as_list(value):
    return value if isinstance(value, list) else [value]


def run(*command):
    """Runs a tool of the virtual environment without AWS credentials, and without letting it report its use."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
    environment |= {"AWS_DEFAULT_REGION": REGION, "SAM_CLI_TELEMETRY": "0", "AWS_EC2_METADATA_DISABLED": "true"}
    tool = Path(sys.executable).with_name(command[0])
    done = subprocess.run([tool, *map(str, command[1:])], env=environment, capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout + done.stderr


def lint(path):
    return run("cfn-lint", "--regions", REGION, "--", path)


def lint_transformed(template, folder):
    path = folder / "transformed.json"
    path.write_text(json.dumps(transform(template)))
    return lint(path)


def seconds(duration):
    """A duration of the options' form that is whole seconds."""
    match = re.fullmatch(r"(\d+)s", duration)
    assert match, f"{duration!r} is not in seconds"
    return int(match[1])
