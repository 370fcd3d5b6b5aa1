"""Callers, a vendor that sends webhooks, and a subscriber, during a fault: what each of them experienced."""

import asyncio
import base64
import hashlib
import hmac
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from uuid import uuid4

import httpx
from msgspec import Struct

from tests.hosts.installation import CALLS, HOOK, WEBHOOK_SECRET

CREATES_PER_SECOND: Final = 6.0
RECORDS: Final = 20
RECORD_SECONDS: Final = 2.0
"""Each record of the shop has a webhook so often."""
GIVE_UP_SECONDS: Final = 150.0


class Call(Struct, frozen=True, kw_only=True):
    """One attempt at a call, by `time.monotonic`. Status 0: no answer. `code` is that of its problem."""

    key: str
    began: float
    ended: float
    status: int
    code: str
    is_webhook: bool
    is_retry: bool


class Delivered(Struct, frozen=True, kw_only=True):
    """What the subscriber received."""

    at: float
    event: str
    record: int
    number: int


class Load:
    """Runs between `start` and `stop`. Callers and the vendor repeat what failed with the same key, after a second."""

    def __init__(self, key: str, *, answer_seconds: float = 0.0) -> None:
        """The subscriber takes `answer_seconds` for an answer, so that deliveries are under way."""
        self._key = key
        self._stopping = False
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))
        self.calls: list[Call] = []
        self.acknowledged: dict[str, float] = {}
        """When each create was answered with success, by its mark."""
        self.undecided: set[str] = set()
        self.sent: dict[tuple[int, int], float] = {}
        """When each webhook was acknowledged, by its record and number."""
        self.delivered: list[Delivered] = []
        self._server = ThreadingHTTPServer(HOOK, _handler_of(self.delivered, answer_seconds))

    def start(self) -> None:
        """Begin."""
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self._thread.start()

    def stop(self) -> None:
        """Begin nothing more, and wait until everything that began is acknowledged."""
        self._stopping = True
        self._thread.join(GIVE_UP_SECONDS + 60)
        assert not self._thread.is_alive()

    def close(self) -> None:
        """End the subscriber."""
        self._server.shutdown()
        self._server.server_close()

    async def _run(self) -> None:
        limits = httpx.Limits(max_connections=500, max_keepalive_connections=100)
        async with (
            httpx.AsyncClient(base_url=CALLS, timeout=60.0, trust_env=False, limits=limits) as http,
            asyncio.TaskGroup() as tasks,
        ):
            for record in range(1, RECORDS + 1):
                tasks.create_task(self._send_webhooks(http, record))
            while not self._stopping:
                tasks.create_task(self._create(http))
                await asyncio.sleep(1 / CREATES_PER_SECOND)

    async def _create(self, http: httpx.AsyncClient) -> None:
        mark = uuid4().hex
        body = {"first_name": "Ada", "last_name": mark, "emails": [{"address": f"{mark}@example.com"}]}
        headers = {"authorization": f"Bearer {self._key}", "idempotency-key": mark}
        content = json.dumps(body).encode()
        headers["content-type"] = "application/json"
        if await self._until_accepted(http, "/v1/customers", content, headers, mark, is_webhook=False):
            self.acknowledged[mark] = time.monotonic()
        else:
            self.undecided.add(mark)

    async def _send_webhooks(self, http: httpx.AsyncClient, record: int) -> None:
        number = 0
        await asyncio.sleep(RECORD_SECONDS * record / RECORDS)
        while not self._stopping:
            number += 1
            body = json.dumps({"id": record, "number": number}).encode()
            signature = base64.b64encode(hmac.digest(WEBHOOK_SECRET.encode(), body, hashlib.sha256)).decode()
            headers = {
                "content-type": "application/json",
                "x-shopify-topic": "orders/updated",
                "x-shopify-shop-domain": "lab.myshopify.com",
                "x-shopify-webhook-id": str(uuid4()),
                "x-shopify-hmac-sha256": signature,
            }
            mark = f"{record}-{number}"
            if await self._until_accepted(http, "/v1/webhooks/shop", body, headers, mark, is_webhook=True):
                self.sent[record, number] = time.monotonic()
            await asyncio.sleep(RECORD_SECONDS)

    async def _until_accepted(
        self, http: httpx.AsyncClient, path: str, body: bytes, headers: dict[str, str], mark: str, *, is_webhook: bool
    ) -> bool:
        first = time.monotonic()
        is_retry = False
        while time.monotonic() - first < GIVE_UP_SECONDS:
            began = time.monotonic()
            try:
                answer = await http.post(path, content=body, headers=headers)
                status, code = answer.status_code, _code_of(answer)
            except httpx.HTTPError as error:
                status, code = 0, type(error).__name__
            self.calls.append(
                Call(
                    key=mark,
                    began=began,
                    ended=time.monotonic(),
                    status=status,
                    code=code,
                    is_webhook=is_webhook,
                    is_retry=is_retry,
                )
            )
            if status in (200, 201) or (is_webhook and status == 202):
                return True
            is_retry = True
            await asyncio.sleep(1.0)
        return False


def _code_of(answer: httpx.Response) -> str:
    """Return the code of a problem; empty if the answer is none."""
    try:
        return str(answer.json().get("code", "")) if answer.is_error else ""
    except ValueError:
        return ""


def _handler_of(delivered: list[Delivered], answer_seconds: float) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            event: dict[str, Any] = json.loads(self.rfile.read(int(self.headers["content-length"])))
            payload = event["data"]["payload"]
            delivered.append(
                Delivered(at=time.monotonic(), event=event["id"], record=payload["id"], number=payload["number"])
            )
            time.sleep(answer_seconds)
            self.send_response(204)
            self.send_header("connection", "close")  # the next load has its own subscriber at this address
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    return Handler
