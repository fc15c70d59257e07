#!/usr/bin/env bash
# AWS' SDKs do not agree on the form of an address that endpoint discovery answers: no single form serves Python and JavaScript.
#
# What: boto3 1.44.5 and @aws-sdk/client-timestream-write 3.1138.0, pointed by AWS_ENDPOINT_URL alone at an HTTP server on a port of its
# own. Both ask it for DescribeEndpoints (Timestream's clients discover by default, also with an endpoint set), and go on to the Address
# that it answers. The service answers a bare host name, which hides what each makes of anything else:
# - boto3 writes https:// before an address without a scheme, whatever the scheme of the endpoint that was set; so host:port and the bare
#   host are lost on a server of HTTP, and only http://host:port works.
# - The SDK for JavaScript puts the address in the place of the host name alone, and keeps scheme and port of the endpoint that was set; so
#   only the bare host works. host:port and http://host:port become a host name, which no resolver knows.
#
# Why it matters here: the embedded Timestream tells its clients apart by User-Agent, and answers each the form that it can use.
#
# Seen (2026-11-29, Python 3.11, Node 20.20):
#   boto3: host=lost host:port=lost http://host:port=works
#   js: host=works host:port=lost http://host:port=lost
#
# Exits non-zero if that changes. Needs Python 3, Node, npm, and their registries.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check boto3==1.44.5
npm install --silent --no-audit --no-fund @aws-sdk/client-timestream-write@3.1138.0

cat >client.py <<'PY'
import boto3
from botocore.config import Config

write = boto3.client("timestream-write", config=Config(retries={"max_attempts": 0}, connect_timeout=5))
print(write.list_databases()["Databases"])
PY
cat >client.mjs <<'JS'
import { ListDatabasesCommand, TimestreamWriteClient } from "@aws-sdk/client-timestream-write";

console.log((await new TimestreamWriteClient({ maxAttempts: 1 }).send(new ListDatabasesCommand({}))).Databases);
JS
cat >run.py <<'PY'
import json, os, subprocess, sys, threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

address = None

class Timestream(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        asked = self.headers["X-Amz-Target"].rsplit(".", 1)[1]
        endpoints = {"Endpoints": [{"Address": address, "CachePeriodInMinutes": 1440}]}
        body = json.dumps(endpoints if asked == "DescribeEndpoints" else {"Databases": []}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/x-amz-json-1.0")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass

server = ThreadingHTTPServer(("127.0.0.1", 0), Timestream)
threading.Thread(target=server.serve_forever, daemon=True).start()
port = server.server_address[1]
keys = {"AWS_ACCESS_KEY_ID": "any", "AWS_SECRET_ACCESS_KEY": "any", "AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1"}
environment = {**os.environ, **keys, "AWS_ENDPOINT_URL": f"http://localhost:{port}"}
forms = {"host": "localhost", "host:port": f"localhost:{port}", "http://host:port": f"http://localhost:{port}"}
expected = {"boto3": ["lost", "lost", "works"], "js": ["works", "lost", "lost"]}
seen = {}
for name, command in {"boto3": ["python/bin/python", "client.py"], "js": ["node", "client.mjs"]}.items():
    seen[name] = []
    for form, text in forms.items():
        address = text
        ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
        seen[name].append("works" if ended.returncode == 0 else "lost")
    print(f"{name}:", *(f"{form}={fate}" for form, fate in zip(forms, seen[name])))
sys.exit(seen != expected)
PY
python3 run.py
