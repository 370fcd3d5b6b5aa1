"""The mapping against the emulator: made, changed, listed, cancelled, given back; a lost create is found."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from canonical.customer import CustomerPatch, EmailPatch, PhonePatch
from canonical.order_patch import (
    FeePatch,
    LineItemPatch,
    LineOptionPatch,
    OrderCancel,
    OrderPatch,
    ShippingLinePatch,
)
from canonical.parts import AddressPatch, CustomFieldPatch, ProductReferencePatch, ReferencePatch
from mappings.endpoints import ListQuery
from mappings.http import VendorRequest
from mappings.woocommerce import VENDOR
from mappings.woocommerce.customer_r1 import CUSTOMER
from mappings.woocommerce.order_r1 import ORDER
from tests.required import required

from .conftest import EmulatedShop, Mapping

MARKER = f"op_{1_790_000_000_000:012x}7c47d3c9a51f2e80b6c4d17"
ANN = CustomerPatch(
    first_name="Ann",
    last_name="Lee",
    company_name="Lee Ceramics Ltd",
    emails=(EmailPatch(address="ann.lee@example.com"), EmailPatch(address="bills@example.com", type="billing")),
    phones=(PhonePatch(e164="+441174960123"),),
    addresses=(
        AddressPatch(type="billing", name="Ann Lee", line1="12 Harbour Street", city="Bristol", country_code="GB"),
        AddressPatch(type="shipping", name="Jo Lee", company="Studio", line1="1 Quay", phone="+441174960124"),
    ),
    external_id="erp-1",
    custom_fields=(CustomFieldPatch(key="tier", value="gold"), CustomFieldPatch(key="newsletter", value=True)),
)
MUGS = OrderPatch(
    currency="EUR",
    customer=ReferencePatch(email="jo@example.com", phone="+441174960124"),
    billing_address=AddressPatch(name="Jo Lee", city="Bristol", country_code="GB"),
    line_items=(
        LineItemPatch(
            product=ProductReferencePatch(remote_id="11"), name="Mug, blue", quantity="2", unit_price="19.90"
        ),
        LineItemPatch(product=ProductReferencePatch(variant_remote_id="13"), quantity="1"),
    ),
    shipping_lines=(ShippingLinePatch(title="Post", price="5.00"),),
    external_id="web-1",
    custom_fields=(CustomFieldPatch(key="gift", value="Hi"),),
)


def test_a_customer_is_made_whole(shop: EmulatedShop) -> None:
    made = shop.made(CUSTOMER, ANN)
    data = made.data
    assert made.loss == ()
    assert (data.display_name, data.company_name, data.external_id) == ("Ann Lee", "Lee Ceramics Ltd", "erp-1")
    assert [(one.address, one.type, one.is_primary) for one in data.emails] == [
        ("ann.lee@example.com", "unknown", True),
        ("bills@example.com", "billing", False),
    ]
    assert [(one.type, one.name, one.line1, one.company, one.phone) for one in data.addresses] == [
        ("billing", "Ann Lee", "12 Harbour Street", None, None),
        ("shipping", "Jo Lee", "1 Quay", "Studio", "+441174960124"),
    ]
    assert {one.key: one.value for one in data.custom_fields if one.value is not None} == {
        "tier": "gold",
        "newsletter": True,
    }
    assert made.remote.url == "http://shop.example/woocommerce/wp-admin/user-edit.php?user_id=2"


def test_a_change_changes_one_thing_and_null_clears(shop: EmulatedShop) -> None:
    made = shop.made(CUSTOMER, ANN)
    changed = shop.changed(CUSTOMER, made.remote.id, CustomerPatch(first_name="Anna")).data
    same = msgspec.structs.replace(made.data, first_name="Anna", display_name="Anna Lee", updated_at=changed.updated_at)
    assert changed == same
    nothing = CustomerPatch(
        first_name=None, company_name=None, phones=None, addresses=None, external_id=None, custom_fields=()
    )
    cleared = shop.changed(CUSTOMER, made.remote.id, nothing).data
    assert (cleared.first_name, cleared.company_name, cleared.external_id) == (None, None, None)
    assert (cleared.phones, cleared.addresses) == ((), ())
    assert all(one.value is None for one in cleared.custom_fields)
    moved = shop.changed(CUSTOMER, made.remote.id, CustomerPatch(emails=(EmailPatch(address="ann@example.org"),)))
    assert [one.address for one in moved.data.emails] == ["ann@example.org"]
    kept = required(shop.state.get("customers", made.remote.id))
    assert [(one["key"], one["value"]) for one in kept["meta_data"]] == [("_lockstitch_operation", "op_1")]


def test_a_lost_customer_create_is_found_by_its_marker(shop: EmulatedShop) -> None:
    endpoints: Any = CUSTOMER.endpoints
    body = CUSTOMER.to_vendor(ANN, None, shop.account).body
    look = endpoints.find_marker(MARKER, None, body, shop.account)
    assert endpoints.marked(shop.must(look), MARKER) is None
    made = shop.made(CUSTOMER, ANN, MARKER)
    assert endpoints.marked(shop.must(look), MARKER) == made.remote.id
    assert endpoints.marked(shop.must(look), "op_of_another") is None
    twice = required(VENDOR.refusal(shop.send(shop.create(CUSTOMER, ANN, MARKER))))
    assert (twice.kind, twice.code) == ("duplicate", "registration-error-email-exists")


def test_a_lost_create_of_an_order_is_found_among_the_newest(shop: EmulatedShop) -> None:
    endpoints: Any = ORDER.endpoints
    customer = shop.made(CUSTOMER, ANN).remote.id
    for patch in (MUGS, OrderPatch(customer=ReferencePatch(remote_id=customer), line_items=MUGS.line_items)):
        body = ORDER.to_vendor(patch, None, shop.account).body
        look = endpoints.find_marker(MARKER, None, body, shop.account)
        assert endpoints.marked(shop.must(look), MARKER) is None
        made = shop.made(ORDER, patch, MARKER).remote.id
        shop.made(ORDER, MUGS, "op_of_another")
        assert endpoints.marked(shop.must(look), MARKER) == made
        shop.do("DELETE", f"/orders/{made}")
    assert ORDER.endpoints.recovery["create"].strength == "listed"
    assert endpoints.find_marker("op_without_time", None, None, shop.account) is None


def test_an_address_finds_its_customer_in_any_role(shop: EmulatedShop) -> None:
    shop.place("customers", id=9, email="Boss@example.com", role="administrator")
    find: Any = CUSTOMER.endpoints.find["email"]
    raw, account = CUSTOMER.endpoints.record(shop.must(find("boss@example.com", shop.account)), shop.account)
    assert CUSTOMER.read(required(raw), account).remote.id == "9"
    assert CUSTOMER.endpoints.record(shop.must(find("nobody@example.com", shop.account)), shop.account)[0] is None
    (one,) = shop.listed(CUSTOMER, ListQuery(limit=5, filters={"email": "boss@example.com"}))
    assert one.remote.id == "9"


def test_what_is_not_there_is_not_found_by_reading_nor_by_writing(shop: EmulatedShop) -> None:
    written: tuple[tuple[Mapping, Any], ...] = ((CUSTOMER, CustomerPatch(first_name="x")), (ORDER, OrderPatch()))
    for mapping, patch in written:
        endpoints: Any = mapping.endpoints
        current: Any = mapping.decode(b'{"id":7,"email":"","status":"","currency":"EUR","total":"1"}')
        body = mapping.to_vendor(patch, current, shop.account).body
        for request in (endpoints.read("77", shop.account), endpoints.update("77", body, "op_1", shop.account)):
            refusal = required(VENDOR.refusal(shop.send(request)))
            assert refusal.kind == "not_found"


def test_an_order_is_made_paid_sent_and_given_back(shop: EmulatedShop) -> None:
    made = shop.made(ORDER, MUGS)
    order, id = made.data, made.remote.id
    assert made.loss == ()
    assert (order.status, order.payment_status, order.fulfillment_status) == ("open", "unpaid", "unfulfilled")
    assert (order.is_guest, order.customer.email, order.customer.name) == (True, "jo@example.com", "Jo Lee")
    assert [(one.name, one.quantity, one.unit_price, one.total) for one in order.line_items] == [
        ("Mug, blue", "2", "19.90", "39.80"),
        ("Scarf - Blue", "1", "45.00", "45.00"),
    ]
    assert (order.totals.items, order.totals.shipping, order.totals.total) == ("84.80", "5.00", "89.80")
    assert order.external_id == "web-1"

    paid = shop.changed(ORDER, id, OrderPatch(payment_status="paid")).data
    assert (paid.status, paid.payment_status, paid.status_raw) == ("open", "paid", "processing")
    assert (paid.totals.paid, paid.totals.outstanding) == ("89.80", "0.00")
    sent = shop.changed(ORDER, id, OrderPatch(fulfillment_status="fulfilled")).data
    assert (sent.status, sent.fulfillment_status) == ("completed", "fulfilled")

    line = int(order.line_items[0].remote_id)
    part = {"id": line, "quantity": 1, "refund_total": "19.90"}
    shop.do("POST", f"/orders/{id}/refunds", amount="19.90", reason="Chipped", line_items=[part])
    refunded = shop.changed(ORDER, id, OrderPatch(customer_note="Sorry"))
    assert (refunded.data.status, refunded.data.payment_status) == ("completed", "partially_refunded")
    (refund,) = refunded.data.refunds
    assert (refund.amount, refund.reason, refund.line_items[0].remote_id) == ("19.90", "Chipped", str(line))
    assert refunded.data.line_items[0].refunded_quantity == "1"
    shop.do("POST", f"/orders/{id}/refunds", amount="69.90")
    whole = shop.read(ORDER, id).data
    assert (whole.payment_status, whole.fulfillment_status, whole.totals.refunded) == ("refunded", "fulfilled", "89.80")


def test_a_refund_of_a_line_that_is_stored_as_a_fee_is_one_of_the_line(shop: EmulatedShop) -> None:
    cups = LineItemPatch(name="Cup", quantity="2", unit_price="7.50")
    mug = LineItemPatch(product=ProductReferencePatch(remote_id="11"), quantity="1", unit_price="19.90")
    sold = OrderPatch(currency="EUR", line_items=(cups, mug), fees=(FeePatch(name="Packing", amount="3.00"),))
    id = shop.made(ORDER, msgspec.structs.replace(sold, payment_status="paid")).remote.id
    cup, packing = (one["id"] for one in shop.do("GET", f"/orders/{id}")["fee_lines"])
    for total in ("15.00", "1.00"):
        parts = [{"id": cup, "refund_total": total}, {"id": packing, "refund_total": "0.50"}]
        shop.do("POST", f"/orders/{id}/refunds", line_items=parts)

    order = shop.read(ORDER, id).data
    back = [
        (one.amount, [(part.remote_id, part.quantity, part.amount) for part in one.line_items]) for one in order.refunds
    ]
    assert sorted(back) == [("1.50", [(str(cup), "0", "1.00")]), ("15.50", [(str(cup), "2", "15.00")])]
    assert [one.refunded_quantity for one in order.line_items] == ["2", "0"]


def test_chosen_options_are_kept_with_those_of_the_variation(shop: EmulatedShop) -> None:
    chosen = (LineOptionPatch(name="Gift wrap", value="Blue & white"),)
    fields = (CustomFieldPatch(key="engraving", value="For Jo"),)
    scarf = LineItemPatch(
        product=ProductReferencePatch(variant_remote_id="13"), quantity="1", options=chosen, custom_fields=fields
    )
    line = shop.made(ORDER, OrderPatch(line_items=(scarf,))).data.line_items[0]
    assert [(one.name, one.value) for one in line.options] == [
        ("Color", "Blue"),
        ("Gift wrap", "Blue & white"),
        ("Engraving", "For Jo"),
    ]
    assert [(one.key, one.value) for one in line.custom_fields] == [("engraving", "For Jo")]


def test_an_order_is_cancelled_with_its_reason(shop: EmulatedShop) -> None:
    id = shop.made(ORDER, MUGS).remote.id
    cancel: Any = ORDER.endpoints.cancel
    cancellation = OrderCancel(reason="fraud", restock=True)
    request, refused = cancel(id, cancellation, "op_2", shop.account)
    assert refused == ()
    shop.must(request)
    order = shop.read(ORDER, id).data
    assert (order.status, order.cancel_reason, order.external_id) == ("cancelled", "fraud", "web-1")
    assert order.cancelled_at == order.updated_at
    _, refused = cancel(id, OrderCancel(reason="unknown", refund=True, notify=True, note="x"), "op_3", shop.account)
    assert {one.pointer: one.kind for one in refused} == {
        "/reason": "invalid",
        "/restock": "unsupported",
        "/refund": "unsupported",
        "/notify": "unsupported",
        "/note": "unsupported",
    }


def test_what_lies_in_the_bin_is_archived_and_in_no_list(shop: EmulatedShop) -> None:
    id = shop.made(ORDER, MUGS).remote.id
    shop.do("DELETE", f"/orders/{id}")
    assert shop.read(ORDER, id).data.status == "archived"
    assert shop.listed(ORDER, ListQuery(limit=5)) == []
    assert [one.remote.id for one in shop.listed(ORDER, ListQuery(limit=5, filters={"status": "archived"}))] == [id]


@pytest.mark.parametrize("limit", [1, 2, 3, 99])
def test_every_customer_is_listed_once_though_others_go(shop: EmulatedShop, limit: int) -> None:
    ids = [shop.made(CUSTOMER, CustomerPatch(emails=(EmailPatch(address=f"c{at}@example.com"),))) for at in range(9)]
    names = [one.remote.id for one in ids]
    listed: list[str] = []
    for number, page in enumerate(shop.pages(CUSTOMER, ListQuery(limit=limit))):
        listed += [one.remote.id for one in page]
        if number == 1:
            for gone in listed[:2]:
                _delete(shop, gone)
    assert listed == names


def _delete(shop: EmulatedShop, id: str) -> None:
    path = f"/wp-json/wc/v3/customers/{id}"
    shop.must(VendorRequest(method="DELETE", path=path, route=path, query=(("force", "true"),)))


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
def test_every_order_is_listed_once_though_others_change_or_go(shop: EmulatedShop, limit: int) -> None:
    orders = [shop.made(ORDER, OrderPatch(line_items=MUGS.line_items)).remote.id for _ in range(4)]
    shop.now -= 1000
    twins = []
    for _ in range(4):  # all in one second
        shop.now = 1_790_000_100.0
        twins.append(shop.made(ORDER, OrderPatch(line_items=MUGS.line_items)).remote.id)
    shop.now = 1_790_001_000.0
    listed: list[str] = []
    for number, page in enumerate(shop.pages(ORDER, ListQuery(limit=limit))):
        listed += [one.remote.id for one in page]
        if number == 1:
            shop.do("DELETE", f"/orders/{listed[0]}")
    assert sorted(listed) == sorted(orders + twins)


@pytest.mark.parametrize("limit", [1, 3, 100])
def test_changes_are_listed_from_a_time_on_and_nothing_is_missed(shop: EmulatedShop, limit: int) -> None:
    orders = [shop.made(ORDER, OrderPatch(line_items=MUGS.line_items)).remote.id for _ in range(7)]
    since = datetime.fromtimestamp(shop.now, UTC)
    for id in orders[2:6]:
        shop.changed(ORDER, id, OrderPatch(customer_note="x"))
    listed = []
    for number, page in enumerate(shop.pages(ORDER, ListQuery(limit=limit, updated_since=since))):
        listed += [one.remote.id for one in page]
        if number == 0:
            shop.changed(ORDER, orders[4], OrderPatch(customer_note="y"))
    assert set(orders[2:6]) <= set(listed) <= set(orders[2:7])


def test_orders_are_listed_by_status(shop: EmulatedShop) -> None:
    pending = shop.made(ORDER, MUGS).remote.id
    paid = shop.made(ORDER, msgspec.structs.replace(MUGS, payment_status="paid")).remote.id
    on_hold = shop.made(ORDER, msgspec.structs.replace(MUGS, status="on_hold")).remote.id

    def having(status: str) -> list[str]:
        return [one.remote.id for one in shop.listed(ORDER, ListQuery(limit=5, filters={"status": status}))]

    assert (having("open"), having("on_hold"), having("cancelled"), having("unknown")) == (
        [pending, paid],
        [on_hold],
        [],
        [],
    )


def test_a_listed_order_is_the_one_that_a_read_shows(shop: EmulatedShop) -> None:
    for place in range(25):
        id = shop.made(ORDER, msgspec.structs.replace(MUGS, payment_status="paid")).remote.id
        if place % 5:
            shop.do("POST", f"/orders/{id}/refunds", amount="1.00")
    assert len(shop.listed_as_read(ORDER, ListQuery(limit=50))) == 25
    assert len(shop.listed_as_read(ORDER, ListQuery(limit=50, updated_since=datetime(2020, 1, 1, tzinfo=UTC)))) == 25


def test_what_surrounds_an_order_may_be_spelled_otherwise_too(shop: EmulatedShop) -> None:
    """The markers, the times that lists filter by, and the refunds that are read separately."""
    times = {"date_created_gmt": "2026-05-01T09:30:00", "date_modified_gmt": ""}
    mark = {"5": {"id": 5, "key": "_lockstitch_operation", "value": MARKER}}
    lines = [{"id": 65, "name": "Mug", "quantity": 1, "subtotal": 10, "total": 10}]
    placed = shop.place("orders", status="processing", total=10, line_items=lines, meta_data=mark, **times)
    refund = {"order_id": placed["id"], "amount": "4.00", "total": -4, "reason": None}
    back = {"quantity": "-1", "total": -4, "meta_data": {"1": {"key": "_refunded_item_id", "value": 65}}}
    shop.place("refunds", _order=placed["id"], line_items=[back], **refund)
    (order,) = shop.listed(ORDER, ListQuery(limit=5))
    assert order.data.line_items[0].refunded_quantity == "1"
    endpoints: Any = ORDER.endpoints
    listed = VendorRequest(method="GET", path="/wp-json/wc/v3/orders", route="orders")
    assert endpoints.marked(shop.must(listed), MARKER) == str(placed["id"])


def test_a_deleted_refund_is_not_read(shop: EmulatedShop) -> None:
    placed = shop.place("orders", status="processing", total="10.00", refunds=[{"id": 0, "total": "-4.00"}])
    read: Any = ORDER.endpoints.read
    answer = shop.must(read(str(placed["id"]), shop.account))
    raw, account = ORDER.endpoints.record(answer, shop.account)
    assert raw is not None
    assert required(ORDER.endpoints.side_load)((raw,), account) is None
    assert required(ORDER.endpoints.write_result)(answer, "update").record is not None
    assert ORDER.read(raw, account).data.refunds == ()


def test_taxes_and_coupons_are_worked_out_by_the_shop_and_add_up(shop: EmulatedShop) -> None:
    shop.set(woocommerce_calc_taxes="yes", woocommerce_prices_include_tax="yes")
    shop.place("coupons", code="spring", discount_type="percent", amount="10")
    lines = [{"product_id": 11, "quantity": 3}]
    answer = shop.do("POST", "/orders", line_items=lines, coupon_lines=[{"code": "SPRING"}])
    read = shop.read(ORDER, str(answer["id"]))
    assert [(one.path, one.kind) for one in read.loss] == [("/tax_inclusive", "coerced")]
    assert [(one.code, one.type, one.amount) for one in read.data.discounts] == [("spring", "percentage", "5.01")]
    assert (read.data.totals.items, read.data.totals.discount) == ("50.17", "5.01")


def test_the_shops_settings_become_the_account(shop: EmulatedShop) -> None:
    shop.set(woocommerce_currency="JPY", woocommerce_price_num_decimals="0")
    assert (shop.account.currency, shop.account.decimals) == ("JPY", 0)
    assert VENDOR.build_account((None,), {}).decimals is None


def test_an_order_that_changes_while_it_is_left_out_is_met_again() -> None:
    """It had the last second of its page, so that the next one would not show it, and that was the end."""
    with EmulatedShop() as shop:
        for second in (1, 2, 3):
            moment = f"2026-05-01T09:30:0{second}"
            shop.place("orders", status="pending", date_modified=moment, date_modified_gmt=moment)
        query = ListQuery(limit=2, updated_since=datetime(2026, 5, 1, tzinfo=UTC))
        pages = shop.pages(ORDER, query)
        first = next(pages)
        assert len(first) == 2
        shop.changed(ORDER, first[1].remote.id, OrderPatch(customer_note="Ring twice"))
        later = [one for page in pages for one in page]
        assert {one.remote.id: one.data.customer_note for one in later}[first[1].remote.id] == "Ring twice"
        assert len(later) == 2


def test_changes_of_one_second_are_listed_while_others_change_and_go() -> None:
    with EmulatedShop() as shop:
        times = dict.fromkeys(("date_modified", "date_modified_gmt"), "2026-05-01T09:30:00")
        ids = [str(shop.place("orders", status="pending", **times)["id"]) for _ in range(250)]
        pages = shop.pages(ORDER, ListQuery(limit=40, updated_since=datetime(2026, 5, 1, tzinfo=UTC)))
        listed: list[str] = []
        for number, page in enumerate(pages):
            listed += [one.remote.id for one in page]
            if number < 5:
                shop.do("DELETE", f"/orders/{ids[number * 7]}")
                shop.changed(ORDER, ids[number * 30 + 1], OrderPatch(customer_note="x"))
        stayed = {id for place, id in enumerate(ids) if place not in range(0, 35, 7)}
        assert stayed <= set(listed)
        assert all(len(str(call.query)) < 400 for call in shop.calls)


def test_orders_of_one_second_are_each_listed_once() -> None:
    with EmulatedShop() as shop:
        moment = "2026-05-01T09:30:00"
        ids = {
            str(shop.place("orders", status="pending", date_created=moment, date_created_gmt=moment)["id"])
            for _ in range(120)
        }
        ids_listed = [one.remote.id for one in shop.listed(ORDER, ListQuery(limit=30))]
        assert (set(ids_listed), len(ids_listed)) == (ids, 120)
