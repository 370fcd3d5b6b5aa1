"""Customers of all vendors who share an address are joined only if every name of all of them agrees."""

import json
from itertools import combinations, permutations
from typing import Any, Final

import pytest

from tests.contract.callers import Caller
from tests.contract.facade import Facade
from tests.contract.own_facade import own_facade
from tests.contract.samples import Body, word
from tests.contract.vendor_samples import EVERY_VENDOR, SAMPLES, all_vendors

KELVIN: Final = "\u212a"
TRIOS: Final = [
    pytest.param(order, id=" ".join(order))
    for place, vendor in enumerate(EVERY_VENDOR)
    for order in (
        list(permutations((vendor, EVERY_VENDOR[place - 1], EVERY_VENDOR[place - 2]), 3))[place % 6],
        list(permutations((vendor, EVERY_VENDOR[place - 1], EVERY_VENDOR[place - 2]), 3))[(place + 3) % 6],
    )
]
"""Each vendor with two others, in two orders."""


JOINS: Final = f"[links]\nauto_join = {json.dumps(list(combinations(EVERY_VENDOR, 2)))}\n"
running_facade, full_key = own_facade(all_vendors, more=JOINS)


def make(caller: Caller, vendor: str, address: str, first: str = "", last: str = "") -> dict[str, Any]:
    """Create a customer, with the name where one is given, and read it."""
    sample, body = SAMPLES[f"{vendor} customer"], Body(emails=[{"address": address}])
    if first and "display_name" in sample.body("x"):
        body["display_name"] = f"{first} {last}"
    elif first:
        body |= {"first_name": first, "last_name": last}
    made = caller.create(sample.collection(), body)
    return caller.get(f"{sample.path}/{vendor}:{made['meta']['remote_id']}").json()


def id_of(caller: Caller, made: dict[str, Any]) -> str:
    """The canonical id that a record has now."""
    meta = made["meta"]
    return caller.get(f"/v1/customers/{meta['connection']}:{meta['remote_id']}").json()["id"]


@pytest.mark.parametrize("vendors", TRIOS)
def test_two_people_with_one_address_stay_two(caller: Caller, facade: Facade, vendors: tuple[str, ...]) -> None:
    """A record without a name fits both, and joins them neither first, between them, nor last."""
    address = f"family.{word()}@example.com"
    names = [("Ann", "Lee"), ("", ""), ("Bob", "Kay")]
    made = [make(caller, vendor, address, *name) for vendor, name in zip(vendors, names, strict=True)]
    ids = [id_of(caller, one) for one in (*made, *made)][3:]
    assert ids[0] != ids[2]
    output = facade.lockstitch("links", "review", "--limit", "250", "--json")
    pairs = [{one["canonical_id"], one["other_canonical_id"]} for one in json.loads(output.stdout)["data"]]
    assert {ids[0], ids[2]} in pairs


@pytest.mark.parametrize("local", ["info-de", "support1", "zentrale", "office.berlin"])
def test_an_office_joins_nobody(caller: Caller, local: str) -> None:
    address = f"{local}@{word()}.example.com"
    made = [make(caller, vendor, address, "Ann", "Lee") for vendor in EVERY_VENDOR]
    assert len({id_of(caller, one) for one in made}) == len(EVERY_VENDOR)


@pytest.mark.parametrize("vendor", EVERY_VENDOR)
def test_the_kelvin_sign_joins_nobody(caller: Caller, vendor: str) -> None:
    mark, other = word(), EVERY_VENDOR[EVERY_VENDOR.index(vendor) - 1]
    one = make(caller, vendor, f"{KELVIN}{mark}@example.com", "Kay", mark)
    two = make(caller, other, f"k{mark}@example.com", "Kay", mark)
    assert one["emails"][0]["address"] == f"{KELVIN}{mark}@example.com"
    assert id_of(caller, one) != id_of(caller, two)
