"""What was read can be sent back to every shop, in whole and in part: nothing is sent for it and nothing refused."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import fields

from canonical.order_patch import OrderPatch
from mappings.checks.golden import account_of, records
from mappings.checks.sent_back import patch_of
from mappings.registry import VENDORS, AnyMapping, AnyVendor
from tests.required import required

ROOT = Path(__file__).parents[2]
SHOPS = ("medusa", "shopify", "stripe", "woocommerce")
RECORDS = [
    pytest.param(VENDORS[shop], mapping, bytes(record), id=f"{shop} {name}")
    for shop in SHOPS
    for mapping in VENDORS[shop].mappings
    for name, record in records(VENDORS[shop], mapping, ROOT)
]


@cache
def account_of_golden(vendor: AnyVendor) -> Any:
    return account_of(vendor, ROOT)


@cache
def sent_back(vendor: AnyVendor, mapping: AnyMapping, record: bytes) -> dict[str, Any]:
    """A write of each field with the value that is read, where it can be said in a write at all."""
    account = account_of_golden(vendor)
    data = json.loads(msgspec.json.encode(mapping.read(record, account).data))
    patches = {
        field.name: patch_of(mapping, field.encode_name, data.get(field.encode_name)) for field in fields(mapping.patch)
    }
    return {name: getattr(patch, name) for name, patch in patches.items() if patch is not None}


def request_of(mapping: AnyMapping, patch: Any, record: bytes, account: Any) -> Any:
    """What a change sends."""
    draft = mapping.to_vendor(patch, mapping.decode(record), account)
    assert draft.refused == ()
    assert draft.loss == ()
    return required(mapping.endpoints.update)("7", draft.body, "op_1", account)


@pytest.mark.parametrize(("vendor", "mapping", "record"), RECORDS)
@given(data=st.data())
def test_what_was_read_is_sent_back_without_effect(
    vendor: AnyVendor, mapping: AnyMapping, record: bytes, data: st.DataObject
) -> None:
    account = account_of_golden(vendor)
    whole = sent_back(vendor, mapping, record)
    kept = data.draw(st.sets(st.sampled_from(sorted(whole)))) if data.draw(st.booleans()) else whole.keys()
    patch = mapping.patch(**{name: whole[name] for name in kept})
    assert request_of(mapping, patch, record, account) == request_of(mapping, mapping.patch(), record, account)


@pytest.mark.parametrize(("vendor", "mapping", "record"), RECORDS)
def test_a_change_sends_nothing_that_was_only_read(vendor: AnyVendor, mapping: AnyMapping, record: bytes) -> None:
    account = account_of_golden(vendor)
    change = {"external_id": "other-key"}
    whole = mapping.patch(**sent_back(vendor, mapping, record) | change)
    alone = mapping.patch(**change)
    assert request_of(mapping, whole, record, account) == request_of(mapping, alone, record, account)


@pytest.mark.parametrize("shop", SHOPS)
def test_a_new_record_is_compared_with_nothing(shop: str) -> None:
    (order,) = (one for one in VENDORS[shop].mappings if one.object == "order")
    draft = order.to_vendor(OrderPatch(status="unknown"), None, order.account())
    assert "/status" in {one.pointer for one in draft.refused}
