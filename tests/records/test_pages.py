"""A record of a page is what a read of it shows, however many further reads complete the page."""

from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any, cast
from urllib.parse import parse_qsl

import msgspec
import pytest

from app.records import fetch
from app.records.deps import RecordDeps
from app.records.fetch import FetchedPage, fetch_page
from mappings.endpoints import ListQuery
from mappings.manifest import Vendor
from mappings.medusa import VENDOR as MEDUSA
from mappings.medusa.customer_r1 import CUSTOMER
from mappings.rt import VENDOR as RT
from mappings.rt.comment_r1 import COMMENT
from mappings.spec import VendorMapping
from tests.vendors.acme import REAL_TIME, asking, within
from tests.vendors.vendor_server import Call, Reply, running_vendor

AUTHORS = 40


def manifest(vendor: Vendor[Any]) -> dict[str, Any]:
    """What a connection takes from its vendor's folder."""
    return {
        "account_requests": vendor.account_requests,
        "build_account": vendor.build_account,
        "refusal": vendor.refusal,
        "mappings": vendor.mappings,
    }


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


async def fetched(
    answer: Callable[[Call], Reply],
    vendor: Vendor[Any],
    mapping: VendorMapping[Any, Any, Any, Any, Any],
    query: ListQuery,
) -> FetchedPage:
    """Fetch a page of a vendor that answers so."""
    async with running_vendor(answer) as server, asking(server.url, **REAL_TIME, **manifest(vendor)) as acme:
        unrouted, unchecked = (
            SimpleNamespace(in_force={}),
            SimpleNamespace(show=lambda *positional, listed, sampled: None),
        )
        unerased = SimpleNamespace(digests=frozenset())
        deps = SimpleNamespace(vendors=acme.client, drift=unchecked, mapping_routes=unrouted, erased=unerased)
        return await fetch_page(cast(RecordDeps, deps), acme.connection, mapping, query, within(30.0))


async def test_a_page_takes_as_many_further_reads_as_its_records_need() -> None:
    page = await fetched(answer, RT, COMMENT, ListQuery(limit=100, parent="7"))

    assert [one.mapped.data.author.kind for one in page.readings] == ["customer", "agent"] * (AUTHORS // 2)
    assert all(one.is_complete for one in page.readings)


async def test_records_without_time_for_their_further_reads_are_incomplete(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "SIDE_LOAD_SHARE", -1.0)

    page = await fetched(answer, RT, COMMENT, ListQuery(limit=100, parent="7"))

    assert [one.mapped.data.author.kind for one in page.readings] == ["unknown"] * AUTHORS
    assert not any(one.is_complete for one in page.readings)


async def test_a_page_is_not_empty_because_many_records_have_one_time() -> None:
    """Medusa's records of one time are listed once more, by id."""
    at = "2026-05-01T09:30:00.000Z"
    customers = [{"id": f"cus_{place}", "email": None, "created_at": at, "updated_at": at} for place in range(5)]

    def answer_sorted(call: Call) -> Reply:
        query = dict(parse_qsl(call.target.partition("?")[2]))
        rows = customers if query.get("order") == "id" else customers[::-1]
        selected = rows[int(query.get("offset", 0)) :][: int(query.get("limit", 0))]
        return Reply(body=msgspec.json.encode({"customers": selected, "count": len(rows)}))

    page = await fetched(answer_sorted, MEDUSA, CUSTOMER, ListQuery(limit=2, sort="created_at"))

    assert [one.mapped.remote.id for one in page.readings] == ["cus_0", "cus_1"]
    assert page.next == f"{at}/2-cus_1"
