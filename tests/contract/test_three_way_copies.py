"""A copy stays true: what the source has changed arrives, what the target has changed stays, and nothing is
cleared that no copy has put there."""

from collections.abc import Iterator
from typing import Any, Final

import pytest

from tests.contract.callers import Caller
from tests.contract.emulators import Emulators, Vendor
from tests.contract.facade import Facade
from tests.contract.samples import word
from tests.contract.vendor_samples import all_vendors

OWNERS: Final = """
[ownership.customers]
owner = "other-zendesk"
[ownership.customers.fields]
job_title = { owner = "hubspot" }
lead_source = { owner = "salesforce" }
"""
TARGETS: Final[tuple[Vendor, ...]] = (
    "freshdesk",
    "hubspot",
    "salesforce",
    "shopify",
    "stripe",
    "woocommerce",
    "zendesk",
)
Numbers = list[str]
HOME: Final = {"type": "billing", "line1": "Uferweg 3", "city": "Kiel", "postal_code": "24103", "country_code": "DE"}
MOVED: Final = HOME | {"line1": "Am Markt 9", "city": "Bonn", "postal_code": "53111"}


@pytest.fixture(scope="module")
def running_facade(tmp_path_factory: pytest.TempPathFactory, module_database_url: str) -> Iterator[Facade]:
    """A Lockstitch of this module with two connections to each vendor: one of its staff makes changes of their own."""
    with all_vendors(tmp_path_factory.mktemp("merge"), module_database_url, "staff", more=OWNERS) as facade:
        yield facade


@pytest.fixture(scope="module")
def full_key(running_facade: Facade) -> str:
    """A key with every scope."""
    return running_facade.make_key(name="everything").secret


def other_than(target: str) -> str:
    """A connection to copy from, which keeps several addresses and numbers."""
    return "salesforce" if target == "hubspot" else "hubspot"


def buyer(caller: Caller, connection: str, **fields: Any) -> dict[str, Any]:
    mark = word()
    body = {"first_name": "Ada", "last_name": mark, "emails": [{"address": f"{mark}@example.com"}], **fields}
    return caller.create(f"/v1/customers?connection={connection}", body)


def copy(caller: Caller, made: dict[str, Any], to: str, **order: Any) -> dict[str, Any]:
    source = made["meta"]["connection"]
    answer = caller.write("POST", f"/v1/customers/{made['id']}/copies?connection={source}", {"connection": to, **order})
    assert answer.status_code in (200, 201), answer.text
    found: dict[str, Any] = answer.json()
    return found


def change(caller: Caller, made: dict[str, Any], **fields: Any) -> None:
    """Change the source."""
    meta = made["meta"]
    answer = caller.write("PATCH", f"/v1/customers/{meta['connection']}:{meta['remote_id']}", fields)
    assert answer.status_code == 200, answer.text


def staff(caller: Caller, there: dict[str, Any], **fields: Any) -> None:
    """Change the copy as the vendor's own staff does."""
    meta = there["meta"]
    answer = caller.write("PATCH", f"/v1/customers/{meta['connection']}-staff:{meta['remote_id']}", fields)
    assert answer.status_code == 200, answer.text


def read(caller: Caller, there: dict[str, Any]) -> dict[str, Any]:
    meta = there["meta"]
    found: dict[str, Any] = caller.get(f"/v1/customers/{meta['connection']}:{meta['remote_id']}").json()
    return found


def writes(vendors: Emulators, vendor: Vendor) -> int:
    """How many requests could have changed something there."""
    calls = [one for one in vendors.calls(vendor) if one["method"] != "GET" and "search" not in one["path"]]
    return len([one for one in calls if vendor != "shopify" or "mutation" in str(one["body"])])


@pytest.fixture
def tel() -> Numbers:
    """Numbers that no other customer has."""
    start = int(word()[1:], 16) % 9000
    return [f"+4411749{start + step:05}" for step in range(3)]


def numbers(found: dict[str, Any]) -> list[str]:
    return [one["e164"] for one in found["phones"]]


def conflicts(caller: Caller, made: dict[str, Any]) -> list[dict[str, Any]]:
    """The conflicts of the copies of a record."""
    data = caller.get("/v1/events", params={"type": "copy.conflict", "limit": 250}).json()["data"]
    return [one for one in data if one["data"]["id"] == made["id"]]


@pytest.mark.parametrize("target", TARGETS)
def test_an_unchanged_copy_writes_nothing(caller: Caller, vendors: Emulators, target: Vendor, tel: Numbers) -> None:
    phones = [{"e164": tel[0]}]
    made = buyer(caller, other_than(target), phones=phones, addresses=[HOME], notes="Likes blue.", job_title="Potter")
    first = copy(caller, made, target)
    before = writes(vendors, target)
    again = copy(caller, made, target)
    assert writes(vendors, target) == before
    assert again["phones"] == first["phones"]


@pytest.mark.parametrize("target", TARGETS)
def test_a_replaced_number_arrives(caller: Caller, vendors: Emulators, target: Vendor, tel: Numbers) -> None:
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


@pytest.mark.parametrize("target", TARGETS)
def test_an_unrelated_edit_leaves_what_the_target_has_changed(caller: Caller, target: Vendor, tel: Numbers) -> None:
    made = buyer(caller, other_than(target), phones=[{"e164": tel[0]}])
    there = copy(caller, made, target)
    staff(caller, there, phones=[{"e164": tel[2]}])
    change(caller, made, first_name="Ines")
    again = copy(caller, made, target)
    assert numbers(again) == [tel[2]]
    assert "Ines" in (again["first_name"] or again["display_name"])
    assert conflicts(caller, made) == []


@pytest.mark.parametrize("target", TARGETS)
def test_the_source_wins_a_conflict_that_is_named(caller: Caller, target: Vendor) -> None:
    made = buyer(caller, other_than(target))
    there = copy(caller, made, target)
    staff(caller, there, **({"last_name": "Bell"} if there["last_name"] else {"display_name": "Ada Bell"}))
    change(caller, made, last_name="Wood")
    again = copy(caller, made, target)
    assert "Wood" in again["display_name"]
    (event,) = conflicts(caller, made)
    assert event["connection"] == target
    assert event["data"]["fields"] == ["last_name" if there["last_name"] else "display_name"]
    assert event["data"]["source"] == {key: made["meta"][key] for key in ("connection", "remote_id")}
    assert "Wood" not in str(event)
    copy(caller, made, target)
    assert len(conflicts(caller, made)) == 1
