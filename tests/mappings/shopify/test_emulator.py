"""The mapping against the emulator of Shopify: every document runs there, and every answer is understood here."""

import time
from typing import Any

import msgspec
import pytest

from canonical.customer import ConsentPatch, Customer, CustomerPatch, EmailPatch, PhonePatch
from canonical.order import Order
from canonical.order_patch import (
    DiscountPatch,
    LineItemPatch,
    OrderCancel,
    OrderPatch,
    ShippingLinePatch,
)
from canonical.parts import AddressPatch, CustomFieldPatch, ReferencePatch
from emulators.shopify import EMULATOR
from emulators.shopify.emulator import TOKEN
from mappings.endpoints import ListQuery
from mappings.http import VendorRequest
from mappings.shopify import VENDOR
from mappings.shopify.customer_r1 import CUSTOMER
from mappings.shopify.order_r1 import ORDER
from mappings.shopify.wire_2026_07 import Account
from tests.fixtures import opened
from tests.mappings.emulated import EmulatedAccount
from tests.required import required

from .conftest import CUSTOM_FIELDS, Mapping
from .every_request import REQUESTS

LONG_AGO = msgspec.convert("2020-01-01T00:00:00Z", type=ListQuery.__annotations__["updated_since"])


class EmulatedShop(EmulatedAccount[Account]):
    """A shop prepared as a connection's is. The clock goes on by a minute with each call, so that nothing has to be
    waited for."""

    def __init__(self) -> None:
        super().__init__(VENDOR, EMULATOR, {"x-shopify-access-token": TOKEN}, now=time.time(), step=60.0)
        for request in VENDOR.setup:
            assert self.refusal(request) is None
        self.account = self.learnt(CUSTOM_FIELDS)


shop = opened(EmulatedShop)
"""A fresh shop."""


def ann(**more: Any) -> CustomerPatch:
    """A customer to write."""
    fields: dict[str, Any] = {
        "first_name": "Ann",
        "last_name": "Lee",
        "emails": (EmailPatch(address="ann.lee@example.com"),),
        "language": "de",
        "external_id": "erp/1",
    }
    return CustomerPatch(**fields | more)


def mugs(lines: int, **more: Any) -> OrderPatch:
    """An order of so many lines, to write."""
    fields: dict[str, Any] = {
        "currency": "USD",
        "line_items": tuple(
            LineItemPatch(name=f"Mug {at}", quantity="2", unit_price="10.00", tax="1.90") for at in range(lines)
        ),
        "discounts": (DiscountPatch(code="SPRING", amount="5.00"),),
        "shipping_lines": (ShippingLinePatch(title="Post", price="4.00"),),
        "payment_status": "paid",
    }
    return OrderPatch(**fields | more)


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda request: request.route)
def test_every_document_runs(request_: VendorRequest, shop: EmulatedShop) -> None:
    refusal_ = shop.refusal(request_)

    # Refused, if at all, for what it is about (each complaint names a field), never for how it asks.
    assert refusal_ is None or refusal_.kind == "not_found" or refusal_.fields


def test_a_customer_is_created_and_changed_in_every_part(shop: EmulatedShop) -> None:
    made = shop.made(
        CUSTOMER,
        ann(
            phones=(PhonePatch(e164="+4722012345"),),
            addresses=(
                AddressPatch(name="Ann Lee", line1="Main 1", city="Berlin", country_code="DE"),
                AddressPatch(name="Jo Lee", city="New York", region="NY", country_code="US", is_default=True),
            ),
            tags=("a", "b"),
            tax_exemption="exempt",
            consents=(ConsentPatch(channel="email", state="opted_in"),),
            custom_fields=(CustomFieldPatch(key="tier", value="gold"), CustomFieldPatch(key="needles", value=4)),
        ),
        "op_1",
    )
    customer: Customer = made.data
    assert (customer.display_name, customer.language, customer.external_id) == ("Ann Lee", "de", "erp/1")
    assert [(one.city, one.region, one.is_default) for one in customer.addresses] == [
        ("New York", "NY", True),
        ("Berlin", None, False),
    ]
    assert {one.channel: one.state for one in customer.consents} == {"email": "opted_in", "sms": "never"}
    assert customer == shop.read(CUSTOMER, made.remote.id).data

    customer = shop.changed(
        CUSTOMER,
        made.remote.id,
        CustomerPatch(
            first_name=None,
            tags=None,
            external_id=None,
            addresses=(AddressPatch(city="Paris", country_code="FR"),),
            consents=(ConsentPatch(channel="sms", state="opted_in"), ConsentPatch(channel="email", state="opted_out")),
            custom_fields=(CustomFieldPatch(key="needles", value=5),),
        ),
    ).data

    assert (customer.first_name, customer.last_name, customer.tags, customer.external_id) == (None, "Lee", (), None)
    assert [one.city for one in customer.addresses] == ["Paris"]
    assert {one.channel: one.state for one in customer.consents} == {"email": "opted_out", "sms": "opted_in"}
    assert {one.key: one.value for one in customer.custom_fields if one.value is not None} == {"needles": 5}
    assert customer.emails[0].address == "ann.lee@example.com"


