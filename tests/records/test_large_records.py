"""A record that is large is read and written in a thread, so that other callers do not wait for its HTML."""

import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest

from app.links.store import PostgresLinks
from app.postgres.database import Database
from app.records.fetch import fetch_page, fetch_record
from app.revisions.large_records import LARGE
from app.writes.deps import WriteDeps
from app.writes.draft import map_to_vendor
from app.writes.models import Intent
from app.writes.prepare import prepare
from app.writes.resolved_write import ResolvedWrite
from mappings.endpoints import ListQuery
from mappings.rt import VENDOR
from mappings.rt.ticket_r1 import TICKET
from tests.vendors.acme import REAL_TIME, Asker, asking, within
from tests.vendors.vendor_server import Call, Reply, running_vendor

DESK: dict[str, Any] = {
    "account_requests": VENDOR.account_requests,
    "build_account": VENDOR.build_account,
    "refusal": VENDOR.refusal,
    "mappings": VENDOR.mappings,
}
SHORT = "<p>Der Fuss klemmt</p>"
LONG = SHORT * (LARGE // len(SHORT) + 1)
SIZES = [("short", SHORT, False), (LONG, SHORT, True), ("short", LONG, True)]
IDS = ["small", "large", "small with a large message"]


class Noting:
    """Request Tracker's mapping of tickets, which notes in which thread it works."""

    def __init__(self) -> None:
        self.threads: list[int] = []
        self.mapping = replace(
            TICKET, to_canonical=self._noting(TICKET.to_canonical), to_vendor=self._noting(TICKET.to_vendor)
        )

    def _noting(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def note(*arguments: Any) -> Any:
            self.threads.append(threading.get_ident())
            return call(*arguments)

        return note

    def was_elsewhere(self) -> bool:
        """Whether it worked in other threads than this one."""
        assert self.threads
        elsewhere = {thread != threading.get_ident() for thread in self.threads}
        assert len(elsewhere) == 1
        return elsewhere.pop()


def answering(subject: str, message: str) -> Callable[[Call], Reply]:
    """Ticket 7, who made it and what it says."""

    def answer(call: Call) -> Reply:
        times = dict.fromkeys(("Created", "LastUpdated"), "2026-05-01T09:30:00Z")
        ticket: dict[str, Any] = {"id": 7, "Subject": subject, "Status": "open", "_hyperlinks": [], **times}
        path = call.target.partition("?")[0].removeprefix("/REST/2.0")
        items: dict[str, dict[str, Any]] = {
            "/tickets": {**ticket, "id": "7", "type": "ticket"},
            "/transactions": {"id": "1001", "ObjectId": "7"},
            "/attachments": {"id": "5", "TransactionId": "1001", "ContentType": "text/html", "Content": message},
        }
        if path == "/ticket/7":
            return Reply(body=msgspec.json.encode(ticket))
        return Reply(body=msgspec.json.encode({"items": [items[path]] if path in items else []}))

    return answer


@asynccontextmanager
async def desk(database: Database, subject: str, message: str) -> AsyncIterator[tuple[WriteDeps, Asker]]:
    """A Request Tracker that answers so, and what asks it."""
    async with running_vendor(answering(subject, message)) as vendor, asking(vendor.url, **REAL_TIME, **DESK) as acme:
        unchecked = SimpleNamespace(show=lambda *_, **__: None)
        unrouted = SimpleNamespace(in_force={})
        yield (
            cast(
                WriteDeps,
                SimpleNamespace(
                    ownership={},
                    vendors=acme.client,
                    links=PostgresLinks(database),
                    drift=unchecked,
                    mapping_routes=unrouted,
                    erased=SimpleNamespace(digests=frozenset()),
                ),
            ),
            acme,
        )


@pytest.mark.parametrize(("subject", "message", "elsewhere"), SIZES, ids=IDS)
async def test_a_large_record_is_read_in_a_thread(
    database: Database, subject: str, message: str, elsewhere: bool
) -> None:
    noting = Noting()
    async with desk(database, subject, message) as (deps, acme):
        read = await fetch_record(deps, acme.connection, noting.mapping, "7", within(30.0))
    assert (read.mapped.data.subject, read.mapped.data.description_html) == (subject, message)
    assert noting.was_elsewhere() is elsewhere


@pytest.mark.parametrize(("subject", "message", "elsewhere"), SIZES, ids=IDS)
async def test_a_page_of_large_records_is_read_in_a_thread(
    database: Database, subject: str, message: str, elsewhere: bool
) -> None:
    noting = Noting()
    async with desk(database, subject, message) as (deps, acme):
        page = await fetch_page(deps, acme.connection, noting.mapping, ListQuery(limit=10), within(30.0))
    assert [one.mapped.data.description_html for one in page.readings] == [message]
    assert noting.was_elsewhere() is elsewhere


@pytest.mark.parametrize(("subject", "message", "elsewhere"), SIZES, ids=IDS)
async def test_a_change_of_a_large_record_is_drafted_in_a_thread(
    database: Database, subject: str, message: str, elsewhere: bool
) -> None:
    noting = Noting()
    async with desk(database, subject, message) as (deps, acme):
        intent = Intent(
            object="ticket",
            action="update",
            connection="acme",
            revision=TICKET.revision,
            instance="/v1/tickets/acme:7",
            remote_id="7",
            body=b'{"subject": "Die Nadel"}',
        )
        work = ResolvedWrite(deps, acme.connection, noting.mapping, intent, within(30.0), dry=True)
        prepared = await prepare(work, "op_1")
    assert prepared.request is not None
    assert b"Die Nadel" in (prepared.request.body or b"")
    assert noting.was_elsewhere() is elsewhere


@pytest.mark.parametrize(("text", "elsewhere"), [("short", False), (LONG, True)], ids=IDS[:2])
async def test_a_large_new_record_is_drafted_in_a_thread(database: Database, text: str, elsewhere: bool) -> None:
    noting = Noting()
    async with desk(database, "short", SHORT) as (deps, acme):
        intent = Intent(
            object="ticket",
            action="create",
            connection="acme",
            revision=TICKET.revision,
            instance="/v1/tickets",
            body=msgspec.json.encode({"subject": "Der Fuss", "description": text, "team": {"remote_id": "1"}}),
        )
        await map_to_vendor(
            ResolvedWrite(deps, acme.connection, noting.mapping, intent, within(30.0), dry=True), TICKET.account()
        )
    assert noting.was_elsewhere() is elsewhere
