"""Numbers, addresses and e-mail addresses in a copy: what is replaced arrives, and where there is one place for two
values, the source wins it."""

from typing import Any, Final

import pytest

from tests.contract.callers import Caller
from tests.contract.copied_customers import (
    HOME,
    MOVED,
    OWNERS,
    change,
    conflicts,
    copy,
    numbers,
    other_than,
    read,
    staff,
)
from tests.contract.copying import buyer
from tests.contract.emulators import Emulators, Vendor, writes
from tests.contract.own_facade import own_facade
from tests.contract.samples import word
from tests.contract.vendor_samples import EVERY_VENDOR, all_vendors
from tests.contract.waiting import until

# Some of the staff make changes of their own.
running_facade, full_key = own_facade(all_vendors, "staff", more=OWNERS)


@pytest.mark.parametrize("target", EVERY_VENDOR)
def test_a_replaced_number_arrives(caller: Caller, vendors: Emulators, target: Vendor, tel: list[str]) -> None:
    made = buyer(caller, other_than(target), phones=[{"e164": tel[0]}])
    copy(caller, made, target)
    change(caller, made, phones=[{"e164": tel[1]}])
    assert numbers(copy(caller, made, target)) == [tel[1]]
    before = writes(vendors, target)
    copy(caller, made, target)
    assert writes(vendors, target) == before


@pytest.mark.parametrize("target", ["hubspot", "salesforce", "shopify", "stripe", "woocommerce"])
def test_a_replaced_address_arrives(caller: Caller, target: Vendor) -> None:
    """HubSpot and Salesforce have one line for a street."""
    source = "stripe" if target in ("hubspot", "salesforce") else "hubspot"
    made = buyer(caller, source, addresses=[HOME | ({"line2": "Hof"} if source == "stripe" else {})], last_name=word())
    copy(caller, made, target)
    change(caller, made, addresses=[MOVED])
    there = copy(caller, made, target)
    assert [one["line1"] for one in there["addresses"]] == [MOVED["line1"]]
    change(caller, made, addresses=[])
    assert copy(caller, made, target)["addresses"] == []


@pytest.mark.parametrize("target", ["stripe", "woocommerce"])
def test_a_billing_and_a_shipping_address_move_together(caller: Caller, target: Vendor) -> None:
    both = [{"type": kind} for kind in ("billing", "shipping")]
    source = "woocommerce" if target == "stripe" else "stripe"
    made = buyer(caller, source, addresses=[HOME | one for one in both])
    copy(caller, made, target)

    change(caller, made, addresses=[MOVED | one for one in both])
    copy(caller, made, target)

    addresses = caller.get(f"/v1/customers/{made['id']}?connection={target}").json()["addresses"]
    assert {one["type"]: one["line1"] for one in addresses} == dict.fromkeys(("billing", "shipping"), MOVED["line1"])


def test_a_loss_is_not_copied_back_and_a_change_is(caller: Caller) -> None:
    """HubSpot has one line for a street, and several numbers."""
    made = buyer(caller, "woocommerce", addresses=[HOME | {"line2": "Hof"}])
    there = copy(caller, made, "hubspot")
    assert there["addresses"][0]["line1"] == "Uferweg 3, Hof"
    before = read(caller, made)["addresses"]
    staff(caller, there, first_name="Ines")
    back = copy(caller, there, "woocommerce")
    assert back["first_name"] == "Ines"
    assert back["addresses"] == before
    staff(caller, there, addresses=[MOVED])
    back = copy(caller, there, "woocommerce")
    assert [one["line1"] for one in back["addresses"]] == ["Am Markt 9"]


def test_a_lost_reply_is_no_change_of_the_target(caller: Caller, vendors: Emulators, tel: list[str]) -> None:
    """HubSpot has one line for a street, so what was sent never reads back as it was sent."""
    address = HOME | {"line2": "Hof"}
    made = buyer(caller, "stripe", addresses=[address], phones=[{"e164": tel[0]}])
    copy(caller, made, "hubspot")
    change(caller, made, addresses=[MOVED | {"line2": "Hof"}])
    vendors.lose_reply("hubspot", method="PATCH")
    source = made["meta"]["connection"]
    path = f"/v1/customers/{made['id']}/copies?connection={source}"
    answer = caller.write("POST", path, {"connection": "hubspot"})
    assert vendors.standing_faults() == []
    there = caller.settled(answer)["result"] if answer.status_code == 202 else answer.json()
    assert [one["line1"] for one in there["addresses"]] == ["Am Markt 9, Hof"]
    assert conflicts(caller, made) == []
    before = writes(vendors, "hubspot")
    copy(caller, made, "hubspot")
    assert writes(vendors, "hubspot") == before


ONE_SLOT: Final = (
    ("hubspot", "freshdesk", "mobile"),
    ("hubspot", "salesforce", "mobile"),
    ("salesforce", "freshdesk", "work"),
    ("salesforce", "hubspot", "mobile"),
    ("salesforce", "zendesk", "mobile"),
    ("shopify", "freshdesk", "unknown"),
    ("shopify", "salesforce", "unknown"),
)


