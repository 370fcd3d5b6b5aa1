"""Lists in an order, and lists of one customer's orders or one requester's tickets, at every vendor that can."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, get_args

import pytest

from canonical.parts import ObjectName
from mappings.coverage import PERSON, offered_filters
from mappings.endpoints import Sort
from mappings.registry import VENDORS, AnyMapping
from tests.contract.callers import Caller, code_of, expect, parameters
from tests.contract.emulators import Emulators, Vendor
from tests.contract.own_facade import own_facade
from tests.contract.samples import Body, word
from tests.contract.vendor_samples import EVERY_VENDOR, SAMPLES, Sample, all_vendors

SORTED = [name for name, sample in SAMPLES.items() if sample.mapping.endpoints.sorts]
LIMITED: list[tuple[str, str]] = [
    (name, filter)
    for name, sample in SAMPLES.items()
    for filter in ("customer", "requester")
    if filter in sample.mapping.endpoints.filters
]

FILTERS = {
    "email": "ann@example.com",
    "external_id": "crm-77",
    "number": "7",
    "sku": "MUG",
    "status": "open",
    "customer": "ann@example.com",
    "requester": "ann@example.com",
}
KEYS = ("email", "external_id", "number", "sku")
# What each object's list can be filtered by at all.
FILTERED: dict[ObjectName, tuple[str, ...]] = {
    "customer": ("email", "external_id"),
    "order": ("email", "number", "external_id", "status", "customer"),
    "ticket": ("email", "number", "external_id", "status", "requester"),
}
REFUSED = [
    (name, filter)
    for name, sample in SAMPLES.items()
    for filter in FILTERED[sample.object]
    if filter not in offered_filters(sample.mapping)
]
UNKNOWN_KEYS = [
    (name, key) for name, sample in SAMPLES.items() for key in KEYS if key not in sample.mapping.endpoints.filters
]
UNSORTED = [
    (name, sort)
    for name, sample in SAMPLES.items()
    for sort in get_args(Sort)
    if sort not in sample.mapping.endpoints.sorts
]
NAMED_BY_ADDRESS = [
    name
    for name, sample in SAMPLES.items()
    if (part := PERSON.get(sample.object)) in offered_filters(sample.mapping)
    and part not in sample.mapping.endpoints.filters
]

running_facade, full_key = own_facade(all_vendors)


def pages(caller: Caller, path: str, **query: Any) -> list[dict[str, Any]]:
    """Every record of a list, by following `next_cursor`."""
    records: list[dict[str, Any]] = []
    cursor: str | None = None
    while True:
        answer = expect(caller.get(path, params={**query, **({} if cursor is None else {"cursor": cursor})})).json()
        records += answer["data"]
        cursor = answer["next_cursor"]
        if cursor is None:
            return records


@pytest.mark.parametrize("name", SORTED)
def test_a_sorted_list_shows_every_record_once_in_order(caller: Caller, name: str) -> None:
    sample = SAMPLES[name]
    made = [caller.create(sample.collection(), sample.body(word())) for _ in range(7)]
    if sample.change:
        caller.write("PATCH", f"{sample.path}/{made[0]['id']}", sample.change)
    for sort in sorted(sample.mapping.endpoints.sorts):
        records = pages(caller, sample.path, connection=sample.vendor, sort=sort, limit=3)
        ids = [record["id"] for record in records]
        assert len(ids) == len(set(ids)), sort
        assert {record["id"] for record in made} <= set(ids), sort
        # As times: a whole second has no fraction, so their texts do not sort.
        times = [
            datetime.fromisoformat(time) for record in records if (time := record[sort.removeprefix("-")]) is not None
        ]
        assert times == sorted(times, reverse=sort.startswith("-")), sort


def test_a_sort_without_effect_is_refused(caller: Caller) -> None:
    both = caller.get("/v1/customers?connection=hubspot&sort=-created_at&updated_since=2026-01-01T00:00:00Z")
    assert parameters(both) == ["sort"]
    unknown = caller.get("/v1/customers?connection=hubspot&sort=name")
    assert parameters(unknown) == ["sort"]


def test_a_cursor_belongs_to_its_order(caller: Caller) -> None:
    for _ in range(3):
        caller.create("/v1/customers?connection=hubspot", SAMPLES["hubspot customer"].body(word()))
    first = caller.get("/v1/customers?connection=hubspot&sort=created_at&limit=2").json()
    other = caller.get("/v1/customers", params={"sort": "-created_at", "limit": 2, "cursor": first["next_cursor"]})
    assert parameters(other) == ["cursor"]


def person_of(caller: Caller, sample: Sample, mark: str) -> dict[str, Any]:
    """Create a customer at the connection of a sample."""
    customer = SAMPLES[f"{sample.vendor} customer"]
    return caller.create(customer.collection(), customer.body(mark))


def of_person(sample: Sample, person: dict[str, Any], mark: str) -> Body:
    """A record of this customer."""
    part = "customer" if sample.object == "order" else "requester"
    return sample.body(mark) | {part: {"id": person["id"]}}


@pytest.mark.parametrize(("name", "filter"), LIMITED)
def test_a_list_of_one_person_by_id_vendor_id_and_address(
    caller: Caller, vendors: Emulators, name: str, filter: str
) -> None:
    sample, mark = SAMPLES[name], word()
    person, other = person_of(caller, sample, mark), person_of(caller, sample, word())
    made = [caller.create(sample.collection(), of_person(sample, person, word()))["id"] for _ in range(3)]
    caller.create(sample.collection(), of_person(sample, other, word()))
    names = [person["id"], f"{sample.vendor}:{person['meta']['remote_id']}", f"{mark.upper()}@example.com"]
    for value in names:
        query = {"connection": sample.vendor, filter: value, "limit": 2}
        ids = [record["id"] for record in pages(caller, sample.path, **query)]
        assert sorted(ids) == sorted(made), value


def test_orders_of_a_guest_are_found_by_address(caller: Caller) -> None:
    for vendor in ("shopify", "woocommerce"):
        sample, mark = SAMPLES[f"{vendor} order"], word()
        made = caller.create(sample.collection(), sample.body(mark))
        longer = {"customer": {"email": f"x{mark}@example.com"}}
        caller.create(sample.collection(), sample.body(word()) | longer)
        orders = pages(caller, sample.path, connection=vendor, customer=f"{mark}@example.com")
        assert [order["id"] for order in orders] == [made["id"]]


@pytest.mark.parametrize("vendor", ["shopify", "woocommerce", "stripe"])
def test_an_address_finds_the_orders_of_the_customer_and_of_the_guest_they_were(
    caller: Caller, vendors: Emulators, vendor: Vendor
) -> None:
    """Many buy as a guest first, and have an account later."""
    sample, mark = SAMPLES[f"{vendor} order"], word()

    def bought_as_guest(address: str) -> str:
        body = sample.body(word()) | {"customer": {"email": address}, "is_guest": True}
        return caller.create(sample.collection(), body)["id"]

    address = f"{mark}@example.com"
    as_guest = [bought_as_guest(address) for _ in range(2)]
    bought_as_guest(f"x{address}")
    account = caller.create(*(f"/v1/customers?connection={vendor}", SAMPLES[f"{vendor} customer"].body(mark)))
    as_customer = [caller.create(sample.collection(), of_person(sample, account, word()))["id"] for _ in range(2)]

    for limit in (1, 3, 50):
        orders = pages(caller, sample.path, connection=vendor, customer=address.upper(), limit=limit)
        assert sorted(order["id"] for order in orders) == sorted(as_guest + as_customer), limit
    by_id = pages(caller, sample.path, connection=vendor, customer=account["id"], limit=50)
    assert sorted(order["id"] for order in by_id) == sorted(as_customer)


def test_an_address_of_nobody_finds_nothing(caller: Caller) -> None:
    for path in ("/v1/orders?connection=woocommerce&customer=", "/v1/tickets?connection=zendesk&requester="):
        body = caller.get(f"{path}nobody-{word()}@example.com").json()
        assert body == {"data": [], "next_cursor": None, "has_more": False, "unreadable": []}


def test_an_address_of_several_customers_is_a_conflict(caller: Caller) -> None:
    customer, mark = SAMPLES["stripe customer"], word()
    made = {caller.create(customer.collection(), customer.body(mark))["id"] for _ in range(2)}
    answer = expect(caller.get(f"/v1/orders?connection=stripe&customer={mark}@example.com"), 409, "ambiguous-match")
    assert {one["id"] for one in answer.json()["candidates"]} == made


def test_a_person_of_another_connection_is_refused(caller: Caller) -> None:
    stranger = person_of(caller, SAMPLES["hubspot ticket"], word())
    for value in (stranger["id"], f"hubspot:{stranger['meta']['remote_id']}", "shopify:not-an-id", "nobody", "a@b@c"):
        answer = caller.get("/v1/orders", params={"connection": "shopify", "customer": value})
        assert code_of(answer, 422) == "invalid-field", value
        assert parameters(answer) == ["customer"]
        way_out = "not an e-mail address" if "@" in value else "send their e-mail address, or shopify: and their id"
        assert way_out in answer.json()["detail"], value


def assert_names_the_able(detail: str, sample: Sample, is_able: Callable[[AnyMapping], bool]) -> None:
    """The detail names the connections whose mapping of this object is able, some vendors' second ones too."""
    able = {one.vendor for one in SAMPLES.values() if one.object == sample.object and is_able(one.mapping)}
    named = detail.partition("Connections that can: ")[2].rstrip(".").split(", ")
    assert {name for name in named if name in EVERY_VENDOR} == able
    assert able or "No configured connection can" in detail


