"""A receiver of webhooks on a real socket, and what proves a webhook: written against the vendors' documents."""

import base64
import hashlib
import hmac
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import msgspec

PATIENCE = 60.0


@dataclass(frozen=True, kw_only=True)
class Received:
    """One request; header names in lower case."""

    path: str
    headers: dict[str, str]
    body: bytes
    at: float

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)


class Receiver:
    """Answers the next statuses given, then 200, and keeps what it got. `barrier` holds answers until all are there."""

    def __init__(self, port: int = 0) -> None:
        self.got: list[Received] = []
        self.statuses: list[int] = []
        self.barrier: threading.Barrier | None = None
        self._lock = threading.Condition()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                status = receiver._take(Received(path=self.path, headers=headers, body=body, at=time.time()))
                self.send_response(status)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                """Tests are quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def url(self, vendor: str) -> str:
        return f"http://127.0.0.1:{self.port}/v1/webhooks/{vendor}"

    def wait(self, count: int = 1) -> list[Received]:
        """What came, when there are at least this many."""
        with self._lock:
            assert self._lock.wait_for(lambda: len(self.got) >= count, PATIENCE), [one.body for one in self.got]
            return list(self.got)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(PATIENCE)

    def _take(self, received: Received) -> int:
        barrier = self.barrier
        if barrier is not None:
            barrier.wait(PATIENCE)
        with self._lock:
            self.got.append(received)
            self._lock.notify_all()
            return self.statuses.pop(0) if self.statuses else 200


def wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def is_from(vendor: str, received: Received, url: str, secret: str) -> bool:
    """Check the signature of a request as the vendor documents it."""
    headers, body = received.headers, received.body
    if vendor == "freshdesk":
        return headers["x-lockstitch-secret"] == secret
    if vendor == "stripe":
        at, v1 = (part.partition("=")[2] for part in headers["stripe-signature"].split(","))
        assert abs(int(at) - received.at) < PATIENCE
        return v1 == hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    if vendor == "hubspot":
        at = headers["x-hubspot-request-timestamp"]
        assert abs(int(at) / 1000 - received.at) < PATIENCE
        signature, content = headers["x-hubspot-signature-v3"], b"POST" + url.encode() + body + at.encode()
    elif vendor == "zendesk":
        at = headers["x-zendesk-webhook-signature-timestamp"]
        signature, content = headers["x-zendesk-webhook-signature"], at.encode() + body
    elif vendor == "woocommerce":
        signature, content = headers["x-wc-webhook-signature"], body
    else:
        signature, content = headers["x-shopify-hmac-sha256"], body
    return signature == base64.b64encode(hmac.new(secret.encode(), content, hashlib.sha256).digest()).decode()


def raw(headers: Iterable[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode()) for name, value in headers]
