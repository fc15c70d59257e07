"""Renders the chart and the kustomizations with the real tools, and checks what comes out."""

import json
import re
import subprocess
from pathlib import Path

import jsonschema
import kubernetes_validate
import pytest
import yaml

import tables
from tools import operator_schemas, tool

DEPLOY = Path(__file__).resolve().parents[1]
CHART = DEPLOY / "helm/timestream-prometheus-connector"
VALUES = sorted(CHART.glob("ci/*-values.yaml"))
KUSTOMIZATIONS = [DEPLOY / "kubernetes" / name for name in ("base", "irsa", "embedded")]
# The oldest that the chart takes, and the newest that the validator knows.
KUBERNETES = ["1.25", "1.37"]


def run(*command):
    return subprocess.run([str(part) for part in command], capture_output=True, text=True)


def render(*arguments, kubernetes="1.37"):
    return run(tool("helm"), "template", "release", CHART, "--namespace=monitoring", f"--kube-version={kubernetes}", *arguments)


def rendered(values, kubernetes="1.37"):
    result = render("--values", values, kubernetes=kubernetes)
    assert result.returncode == 0, result.stderr
    return [one for one in yaml.safe_load_all(result.stdout) if one]


def built(kustomization):
    result = run(tool("kubectl"), "kustomize", kustomization)
    assert result.returncode == 0, result.stderr
    return list(yaml.safe_load_all(result.stdout))


def values_named(name):
    return CHART / f"ci/{name}-values.yaml"


def of_kind(resources, kind):
    return [one for one in resources if one["kind"] == kind]


def pod(resources):
    (workload,) = of_kind(resources, "Deployment") + of_kind(resources, "StatefulSet")
    return workload["spec"]["template"]["spec"]


def container(resources):
    (container,) = pod(resources)["containers"]
    return container


def sources():
    """Every set of resources, as a function of the Kubernetes version."""
    for values in VALUES:
        yield pytest.param(lambda kubernetes, values=values: rendered(values, kubernetes), id=f"helm {values.stem}")
    for folder in KUSTOMIZATIONS:
        yield pytest.param(lambda kubernetes, folder=folder: built(folder), id=f"kustomize {folder.name}")


SOURCES = list(sources())


@pytest.fixture(scope="module")
def schemas():
    return operator_schemas()


@pytest.mark.parametrize("kubernetes", KUBERNETES)
@pytest.mark.parametrize("resources", SOURCES)
def test_every_resource_is_valid(resources, kubernetes, schemas):
    for one in resources(kubernetes):
        if one["apiVersion"] == "monitoring.coreos.com/v1":
            if schemas:
                jsonschema.validate(one, strict(schemas[one["kind"]]))
        else:
            kubernetes_validate.validate(one, kubernetes, strict=True)


def strict(schema):
    """The schema, and nothing beside what it names."""
    if not isinstance(schema, dict):
        return schema
    schema = {key: {name: strict(one) for name, one in value.items()} if key == "properties" else strict(value)
              for key, value in schema.items()}
    if isinstance(schema.get("pattern"), str):
        # Go takes flags within a pattern, Python at its start only.
        schema["pattern"] = schema["pattern"].replace("^(?i)", "(?i)^")
    if "properties" in schema and "metadata" not in schema["properties"]:
        schema.setdefault("additionalProperties", False)
    return schema


def test_the_operators_own_schemas_are_at_hand(schemas):
    if not schemas:
        pytest.skip("NOT TESTED: the Prometheus Operator's schemas can't be had")
    assert {"ServiceMonitor", "PodMonitor", "PrometheusRule"} <= set(schemas)


def test_validation_can_fail():
    (deployment,) = of_kind(rendered(values_named("default")), "Deployment")
    deployment["spec"]["template"]["spec"]["containers"][0]["readinesProbe"] = {}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(deployment, "1.37", strict=True)


@pytest.mark.parametrize("values", VALUES, ids=lambda values: values.stem)
def test_the_linter_finds_nothing(values):
    result = run(tool("helm"), "lint", "--strict", CHART, "--values", values)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("resources", SOURCES)
def test_the_pod_security_is_restricted(resources):
    spec, one = pod(resources("1.37")), container(resources("1.37"))
    assert spec["securityContext"]["runAsNonRoot"] and spec["securityContext"]["runAsUser"] == 65532
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert one["securityContext"] == {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True,
                                      "runAsNonRoot": True, "capabilities": {"drop": ["ALL"]}}
    assert not spec.get("hostNetwork") and spec["automountServiceAccountToken"] is False
    assert {next(iter(set(volume) - {"name"})) for volume in spec.get("volumes", [])} <= {"secret", "persistentVolumeClaim"}