def test_a_lost_create_is_found_by_its_marker_and_not_made_twice(shop: EmulatedShop) -> None:
    for mapping, patch in ((CUSTOMER, CustomerPatch(first_name="Ann")), (ORDER, mugs(1))):
        endpoints: Any = mapping.endpoints
        look = endpoints.find_marker("op_1", None, None, shop.account)
        assert endpoints.marked(shop.must(look), "op_1") is None

        made = shop.made(mapping, patch, "op_1")
        again = required(shop.refusal(shop.create(mapping, patch, "op_1")))

        assert endpoints.marked(shop.must(look), "op_1") == made.remote.id
        assert again.kind == "duplicate"


def test_unique_keys_find_one_or_none(shop: EmulatedShop) -> None:
    customer = shop.made(CUSTOMER, ann(), "op_1").remote.id
    order = shop.made(ORDER, mugs(1, external_id="so-1"), "op_2").remote.id

    def id_of(mapping: Mapping, key: Any, value: str) -> str | None:
        request = mapping.endpoints.find[key](value, shop.account)
        raw, account = mapping.endpoints.record(shop.must(request), shop.account)
        return None if raw is None else mapping.read(raw, account).remote.id

    assert id_of(CUSTOMER, "email", "Ann.Lee@example.com") == id_of(CUSTOMER, "external_id", "erp/1") == customer
    assert id_of(ORDER, "external_id", "so-1") == order
    assert id_of(CUSTOMER, "email", "bo@example.com") is None
    assert id_of(ORDER, "external_id", "erp/1") is None


def test_taken_values_and_missing_records_are_refusals(shop: EmulatedShop) -> None:
    shop.made(CUSTOMER, ann(), "op_1")

    taken = required(shop.refusal(shop.create(CUSTOMER, ann(external_id="erp/2"), "op_2")))
    assert (taken.kind, taken.fields[0][0]) == ("duplicate", "email")
    endpoints: Any = CUSTOMER.endpoints
    gone = required(shop.refusal(endpoints.read("77", shop.account)))
    assert gone.kind == "not_found"


def test_customers_are_listed_in_all_ways(shop: EmulatedShop) -> None:
    emails = [(EmailPatch(address=f"ann{at}@example.com"),) for at in range(7)]
    ids = {
        shop.made(CUSTOMER, ann(emails=email, external_id=str(at)), f"op_{at}").remote.id
        for at, email in enumerate(emails)
    }

    for query in (ListQuery(limit=3), ListQuery(limit=3, updated_since=LONG_AGO)):
        listed = [one.remote.id for one in shop.listed(CUSTOMER, query)]
        assert len(listed) == len(ids)
        assert set(listed) == ids
    (one,) = shop.listed(CUSTOMER, ListQuery(limit=3, filters={"email": "ann3@example.com"}))
    assert one.data.external_id == "3"
    assert shop.listed(CUSTOMER, ListQuery(limit=3, filters={"external_id": "none"})) == []


