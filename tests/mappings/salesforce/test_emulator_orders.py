"""Orders against the emulator of Salesforce: with their lines, in one request, whole or not at all."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from canonical.order import Order
from canonical.order_patch import LineItemPatch, OrderPatch
from canonical.parts import AddressPatch, ProductReferencePatch, ReferencePatch
from emulators.salesforce.seed import ACCOUNT_ID, PRODUCTS
from mappings.endpoints import ListQuery
from mappings.salesforce.order_r1 import ORDER
from mappings.spec import Unmappable
from tests.required import required

from .conftest import EmulatedOrg
from .people import buyer

PLACED = datetime(2026, 5, 1, tzinfo=UTC)


def mugs(contact: str, **more: Any) -> OrderPatch:
    """An order to write."""
    fields: dict[str, Any] = {
        "customer": ReferencePatch(remote_id=contact),
        "placed_at": PLACED,
        "line_items": (
            LineItemPatch(
                product=ProductReferencePatch(variant_remote_id=PRODUCTS[0][1]), quantity="2", unit_price="19.90"
            ),
            LineItemPatch(
                product=ProductReferencePatch(variant_remote_id=PRODUCTS[1][1]),
                quantity="1.5",
                unit_price="4.25",
                name="Needles, sharp",
            ),
        ),
        "external_id": "web-88213",
    }
    return OrderPatch(**fields | more)


def test_an_order_its_lines_and_its_activation_are_one_request(salesforce: EmulatedOrg) -> None:
    contact = buyer(salesforce)
    before = len(salesforce.calls)
    id = salesforce.made(ORDER, mugs(contact, status="open"), "op_1").remote.id
    assert [call.method for call in salesforce.calls[before:]] == ["POST", "GET"]

    order: Order = salesforce.read(ORDER, id).data

    assert (order.number, order.status, order.currency) == ("00000100", "open", "EUR")
    assert (order.totals.total, order.totals.items, order.totals.outstanding) == ("46.18", "46.18", "46.18")
    assert [(line.name, line.sku, line.quantity, line.unit_price) for line in order.line_items] == [
        ("Thread, blue", "THR-BLUE", "2", "19.90"),
        ("Needles, sharp", "NDL-12", "1.5", "4.25"),
    ]
    assert order.customer is not None
    assert (order.customer.remote_id, order.customer.name, order.placed_at) == (contact, "Ann O'Lee", PLACED)


def test_a_text_never_stands_for_what_salesforce_answered_before(salesforce: EmulatedOrg) -> None:
    """What looks like a reference of a composite request would be replaced, in a text as well."""
    contact = buyer(salesforce)
    line = LineItemPatch(
        product=ProductReferencePatch(variant_remote_id=PRODUCTS[0][1]),
        quantity="1",
        unit_price="1.00",
        name="@{order.id}",
    )
    patch = mugs(contact, internal_note="due to @{buyer.AccountId}", line_items=(line,))

    refused = {one.pointer: one.kind for one in ORDER.to_vendor(patch, None, salesforce.account).refused}

    assert refused == {"/internal_note": "invalid", "/line_items/0/name": "invalid"}
    id = salesforce.made(ORDER, mugs(contact), "op_1").remote.id
    changed = salesforce.changed(ORDER, id, OrderPatch(internal_note="due to @{buyer.AccountId}"))
    assert changed.data.internal_note == "due to @{buyer.AccountId}"


def test_an_order_that_cannot_be_made_whole_is_not_made_at_all(salesforce: EmulatedOrg) -> None:
    contact = buyer(salesforce)
    salesforce.place(
        "validation_rules", sobject="OrderItem", field="Description", contains="sharp", message="Too sharp"
    )

    refusal = required(salesforce.refusal(salesforce.create(ORDER, mugs(contact), "op_1")))

    assert (refusal.kind, refusal.code, refusal.detail) == (
        "rejected",
        "FIELD_CUSTOM_VALIDATION_EXCEPTION",
        "Too sharp",
    )
    assert salesforce.listed(ORDER, ListQuery(limit=5)) == []


def test_an_order_for_an_unknown_customer_is_rejected(salesforce: EmulatedOrg) -> None:
    refusal = required(salesforce.refusal(salesforce.create(ORDER, mugs("003dM00001aBcDeQAK"), "op_1")))

    assert (refusal.kind, refusal.code) == ("rejected", "NOT_FOUND")


def test_a_lost_order_is_found_by_its_marker_and_not_made_twice(salesforce: EmulatedOrg) -> None:
    contact = buyer(salesforce)
    id = salesforce.made(ORDER, mugs(contact), "op_1").remote.id
    again = required(salesforce.refusal(salesforce.create(ORDER, mugs(contact, external_id=msgspec.UNSET), "op_1")))
    look = required(required(ORDER.endpoints.find_marker)("op_1", None, None, salesforce.account))

    assert required(ORDER.endpoints.marked)(salesforce.must(look), "op_1") == id
    assert (again.kind, again.existing_remote_id) == ("duplicate", id)


def test_an_order_is_changed_and_activated(salesforce: EmulatedOrg) -> None:
    id = salesforce.made(ORDER, mugs(buyer(salesforce)), "op_1").remote.id
    address = AddressPatch(line1="1 Quay", city="Bristol", country_code="GB")
    salesforce.changed(ORDER, id, OrderPatch(shipping_address=address, internal_note="Check", status="completed"))

    order: Order = salesforce.read(ORDER, id).data

    assert (order.status, order.status_raw, order.internal_note) == ("completed", "Completed", "Check")
    assert required(order.shipping_address).country_code == "GB"
    orders = salesforce.listed(
        ORDER, ListQuery(limit=5, filters={"status": "completed", "email": "ann.lee@example.com"})
    )
    assert [one.remote.id for one in orders] == [id]


def test_lines_beyond_one_answer_are_read(salesforce: EmulatedOrg) -> None:
    order = salesforce.place("Order", Status="Draft", StatusCode="Draft", AccountId=ACCOUNT_ID, TotalAmount=200.1)
    for place in range(2001):
        salesforce.place(
            "OrderItem",
            OrderId=order["Id"],
            OrderItemNumber=f"{place:010}",
            Quantity=1,
            UnitPrice=0.1,
            TotalPrice=0.1,
            Description=str(place),
        )

    mapped = salesforce.read(ORDER, order["Id"])

    assert [line.name for line in mapped.data.line_items] == [str(place) for place in range(2001)]
    assert mapped.data.totals.total == "200.10"
    assert {loss.path for loss in mapped.loss} == {"/totals/paid"}
    for query in (ListQuery(limit=5), ListQuery(limit=5, updated_since=datetime(2020, 1, 1, tzinfo=UTC))):
        assert salesforce.listed_as_read(ORDER, query) == [order["Id"]]


def test_a_reduction_order_is_no_order(salesforce: EmulatedOrg) -> None:
    placed = salesforce.place("Order", OrderNumber="9", Status="Draft", IsReductionOrder=True)

    assert salesforce.listed(ORDER, ListQuery(limit=5)) == []
    with pytest.raises(Unmappable, match="reduction order"):
        salesforce.read(ORDER, placed["Id"])