@pytest.mark.parametrize(("name", "filter"), REFUSED)
def test_a_refused_filter_names_the_way_out(caller: Caller, name: str, filter: str) -> None:
    sample = SAMPLES[name]
    answer = caller.get(sample.path, params={"connection": sample.vendor, filter: FILTERS[filter]})
    assert code_of(answer, 422) == "invalid-field"
    assert parameters(answer) == [filter]
    offered = ", ".join(offered_filters(sample.mapping)) or "nothing"
    detail = answer.json()["detail"]
    assert f"it can by: {offered}. " in detail
    assert_names_the_able(detail, sample, lambda one: filter in offered_filters(one))


@pytest.mark.parametrize("name", [name for name in SAMPLES if not SAMPLES[name].mapping.endpoints.updated_since])
def test_a_refused_updated_since_names_the_way_out(caller: Caller, name: str) -> None:
    sample = SAMPLES[name]
    query = {"connection": sample.vendor, "updated_since": "2026-01-01T00:00:00Z"}
    answer = expect(caller.get(sample.path, params=query), 422, "invalid-field")
    assert parameters(answer) == ["updated_since"]
    assert_names_the_able(answer.json()["detail"], sample, lambda one: one.endpoints.updated_since)


@pytest.mark.parametrize(("name", "sort"), UNSORTED)
def test_a_refused_sort_names_the_way_out(caller: Caller, name: str, sort: Sort) -> None:
    sample = SAMPLES[name]
    answer = expect(caller.get(sample.path, params={"connection": sample.vendor, "sort": sort}), 422, "invalid-field")
    assert parameters(answer) == ["sort"]
    offered = ", ".join(sorted(sample.mapping.endpoints.sorts)) or "nothing: leave sort out"
    detail = answer.json()["detail"]
    assert f"it can by: {offered}. " in detail
    assert_names_the_able(detail, sample, lambda one: sort in one.endpoints.sorts)


