"""The official conformance suite for servers of the Model Context Protocol, run against `/mcp`.

It has no option for an API key, so it calls a proxy that adds one and changes nothing else.
"""

import http.client
import re
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

VERSION: Final = "0.2.0-alpha.12"
"""The first ones that know the protocol of 2026-07-28 are previews."""
PACKAGE: Final = "@modelcontextprotocol/conformance"
INSTALL_TIMEOUT_S, SCENARIO_TIMEOUT_S = 300, 120
_PER_HOP: Final = {"connection", "content-length", "transfer-encoding"}


class Conformance:
    """The suite, installed once beside n8n."""

    def __init__(self, cache: Path, url: str) -> None:
        """`cache` is the folder that tests/n8n/setup printed, `url` that of the server."""
        self._node = cache / "node"
        self._home = cache / f"conformance-{VERSION}"
        self._url = url
        (npm,) = self._node.resolve().parents[1].glob("lib/node_modules/npm/bin/npm-cli.js")
        if not (self._home / "node_modules").is_dir():
            self._home.mkdir(exist_ok=True)
            (self._home / "package.json").write_text('{"name": "conformance-tests", "private": true}', encoding="utf-8")
            options = ("--ignore-scripts", "--no-audit", "--no-fund", "--save-exact")
            subprocess.run(
                [self._node, npm, "install", *options, f"{PACKAGE}@{VERSION}"],
                cwd=self._home, capture_output=True, timeout=INSTALL_TIMEOUT_S, check=True,
            )  # fmt: skip

    def run(self, scenario: str, spec_version: str) -> tuple[int, list[str], str]:
        """Return how many checks of a scenario passed, the names of those that failed, and all that it printed."""
        done = subprocess.run(
            [
                *(self._node, self._home / "node_modules/.bin/conformance", "server", "--verbose"),
                *("--url", self._url, "--scenario", scenario, "--spec-version", spec_version),
            ],
            cwd=self._home, capture_output=True, text=True, timeout=SCENARIO_TIMEOUT_S, check=False,
        )  # fmt: skip
        checks = re.findall(r'"id": "([\w-]+)",(?:(?!"id": )[\s\S])*?"status": "(\w+)"', done.stdout)
        failed = [name for name, status in checks if status == "FAILURE"]
        return sum(status == "SUCCESS" for _, status in checks), failed, done.stdout + done.stderr


@contextmanager
def keyed_proxy(api: str, key: str) -> Iterator[str]:
    """Serve the API at another port for callers without a key. Yields its URL."""
    target = urlsplit(api)

    class Proxy(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            connection = http.client.HTTPConnection(str(target.hostname), target.port, timeout=60)
            own = f":{server.server_port}"
            headers = {
                # Names of this port become those of the API's; others stay, which the API has to refuse.
                name: value.replace(own, f":{target.port}")
                for name, value in self.headers.items()
                if name.lower() not in _PER_HOP
            }
            connection.request(self.command, self.path, body or None, headers | {"Authorization": f"Bearer {key}"})
            answer = connection.getresponse()
            content = answer.read()
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in _PER_HOP:
                    self.send_header(name, value)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *arguments: object) -> None:
            """Print nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Proxy) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://localhost:{server.server_port}"
        finally:
            server.shutdown()
