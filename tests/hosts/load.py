"""Callers, a vendor that sends webhooks, and a subscriber, during a fault: what each of them experienced."""

import asyncio
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from uuid import uuid4

import httpx
from msgspec import Struct

from tests.hosts.installation import CALLS, HOOK, VENDOR_TOKEN, VENDORS, WEBHOOK_SECRETS
from tests.signatures.senders import sent

CREATES_PER_SECOND: Final = 6.0
RECORDS: Final = 20
CUSTOMERS: Final = 10
RECORD_SECONDS: Final = 2.0
"""Each record of the shop has a webhook so often. Each customer is edited at the vendor and by a call in this time."""
GIVE_UP_SECONDS: Final = 150.0


class Call(Struct, frozen=True, kw_only=True):
    """One attempt at a call, by `time.monotonic`. Status 0: no answer. `code` is that of its problem."""

    key: str
    began: float
    ended: float
    status: int
    code: str


class Delivered(Struct, frozen=True, kw_only=True):
    """What the subscriber received."""

    at: float
    event: str
    record: str
    number: int


class Load:
    """Runs between `start` and `stop`. Callers and the vendor repeat what failed with the same key, after a second."""

    def __init__(self, key: str, *, answer_seconds: float = 0.0) -> None:
        """The subscriber takes `answer_seconds` for an answer, so that deliveries are under way."""
        self._key = key
        self._stopping = False
        self._pool = ThreadPoolExecutor(1)
        self.calls: list[Call] = []
        self.acknowledged: dict[str, float] = {}
        """When each create was answered with success, by its mark."""
        self.undecided: set[str] = set()
        self.sent: dict[tuple[str, int], float] = {}
        """When each change that must be reported was acknowledged, by its record and number."""
        self.delivered: list[Delivered] = []
        self._server = ThreadingHTTPServer(HOOK, _handler_of(self.delivered, answer_seconds))

    def start(self) -> None:
        """Begin."""
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self._running = self._pool.submit(lambda: asyncio.run(self._run()))

    def stop(self) -> None:
        """Begin nothing more, and wait until everything that began is acknowledged."""
        self._stopping = True
        self._running.result(GIVE_UP_SECONDS + 60)

    def close(self) -> None:
        """End the subscriber."""
        self._stopping = True
        self._pool.shutdown()
        self._server.shutdown()
        self._server.server_close()

    async def _run(self) -> None:
        # On a connection that had a request before, HAProxy answers no 502; it closes it.
        limits = httpx.Limits(max_connections=500, max_keepalive_connections=0)
        async with (
            httpx.AsyncClient(base_url=CALLS, timeout=60.0, trust_env=False, limits=limits) as http,
            asyncio.TaskGroup() as tasks,
        ):
            for record in range(RECORDS):
                tasks.create_task(self._change_order(http, record))
            for customer in range(CUSTOMERS):
                tasks.create_task(self._edit_customer(http, customer))
            while not self._stopping:
                tasks.create_task(self._create(http, uuid4().hex))
                await asyncio.sleep(1 / CREATES_PER_SECOND)

    async def _create(self, http: httpx.AsyncClient, mark: str) -> dict[str, Any] | None:
        body = {"first_name": "Ada", "last_name": mark, "emails": [{"address": f"{mark}@example.com"}]}
        customer = await self._write(http, "POST", "/v1/customers", body, mark)
        if customer is not None:
            self.acknowledged[mark] = time.monotonic()
        return customer

    async def _edit_customer(self, http: httpx.AsyncClient, place: int) -> None:
        """Number the edits of one customer, in turn by a call and at the vendor, which sends a webhook."""
        customer = await self._create(http, uuid4().hex)
        if customer is None:
            return
        record, remote_id = customer["id"], customer["meta"]["remote_id"]
        at_vendor = f"{VENDORS}/hubspot/crm/v3/objects/contacts/{remote_id}"
        number, is_last_accepted, accepted_at = 0, False, 0.0
        await asyncio.sleep(RECORD_SECONDS * place / CUSTOMERS)
        while not self._stopping:
            number += 1
            body = {"job_title": str(number)}
            if await self._write(http, "PATCH", f"/v1/customers/{record}", body, f"{record}-{number}"):
                self.sent[record, number] = time.monotonic()
            await asyncio.sleep(RECORD_SECONDS / 2)
            number += 1
            edit = {"properties": {"jobtitle": str(number)}}
            edited = await http.patch(at_vendor, json=edit, headers={"authorization": f"Bearer {VENDOR_TOKEN}"})
            assert edited.status_code == 200, edited.text
            event = {
                **{"eventId": uuid4().int % 10**12, "subscriptionId": 25, "portalId": 24861357, "attemptNumber": 0},
                **{"occurredAt": time.time_ns() // 10**6, "subscriptionType": "contact.propertyChange"},
                **{"objectId": int(remote_id), "propertyName": "jobtitle", "propertyValue": str(number)},
            }
            is_last_accepted = await self._send_webhook(http, "crm", "hubspot", [event], f"{record}-{number}")
            accepted_at = time.monotonic()
            await asyncio.sleep(RECORD_SECONDS / 2)
        if is_last_accepted:  # an earlier one may be reported together with the write after it
            self.sent[record, number] = accepted_at

    async def _change_order(self, http: httpx.AsyncClient, place: int) -> None:
        number = 0
        await asyncio.sleep(RECORD_SECONDS * place / RECORDS)
        while not self._stopping:
            number += 1
            body = {"id": place + 1, "number": number}
            if await self._send_webhook(http, "shop", "shopify", body, f"{place + 1}-{number}"):
                self.sent[str(place + 1), number] = time.monotonic()
            await asyncio.sleep(RECORD_SECONDS)

    async def _write(
        self, http: httpx.AsyncClient, method: str, path: str, body: dict[str, Any], mark: str
    ) -> dict[str, Any] | None:
        headers = {"authorization": f"Bearer {self._key}", "idempotency-key": mark}
        request = http.build_request(method, path, json=body, headers=headers)
        answer = await self._until_accepted(http, request, mark, (200, 201))
        if answer is None:
            self.undecided.add(mark)
            return None
        return answer.json()

    async def _send_webhook(
        self, http: httpx.AsyncClient, connection: str, scheme: str, body: object, mark: str
    ) -> bool:
        path, content = f"/v1/webhooks/{connection}", json.dumps(body).encode()
        secret = WEBHOOK_SECRETS[connection]
        signed = sent(scheme, content, secret=secret, at=datetime.now(UTC), url=CALLS + path)
        if connection == "shop":
            signed = signed.with_header("X-Shopify-Webhook-Id", str(uuid4()).encode())
        headers = [*signed.headers, (b"content-type", b"application/json")]
        request = http.build_request("POST", path, content=content, headers=headers)
        return await self._until_accepted(http, request, mark, (200, 202)) is not None

    async def _until_accepted(
        self, http: httpx.AsyncClient, request: httpx.Request, mark: str, accepted: tuple[int, ...]
    ) -> httpx.Response | None:
        first = time.monotonic()
        while time.monotonic() - first < GIVE_UP_SECONDS:
            began = time.monotonic()
            answer = None
            try:
                answer = await http.send(request)
                status, code = answer.status_code, _code_of(answer)
            except httpx.HTTPError as error:
                status, code = 0, type(error).__name__
            self.calls.append(Call(key=mark, began=began, ended=time.monotonic(), status=status, code=code))
            if status in accepted:
                return answer
            await asyncio.sleep(1.0)
        return None


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
            data = event["data"]
            change = data.get("payload") or {"id": data["id"], "number": int(data["job_title"])}
            delivered.append(
                Delivered(at=time.monotonic(), event=event["id"], record=str(change["id"]), number=change["number"])
            )
            time.sleep(answer_seconds)
            self.send_response(204)
            self.send_header("connection", "close")  # the next load has its own subscriber at this address
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    return Handler
