"""The senders' configurations, checked by the senders where this machine has them."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from gateway import KEY, REGION, SECRET, Gateway
from templates import ROOT

SENDERS = ROOT / "deploy/senders"
KEYS = {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_REGION": REGION, "AWS_EC2_METADATA_DISABLED": "true"}
PATIENCE_SECONDS = 30


def environment(**more):
    return {name: value for name, value in os.environ.items() if not name.startswith("AWS_")} | KEYS | more


@pytest.fixture(scope="module")
def prometheus_3():
    if path := os.environ.get("PROMETHEUS3"):
        return path
    found = subprocess.run([ROOT / ".ci/prometheus3"], capture_output=True, text=True)
    if found.returncode:
        pytest.skip(found.stderr.strip())
    return found.stdout.strip()


def first_request(command, gateway, **more):
    """What the gateway is asked first once this sender runs."""
    with subprocess.Popen(command, env=environment(**more), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as sender:
        try:
            asked = gateway.asked.wait(PATIENCE_SECONDS)
        finally:
            sender.kill()
        assert asked, sender.stderr.read()[-2000:]
    return gateway.requests[0]


def prometheus_writes(binary, folder, change=lambda sigv4: None):
    """The first request of a Prometheus with prometheus-3.yml, which scrapes itself for the test."""
    configuration = yaml.safe_load((SENDERS / "prometheus-3.yml").read_text())
    with Gateway() as gateway:
        (write,) = configuration["remote_write"]
        write["url"] = gateway.url
        change(write["sigv4"])
        # There is no proxy here, and nobody to ask for it.
        del configuration["remote_read"]
        configuration["global"]["scrape_interval"] = write["queue_config"]["batch_send_deadline"] = "1s"
        # The scrape fails: that is a sample too, `up`.
        configuration["scrape_configs"][0]["static_configs"] = [{"targets": ["127.0.0.1:1"]}]
        (folder / "prometheus.yml").write_text(yaml.safe_dump(configuration))
        command = [binary, f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
                   "--web.listen-address=127.0.0.1:0"]
        return first_request(command, gateway)


def test_prometheus_3_signs_writes_for_api_gateway(prometheus_3, tmp_path):
    path, headers, body, why = prometheus_writes(prometheus_3, tmp_path)
    assert (path, why) == ("/dev/write", None)
    assert body
    assert headers["X-Prometheus-Remote-Write-Version"] == "0.1.0"


def test_without_the_service_name_api_gateway_refuses_it(prometheus_3, tmp_path):
    _, _, _, why = prometheus_writes(prometheus_3, tmp_path, lambda sigv4: sigv4.pop("service_name"))
    assert why == "Credential should be scoped to correct service: 'execute-api'."


def test_without_the_region_it_is_signed_for_none(prometheus_3, tmp_path):
    _, _, _, why = prometheus_writes(prometheus_3, tmp_path, lambda sigv4: sigv4.pop("region"))
    assert why is not None


def test_vmagent_signs_writes_for_api_gateway(tmp_path):
    if not shutil.which("vmagent"):
        pytest.skip("there is no vmagent")
    (tmp_path / "scrape.yml").write_text(
        "global: {scrape_interval: 1s}\nscrape_configs: [{job_name: none, static_configs: [{targets: ['127.0.0.1:1']}]}]\n"
    )
    with Gateway() as gateway:
        command = [SENDERS / "vmagent.sh", f"-promscrape.config={tmp_path}/scrape.yml", "-httpListenAddr=127.0.0.1:0",
                   f"-remoteWrite.tmpDataPath={tmp_path}/data"]
        path, headers, body, why = first_request(command, gateway, WRITE_URL=gateway.url)
    assert (path, why) == ("/dev/write", None)
    assert body
    assert headers["X-Prometheus-Remote-Write-Version"] == "0.1.0"
    assert headers["Content-Encoding"] == "snappy"


@pytest.mark.parametrize("name", ["prometheus-proxy.yml", "prometheus-basic-auth.yml"])
def test_promtool_takes_what_any_prometheus_should(name, tmp_path):
    assert shutil.which("promtool"), "promtool must be installed (Debian: apt-get install prometheus)"
    # promtool looks for the file of the password.
    secret = tmp_path / "secret"
    secret.write_text(SECRET)
    configuration = tmp_path / name
    configuration.write_text((SENDERS / name).read_text().replace("/etc/prometheus/aws-secret-key", str(secret)))
    done = subprocess.run(["promtool", "check", "config", configuration], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_prometheus_signs_reads(prometheus_3, tmp_path):
    configuration = tmp_path / "prometheus.yml"
    configuration.write_text("remote_read: [{url: 'http://127.0.0.1:1', sigv4: {region: us-east-1}}]\n")
    command = [prometheus_3, f"--config.file={configuration}", f"--storage.tsdb.path={tmp_path}/data"]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=PATIENCE_SECONDS)
    assert done.returncode != 0 and "field sigv4 not found" in done.stderr


def test_the_pages_curl_command_is_let_in():
    page = (ROOT / "docs/serverless.md").read_text()
    command = page[page.index("curl --aws-sigv4"):].split("```")[0]
    with Gateway() as gateway:
        command = command.replace("https://a1b2c3d4e5.execute-api.us-east-1.amazonaws.com/dev/write", gateway.url)
        done = subprocess.run(["sh", "-c", command], env=environment(), capture_output=True, text=True, timeout=PATIENCE_SECONDS)
    assert done.stdout.startswith("HTTP/1.1 204"), done.stdout + done.stderr


def test_the_collector_signs_with_the_extension_that_it_starts():
    # By its documentation only: no registry that is used here has the collector.
    configuration = yaml.safe_load((SENDERS / "otel-collector.yml").read_text())
    assert configuration["extensions"] == {"sigv4auth": {"region": "us-east-1", "service": "execute-api"}}
    assert configuration["exporters"]["prometheusremotewrite"]["auth"] == {"authenticator": "sigv4auth"}
    assert configuration["service"]["extensions"] == ["sigv4auth"]


@pytest.mark.parametrize("script", sorted(SENDERS.glob("*.sh")), ids=lambda path: path.name)
def test_the_scripts_say_what_they_miss(script):
    done = subprocess.run([script], env={"PATH": os.environ["PATH"]}, capture_output=True, text=True)
    assert done.returncode != 0 and "the stack output InvokeWriteURL" in done.stderr
    assert Path(script).stat().st_mode & 0o111