@pytest.mark.parametrize("resources", SOURCES)
def test_the_grace_period_matches_the_drain(resources):
    spec, one = pod(resources("1.37")), container(resources("1.37"))
    delay, drain = re.findall(r"--shutdown\.(?:delay|grace-period)=(\d+)s", " ".join(one["args"]))
    assert int(delay) > 0 and spec["terminationGracePeriodSeconds"] == int(delay) + int(drain) + 10
    # An image without a shell could run no command; the delay does without.
    assert "lifecycle" not in one


@pytest.mark.parametrize("resources", SOURCES)
def test_every_argument_is_an_option(resources):
    flags = [argument.split("=")[0] for argument in container(resources("1.37"))["args"]]
    assert flags and set(flags) <= tables.options() and len(flags) == len(set(flags))


@pytest.mark.parametrize("resources", SOURCES)
def test_the_service_finds_the_pods(resources):
    resources = resources("1.37")
    (workload,) = of_kind(resources, "Deployment") + of_kind(resources, "StatefulSet")
    labels = workload["spec"]["template"]["metadata"]["labels"]
    assert workload["spec"]["selector"]["matchLabels"].items() <= labels.items()
    selectors = [one["spec"]["selector"] for one in of_kind(resources, "Service")]
    selectors += [one["spec"]["selector"]["matchLabels"] for one in of_kind(resources, "PodDisruptionBudget")]
    selectors += [one["spec"]["podSelector"]["matchLabels"] for one in of_kind(resources, "NetworkPolicy")]
    assert selectors and all(selector.items() <= labels.items() for selector in selectors)
    names = {one["metadata"]["name"] for one in of_kind(resources, "ServiceAccount")}
    assert pod(resources)["serviceAccountName"] in names


def test_embedded_is_one_pod_with_a_volume():
    resources = rendered(values_named("embedded"))
    (workload,) = of_kind(resources, "StatefulSet")
    assert workload["spec"]["replicas"] == 1 and not of_kind(resources, "Deployment")
    (claim,) = workload["spec"]["volumeClaimTemplates"]
    mounts = {mount["name"]: mount["mountPath"] for mount in container(resources)["volumeMounts"]}
    assert f"--embedded.data-dir={mounts[claim['metadata']['name']]}" in container(resources)["args"]
    assert workload["spec"]["serviceName"] in {one["metadata"]["name"] for one in of_kind(resources, "Service")}


def mebibytes(size):
    number, unit = re.fullmatch(r"(\d+)([KMG])iB?", size).groups()
    return int(number) * {"K": 1 / 1024, "M": 1, "G": 1024}[unit]


@pytest.mark.parametrize("resources_of, source", [(rendered, values_named("default")), (rendered, values_named("embedded")),
                                                  (built, KUSTOMIZATIONS[0]), (built, KUSTOMIZATIONS[2])])
def test_the_memory_limit_is_above_what_the_options_allow(resources_of, source):
    resources = resources_of(source)
    arguments = dict(argument[2:].partition("=")[::2] for argument in container(resources)["args"])
    named = ["write.memory-limit", "read.memory-limit"] + ["embedded.head-memory"] * ("embedded" in arguments)
    allowed = sum(mebibytes(arguments.get(name) or tables.default_of(f"--{name}")) for name in named) + 64
    assert allowed + 100 < mebibytes(container(resources)["resources"]["limits"]["memory"]), "no room for streamed queries"


def test_the_role_and_its_credentials():
    resources = rendered(values_named("irsa"))
    (account,) = of_kind(resources, "ServiceAccount")
    assert account["metadata"]["annotations"]["eks.amazonaws.com/role-arn"].startswith("arn:aws:iam::")
    assert "--enable-sigv4-auth=true" in container(resources)["args"]
    assert "--enable-sigv4-auth=false" in container(rendered(values_named("default")))["args"]


def test_tls_goes_to_the_probes_and_the_monitor():
    resources = rendered(values_named("tls"))
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert container(resources)[probe]["httpGet"]["scheme"] == "HTTPS"
    (monitor,) = of_kind(resources, "ServiceMonitor")
    assert monitor["spec"]["endpoints"][0]["scheme"] == "https"


def test_a_web_configuration_may_ask_probes_for_a_user():
    result = render("--values", values_named("default"), "--set", "webConfig.secretName=web")
    resources = [one for one in yaml.safe_load_all(result.stdout) if one]
    assert container(resources)["readinessProbe"]["tcpSocket"] == {"port": "http"}


