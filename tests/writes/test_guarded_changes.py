"""A change is held to a version at the vendor where the caller names one and the vendor compares versions itself."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest

from app.errors import VersionConflict
from app.links.store import PostgresLinks
from app.links.tombstones import Tombstones
from app.postgres.database import Database
from app.postgres.digest_secret import DigestSecret
from app.records.fetch import fetch_record
from app.records.resources import etag_of, name_records
from app.writes.deps import WriteDeps
from app.writes.models import Intent
from app.writes.prepare import prepare
from app.writes.resolved_write import ResolvedWrite
from mappings.rt import VENDOR
from mappings.rt.ticket_r1 import TICKET
from tests.encryption import SEALER
from tests.required import required
from tests.vendors.acme import REAL_TIME, asking, within
from tests.vendors.vendor_server import Call, Reply, running_vendor

DESK: dict[str, Any] = {
    "account_requests": VENDOR.account_requests,
    "build_account": VENDOR.build_account,
    "refusal": VENDOR.refusal,
    "mappings": VENDOR.mappings,
}
LINKS = [{"ref": "self", "type": "ticket", "id": 7, "_url": "https://desk.example/REST/2.0/ticket/7"}]
HELD = {
    "id": 7,
    "Subject": "Der Fuss klemmt",
    "Status": "open",
    "Created": "2026-05-01T09:30:00Z",
    "LastUpdated": "2026-05-02T07:15:00Z",
    "_hyperlinks": LINKS,
}


def answer(call: Call) -> Reply:
    """One ticket of version 39, and no other record."""
    if call.target.startswith("/REST/2.0/ticket/7"):
        return Reply(body=msgspec.json.encode(HELD), headers=(("ETag", '"39"'),))
    return Reply(body=b'{"items": []}')


@asynccontextmanager
async def drafting(
    database: Database, check: Callable[..., None] = lambda *_, **__: None
) -> AsyncIterator[tuple[Any, str]]:
    """What drafts a change of the ticket under an If-Match, and the tag that callers know it by."""
    async with running_vendor(answer) as vendor, asking(vendor.url, **REAL_TIME, **DESK) as acme:
        drift = SimpleNamespace(show=check)
        unrouted = SimpleNamespace(in_force={})
        deps = cast(
            WriteDeps,
            SimpleNamespace(
                ownership={},
                vendors=acme.client,
                links=PostgresLinks(database),
                drift=drift,
                mapping_routes=unrouted,
                erased=Tombstones(database, DigestSecret(database, SEALER)),
            ),
        )
        present = await fetch_record(deps, acme.connection, TICKET, "7", within(30.0))
        (resource,) = await name_records(deps, acme.connection, [present])

        async def draft(if_match: str | None, *, merges: bool = False) -> tuple[tuple[str, str], ...]:
            intent = Intent(
                object="ticket",
                action="update",
                connection="acme",
                revision=TICKET.revision,
                instance="/v1/tickets/acme:7",
                remote_id="7",
                if_match=if_match,
                merges=merges,
                body=b'{"subject": "Die Nadel"}',
            )
            resolved = ResolvedWrite(deps, acme.connection, TICKET, intent, within(30.0), dry=True)
            return required((await prepare(resolved, "op_1")).request).headers

        yield draft, etag_of(resource)


async def test_a_tag_that_the_caller_names_becomes_the_vendor_s(database: Database) -> None:
    async with drafting(database) as (draft, tag):
        assert await draft(tag) == (("If-Match", '"39"'),)
        assert await draft(f'"another", {tag}') == (("If-Match", '"39"'),)


@pytest.mark.parametrize("if_match", [None, "*"])
async def test_who_names_no_version_is_not_held_to_one(database: Database, if_match: str | None) -> None:
    async with drafting(database) as (draft, _):
        assert await draft(if_match) == ()


async def test_another_version_is_a_conflict_before_anything_is_sent(database: Database) -> None:
    async with drafting(database) as (draft, _):
        with pytest.raises(VersionConflict):
            await draft('"another"')


async def test_a_change_checks_its_record_for_drift_once(database: Database) -> None:
    checked: list[tuple[Any, ...]] = []
    async with drafting(database, lambda *record, **_: checked.append(record)) as (draft, tag):
        before = len(checked)
        # It is mapped for its version, and to merge its lists.
        await draft(tag, merges=True)
    assert len(checked) == before + 1
