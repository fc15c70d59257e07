"""Builds the image with buildah from an optimized binary, and runs it."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from running import Running, ROOT, free_port, get

BUILD = ROOT / "deploy/image/build"
BINARY = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release/timestream-prometheus-connector"
BUILDAH = ["buildah", "--storage-driver=vfs"]
ENVIRONMENT = {**os.environ, "BUILDAH_ISOLATION": "chroot"}
# The gate's binary has assertions and is not optimized across crates, so it is larger than one that is handed out. The
# licences of the crates take 0.7 MB.
LIMIT_MB = 46


def buildah(*arguments):
    run = subprocess.run([*BUILDAH, *arguments], capture_output=True, text=True, env=ENVIRONMENT)
    assert run.returncode == 0, run.stderr
    return run.stdout.strip()


@pytest.fixture(scope="module")
def image():
    if not shutil.which("buildah") or os.geteuid() != 0:
        pytest.skip("NOT TESTED: there is no buildah, or this is not root")
    binary = Path(os.environ.get("IMAGE_BINARY", BINARY))
    if not binary.exists():
        pytest.skip(f"NOT TESTED: there is no optimized binary {binary}")
    name = f"connector-test:{os.getpid()}"
    run = subprocess.run([BUILD, binary, name], capture_output=True, text=True, env=ENVIRONMENT)
    assert run.returncode == 0, run.stderr
    print(run.stdout)
    yield name
    buildah("rmi", name)


@pytest.fixture(scope="module")
def container(image):
    name = buildah("from", image)
    yield name
    buildah("rm", name)


def size_mb(folder):
    return sum(file.lstat().st_size for file in Path(folder).rglob("*") if file.is_file() and not file.is_symlink()) / 1e6


def test_it_is_small_and_has_no_shell(container):
    root = Path(buildah("mount", container))
    assert size_mb(root) < LIMIT_MB, f"{size_mb(root)} MB"
    assert [file for file in ("bin/sh", "usr/bin/sh", "bin/bash", "usr/bin/dpkg") if (root / file).exists()] == []
    assert (root / "data").stat().st_uid == 65532
    buildah("umount", container)


def test_it_has_its_licences(container):
    root = Path(buildah("mount", container))
    folder = root / "usr/share/doc/timestream-prometheus-connector"
    assert (folder / "LICENSE").read_text() == (ROOT / "LICENSE").read_text()
    others = (folder / "THIRD-PARTY-LICENSES").read_text()
    assert "\ntokio 1." in others and "Permission is hereby granted" in others
    buildah("umount", container)


def test_its_configuration(image):
    config = json.loads(buildah("inspect", "--type", "image", image))["OCIv1"]["config"]
    assert config["User"] == "65532:65532" and "9201/tcp" in config["ExposedPorts"]
    assert config["Entrypoint"] == ["/usr/local/bin/timestream-prometheus-connector"]


def test_it_runs(container, tmp_path):
    port = free_port()
    entrypoint = ["/usr/local/bin/timestream-prometheus-connector"]
    version = buildah("run", container, "--", *entrypoint, "--version")
    assert version.startswith("timestream-prometheus-connector ")
    command = [*BUILDAH, "run", "--isolation=chroot", container, "--", *entrypoint, "--embedded",
               "--embedded.data-dir=/data", "--embedded.listen-address=127.0.0.1:0", f"--web.listen-address=127.0.0.1:{port}"]
    with Running(tmp_path, command, port) as running:
        status, metrics = get(f"{running.url}/metrics")
        assert status == 200 and "timestream_connector_build_info" in metrics
    # It wrote as the user of the image.
    root = Path(buildah("mount", container))
    assert {file.stat().st_uid for file in (root / "data").iterdir()} == {65532}
    buildah("umount", container)