@pytest.mark.parametrize("has_email", [True, False])
@pytest.mark.parametrize(("source", "target", "kind"), ONE_SLOT)
def test_the_source_wins_the_one_slot_of_a_number(
    caller: Caller, source: Vendor, target: Vendor, kind: str, has_email: bool, tel: list[str]
) -> None:
    """Without an e-mail address, a number is essential: a copy that loses it is refused."""
    phones = [[{"e164": one, **({} if kind == "unknown" else {"type": kind})}] for one in tel]
    made = buyer(caller, source, phones=phones[0], **({} if has_email else {"emails": []}))
    there = copy(caller, made, target)
    stored = there["phones"][0]
    staff(caller, there, phones=[{"e164": tel[1], **_typed(stored)}])
    change(caller, made, phones=phones[2], first_name="Ines")

    again = copy(caller, made, target)

    assert [(one["e164"], one["type"]) for one in again["phones"]] == [(tel[2], stored["type"])]
    assert "Ines" in (again["first_name"] or again["display_name"])
    assert {"/phones/0", "/phones/1"}.isdisjoint(one["path"] for one in again["meta"].get("loss", ()))
    (event,) = until(lambda: conflicts(caller, made))
    assert event["data"]["fields"] == ["phones"]
    copy(caller, made, target)
    assert len(conflicts(caller, made)) == 1


def _typed(phone: dict[str, Any]) -> dict[str, str]:
    return {} if phone["type"] == "unknown" else {"type": phone["type"]}


def test_a_number_of_another_type_stays_beside_a_conflict(caller: Caller, tel: list[str]) -> None:
    made = buyer(caller, "hubspot", phones=[{"e164": tel[0], "type": "mobile"}])
    there = copy(caller, made, "freshdesk")
    desk = f"+4411748{tel[0][-5:]}"
    staff(caller, there, phones=[{"e164": desk, "type": "work"}, {"e164": tel[1], "type": "mobile"}])
    change(caller, made, phones=[{"e164": tel[2], "type": "mobile"}])
    assert sorted(numbers(copy(caller, made, "freshdesk"))) == sorted([desk, tel[2]])


@pytest.mark.parametrize(
    ("source", "target"),
    [("stripe", "hubspot"), ("stripe", "salesforce"), ("hubspot", "woocommerce"), ("woocommerce", "stripe")],
)
def test_the_source_wins_the_one_slot_of_an_address(caller: Caller, source: Vendor, target: Vendor) -> None:
    made = buyer(caller, source, addresses=[HOME], last_name=word())
    there = copy(caller, made, target)
    theirs = {name: there["addresses"][0][name] for name in HOME}
    staff(caller, there, addresses=[theirs | {"line1": "Lange Gasse 1"}])
    change(caller, made, addresses=[MOVED])

    again = copy(caller, made, target)

    assert [one["line1"] for one in again["addresses"]] == [MOVED["line1"]]
    (event,) = until(lambda: conflicts(caller, made))
    assert event["data"]["fields"] == ["addresses"]


def test_a_shop_with_many_places_keeps_both_addresses(caller: Caller) -> None:
    made = buyer(caller, "hubspot", addresses=[HOME])
    there = copy(caller, made, "shopify")
    theirs = {name: there["addresses"][0][name] for name in HOME if name != "type"}
    staff(caller, there, addresses=[theirs | {"line1": "Lange Gasse 1"}])
    change(caller, made, addresses=[MOVED])
    assert {one["line1"] for one in copy(caller, made, "shopify")["addresses"]} == {"Lange Gasse 1", MOVED["line1"]}


@pytest.mark.parametrize("target", ["salesforce", "stripe"])
def test_the_source_wins_the_one_slot_of_an_email(caller: Caller, target: Vendor) -> None:
    made = buyer(caller, other_than(target))
    there = copy(caller, made, target)
    staff(caller, there, emails=[{"address": f"{word()}@example.com"}])
    new = f"{word()}@example.com"
    change(caller, made, emails=[{"address": new}])
    again = copy(caller, made, target)
    assert [one["address"] for one in again["emails"]] == [new]
    assert not [one for one in again["meta"].get("loss", ()) if "/emails" in one["path"]]
    (event,) = until(lambda: conflicts(caller, made))
    assert event["data"]["fields"] == ["emails"]


@pytest.mark.parametrize("target", ["hubspot", "salesforce", "stripe"])
def test_a_replaced_address_of_mail_arrives_where_it_is_no_login(caller: Caller, target: Vendor) -> None:
    made = buyer(caller, other_than(target))
    copy(caller, made, target)
    new = f"{word()}@example.com"
    change(caller, made, emails=[{"address": new}])
    assert [one["address"] for one in copy(caller, made, target)["emails"]] == [new]
    assert conflicts(caller, made) == []


def test_a_new_address_becomes_a_second_login(caller: Caller) -> None:
    made = buyer(caller, "salesforce")
    there = copy(caller, made, "freshdesk")
    new = f"{word()}@example.com"
    change(caller, made, emails=[{"address": new}])
    again = copy(caller, made, "freshdesk")
    emails = again["emails"]
    assert [one["address"] for one in emails if one["is_primary"]] == [there["emails"][0]["address"]]
    assert ["/emails/0/is_primary", "coerced"] in [[one["path"], one["kind"]] for one in again["meta"]["loss"]]
    assert [one["address"] for one in emails if not one["is_primary"]] == [new]
    assert conflicts(caller, made) == []


@pytest.mark.parametrize("target", ["shopify", "woocommerce", "zendesk"])
def test_a_login_without_a_second_place_is_a_conflict(caller: Caller, vendors: Emulators, target: Vendor) -> None:
    made = buyer(caller, "salesforce")
    there = copy(caller, made, target)
    change(caller, made, emails=[{"address": f"{word()}@example.com"}], first_name="Ines")
    again = copy(caller, made, target)
    assert again["emails"] == there["emails"]
    assert ["/emails", "dropped"] in [[one["path"], one["kind"]] for one in again["meta"]["loss"]]
    assert "Ines" in again["display_name"]
    (event,) = until(lambda: conflicts(caller, made))
    assert event["data"]["fields"] == ["emails"]
    before = writes(vendors, target)
    copy(caller, made, target)
    assert writes(vendors, target) == before
    assert len(conflicts(caller, made)) == 1
