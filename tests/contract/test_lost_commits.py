"""A second API process, which reaches the database through a proxy that loses the answer to a commit, or is silent."""

import asyncio
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qs, urlsplit

import asyncpg
import httpx
import pytest

from tests.contract.callers import Caller, code_of, expect, new_key
from tests.contract.emulators import Emulators
from tests.contract.facade import Facade
from tests.contract.processes import NO_TLS
from tests.contract.samples import customer, word
from tests.contract.waiting import until
from tests.contract.webhook_senders import WebhookEndpoint, hubspot


class Proxy:
    """Passes on what clients and the server send. A connection whose client sends `fatal` loses every answer to it."""

    def __init__(self, url: str) -> None:
        self._path = f"{parse_qs(urlsplit(url).query)['host'][0]}/.s.PGSQL.5432"
        self._loop = asyncio.new_event_loop()
        self._server: asyncio.Server | None = None
        self.fatal: bytes | None = None
        self._passes = asyncio.Event()
        self._passes.set()
        self.sent: list[bytes] = []
        """What clients have sent."""

    def start(self) -> int:
        """Return the port."""
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        return asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(60)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)

    def be_silent(self, silent: bool) -> None:
        """Keep what is sent, in both directions, or pass it on again."""
        self._loop.call_soon_threadsafe(self._passes.clear if silent else self._passes.set)

    async def _listen(self) -> int:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self._server.sockets[0].getsockname()[1]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server_reader, server_writer = await asyncio.open_unix_connection(self._path)
        lost = False

        async def answers() -> None:
            while (data := await server_reader.read(65536)) and not lost:
                await self._passes.wait()
                writer.write(data)
            writer.close()

        passing = asyncio.create_task(answers())
        while data := await reader.read(65536):
            await self._passes.wait()
            self.sent.append(data)
            lost = lost or (self.fatal is not None and self.fatal in data)
            server_writer.write(data)
            if lost:
                self.fatal = None
                break
        server_writer.write_eof()
        await asyncio.wait({passing})  # the server has done what it was sent
        server_writer.close()


@pytest.fixture(scope="module")
def proxied(running_facade: Facade) -> Iterator[tuple[Proxy, str]]:
    proxy = Proxy(running_facade.database_url)
    port = proxy.start()
    parts = urlsplit(running_facade.database_url)
    user = parts.username or "postgres"
    url = parts._replace(netloc=f"{user}@127.0.0.1:{port}", query="").geturl()
    with running_facade.another_api(LOCKSTITCH_DATABASE_URL=url) as process:
        yield proxy, process.url
    proxy.stop()


@pytest.fixture
def other(proxied: tuple[Proxy, str], full_key: str) -> Iterator[Caller]:
    with Caller(proxied[1], full_key) as calling:
        yield calling


def body() -> tuple[str, dict[str, Any]]:
    mark = word()
    return mark, customer("hubspot", mark)


def test_a_begin_whose_commit_is_unknown_frees_its_key(
    proxied: tuple[Proxy, str], other: Caller, facade: Facade, vendors: Emulators
) -> None:
    (mark, sent), key, run = body(), new_key(), f"run-{word()}"
    path = "/v1/customers?connection=hubspot"
    other.create(path, body()[1])  # account facts are known, so the first statement with the run begins the write
    proxied[0].fatal = run.encode()

    expect(other.write("POST", path, sent, key=key, headers={"x-correlation-id": run}), 503, "store-unavailable")
    (row,) = facade.sql("SELECT id FROM operation WHERE idempotency_key = $1", key)
    until(
        lambda: facade.sql(
            "SELECT FROM audit_event WHERE subject = $1 AND type = 'operation.postponed' AND actor <> 'lockstitch'",
            row["id"],
        )
    )
    retried = expect(other.write("POST", path, sent, key=key, headers={"prefer": "wait=60"}), 201).json()
    assert retried["meta"]["operation_id"] == row["id"]
    assert len(vendors.records("hubspot", "contacts", holding=mark)) == 1


def test_a_write_that_is_not_sent_because_its_commit_is_unknown_frees_its_key(
    proxied: tuple[Proxy, str], other: Caller, facade: Facade, vendors: Emulators
) -> None:
    made, key = other.create("/v1/customers?connection=hubspot", body()[1]), new_key()
    path, change = f"/v1/customers/{made['id']}", {"job_title": "Sailmaker"}
    proxied[0].fatal = b"operation.sent"

    assert code_of(other.write("PATCH", path, change, key=key), 503) == "store-unavailable"

    (row,) = facade.sql("SELECT id FROM operation WHERE idempotency_key = $1", key)
    retried = expect(other.write("PATCH", path, change, key=key, headers={"prefer": "wait=60"})).json()
    assert retried["meta"]["operation_id"] == row["id"]
    sent = [
        call
        for call in vendors.calls("hubspot")
        if call["method"] == "PATCH" and made["meta"]["remote_id"] in call["path"]
    ]
    assert len(sent) == 1
    types = facade.sql("SELECT type FROM audit_event WHERE subject = $1 ORDER BY id", row["id"])
    assert [one["type"].partition(".")[2] for one in types][:4] == ["received", "sent", "postponed", "sent"]


