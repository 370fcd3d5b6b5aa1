"""Lists: pages, cursors, links, filters."""

import re
import time
from typing import Any

import httpx
import pytest

from tests.contract.callers import Caller, expect, parameters
from tests.contract.emulators import Emulators
from tests.contract.facade import Facade
from tests.contract.samples import KINDS, customer, order, ticket, word


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    """The records of one object at one vendor."""
    return request.param


def fill(caller: Caller, kind: str, count: int) -> list[dict[str, Any]]:
    return [caller.create(KINDS[kind].collection, KINDS[kind].sample()) for _ in range(count)]


def pages(caller: Caller, path: str, **query: Any) -> list[list[dict[str, Any]]]:
    """Every page, by following `next_cursor`."""
    found_pages: list[list[dict[str, Any]]] = []
    cursor: str | None = None
    while True:
        page = expect(caller.get(path, params={**query, **({} if cursor is None else {"cursor": cursor})})).json()
        assert page.keys() == {"data", "next_cursor", "has_more", "unreadable"}
        assert page["has_more"] == (page["next_cursor"] is not None)
        assert len(page["data"]) <= query.get("limit", 50)
        found_pages.append(page["data"])
        if not page["has_more"]:
            return found_pages
        cursor = page["next_cursor"]
        assert len(found_pages) < 400


def test_everything_is_on_one_page_and_on_none_twice(caller: Caller, kind: str) -> None:
    path, connection = KINDS[kind][:2]
    made = {record["id"] for record in fill(caller, kind, 5)}
    listed = [record["id"] for page in pages(caller, path, connection=connection, limit=7) for record in page]
    assert len(listed) == len(set(listed))
    assert made <= set(listed)


def test_what_changed_since(caller: Caller, kind: str) -> None:
    path, connection = KINDS[kind][:2]
    before = fill(caller, kind, 1)[0]
    if connection != "hubspot":
        time.sleep(1.1 - time.time() % 1)  # these vendors tell whole seconds
    made = fill(caller, kind, 5)
    since = made[0]["updated_at"]
    ids = [
        record["id"]
        for page in pages(caller, path, connection=connection, updated_since=since, limit=2)
        for record in page
    ]
    assert sorted(ids) == sorted(record["id"] for record in made)
    assert before["id"] not in ids


def test_the_next_link_leads_on(caller: Caller) -> None:
    fill(caller, "zendesk ticket", 3)
    first = caller.get("/v1/tickets", params={"limit": 2})
    link = re.fullmatch(r'<([^>]+)>; rel="next"', first.headers["link"])
    assert link is not None
    assert link[1].startswith(f"{caller.url}/v1/tickets?")
    following = caller.get(link[1])
    assert (
        following.json() == caller.get("/v1/tickets", params={"limit": 2, "cursor": first.json()["next_cursor"]}).json()
    )
    assert not {one["id"] for one in first.json()["data"]} & {one["id"] for one in following.json()["data"]}


def test_the_last_page_has_no_link(caller: Caller) -> None:
    made = fill(caller, "hubspot customer", 1)[0]
    answer = caller.get("/v1/customers", params={"email": made["emails"][0]["address"]})
    assert answer.json()["next_cursor"] is None
    assert "link" not in answer.headers


def test_a_cursor_survives_a_restart(caller: Caller, facade: Facade) -> None:
    fill(caller, "shopify customer", 4)
    query = {"connection": "shopify", "limit": "2"}
    cursor = caller.get("/v1/customers", params=query).json()["next_cursor"]
    expected = caller.get("/v1/customers", params={**query, "cursor": cursor}).json()
    with facade.another_api() as fresh, facade.calling(url=fresh.url, secret=caller.secret) as other:
        assert other.get("/v1/customers", params={**query, "cursor": cursor}).json() == expected


def test_a_cursor_is_good_for_its_own_list_only(caller: Caller) -> None:
    fill(caller, "shopify customer", 3)
    fill(caller, "shopify order", 3)
    query: dict[str, Any] = {"connection": "shopify", "limit": 1}
    cursor: str = caller.get("/v1/customers", params=query).json()["next_cursor"]
    other = "B" if cursor[-1] == "A" else "A"
    lists: list[tuple[str, dict[str, Any]]] = [
        ("/v1/customers", {**query, "cursor": f"{cursor[:-1]}{other}"}),
        ("/v1/customers", {**query, "cursor": f"{other}{cursor[1:]}"}),
        ("/v1/customers", {**query, "cursor": cursor[:-4]}),
        ("/v1/customers", {**query, "cursor": cursor + "A"}),
        ("/v1/customers", {"cursor": cursor}),
        ("/v1/customers", {**query, "cursor": cursor, "updated_since": "2026-05-01T00:00:00Z"}),
        ("/v1/orders", {**query, "cursor": cursor}),
    ]
    for path, wrong in lists:
        answer = expect(caller.get(path, params=wrong), 422, "invalid-field")
        assert parameters(answer) == ["cursor"]