@pytest.mark.parametrize("name", NAMED_BY_ADDRESS)
def test_a_person_whom_a_connection_finds_by_address_only_is_refused_by_id(caller: Caller, name: str) -> None:
    sample = SAMPLES[name]
    part = PERSON[sample.object]
    answer = caller.get(sample.path, params={"connection": sample.vendor, part: f"{sample.vendor}:{sample.absent}"})
    assert code_of(answer, 422) == "invalid-field"
    assert parameters(answer) == [part]
    assert "by e-mail address only: send one" in answer.json()["detail"]


@pytest.mark.parametrize("name", [name for name in SAMPLES if "status" in SAMPLES[name].mapping.endpoints.filters])
def test_a_status_that_is_none_is_refused_with_those_there_are(caller: Caller, name: str) -> None:
    sample = SAMPLES[name]
    answer = caller.get(sample.path, params={"connection": sample.vendor, "status": "opne"})
    assert code_of(answer, 422) == "invalid-field"
    assert parameters(answer) == ["status"]
    assert "one of: " in answer.json()["detail"]
    assert ", open, " in answer.json()["detail"]


@pytest.mark.parametrize(("name", "key"), UNKNOWN_KEYS)
def test_a_refused_key_of_a_look_up_names_the_way_out(caller: Caller, name: str, key: str) -> None:
    sample = SAMPLES[name]
    answer = caller.get(f"{sample.path}/lookup", params={"connection": sample.vendor, key: FILTERS[key]})
    assert code_of(answer, 422) == "unsupported-action"
    offered = ", ".join(sorted(sample.mapping.endpoints.filters & set(KEYS))) or "nothing"
    detail = answer.json()["detail"]
    assert f"it can by {offered}. " in detail
    assert_names_the_able(detail, sample, lambda one: key in one.endpoints.filters)


def test_an_action_that_a_connection_lacks_names_those_that_do_it(caller: Caller) -> None:
    archive = expect(caller.write("DELETE", "/v1/customers/shopify:7"), 422, "unsupported-action").json()
    able = archive["detail"].partition("Connections that can: ")[2].rstrip(".").split(", ")
    assert {"freshdesk", "hubspot", "salesforce", "zendesk"} <= set(able)
    assert not {"shopify", "woocommerce"} & set(able)
    keyed = SAMPLES["woocommerce customer"].body(word()) | {"external_id": "7"}
    upsert = caller.write("POST", "/v1/customers?connection=woocommerce&upsert_on=external_id", keyed)
    assert code_of(upsert, 422) == "unsupported-action"
    able = upsert.json()["detail"].partition("Connections that can: ")[2].rstrip(".").split(", ")
    assert "salesforce" in able
    assert not {"stripe", "woocommerce"} & set(able)


@pytest.mark.parametrize("vendor", EVERY_VENDOR)
def test_the_contract_shows_filters_and_sorts(caller: Caller, vendor: Vendor) -> None:
    for mapping in VENDORS[vendor].mappings:
        if mapping.object == "comment":
            continue
        connection_view = caller.get(f"/v1/contracts/{mapping.object}").json()["connections"][vendor]
        assert set(connection_view["filters"]) >= mapping.endpoints.filters
        assert connection_view["sorts"] == sorted(mapping.endpoints.sorts)
