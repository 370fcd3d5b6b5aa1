"""The requests themselves: only writes have an effect, ids are escaped, every write says how it is settled."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from canonical.order_patch import OrderCancel
from mappings.endpoints import ListQuery
from mappings.http import VendorReply, VendorRequest
from mappings.woocommerce import VENDOR, wire_v3
from mappings.woocommerce.customer_r1 import CUSTOMER
from mappings.woocommerce.order_r1 import ORDER
from tests.mappings.drafts import reply

from .conftest import ACCOUNT

NAMED = (CUSTOMER, wire_v3.CustomerWrite(email="a@example.com")), (ORDER, wire_v3.OrderWrite(customer_note="x"))
OP = "op_0198f0a2b7c47d3c9a51f2e80b6c4d17"


def requests() -> list[VendorRequest]:
    """Every request there is."""
    made: list[VendorRequest] = list(VENDOR.account_requests)
    for mapping, body in NAMED:
        endpoints: Any = mapping.endpoints
        made += [
            endpoints.read("7", ACCOUNT),
            endpoints.list(ListQuery(limit=10), ACCOUNT),
            endpoints.create(body, OP, None, ACCOUNT),
            endpoints.update("7", body, OP, ACCOUNT),
            endpoints.find_marker(OP, None, body, ACCOUNT),
        ]
    orders: Any = ORDER.endpoints
    made.append(orders.cancel("7", OrderCancel(reason="other", restock=True), OP, ACCOUNT)[0])
    made.append(CUSTOMER.endpoints.find["email"]("a@example.com", ACCOUNT))
    made.append(orders.side_load((msgspec.Raw(b'{"id":7,"refunds":[{"id":1}]}'),), ACCOUNT))
    return made


@pytest.mark.parametrize("request_", requests(), ids=lambda request: f"{request.method} {request.route}")
def test_only_writes_have_an_effect_and_no_route_holds_an_id(request_: VendorRequest) -> None:
    assert request_.effect == (request_.method != "GET")
    assert request_.effect == (request_.body is not None)
    assert not request_.idempotent
    assert not any(letter.isdigit() for letter in request_.route.removeprefix("/wp-json/wc/v3"))


@pytest.mark.parametrize(("mapping", "body"), NAMED)
def test_a_create_carries_its_operation_and_an_update_does_not(mapping: Any, body: Any) -> None:
    created = msgspec.json.decode(mapping.endpoints.create(body, OP, None, ACCOUNT).body)
    assert created["meta_data"] == [{"key": "_lockstitch_operation", "value": OP}]
    assert "meta_data" not in msgspec.json.decode(mapping.endpoints.update("7", body, OP, ACCOUNT).body)


def test_orders_are_cancelled_and_customers_upserted() -> None:
    assert ORDER.endpoints.actions() == ("create", "update", "cancel")
    assert CUSTOMER.endpoints.actions() == ("create", "update", "upsert")


@given(id=st.text())
def test_ids_in_paths_are_escaped(id: str) -> None:
    for mapping in VENDOR.mappings:
        read: Any = mapping.endpoints.read
        kind = "customers" if mapping.object == "customer" else "orders"
        assert read(id, ACCOUNT).path.removeprefix(f"/wp-json/wc/v3/{kind}/").count("/") == 0


def test_a_lost_order_is_searched_by_time() -> None:
    """Its buyer may be another one by now."""
    find: Any = ORDER.endpoints.find_marker
    request = find(OP, None, wire_v3.OrderWrite(customer_id=26), ACCOUNT)
    began = datetime.fromtimestamp(int("0198f0a2b7c4", 16) / 1000, UTC)
    params = dict(request.query)
    assert datetime.fromisoformat(params["after"]).replace(tzinfo=UTC) < began
    assert (params["order"], params["per_page"], params["dates_are_gmt"]) == ("desc", "100", "true")
    assert "customer" not in params


@pytest.mark.parametrize("header", [True, False])
@pytest.mark.parametrize(("rows", "more"), [(100, True), (99, False), (0, False)])
def test_a_lost_order_is_searched_on_all_pages(rows: int, more: bool, header: bool) -> None:
    find: Any = ORDER.endpoints.find_marker
    first = find(OP, None, wire_v3.OrderWrite(), ACCOUNT)
    second = replace(first, query=tuple((name, "2" if name == "page" else value) for name, value in first.query))
    body = msgspec.json.encode([{"id": number, "meta_data": []} for number in range(rows)])
    total = {"x-wp-total": str(100 + rows + more)} if header else {}
    third = ORDER.endpoints.marker_page(second, VendorReply(status=200, headers=total, body=body))
    assert (None if third is None else dict(third.query)["page"]) == ("3" if more else None)


@given(cursor=st.text())
def test_foreign_cursors_are_refused(cursor: str) -> None:
    for mapping in VENDOR.mappings:
        ask: Any = mapping.endpoints.list
        try:
            request = ask(ListQuery(limit=5, after=cursor), ACCOUNT)
        except ValueError:
            continue
        assert request.query


def test_a_page_needs_no_total_where_something_takes_the_header_away() -> None:
    rows = [msgspec.Raw(b'{"id":%d}' % id) for id in range(1, 5)]
    customers: Any = CUSTOMER.endpoints.page
    first = customers(reply(b"[%s]" % b",".join(map(bytes, rows))), ListQuery(limit=3), ACCOUNT)
    assert (first.records, first.next) == (tuple(rows[:3]), "3-3")
    second = customers(reply(b"[%s]" % b",".join(map(bytes, rows[2:]))), ListQuery(limit=3, after="3-3"), ACCOUNT)
    assert (second.records, second.next) == ((rows[3],), None)
    page: Any = ORDER.endpoints.page
    orders = [{"id": id, "date_created_gmt": f"2026-05-01T09:30:0{id}"} for id in (1, 2, 3)]
    assert page(reply(orders), ListQuery(limit=2), ACCOUNT).next == "2026-05-01T09:30:03"
    assert page(reply(orders), ListQuery(limit=3), ACCOUNT).next is None


def test_the_manifest_signs_in_with_key_and_secret() -> None:
    assert (VENDOR.auth.basic, VENDOR.auth.secrets) == (True, ("consumer_key", "consumer_secret"))
    assert VENDOR.default_base_url is None
