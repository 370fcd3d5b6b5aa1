"""An address never selects an agent, an administrator or an owner, and two candidates change nothing."""

import json
from itertools import count
from typing import Any, Final

import httpx
import pytest

from tests.contract.callers import Caller, code_of
from tests.contract.emulators import Emulators, Vendor
from tests.contract.own_facade import own_facade
from tests.contract.samples import Body, word
from tests.contract.vendor_samples import SAMPLES, Sample, all_vendors

NUMBERS: Final = count(8_700_000_123_001)
"""Ids that no vendor gives."""
STAFF: Final[dict[tuple[Vendor, str], Body]] = {
    ("zendesk", "users"): {"role": "admin", "name": "Mara Field"},
    ("woocommerce", "customers"): {"role": "administrator", "first_name": "Mara"},
    ("hubspot", "owners"): {"firstName": "Mara", "lastName": "Field"},
    ("freshdesk", "agents"): {"contact": {"name": "Mara Field"}, "type": "support_agent"},
    ("salesforce", "User"): {"Name": "Mara Field", "UserType": "Standard", "IsActive": True},
}
MATCHED_BY_VENDOR: Final = ("zendesk ticket", "freshdesk ticket")
"""The vendor itself finds the requester by the address in the request: see `docs/portability.md`."""

running_facade, full_key = own_facade(all_vendors)


def employed(vendors: Emulators, vendor: Vendor, held_as: str, address: str) -> str:
    """The id of a new member of staff with this address."""
    record = STAFF[vendor, held_as]
    if vendor == "salesforce":
        return str(vendors.place(vendor, held_as, {**record, "Email": address})["Id"])
    id: int | str = str(next(NUMBERS)) if vendor == "hubspot" else next(NUMBERS)
    return str(vendors.place(vendor, held_as, {**record, "id": id, "email": address})["id"])


def about(object_name: str, address: str, mark: str) -> Body:
    """A body that has the address wherever a person can be named."""
    person = {"email": address, "name": "Mara Field"}
    if object_name == "customer":
        return {"first_name": "Mara", "last_name": mark, "emails": [{"address": address}], "owner": person}
    if object_name == "order":
        line = {"name": "Mug", "quantity": "2", "unit_price": "19.90"}
        return {"currency": "EUR", "external_id": mark, "customer": person, "line_items": [line]}
    return {
        "subject": f"Mug {mark}",
        "description": "In two pieces.",
        "requester": person,
        "assignee": person,
        "team": person,
        "followers": [{**person, "kind": "follower"}],
    }


def sent(vendors: Emulators, vendor: Vendor, calls_before: int) -> str:
    """What was sent to the vendor since then."""
    return json.dumps([(call["path"], call["query"], call["body"]) for call in vendors.calls(vendor)[calls_before:]])


def write(caller: Caller, sample: Sample, body: Body, query: str = "") -> httpx.Response:
    return caller.write("POST", f"{sample.collection()}{query}", body)


def check_ended(caller: Caller, answer: httpx.Response) -> None:
    """Done, or refused: a vendor that holds each address once refuses a second person, whom upserts look for again."""
    if answer.status_code == 202:
        assert caller.settled(answer)["problem"]["code"] == "duplicate-record"
    else:
        assert answer.status_code in (200, 201, 409, 422), answer.text


@pytest.mark.parametrize(
    ("vendor", "held_as", "name"),
    [(*staff, name) for staff in STAFF for name, sample in SAMPLES.items() if sample.vendor == staff[0]],
)
def test_an_address_never_selects_staff(
    caller: Caller, vendors: Emulators, vendor: Vendor, held_as: str, name: str
) -> None:
    sample, mark = SAMPLES[name], word()
    address = f"{mark}@staff.example"
    id = employed(vendors, vendor, held_as, address)
    before = vendors.records(vendor, held_as, holding=id)
    calls_before = len(vendors.calls(vendor))

    for query in ("", *(f"&upsert_on={key}" for key in sample.upsert_keys)):
        answer = write(caller, sample, about(sample.object, address, word()) | {"external_id": word()}, query)
        check_ended(caller, answer)

    assert id[:15] not in sent(vendors, vendor, calls_before)
    assert vendors.records(vendor, held_as, holding=id) == before
    if held_as != sample.held_as and name not in MATCHED_BY_VENDOR:
        assert vendors.records(vendor, sample.held_as, holding=id) == []


