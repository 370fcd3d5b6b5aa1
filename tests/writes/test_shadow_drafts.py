"""A shadow drafts what the active revision drafts; its mistakes are differences, and the caller never sees them."""

import asyncio
import dataclasses
from collections.abc import Sequence
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest

from app.revisions.models import Comparisons, Route, Shadow, TrialKey
from app.revisions.trials import Trial, Trials
from app.writes.deps import WriteDeps
from app.writes.models import Intent
from app.writes.prepare import prepare
from app.writes.resolved_write import ResolvedWrite
from mappings.hubspot import VENDOR
from mappings.hubspot.customer_r1 import CUSTOMER
from mappings.spec import Draft
from tests.vendors.acme import asking, within
from tests.vendors.vendor_server import Reply, running_vendor

LONG = 30.0
LAST = TrialKey(connection="last", mapping=CUSTOMER.name, active=1, shadow=2)


class Book:
    """Keeps the totals of all keys but `LAST`, which is compared after all others."""

    def __init__(self) -> None:
        self.stored: list[Comparisons] = []
        self.has_all = asyncio.Event()

    async def add(self, comparisons: Sequence[Comparisons]) -> None:
        self.stored += [one for one in comparisons if one.key != LAST]
        if any(one.key == LAST for one in comparisons):
            self.has_all.set()


def revision(number: int, **changed: Any) -> Any:
    return dataclasses.replace(CUSTOMER, revision=number, **changed)


def broken(patch: Any, current: Any, account: Any) -> Any:
    raise LookupError("a table of the revision has no such word")


def empty(patch: Any, current: Any, account: Any) -> Any:
    return Draft(body={"properties": {}})


async def compared(shadow: Any, *, drafted_by: int = 1, dry: bool = False) -> list[tuple[int, list[tuple[str, str]]]]:
    """Return the totals of one create: how many differ, and where. Revision 1 is active."""
    active, now = revision(1), datetime.now(UTC)
    route = Route(
        connection="acme",
        mapping=CUSTOMER.name,
        active=1,
        previous=None,
        shadow=Shadow(revision=2, sample_rate=1.0),
        changed_by="ada",
        changed_at=now,
    )
    mapping = active if drafted_by == 1 else revision(drafted_by)
    intent = Intent(
        object="customer",
        action="create",
        connection="acme",
        revision=mapping.revision,
        instance="/v1/customers",
        body=msgspec.json.encode({"last_name": "Lovelace"}),
    )
    manifest: dict[str, Any] = {
        "name": VENDOR.name,
        "account_requests": VENDOR.account_requests,
        "build_account": VENDOR.build_account,
        "refusal": VENDOR.refusal,
        "mappings": (active, shadow),
    }
    book = Book()
    async with (
        running_vendor(lambda call: Reply(body=b'{"results": []}')) as vendor,
        asking(vendor.url, **manifest) as acme,
        Trials(book).running() as trials,
        asyncio.timeout(LONG),
    ):
        routes = SimpleNamespace(in_force={(acme.connection.name, mapping.name): route})
        deps = cast(WriteDeps, SimpleNamespace(ownership={}, vendors=acme.client, mapping_routes=routes, trials=trials))
        write = ResolvedWrite(deps, acme.connection, mapping, intent, within(), dry=dry)
        prepared = await prepare(write, "op_1")
        assert prepared.request is not None
        nothing = Draft[Any](body=None)
        last = Trial(key=LAST, shadow=revision(2, to_vendor=empty), account=None, record=None, made=nothing)
        trials.offer(last)
        await book.has_all.wait()
    return [(one.differing, [(each.passing, each.path) for each in one.differences]) for one in book.stored]


@pytest.mark.parametrize(
    ("shadow", "totals"),
    [
        (revision(2), (0, [])),
        (revision(2, to_vendor=empty), (1, [("write", "/properties/lastname"), ("write", "/associations")])),
        (revision(2, to_vendor=broken), (1, [("write", "")])),
    ],
    ids=["an equal one", "another body", "an error"],
)
async def test_a_shadow_drafts_what_the_active_revision_drafts(
    shadow: Any, totals: tuple[int, list[tuple[str, str]]]
) -> None:
    assert await compared(shadow) == [totals]


async def test_a_dry_run_is_not_offered_to_the_shadow() -> None:
    assert await compared(revision(2, to_vendor=broken), dry=True) == []


async def test_a_draft_by_another_than_the_active_revision_is_not_offered() -> None:
    assert await compared(revision(2), drafted_by=3) == []
