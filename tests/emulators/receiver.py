"""A receiver of webhooks on a real socket, and what proves a webhook: written against the vendors' documents."""

import base64
import hashlib
import hmac
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import msgspec

from tests.http_server import LocalServer, Reply, Request

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


class Receiver(LocalServer):
    """Answers a POST with the next status, then 200, and keeps it. `barrier` holds answers until all are there."""

    def __init__(self, port: int = 0) -> None:
        self.got: list[Received] = []
        self.statuses: list[int] = []
        self.barrier: threading.Barrier | None = None
        self._lock = threading.Condition()
        super().__init__(self._receive, port)

    def url_of(self, vendor: str) -> str:
        return f"{self.url}/v1/webhooks/{vendor}"

    def wait(self, count: int = 1) -> list[Received]:
        """What came, when there are at least this many."""
        with self._lock:
            assert self._lock.wait_for(lambda: len(self.got) >= count, PATIENCE), [one.body for one in self.got]
            return list(self.got)

    def _receive(self, request: Request) -> Reply:
        if request.method != "POST":  # a sign of life of an alarm
            return Reply(status=501)
        received = Received(path=request.path, headers=request.headers, body=request.body, at=time.time())
        barrier = self.barrier
        if barrier is not None:
            barrier.wait(PATIENCE)
        with self._lock:
            self.got.append(received)
            self._lock.notify_all()
            return Reply(status=self.statuses.pop(0) if self.statuses else 200)


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
