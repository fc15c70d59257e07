"""An HTTP API of API Gateway with AWS_IAM, as far as senders are concerned: it checks signatures."""

import hashlib
import hmac
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

KEY = "AKIAEXAMPLE"
SECRET = "hidden-secret-of-the-sender"
REGION = "us-east-1"


def refusal(method, path, headers, body):
    """Why API Gateway answers a request 403; None for one that it passes on. After "Signature Version 4" in the IAM User Guide."""
    fields = re.fullmatch(
        r"AWS4-HMAC-SHA256 Credential=([^/]+)/([^,]+), ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})",
        headers.get("Authorization", ""),
    )
    if not fields:
        return "Missing Authentication Token"
    key, scope, signed, signature = fields.groups()
    date, region, service, terminator = scope.split("/")
    if service != "execute-api":
        return "Credential should be scoped to correct service: 'execute-api'."
    if (key, region, terminator) != (KEY, REGION, "aws4_request"):
        return "The security token included in the request is invalid."
    names = signed.split(";")
    assert "host" in names and "?" not in path
    canonical = [method, path, "", *(f"{name}:{' '.join(headers[name].split())}" for name in names), "", signed,
                 hashlib.sha256(body).hexdigest()]
    digest = hashlib.sha256("\n".join(canonical).encode()).hexdigest()
    secret = f"AWS4{SECRET}".encode()
    for part in scope.split("/"):
        secret = hmac.digest(secret, part.encode(), "sha256")
    expected = hmac.digest(secret, f"AWS4-HMAC-SHA256\n{headers['X-Amz-Date']}\n{scope}\n{digest}".encode(), "sha256")
    return None if hmac.compare_digest(expected.hex(), signature) else "The request signature we calculated does not match"


class Gateway:
    """Listens on a free port of this machine and keeps what it is asked."""

    def __init__(self):
        self.requests = []
        self.asked = threading.Event()
        gateway = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"] or 0))
                why = refusal(self.command, self.path, self.headers, body)
                gateway.requests.append((self.path, dict(self.headers.items()), body, why))
                answer = json.dumps({"message": why}).encode() if why else b""
                self.send_response(403 if why else 204)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)
                gateway.asked.set()

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/dev/write"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