def test_who_waits_in_another_process_gets_the_answer_of_a_lost_row(
    proxied: tuple[Proxy, str], other: Caller, caller: Caller, facade: Facade, vendors: Emulators
) -> None:
    (mark, sent), key = body(), new_key()
    path, headers = "/v1/customers?connection=hubspot", {"prefer": "wait=60"}
    vendors.hold("hubspot", method="POST", path="/crm/v3/objects/contacts")
    with ThreadPoolExecutor() as pool:
        first = pool.submit(caller.write, "POST", path, sent, key=key, headers=headers)
        vendors.await_held()
        second = pool.submit(other.write, "POST", path, sent, key=key, headers=headers)
        until(lambda: looks(proxied[0], key) > 2)
        (row,) = facade.sql("DELETE FROM operation WHERE idempotency_key = $1 RETURNING id", key)
        before = looks(proxied[0], key)
        until(lambda: looks(proxied[0], key) > before + 2)
        vendors.mend()
        answers = [first.result(), second.result()]

    assert [answer.status_code for answer in answers] == [201, 201], [answer.text for answer in answers]
    assert answers[0].content == answers[1].content
    assert answers[0].json()["meta"]["operation_id"] == row["id"]
    assert len(vendors.records("hubspot", "contacts", holding=mark)) == 1


def test_the_wait_for_a_write_ends_in_time_while_the_database_is_silent(
    proxied: tuple[Proxy, str], other: Caller, vendors: Emulators
) -> None:
    (_, sent), key = body(), new_key()
    path = "/v1/customers?connection=hubspot"
    vendors.hold("hubspot", method="POST", path="/crm/v3/objects/contacts")
    with ThreadPoolExecutor() as pool:
        began = time.monotonic()
        first = pool.submit(other.write, "POST", path, sent, key=key, headers={"prefer": "wait=3"})
        vendors.await_held()
        proxied[0].be_silent(True)
        try:
            answer, took = first.result(), time.monotonic() - began
        finally:
            proxied[0].be_silent(False)
            vendors.mend()
    assert code_of(answer, 503) == "store-unavailable"
    assert answer.json()["operation_id"]
    assert took < 7.5
    assert other.write("POST", path, sent, key=key, headers={"prefer": "wait=30"}).status_code == 201


def test_readiness_is_answered_while_the_database_is_silent(proxied: tuple[Proxy, str]) -> None:
    proxy, url = proxied

    def ready() -> httpx.Response:
        return httpx.get(f"{url}/health/ready", timeout=60.0, verify=NO_TLS)

    proxy.be_silent(True)
    try:
        until(lambda: ready().status_code == 503)  # the last answer of the database counts for a moment
        answer = ready()
    finally:
        proxy.be_silent(False)
    assert code_of(answer, 503) == "store-unavailable"
    assert "did not answer within 2 s" in answer.json()["detail"]
    until(lambda: ready().status_code == 200)


@pytest.mark.long
def test_a_call_whose_statement_waits_ends_after_ten_seconds(facade: Facade, caller: Caller) -> None:
    async def call_while_locked() -> tuple[httpx.Response, float]:
        connection = await asyncpg.connect(facade.database_url)
        async with connection.transaction():
            await connection.execute("LOCK TABLE operation")
            began = time.monotonic()
            answer = await asyncio.to_thread(caller.get, "/v1/operations?state=unknown")
            took = time.monotonic() - began
        await connection.close()
        return answer, took

    answer, took = asyncio.run(call_while_locked())

    assert code_of(answer, 503) == "store-unavailable"
    assert 9 < took < 15


@pytest.mark.long
def test_a_change_asks_a_silent_database_once(proxied: tuple[Proxy, str], caller: Caller, other: Caller) -> None:
    made = caller.create("/v1/customers?connection=hubspot", customer("hubspot"))
    other.create("/v1/customers?connection=hubspot", customer("hubspot"))  # it knows the key and the account
    proxied[0].be_silent(True)
    began = time.monotonic()
    try:
        answer = other.write("PATCH", f"/v1/customers/{made['id']}", {"job_title": "Potter"})
    finally:
        proxied[0].be_silent(False)
    assert code_of(answer, 503) == "store-unavailable"
    assert time.monotonic() - began < 14


@pytest.mark.long
def test_a_webhook_behind_statements_that_wait_ends_with_them(facade: Facade) -> None:
    endpoint = WebhookEndpoint(facade, "hubspot")
    webhooks = [hubspot(endpoint.url) for _ in range(6)]

    async def send_while_locked() -> list[tuple[httpx.Response, float]]:
        async def send(number: int) -> tuple[httpx.Response, float]:
            await asyncio.sleep(number / 3)  # each is a batch of its own, up to the most at once
            began = time.monotonic()
            answer = await asyncio.to_thread(endpoint.send, webhooks[number])
            return answer, time.monotonic() - began

        connection = await asyncpg.connect(facade.database_url)
        async with connection.transaction():
            await connection.execute("LOCK TABLE inbound_event")
            answers = await asyncio.gather(*map(send, range(len(webhooks))))
        await connection.close()
        return answers

    answers = asyncio.run(send_while_locked())

    assert {code_of(answer, 503) for answer, _ in answers} == {"store-unavailable"}
    assert max(took for _, took in answers) < 15
    assert all(sum(endpoint.accepted(webhook)) == 1 for webhook in webhooks)


def looks(proxy: Proxy, key: str) -> int:
    """Return how often the second process has looked for a key."""
    return sum(key.encode() in data for data in proxy.sent)
