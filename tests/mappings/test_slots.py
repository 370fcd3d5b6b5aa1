"""The slots that a mapping declares for lists of a customer are those that its writes fill."""

from itertools import product
from pathlib import Path
from typing import Any, Final, get_args

import msgspec
import pytest

from canonical.customer import CustomerPatch, EmailPatch, PhonePatch, PhoneType
from canonical.parts import AddressPatch, AddressType
from mappings.checks.golden import account_of
from mappings.registry import VENDORS, AnyMapping, AnyVendor

ROOT: Final = Path(__file__).parents[2]
CUSTOMERS: Final = [
    (vendor, mapping) for vendor in VENDORS.values() for mapping in vendor.mappings if mapping.object == "customer"
]
LISTS: Final[dict[str, list[Any]]] = {
    "emails": [EmailPatch(address=f"ann{one}@example.com") for one in range(2)]
    + [EmailPatch(address="ann@billing.example", type="billing")],
    "phones": [
        PhonePatch(e164=f"+44117496{one:04}", type=kind) for one, kind in enumerate(get_args(PhoneType)) if kind
    ],
    "addresses": [
        AddressPatch(type=kind, line1=f"Uferweg {one}", city="Kiel", country_code="DE")
        for one, kind in enumerate(get_args(AddressType))
    ],
}


@pytest.mark.parametrize(
    ("vendor", "mapping"), CUSTOMERS, ids=[f"{vendor.name}@r{mapping.revision}" for vendor, mapping in CUSTOMERS]
)
@pytest.mark.parametrize("name", LISTS)
def test_an_item_without_a_slot_is_what_a_write_loses(vendor: AnyVendor, mapping: AnyMapping, name: str) -> None:
    account, choose = account_of(vendor, ROOT), mapping.slots.get(name)
    for items in product(LISTS[name], repeat=2):
        if items[0] == items[1]:
            continue
        patch = msgspec.structs.replace(CustomerPatch(last_name="Lee"), **{name: items})
        draft = mapping.to_vendor(patch, None, account)
        lost = {one.path for one in draft.loss if one.kind == "dropped"} | {one.pointer for one in draft.refused}
        if f"/{name}" in lost:  # there is no such list
            assert choose is None
            return
        placed = {0, 1} if choose is None else set(choose(items).values())
        assert {f"/{name}/{index}" for index in (0, 1)} & lost == {f"/{name}/{index}" for index in {0, 1} - placed}
