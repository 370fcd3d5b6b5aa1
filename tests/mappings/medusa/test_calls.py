"""What is asked of a shop, and what its answers are taken for."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from canonical.customer import CustomerPatch, EmailPatch
from canonical.order_patch import OrderCancel, OrderPatch
from mappings.endpoints import ListQuery, WriteResult
from mappings.http import VendorRequest
from mappings.medusa import VENDOR, paging
from mappings.medusa.customer_r1 import CUSTOMER
from mappings.medusa.order_r1 import ORDER
from mappings.medusa.wire_2_21 import CustomerWrite
from mappings.spec import Unmappable, VendorDrift
from tests.mappings.drafts import reply
from tests.required import required

from .conftest import ACCOUNT, Mapping, golden, parsed_golden

OPERATION = "op_0198f0a2b7c47d3c9a51f2e80b6c4d17"
BEGAN = datetime.fromtimestamp(0x0198F0A2B7C4 / 1000, UTC)
START = datetime(2026, 5, 1, tzinfo=UTC)


def answered(request: VendorRequest | None, records: list[dict[str, Any]], name: str) -> Any:
    """What a shop with these records answers to a list, as it was seen to: by one member, from a moment on."""
    query = dict(required(request).query)
    order, limit, offset = query["order"], int(query["limit"]), int(query.get("offset", 0))
    by = next((name for name in ("created_at", "updated_at") if any(one.startswith(name) for one in query)), order)
    since, until = query.get(f"{by}[$gte]", ""), query.get(f"{by}[$lt]", "9999")
    matches = sorted((one for one in records if since <= one[by] < until), key=lambda one: one[order])
    return reply({name: matches[offset:][:limit], "count": len(matches), "offset": offset, "limit": limit})


def at(minutes: int) -> str:
    """A time as Medusa writes it."""
    return paging.iso(START + timedelta(minutes=minutes))


@given(
    moments=st.lists(st.integers(0, 5), max_size=14),
    limit=st.integers(1, 4),
    by_change=st.booleans(),
)
def test_pages_show_everybody_once_however_many_were_made_at_a_time(
    moments: list[int], limit: int, by_change: bool
) -> None:
    records = [
        {"id": f"cus_{place:080}", "created_at": at(moment), "updated_at": at(5 - moment)}
        for place, moment in enumerate(moments)
    ]
    query = ListQuery(limit=limit, updated_since=START + timedelta(minutes=2) if by_change else None)
    ids: list[str] = []
    for _ in range(50):
        request = CUSTOMER.endpoints.list(query, ACCOUNT) if CUSTOMER.endpoints.list else None
        page = paged(CUSTOMER, answered(request, records, "customers"), query)
        assert len(page.records) <= limit
        ids += [msgspec.json.decode(raw)["id"] for raw in page.records]
        if page.next is None:
            break
        query = msgspec.structs.replace(query, after=page.next)
    wanted = [one["id"] for one in records if not by_change or one["updated_at"] >= at(2)]
    assert sorted(ids) == sorted(wanted)


def paged(mapping: Mapping, answer: Any, query: ListQuery) -> Any:
    """The page of an answer."""
    return required(mapping.endpoints.page)(answer, query, ACCOUNT)


def listed(records: list[dict[str, Any]], query: ListQuery) -> tuple[list[str], str | None]:
    """The ids of a page of these customers, and the cursor of the next page."""
    page = paged(CUSTOMER, answered(required(CUSTOMER.endpoints.list)(query, ACCOUNT), records, "customers"), query)
    return [msgspec.json.decode(raw)["id"] for raw in page.records], page.next


def test_a_list_goes_on_after_its_last_record_was_deleted() -> None:
    records = [{"id": f"cus_{place}", "created_at": at(place)} for place in range(5)]
    ids, after = listed(records, ListQuery(limit=2))
    assert ids == ["cus_0", "cus_1"]
    del records[1]
    ids, after = listed(records, ListQuery(limit=2, after=after))
    assert ids == ["cus_2", "cus_3"]
    assert after is not None
    assert listed(records, ListQuery(limit=2, after=after)) == (["cus_4"], None)


def test_a_record_that_changes_between_pages_is_listed_again() -> None:
    records = [{"id": f"cus_{place}", "updated_at": at(place)} for place in range(4)]
    ids, after = listed(records, ListQuery(limit=2, updated_since=START))
    assert ids == ["cus_0", "cus_1"]
    records[1]["updated_at"] = at(9)
    ids, after = listed(records, ListQuery(limit=2, updated_since=START, after=after))
    assert ids == ["cus_2", "cus_3"]
    assert after is not None
    assert listed(records, ListQuery(limit=2, updated_since=START, after=after)) == (["cus_1"], None)


def list_call(mapping: Mapping, query: ListQuery) -> tuple[str, dict[str, str]]:
    """Where a list is asked for, and how; without the columns."""
    request = required(mapping.endpoints.list)(query, ACCOUNT)
    return request.path, {name: value for name, value in request.query if name != "fields"}


def test_orders_are_listed_behind_their_drafts() -> None:
    query = ListQuery(limit=2, updated_since=START, filters={"status": "cancelled"})
    path, params = list_call(ORDER, query)
    assert (path, params) == (
        "/admin/draft-orders",
        {"order": "updated_at", "limit": "3", "updated_at[$gte]": "2026-05-01T00:00:00.000Z"},
    )
    drafts = [
        {"id": "order_1", "status": "draft", "updated_at": at(1)},
        {"id": "order_2", "status": "canceled", "updated_at": at(2)},
    ]
    page = paged(ORDER, reply({"draft_orders": drafts, "count": 2}), query)
    assert ([msgspec.json.decode(raw)["id"] for raw in page.records], page.next) == (["order_2"], "2")
    query = msgspec.structs.replace(query, after=page.next)
    path, params = list_call(ORDER, query)
    assert (path, params["status"]) == ("/admin/orders", "canceled")
    orders = [{"id": f"order_{place}", "status": "canceled", "updated_at": at(place)} for place in (3, 4)]
    page = paged(ORDER, reply({"orders": orders, "count": 5}), query)
    assert page.next == f"2/{at(4)}"


def test_a_list_of_the_newest_goes_on_towards_the_past() -> None:
    query = ListQuery(limit=2, sort="-updated_at")
    assert list_call(CUSTOMER, query) == ("/admin/customers", {"order": "-updated_at", "limit": "3"})
    records = [{"id": f"cus_{place}", "created_at": at(0), "updated_at": at(9 - place)} for place in range(3)]
    page = paged(CUSTOMER, reply({"customers": records, "count": 4}), query)
    _, params = list_call(CUSTOMER, msgspec.structs.replace(query, after=page.next))
    assert (params["order"], params["updated_at[$lt]"]) == ("-updated_at", at(7).replace(".000Z", ".001Z"))


def test_orders_and_drafts_of_one_customer() -> None:
    for after, path in ((None, "/admin/draft-orders"), ("2", "/admin/orders")):
        where, params = list_call(ORDER, ListQuery(limit=5, after=after, filters={"customer": "cus_1"}))
        assert (where, params["customer_id"]) == (path, "cus_1")


def test_a_status_that_medusa_lacks_lists_nothing() -> None:
    path, params = list_call(ORDER, ListQuery(limit=5, after="2", filters={"status": "failed"}))
    assert (path, params["id"]) == ("/admin/orders", "order_none")


@pytest.mark.parametrize(
    "cursor", ["", "3", "1/", "1/2026-05-01T00:00:00Z/order_1", "2/2026-13-01T00:00:00.000Z/order_1"]
)
def test_a_foreign_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        list_call(ORDER, ListQuery(limit=1, after=cursor))


def test_a_look_up_by_email_prefers_registered_customers() -> None:
    path, params = list_call(CUSTOMER, ListQuery(limit=1, filters={"email": "ann@bücher.example"}))
    assert (path, params) == ("/admin/customers", {"email": "ann@xn--bcher-kva.example", "order": "-has_account"})
    both = [{"id": "cus_1"}, {"id": "cus_2"}]
    raw, _ = CUSTOMER.endpoints.record(reply({"customers": both, "count": 2}), ACCOUNT)
    assert msgspec.json.decode(required(raw))["id"] == "cus_1"
    assert CUSTOMER.endpoints.record(reply({"customers": [], "count": 0}), ACCOUNT)[0] is None
    assert len(paged(CUSTOMER, reply({"customers": both}), ListQuery(limit=1, filters={"email": "x"})).records) == 2


def test_a_create_names_its_operation_and_keeps_other_metadata() -> None:
    patch = CustomerPatch(external_id="k", emails=(EmailPatch(address="ann@example.com"),))
    request = required(CUSTOMER.endpoints.create)(
        CUSTOMER.to_vendor(patch, None, ACCOUNT).body, OPERATION, None, ACCOUNT
    )
    assert (request.method, request.path, request.effect, request.idempotent) == (
        "POST",
        "/admin/customers",
        True,
        False,
    )
    assert json.loads(request.body or b"")["metadata"] == {"external_id": "k", "lockstitch_operation_id": OPERATION}
    draft = ORDER.to_vendor(OrderPatch(currency="JPY"), None, ACCOUNT)
    request = required(ORDER.endpoints.create)(draft.body, OPERATION, None, ACCOUNT)
    assert (request.path, json.loads(request.body or b"")) == (
        "/admin/draft-orders",
        {"region_id": "reg_jp", "currency_code": "jpy", "metadata": {"lockstitch_operation_id": OPERATION}},
    )


@pytest.mark.parametrize(
    ("case", "patch", "path"),
    [
        ("order-draft", OrderPatch(external_id="k"), "/admin/draft-orders/order_1"),
        ("order-draft", OrderPatch(status="open"), "/admin/draft-orders/order_1/convert-to-order"),
        ("order-full", OrderPatch(external_id="k"), "/admin/orders/order_1"),
        ("order-full", OrderPatch(status="completed"), "/admin/orders/order_1/complete"),
        ("order-full", OrderPatch(status="archived"), "/admin/orders/order_1/archive"),
    ],
)
def test_a_change_goes_where_medusa_takes_it(case: str, patch: OrderPatch, path: str) -> None:
    body = ORDER.to_vendor(patch, ORDER.decode(golden(case)), ACCOUNT).body
    request = required(ORDER.endpoints.update)("order_1", body, OPERATION, ACCOUNT)
    assert (request.method, request.path) == ("POST", path)
    assert "order_1" not in request.route


def test_a_medusa_cancel_reports_its_refund_and_restock() -> None:
    assert ORDER.endpoints.cancel is not None
    request, losses = ORDER.endpoints.cancel(
        "order_1", OrderCancel(reason="customer", restock=True, refund=True), OPERATION, ACCOUNT
    )
    assert (request.path, losses) == ("/admin/orders/order_1/cancel", ())
    _, losses = ORDER.endpoints.cancel(
        "order_1", OrderCancel(reason="customer", notify=True, note="x"), OPERATION, ACCOUNT
    )
    assert {one.pointer for one in losses} == {"/restock", "/refund", "/notify", "/note"}


def test_write_results() -> None:
    assert CUSTOMER.endpoints.write_result is not None
    made = CUSTOMER.endpoints.write_result(reply({"customer": parsed_golden("customer-full")}), "create")
    assert (made.remote_id, made.created, made.record is not None) == (parsed_golden("customer-full")["id"], True, True)
    gone = CUSTOMER.endpoints.write_result(reply({"id": "cus_1", "object": "customer", "deleted": True}), "archive")
    assert gone == WriteResult()
    assert ORDER.endpoints.write_result is not None
    for name in ("order", "draft_order"):
        result = ORDER.endpoints.write_result(reply({name: {"id": "order_1", "metadata": None}}), "update")
        assert (result.remote_id, result.record) == ("order_1", None)
    with pytest.raises(VendorDrift):
        ORDER.endpoints.write_result(reply({"id": "order_1"}), "create")


def test_a_lost_create_is_found_by_its_operation() -> None:
    assert CUSTOMER.endpoints.marked is not None
    request = required(
        required(CUSTOMER.endpoints.find_marker)(OPERATION, None, CustomerWrite(email="ann@example.com"), ACCOUNT)
    )
    assert dict(request.query)["email"] == "ann@example.com"
    since = paging.iso(BEGAN - timedelta(hours=1))
    for mapping, path in ((CUSTOMER, "/admin/customers"), (ORDER, "/admin/draft-orders")):
        assert mapping.endpoints.find_marker is not None
        request = required(mapping.endpoints.find_marker(OPERATION, None, None, ACCOUNT))
        assert (request.path, dict(request.query)["created_at[$gte]"]) == (path, since)
        assert mapping.endpoints.find_marker("op_of_yore", None, None, ACCOUNT) is None
    others = [{"id": "cus_1", "metadata": None}, {"id": "cus_2", "metadata": {"lockstitch_operation_id": 7}}]
    mine = {"id": "cus_3", "metadata": {"lockstitch_operation_id": OPERATION}}
    assert CUSTOMER.endpoints.marked(reply({"customers": [*others, mine], "count": 3}), OPERATION) == "cus_3"
    assert CUSTOMER.endpoints.marked(reply({"customers": others, "count": 2}), OPERATION) is None


def test_that_a_record_is_not_among_some_proves_nothing() -> None:
    with pytest.raises(Unmappable):
        required(ORDER.endpoints.marked)(
            reply({"draft_orders": [{"id": "order_1", "metadata": None}], "count": 2}), OPERATION
        )


def test_the_shop_is_known_by_its_regions_and_ways_of_shipping() -> None:
    regions = reply(
        {"regions": [{"id": "reg_1", "name": "EU", "currency_code": "eur", "countries": [{"iso_2": "de"}]}]}
    )
    options = reply({"shipping_options": [{"id": "so_1", "name": "Post"}]})
    account = VENDOR.build_account((regions, options), {})
    assert (account.regions[0].countries, account.shipping_options[0].name) == (("de",), "Post")
    for replies in ((None, None), ()):
        assert VENDOR.build_account(replies, {}).regions == ()
    with pytest.raises(VendorDrift):
        VENDOR.build_account((reply({"regions": 7}), None), {})


def test_orders_of_one_who_was_a_guest_before() -> None:
    """A guest is a customer of their own, also if somebody with the same address is registered."""
    for after in (None, "2"):
        query = ListQuery(limit=5, after=after, filters={"customer": "cus_1,cus_2"})
        sent = required(ORDER.endpoints.list)(query, ACCOUNT)
        assert [value for name, value in sent.query if name == "customer_id[]"] == ["cus_1", "cus_2"]