def test_options_are_passed_on_as_they_are_meant():
    arguments = container(rendered(values_named("everything")))["args"]
    assert {"--write.queue-capacity=1048576", "--write.memory-limit=256MiB", "--fail-on-long-label=true"} <= set(arguments)


def test_an_ha_pair_reaches_one_pod():
    ha = ("--set", "options.ha\\.enable=true")
    for more in (["--set", "replicas=2"], ["--set", "autoscaling.enabled=true"]):
        result = render("--values", values_named("default"), *ha, *more)
        assert result.returncode != 0 and "needs one pod" in result.stderr, result.stdout + result.stderr
    result = render("--values", values_named("default"), *ha, "--set", "replicas=1")
    (deployment,) = of_kind([one for one in yaml.safe_load_all(result.stdout) if one], "Deployment")
    assert deployment["spec"]["strategy"] == {"type": "Recreate"}
    assert render("--values", values_named("embedded"), *ha).returncode == 0


def test_the_rules_are_the_mixins():
    (rule,) = of_kind(rendered(values_named("everything")), "PrometheusRule")
    names = [one["alert"] for group in rule["spec"]["groups"] for one in group["rules"] if "alert" in one]
    alerts = yaml.safe_load((DEPLOY / "mixin/alerts.yml").read_text())
    assert names == [one["alert"] for group in alerts["groups"] for one in group["rules"]]
    urls = [one["annotations"]["runbook_url"] for group in rule["spec"]["groups"] for one in group["rules"] if "alert" in one]
    assert all(url.startswith("https://wiki.example/runbooks#timestreamconnector") for url in urls)
    (dashboard,) = of_kind(rendered(values_named("everything")), "ConfigMap")
    assert json.loads(dashboard["data"]["timestream-connector.json"]) == json.loads((DEPLOY / "mixin/dashboard.json").read_text())


def test_the_schema_knows_the_options():
    schema = json.loads((CHART / "values.schema.json").read_text())
    names = {f"--{name}" for name in schema["properties"]["options"]["propertyNames"]["enum"]}
    assert names <= tables.options(), f"no options, but in values.schema.json: {names - tables.options()}"
    # These have values of their own, the chart relies on their defaults, or they are for a person at a terminal.
    managed = {"--default-database", "--default-table", "--region", "--enable-sigv4-auth", "--write-base-endpoint",
               "--query-base-endpoint", "--embedded", "--embedded.data-dir", "--embedded.listen-address", "--tls-certificate",
               "--tls-key", "--web.config.file", "--web.listen-address", "--web.telemetry-path", "--shutdown.delay",
               "--shutdown.grace-period", "--check", "--demo"}
    missing = tables.options() - names - managed
    assert not missing, f"into options in the chart's values.schema.json, or here into managed: {missing}"
    assert not managed & names and managed <= tables.options(), "managed names what is no option, or what values.schema.json takes too"


@pytest.mark.parametrize("bad, named", [
    ([], "database"),
    (["timestream.database=d", "timestream.table=t", "options.write\\.memory-limt=1MiB"], "memory-limt"),
    (["timestream.database=d", "timestream.table=t", "options.region=x"], "region"),
    (["timestream.database=d", "timestream.table=t", "credentials=mine"], "credentials"),
    (["timestream.database=d", "timestream.table=t", "replica=3"], "replica"),
    (["timestream.database=d", "timestream.table=t", "timestream.region=Virginia"], "region"),
    (["timestream.database=d", "timestream.table=t", "serviceAccount.roleArn=role"], "roleArn"),
    (["timestream.database=d", "timestream.table=t", "image.digest=latest"], "digest"),
    (["timestream.database=d", "timestream.table=t", "service.port=99999"], "port"),
    (["embedded.enabled=true", "embedded.size=ten"], "size"),
])
def test_the_schema_rejects(bad, named):
    result = render(*(argument for value in bad for argument in ("--set", value)))
    assert result.returncode != 0 and "schema" in result.stderr and named in result.stderr


def test_the_documentation_sets_values_that_exist():
    text = (DEPLOY.parent / "docs/kubernetes.md").read_text().replace("\\\n", " ")
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    named = [pair.split("=")[0] for group in re.findall(r"--set '?([^ '`]+)", text) for pair in group.split(",")]
    named += re.findall(r"`((?:autoscaling|networkPolicy|prometheusRule|serviceMonitor|shutdown|webConfig|probes|tls)\.\w+)", text)
    assert len(named) > 15
    for name in named:
        section, _, key = name.partition(".")
        known = values[section]
        assert section == "options" or not key or key in known, name
    flags = set(re.findall(r"`(--(?:write|read|shutdown|embedded|web)[a-z0-9.-]+)", text))
    assert flags and flags <= tables.options()
