"""A write that only facts about the account speak against is judged once more by young ones, and nothing else is."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest

from app.errors import InvalidField, UnsupportedField, VendorProblem
from app.writes import draft as drafting
from app.writes.deps import WriteDeps
from app.writes.find_lost import marker_lookup
from app.writes.models import Intent
from app.writes.prepare import PreparedWrite, prepare
from app.writes.resolved_write import ResolvedWrite
from canonical.parts import CustomFieldSetting
from mappings.hubspot import VENDOR
from tests.vendors.acme import asking, within
from tests.vendors.vendor_server import Call, Reply, VendorServer, running_vendor

TIER = CustomFieldSetting(key="tier", vendor_field="tier", type="enum")
HUBSPOT: dict[str, Any] = {
    "account_requests": VENDOR.account_requests,
    "build_account": VENDOR.build_account,
    "choices": VENDOR.choices,
    "refusal": VENDOR.refusal,
    "mappings": VENDOR.mappings,
    "custom_fields": {"customer": (TIER,)},
}
CUSTOMER = next(mapping for mapping in VENDOR.mappings if mapping.name == "hubspot.customer")


class Portal:
    """An account whose field `tier` has these choices."""

    def __init__(self, *choices: str) -> None:
        self.choices = choices

    def answer(self, call: Call) -> Reply:
        if call.method != "GET" or "/properties/" not in call.target:
            return Reply(body=b'{"results": []}')
        options = [{"value": one, "label": one} for one in self.choices]
        return Reply(body=msgspec.json.encode({"results": [{"name": "tier", "options": options}]}))


@asynccontextmanager
async def drafting_at(portal: Portal) -> AsyncIterator[tuple[VendorServer, Callable[..., ResolvedWrite]]]:
    async with running_vendor(portal.answer) as vendor, asking(vendor.url, **HUBSPOT) as acme:
        deps = cast(WriteDeps, SimpleNamespace(ownership={}, vendors=acme.client))

        def desk(**fields: Any) -> ResolvedWrite:
            intent = Intent(
                object="customer",
                action="create",
                connection="acme",
                revision=CUSTOMER.revision,
                instance="/v1/customers",
                loss="none",
                body=msgspec.json.encode({"last_name": "Lovelace", **fields}),
            )
            return ResolvedWrite(deps, acme.connection, CUSTOMER, intent, within(), dry=True)

        yield vendor, desk


async def draft(desk: ResolvedWrite) -> PreparedWrite:
    return await prepare(desk, "op_1")


def tier(value: str) -> dict[str, Any]:
    return {"custom_fields": [{"key": "tier", "value": value}]}


def details(problem: InvalidField) -> dict[str, str]:
    return {str(one.pointer): one.detail for one in problem.errors}


async def test_young_facts_refuse_at_once() -> None:
    async with drafting_at(Portal("gold")) as (vendor, desk):
        await draft(desk(**tier("gold")))
        calls = len(vendor.calls)
        with pytest.raises(InvalidField) as refused:
            await draft(desk(**tier("silver")))
        assert details(refused.value) == {"/custom_fields/0/value": "'silver' is not a choice here; one of: gold"}
        assert len(vendor.calls) == calls


async def test_older_facts_are_renewed_once_before_they_refuse(monkeypatch: pytest.MonkeyPatch) -> None:
    portal = Portal("gold")
    async with drafting_at(portal) as (vendor, desk):
        await draft(desk(**tier("gold")))
        calls = len(vendor.calls)
        monkeypatch.setattr(drafting, "YOUNG", 0.0)
        portal.choices = ("gold", "silver")
        prepared = await draft(desk(**tier("silver")))
        assert prepared.request is not None
        assert msgspec.json.decode(prepared.request.body or b"")["properties"]["tier"] == "silver"
        assert len(vendor.calls) == 2 * calls
        with pytest.raises(InvalidField) as refused:
            await draft(desk(**tier("tin")))
        assert details(refused.value)["/custom_fields/0/value"].endswith("one of: gold, silver")
        assert len(vendor.calls) == 3 * calls


async def test_an_invalid_value_needs_no_account_facts(monkeypatch: pytest.MonkeyPatch) -> None:
    async with drafting_at(Portal("gold")) as (vendor, desk):
        await draft(desk(**tier("gold")))
        calls = len(vendor.calls)
        monkeypatch.setattr(drafting, "YOUNG", 0.0)
        numberless: dict[str, Any] = {"phones": [{}]}
        for wrong in (numberless, numberless | tier("tin")):
            with pytest.raises(InvalidField):
                await draft(desk(**wrong))
        with pytest.raises(UnsupportedField):
            await draft(desk(custom_fields=[{"key": "tear", "value": "gold"}]))
        assert len(vendor.calls) == calls


async def test_an_unreachable_vendor_is_reported_to_the_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    async with drafting_at(Portal("gold")) as (vendor, desk):
        await draft(desk(**tier("gold")))
        monkeypatch.setattr(drafting, "YOUNG", 0.0)
        vendor.always = Reply(status=503)
        with pytest.raises(VendorProblem):
            await draft(desk(**tier("silver")))
        await draft(desk(**tier("gold")))


async def test_the_outcome_is_found_although_the_choice_was_retired() -> None:
    async with drafting_at(Portal("gold")) as (_, desk):
        marker = await marker_lookup(desk(**tier("silver")), "op_1", "create")
        lookup = marker.request
        assert lookup is not None
        assert "op_1" in lookup.path or "op_1" in str(lookup.query) or b"op_1" in (lookup.body or b"")
        assert [one.path for one in marker.loss] == ["/custom_fields/0/value"]