def test_an_order_is_made_paid_changed_and_cancelled(shop: EmulatedShop) -> None:
    customer = shop.made(CUSTOMER, ann(), "op_1").remote.id
    made = shop.made(
        ORDER,
        mugs(
            2,
            number="X-1",
            customer=ReferencePatch(remote_id=customer),
            shipping_address=AddressPatch(name="Ann Lee", city="Berlin", country_code="DE"),
            custom_fields=(CustomFieldPatch(key="gift", value="Hi"), CustomFieldPatch(key="priority", value=3)),
        ),
        "op_2",
    )
    order: Order = made.data
    assert (order.number, order.status, order.payment_status) == ("X-1", "open", "paid")
    assert (order.totals.items, order.totals.total, order.totals.paid) == ("40.00", "42.80", "42.80")
    assert (required(order.customer).remote_id, order.is_guest) == (customer, False)
    assert [(one.code, one.type, one.amount) for one in order.discounts] == [("SPRING", "fixed", "5.00")]
    assert made.loss == ()

    order = shop.changed(
        ORDER,
        made.remote.id,
        OrderPatch(customer_note="Ring.", tags=("a",), custom_fields=(CustomFieldPatch(key="gift", value="Ho"),)),
    ).data
    assert (order.customer_note, order.tags) == ("Ring.", ("a",))
    assert {one.key: one.value for one in order.custom_fields if one.value is not None} == {"gift": "Ho"}

    endpoints: Any = ORDER.endpoints
    request, refused = endpoints.cancel(
        made.remote.id, OrderCancel(reason="customer", refund=True), "op_3", shop.account
    )
    assert refused == ()
    assert endpoints.write_result(shop.must(request), "cancel").pending
    order = shop.read(ORDER, made.remote.id).data
    assert (order.status, order.cancel_reason, order.payment_status) == ("cancelled", "customer", "refunded")
    assert (order.totals.refunded, order.refunds[0].amount) == ("42.80", "42.80")
    twice = required(shop.refusal(request))
    assert twice.kind == "rejected"


def test_the_lines_of_an_order_that_was_sent_elsewhere_are_fulfilled(shop: EmulatedShop) -> None:
    order: Order = shop.made(ORDER, mugs(2, fulfillment_status="fulfilled"), "op_1").data
    assert (order.fulfillment_status, order.fulfillments) == ("fulfilled", ())
    assert [one.fulfilled_quantity for one in order.line_items] == [one.quantity for one in order.line_items]


def test_long_orders_are_read_to_their_last_line(shop: EmulatedShop) -> None:
    answer = shop.must(shop.create(ORDER, mugs(45, number="X-45"), "op_1"))
    result = required(ORDER.endpoints.write_result)(answer, "create")
    assert result.record is None, "it has the first thirty lines"
    made = shop.read(ORDER, required(result.remote_id))
    short = shop.made(ORDER, mugs(1, number="X-1"), "op_2")

    assert len(made.data.line_items) == 45
    for query in (ListQuery(limit=5), ListQuery(limit=5, updated_since=LONG_AGO), ListQuery(limit=1)):
        listed = {one.remote.id: one for one in shop.listed(ORDER, query)}
        assert listed.keys() == {made.remote.id, short.remote.id}
        assert len(listed[made.remote.id].data.line_items) == 45
        assert all(one.loss == () for one in listed.values())
    (one,) = shop.listed(ORDER, ListQuery(limit=5, filters={"number": "X-1", "status": "open"}))
    assert one.remote.id == short.remote.id
    assert shop.listed(ORDER, ListQuery(limit=5, filters={"status": "cancelled"})) == []
    assert shop.listed(ORDER, ListQuery(limit=5, filters={"status": "on_hold"})) == []


def test_a_listed_record_is_the_one_that_a_read_shows(shop: EmulatedShop) -> None:
    for place in range(8):
        shop.made(
            CUSTOMER, msgspec.convert({"emails": [{"address": f"c{place}@example.com"}]}, CustomerPatch), f"op_c{place}"
        )
        shop.must(
            shop.create(ORDER, mugs(135 if place == 2 else 10 if place % 2 else 4, number=f"X-{place}"), f"op_{place}")
        )
    for query in (ListQuery(limit=8), ListQuery(limit=8, updated_since=LONG_AGO)):
        assert len(shop.listed_as_read(ORDER, query)) == 8
        assert len(shop.listed_as_read(CUSTOMER, query)) >= 8
