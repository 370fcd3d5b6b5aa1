"""A canary that breaks over a write counts as one that refuses it; the active revision's mistakes are its own."""

import dataclasses
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest

from app.revisions.models import Canary, CanaryTally, Comparisons, Route, ShadowFigures
from app.revisions.trials import Trials
from app.writes.deps import WriteDeps
from app.writes.models import Intent
from app.writes.prepare import prepare
from app.writes.resolved_write import ResolvedWrite
from mappings.hubspot import VENDOR
from mappings.hubspot.customer_r1 import CUSTOMER
from tests.vendors.acme import asking, within
from tests.vendors.vendor_server import Reply, running_vendor

pytestmark = pytest.mark.anyio


class Book:
    """Keeps what was compared."""

    def __init__(self) -> None:
        self.compared: list[CanaryTally] = []

    async def add(self, comparisons: Sequence[Comparisons]) -> None:
        raise AssertionError("there is no shadow")

    async def add_tallies(self, tallies: Sequence[CanaryTally]) -> None:
        self.compared += tallies

    async def shadows(self) -> Sequence[ShadowFigures]:
        return ()

    async def canaries(self) -> Sequence[CanaryTally]:
        return ()


def broken(patch: Any, current: Any, account: Any) -> Any:
    raise LookupError("a table of the revision has no such word")


async def draft_by_canary(active: Any, canary: Any) -> list[CanaryTally]:
    """Return the tallies of one create that the canary answers."""
    route = Route(
        connection="acme",
        mapping=CUSTOMER.name,
        active=1,
        previous=None,
        shadow=None,
        canary=Canary(revision=2, share=1.0, since=datetime.now(UTC)),
        note=None,
        changed_by="ada",
        changed_at=datetime.now(UTC),
    )
    intent = Intent(
        object="customer",
        action="create",
        connection="acme",
        revision=2,
        instance="/v1/customers",
        body=msgspec.json.encode({"last_name": "Lovelace"}),
    )
    book = Book()
    manifest: dict[str, Any] = {
        "name": VENDOR.name,
        "account_requests": VENDOR.account_requests,
        "build_account": VENDOR.build_account,
        "refusal": VENDOR.refusal,
        "mappings": (active, canary),
    }
    async with (
        running_vendor(lambda call: Reply(body=b'{"results": []}')) as vendor,
        asking(vendor.url, **manifest) as acme,
        Trials(book).running() as trials,
    ):
        routes = SimpleNamespace(of=lambda connection, mapping: route)
        deps = cast(WriteDeps, SimpleNamespace(ownership={}, vendors=acme.client, mapping_routes=routes, trials=trials))
        with suppress(LookupError):
            await prepare(ResolvedWrite(deps, acme.connection, canary, intent, within()), "op_1")
    return book.compared


def revision(number: int, **changed: Any) -> Any:
    return dataclasses.replace(CUSTOMER, revision=number, **changed)


@pytest.mark.parametrize(
    ("active", "canary", "figures"),
    [
        (revision(1), revision(2), (1, 0, 0)),
        (revision(1), revision(2, to_vendor=broken), (1, 1, 0)),
        (revision(1, to_vendor=broken), revision(2), (1, 0, 1)),
        (revision(1, to_vendor=broken), revision(2, to_vendor=broken), (1, 1, 1)),
    ],
    ids=["both draft", "the canary breaks", "the active one breaks", "both break"],
)
async def test_what_a_broken_draft_counts(active: Any, canary: Any, figures: tuple[int, int, int]) -> None:
    (comparison,) = await draft_by_canary(active, canary)

    assert (comparison.compared, comparison.refused, comparison.refused_by_active) == figures