@pytest.mark.parametrize("limit", [1, 250])
def test_the_limits_of_limit(caller: Caller, limit: int, kind: str) -> None:
    path, connection = KINDS[kind][:2]
    fill(caller, kind, 2)
    answer = expect(caller.get(path, params={"connection": connection, "limit": limit})).json()
    assert 1 <= len(answer["data"]) <= limit


def ids_of(caller: Caller, path: str, **query: str) -> list[str]:
    return [record["id"] for page in pages(caller, path, **query) for record in page]


@pytest.mark.parametrize("connection", ["hubspot", "shopify", "zendesk"])
def test_customers_by_address_and_by_the_callers_key(caller: Caller, connection: str) -> None:
    mark = word()
    made = caller.create(
        f"/v1/customers?connection={connection}", customer(connection, mark, external_id=f"key {mark}/ä")
    )
    caller.create(f"/v1/customers?connection={connection}", customer(connection))
    assert ids_of(caller, "/v1/customers", connection=connection, email=f"{mark}@example.com") == [made["id"]]
    assert ids_of(caller, "/v1/customers", connection=connection, email=f"{mark}@EXAMPLE.com") == [made["id"]]
    assert ids_of(caller, "/v1/customers", connection=connection, external_id=f"key {mark}/ä") == [made["id"]]
    assert ids_of(caller, "/v1/customers", connection=connection, email="nobody@example.com") == []
    assert ids_of(caller, "/v1/customers", connection=connection, external_id="nobody") == []


def test_orders_by_what_names_them(caller: Caller) -> None:
    mark = word()
    made = caller.create("/v1/orders", order(mark, external_id=mark))
    for query in ({"number": made["number"]}, {"email": f"{mark}@example.com"}, {"external_id": mark}):
        assert ids_of(caller, "/v1/orders", **query) == [made["id"]]
    assert made["id"] in ids_of(caller, "/v1/orders", status="open")
    assert made["id"] not in ids_of(caller, "/v1/orders", status="cancelled")
    assert ids_of(caller, "/v1/orders", number="#0") == []


@pytest.mark.parametrize("connection", ["hubspot", "zendesk"])
def test_tickets_by_what_names_them(caller: Caller, connection: str) -> None:
    mark = word()
    made = caller.create(f"/v1/tickets?connection={connection}", ticket(connection, mark, external_id=mark))
    assert ids_of(caller, "/v1/tickets", connection=connection, external_id=mark) == [made["id"]]
    assert ids_of(caller, "/v1/tickets", connection=connection, number=made["number"]) == [made["id"]]


def test_tickets_by_status_where_the_vendor_can(caller: Caller) -> None:
    made = fill(caller, "hubspot ticket", 1)[0]
    assert made["id"] in ids_of(caller, "/v1/tickets", connection="hubspot", status="new")
    answer = expect(caller.get("/v1/tickets?connection=zendesk&status=new"), 422, "invalid-field")
    assert parameters(answer) == ["status"]


def test_a_list_of_an_empty_vendor(caller: Caller, vendors: Emulators) -> None:
    body = caller.get("/v1/customers", params={"connection": "hubspot", "external_id": word()}).json()
    assert body == {"data": [], "next_cursor": None, "has_more": False, "unreadable": []}


def test_operations_are_listed_newest_first(caller: Caller) -> None:
    made = [record["meta"]["operation_id"] for record in fill(caller, "hubspot customer", 5)]
    listed: list[str] = []
    query: dict[str, Any] = {"limit": 2, "state": "succeeded"}
    while len(listed) < 5:
        answer = caller.get("/v1/operations", params=query)
        assert answer.headers["link"].startswith(f"<{caller.url}/v1/operations?")
        page = answer.json()
        listed += [operation["id"] for operation in page["data"]]
        query["cursor"] = page["next_cursor"]
    assert listed[:5] == made[::-1]
    assert all(one["state"] == "succeeded" for one in caller.get("/v1/operations", params=query).json()["data"])


def test_resources_of_lists_are_those_of_reads(caller: Caller, kind: str) -> None:
    path, connection = KINDS[kind][:2]
    made = fill(caller, kind, 1)[0]
    filters = {
        "hubspot order": "external_id",
        "hubspot ticket": "number",
        "shopify order": "number",
        "zendesk ticket": "number",
    }
    name = filters.get(kind, "email")
    value = made["emails"][0]["address"] if name == "email" else made[name]
    listed: httpx.Response = caller.get(path, params={"connection": connection, name: value})
    assert listed.json()["data"] == [caller.get(f"{path}/{made['id']}").json()]
