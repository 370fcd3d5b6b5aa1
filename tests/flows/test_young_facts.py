"""A write that only facts about the account speak against is judged once more by young ones, and nothing else is."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest

from app.errors import InvalidField, VendorProblem
from app.flows import drafting
from app.flows.drafting import Desk, Prepared, prepare
from app.flows.seam import Seam
from app.operation_ports import Intent
from canonical.parts import CustomFieldSetting
from mappings.hubspot import VENDOR
from tests.outbound.acme import asking, within
from tests.outbound.vendor_server import Call, Reply, VendorServer, running_vendor

pytestmark = pytest.mark.anyio

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
async def drafting_at(portal: Portal) -> AsyncIterator[tuple[VendorServer, Any]]:
    async with running_vendor(portal.answer) as vendor, asking(vendor.url, **HUBSPOT) as acme:
        seam = cast(Seam, SimpleNamespace(vendors=acme.client))

        async def draft(**fields: Any) -> Prepared:
            body = {"last_name": "Lovelace", **fields}
            intent = Intent(
                object="customer",
                action="create",
                connection="acme",
                revision=CUSTOMER.revision,
                instance="/v1/customers",
                body=msgspec.json.encode(body),
            )
            return await prepare(Desk(seam, acme.connection, CUSTOMER, intent, within(), dry=True), "op_1")

        yield vendor, draft


def tier(value: str) -> dict[str, Any]:
    return {"custom_fields": [{"key": "tier", "value": value}]}


def told(problem: InvalidField) -> dict[str, str]:
    return {str(one.pointer): one.detail for one in problem.errors}


async def test_young_facts_refuse_at_once() -> None:
    async with drafting_at(Portal("gold")) as (vendor, draft):
        await draft(**tier("gold"))
        asked = len(vendor.calls)
        with pytest.raises(InvalidField) as refused:
            await draft(**tier("silver"))
        assert told(refused.value) == {"/custom_fields/0/value": "'silver' is no choice here; one of: gold"}
        assert len(vendor.calls) == asked


async def test_older_facts_are_renewed_once_before_they_refuse(monkeypatch: pytest.MonkeyPatch) -> None:
    portal = Portal("gold")
    async with drafting_at(portal) as (vendor, draft):
        await draft(**tier("gold"))
        asked = len(vendor.calls)
        monkeypatch.setattr(drafting, "YOUNG", 0.0)
        portal.choices = ("gold", "silver")
        prepared = await draft(**tier("silver"))
        assert msgspec.json.decode(prepared.request.body or b"")["properties"]["tier"] == "silver"
        assert len(vendor.calls) == 2 * asked
        with pytest.raises(InvalidField) as refused:
            await draft(**tier("tin"))
        assert told(refused.value)["/custom_fields/0/value"].endswith("one of: gold, silver")
        assert len(vendor.calls) == 3 * asked


async def test_what_is_wrong_whatever_the_account_says_asks_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    async with drafting_at(Portal("gold")) as (vendor, draft):
        await draft(**tier("gold"))
        asked = len(vendor.calls)
        monkeypatch.setattr(drafting, "YOUNG", 0.0)
        for wrong in ({"kind": "organization"}, {"kind": "organization", **tier("tin")}, _unknown_key()):
            with pytest.raises(InvalidField):
                await draft(**wrong)
        assert len(vendor.calls) == asked


async def test_a_vendor_who_cannot_be_asked_is_what_the_caller_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    async with drafting_at(Portal("gold")) as (vendor, draft):
        await draft(**tier("gold"))
        monkeypatch.setattr(drafting, "YOUNG", 0.0)
        vendor.always = Reply(status=503)
        with pytest.raises(VendorProblem):
            await draft(**tier("silver"))
        await draft(**tier("gold"))


def _unknown_key() -> dict[str, Any]:
    return {"custom_fields": [{"key": "tear", "value": "gold"}]}
