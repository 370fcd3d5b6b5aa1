"""A record of a page is what a read of it shows, however many further reads complete the page."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest

from app.records import fetch
from app.records.deps import RecordDeps
from app.records.fetch import FetchedPage, fetch_page
from mappings.rt import VENDOR
from mappings.rt.comment_r1 import COMMENT
from mappings.spec import ListQuery
from tests.vendors.acme import REAL_TIME, asking, within
from tests.vendors.vendor_server import Call, Reply, running_vendor

pytestmark = pytest.mark.anyio

DESK: dict[str, Any] = {
    "account_requests": VENDOR.account_requests,
    "build_account": VENDOR.build_account,
    "refusal": VENDOR.refusal,
    "mappings": VENDOR.mappings,
}
AUTHORS = 40


def answer(call: Call) -> Reply:
    """A ticket's messages, each by another author, of whom every second one is an agent."""
    path = call.target.partition("?")[0].removeprefix("/REST/2.0")
    if path.startswith("/user/"):
        return Reply(body=msgspec.json.encode({"Privileged": int(path.removeprefix("/user/ann")) % 2}))
    items: Sequence[dict[str, Any]] = ()
    if path == "/ticket/7/history":
        items = [
            {
                "id": str(100 + place),
                "Type": "Correspond",
                "Creator": {"id": f"ann{place}"},
                "Created": "2026-05-01T09:30:00Z",
            }
            for place in range(AUTHORS)
        ]
    return Reply(body=msgspec.json.encode({"items": items}))


@asynccontextmanager
async def page_of_comments() -> AsyncIterator[FetchedPage]:
    async with running_vendor(answer) as vendor, asking(vendor.url, **REAL_TIME, **DESK) as acme:
        unrouted, unchecked = SimpleNamespace(in_force={}), SimpleNamespace(show=lambda *shown, listed: None)
        deps = SimpleNamespace(vendors=acme.client, drift=unchecked, mapping_routes=unrouted)
        query = ListQuery(limit=100, parent="7")
        yield await fetch_page(cast(RecordDeps, deps), acme.connection, COMMENT, query, within(30.0))


async def test_a_page_takes_as_many_further_reads_as_its_records_need() -> None:
    async with page_of_comments() as page:
        assert [one.mapped.data.author.kind for one in page.readings] == ["customer", "agent"] * (AUTHORS // 2)
        assert all(one.is_complete for one in page.readings)


async def test_records_without_time_for_their_further_reads_are_incomplete(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "SIDE_LOAD_SHARE", -1.0)

    async with page_of_comments() as page:
        assert [one.mapped.data.author.kind for one in page.readings] == ["unknown"] * AUTHORS
        assert not any(one.is_complete for one in page.readings)