@pytest.mark.parametrize(("vendor", "held_as"), STAFF)
def test_a_copy_never_selects_staff(caller: Caller, vendors: Emulators, vendor: Vendor, held_as: str) -> None:
    mark = word()
    address = f"{mark}@staff.example"
    id = employed(vendors, vendor, held_as, address)
    before = vendors.records(vendor, held_as, holding=id)
    made = caller.create("/v1/customers?connection=shopify", SAMPLES["shopify customer"].body(mark))
    caller.write("PATCH", f"/v1/customers/{made['id']}", {"emails": [{"address": address}]})

    order = {"connection": vendor, "match_on": "email"}
    answer = caller.write("POST", f"/v1/customers/{made['id']}/copies", order)

    check_ended(caller, answer)
    assert vendors.records(vendor, held_as, holding=id) == before
    links = caller.get(f"/v1/customers/{made['id']}").json()["meta"]["links"]
    assert id not in [link["remote_id"] for link in links]


def two_customers(caller: Caller, vendor: str, address: str) -> None:
    sample = SAMPLES[f"{vendor} customer"]
    for _ in range(2):
        caller.create(sample.collection(), sample.body(word()) | {"emails": [{"address": address}]})


def changing(vendors: Emulators, vendor: Vendor, calls_before: int) -> list[dict[str, Any]]:
    """The calls since then that may change something."""
    return [call for call in vendors.calls(vendor)[calls_before:] if call["method"] != "GET"]


@pytest.mark.parametrize("name", [name for name, one in SAMPLES.items() if "email" in one.upsert_keys])
def test_an_upsert_finds_a_customer_whom_the_vendor_does_not_list_yet(
    caller: Caller, vendors: Emulators, name: str
) -> None:
    """Zendesk's own upsert would replace the lists."""
    sample, mark = SAMPLES[name], word()
    number, other = ({"phones": [{"e164": f"+49301{next(NUMBERS) % 10**7:07}"}]} for _ in range(2))
    vendors.limit(sample.vendor, search_lag=60.0)
    path = f"{sample.collection()}&upsert_on=email&loss=any"
    made = caller.create(path, sample.body(mark) | number | {"tags": ["old"]})
    answer = caller.write("POST", path, sample.body(mark) | other | {"tags": ["new"]})
    vendors.limit(sample.vendor, search_lag=0.0)
    assert (answer.status_code, answer.json()["id"]) == (200, made["id"])
    assert made["phones"][0] in answer.json()["phones"]
    assert {*made["tags"]} <= {*answer.json()["tags"]}


@pytest.mark.parametrize("verb", ["upsert", "copy"])
@pytest.mark.parametrize("vendor", ["salesforce", "stripe"])
def test_two_customers_with_the_address_change_nothing(
    caller: Caller, vendors: Emulators, vendor: Vendor, verb: str
) -> None:
    mark = word()
    address = f"{mark}@example.com"
    two_customers(caller, vendor, address)
    sample = SAMPLES[f"{vendor} customer"]
    made = caller.create("/v1/customers?connection=shopify", SAMPLES["shopify customer"].body(mark))
    before, calls_before = vendors.records(vendor, sample.held_as), len(vendors.calls(vendor))

    if verb == "upsert":
        answer = write(caller, sample, sample.body(mark), "&upsert_on=email")
    else:
        order = {"connection": vendor, "match_on": "email"}
        answer = caller.write("POST", f"/v1/customers/{made['id']}/copies", order)

    assert code_of(answer, 409) == "ambiguous-match"
    assert len(answer.json()["candidates"]) == 2
    assert (vendors.records(vendor, sample.held_as), changing(vendors, vendor, calls_before)) == (before, [])


@pytest.mark.parametrize("vendor", ["salesforce", "stripe"])
def test_two_buyers_with_the_address_change_nothing(caller: Caller, vendors: Emulators, vendor: Vendor) -> None:
    mark = word()
    two_customers(caller, vendor, f"{mark}@example.com")
    sample = SAMPLES[f"{vendor} order"]
    body = sample.body(mark) | {"customer": {"email": f"{mark}@example.com"}}
    body |= {"status": "draft"} if vendor == "stripe" else {}
    customers = SAMPLES[f"{vendor} customer"].held_as
    before = [vendors.records(vendor, one) for one in (customers, sample.held_as)]
    calls_before = len(vendors.calls(vendor))

    assert code_of(write(caller, sample, body), 409) == "ambiguous-match"
    assert [vendors.records(vendor, one) for one in (customers, sample.held_as)] == before
    assert changing(vendors, vendor, calls_before) == []
