"""Lists in an order, and lists of one customer's orders or one requester's tickets, at every vendor that can."""

from collections.abc import Iterator
from typing import Any

import pytest

from mappings.registry import VENDORS
from tests.contract.callers import Caller, code_of, parameters
from tests.contract.emulators import Emulators, Vendor
from tests.contract.facade import Facade
from tests.contract.samples import Body, word
from tests.contract.vendor_samples import EVERY_VENDOR, SAMPLES, Sample, all_vendors

SORTED = [(name, sort) for name, sample in SAMPLES.items() for sort in sorted(sample.mapping.endpoints.sorts)]
LIMITED: list[tuple[str, str]] = [
    (name, filter)
    for name, sample in SAMPLES.items()
    for filter in ("customer", "requester")
    if filter in sample.mapping.endpoints.filters
]


@pytest.fixture(scope="module")
def running_facade(tmp_path_factory: pytest.TempPathFactory, module_database_url: str) -> Iterator[Facade]:
    """A Lockstitch of this module, connected to every vendor."""
    with all_vendors(tmp_path_factory.mktemp("orders"), module_database_url) as facade:
        yield facade


@pytest.fixture(scope="module")
def full_key(running_facade: Facade) -> str:
    """A key with every scope."""
    return running_facade.make_key(name="everything").secret


def pages(caller: Caller, path: str, **query: Any) -> list[dict[str, Any]]:
    """Every record of a list, by following `next_cursor`."""
    found: list[dict[str, Any]] = []
    cursor: str | None = None
    while True:
        answer = caller.get(path, params={**query, **({} if cursor is None else {"cursor": cursor})})
        assert answer.status_code == 200, answer.text
        found += answer.json()["data"]
        cursor = answer.json()["next_cursor"]
        if cursor is None:
            return found


@pytest.mark.parametrize(("name", "sort"), SORTED)
def test_a_sorted_list_shows_every_record_once_in_order(caller: Caller, name: str, sort: str) -> None:
    sample = SAMPLES[name]
    made = [caller.create(sample.collection(), sample.body(word())) for _ in range(7)]
    if sample.change:
        caller.write("PATCH", f"{sample.path}/{made[0]['id']}", sample.change)
    found = pages(caller, sample.path, connection=sample.vendor, sort=sort, limit=3)
    ids = [record["id"] for record in found]
    assert len(ids) == len(set(ids))
    assert {record["id"] for record in made} <= set(ids)
    times = [record[sort.removeprefix("-")] for record in found if record[sort.removeprefix("-")] is not None]
    assert times == sorted(times, reverse=sort.startswith("-"))


def test_a_sort_that_a_connection_lacks_names_the_way_out(caller: Caller) -> None:
    answer = caller.get("/v1/customers?connection=stripe&sort=updated_at")
    assert code_of(answer, 422) == "invalid-field"
    assert parameters(answer) == ["sort"]
    detail = answer.json()["detail"]
    assert "it can by: -created_at" in detail
    assert "Connections that can:" in detail
    assert "hubspot, " in detail
    none = caller.get("/v1/customers?connection=zendesk&sort=created_at")
    assert "leave sort out" in none.json()["detail"]
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
        found = [record["id"] for record in pages(caller, sample.path, **query)]
        assert sorted(found) == sorted(made), value


def test_orders_of_a_guest_are_found_by_address(caller: Caller) -> None:
    for vendor in ("shopify", "woocommerce"):
        sample, mark = SAMPLES[f"{vendor} order"], word()
        made = caller.create(sample.collection(), sample.body(mark))
        longer = {"customer": {"email": f"x{mark}@example.com"}}
        caller.create(sample.collection(), sample.body(word()) | longer)
        found = pages(caller, sample.path, connection=vendor, customer=f"{mark}@example.com")
        assert [order["id"] for order in found] == [made["id"]]


def test_an_address_of_nobody_finds_nothing(caller: Caller) -> None:
    for path in ("/v1/orders?connection=woocommerce&customer=", "/v1/tickets?connection=zendesk&requester="):
        found = caller.get(f"{path}nobody-{word()}@example.com").json()
        assert found == {"data": [], "next_cursor": None, "has_more": False, "unreadable": []}


def test_an_address_of_several_customers_is_a_conflict(caller: Caller) -> None:
    customer, mark = SAMPLES["stripe customer"], word()
    made = {caller.create(customer.collection(), customer.body(mark))["id"] for _ in range(2)}
    answer = caller.get(f"/v1/orders?connection=stripe&customer={mark}@example.com")
    assert code_of(answer, 409) == "ambiguous-match"
    assert {one["id"] for one in answer.json()["candidates"]} == made


def test_a_person_of_another_connection_is_refused(caller: Caller) -> None:
    stranger = person_of(caller, SAMPLES["hubspot ticket"], word())
    for value in (stranger["id"], f"hubspot:{stranger['meta']['remote_id']}", "shopify:not-an-id", "nobody", "a@b@c"):
        answer = caller.get("/v1/orders", params={"connection": "shopify", "customer": value})
        assert code_of(answer, 422) == "invalid-field", value
        assert parameters(answer) == ["customer"]


def test_a_filter_that_a_connection_lacks_names_the_way_out(caller: Caller) -> None:
    answer = caller.get("/v1/orders?connection=woocommerce&number=7")
    assert code_of(answer, 422) == "invalid-field"
    assert "it can by: customer, email, status. Connections that can:" in answer.json()["detail"]
    assert "shopify" in answer.json()["detail"]


def test_an_action_that_a_connection_lacks_names_those_that_do_it(caller: Caller) -> None:
    archive = caller.write("DELETE", "/v1/customers/shopify:7")
    assert code_of(archive, 422) == "unsupported-action"
    able = archive.json()["detail"].partition("Connections that can: ")[2].rstrip(".").split(", ")
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
        shown = caller.get(f"/v1/contracts/{mapping.object}").json()["connections"][vendor]
        assert set(shown["filters"]) >= mapping.endpoints.filters
        assert shown["sorts"] == sorted(mapping.endpoints.sorts)
