"""What a record holds already is not refused for want of a way to write it."""

from typing import Any

import msgspec
import pytest

from app.writes.accept_loss import still_refused
from canonical.order import LineItem, Order, Totals
from canonical.order_patch import OrderPatch
from canonical.parts import ProductReference, Reference
from mappings.endpoints import FieldRefusal

SUMS = Totals(
    **dict.fromkeys(
        ("items", "discount", "shipping", "fees", "tip", "tax", "total", "paid", "refunded", "outstanding"), "1.00"
    )
)
HELD = Order(
    currency="EUR",
    totals=SUMS,
    status="open",
    customer=Reference(email="ann@example.com", name="Ann"),
    line_items=(
        LineItem(
            remote_id="1",
            name="Mug",
            sku="M-1.0",
            quantity="2",
            unit_price="19.90",
            discount="0.00",
            tax="0.00",
            total="39.80",
        ),
    ),
)
LINE = {"name": "Mug", "quantity": "2", "unit_price": "19.90"}


@pytest.mark.parametrize(
    ("sent", "is_held"),
    [
        ({"currency": "EUR"}, True),
        ({"currency": "USD"}, False),
        ({"status": "open"}, True),
        ({"line_items": [LINE]}, True),
        ({"line_items": [LINE | {"quantity": "2.0", "unit_price": "19.9"}]}, True),
        ({"line_items": [LINE | {"sku": "M-1.0"}]}, True),
        ({"line_items": [LINE | {"sku": None}]}, True),
        ({"line_items": [LINE | {"sku": "M-1.00"}]}, False),
        ({"line_items": [LINE | {"name": "mug"}]}, False),
        ({"line_items": [LINE | {"quantity": "3"}]}, False),
        ({"line_items": [LINE, LINE]}, False),
        ({"line_items": []}, False),
        ({"line_items": None}, False),
        ({"discounts": []}, True),
        ({"number": None}, True),
        ({"customer": {"email": "ann@example.com"}}, True),
        ({"customer": {"email": "ann@example.com", "name": "Bo"}}, False),
        ({"customer": {"email": "bo@example.com", "phone": "1"}}, False),
        ({"customer": {"phone": "1"}}, False),
        ({"customer": None}, False),
    ],
)
def test_a_field_that_reads_back_as_sent_is_not_refused(sent: dict[str, Any], is_held: bool) -> None:
    (name,) = sent
    patch = msgspec.convert(sent, OrderPatch)
    refused = (FieldRefusal(kind="unsupported", pointer=f"/{name}/0/x", detail="no place"),)
    assert still_refused(refused, patch, HELD) == (() if is_held else refused)


@pytest.mark.parametrize(
    ("more", "lacking"),
    [
        ({"taxable": True, "requires_shipping": False, "tax": "0"}, ["requires_shipping", "taxable"]),
        ({"product": {"sku": "M-1.0"}}, ["product"]),
        ({"custom_fields": [{"key": "colour", "value": "blue"}]}, ["custom_fields"]),
        ({"product": {"connection": "shop", "remote_id": "7"}}, None),
        ({"taxable": True, "quantity": "3"}, None),
        ({"taxable": True, "sku": "M-2"}, None),
    ],
)
def test_a_line_is_refused_only_for_what_the_record_lacks(more: dict[str, Any], lacking: list[str] | None) -> None:
    patch = msgspec.convert({"line_items": [LINE | more]}, OrderPatch)
    refused = (FieldRefusal(kind="unsupported", pointer="/line_items", detail="only with a new order"),)
    pointers = [one.pointer for one in still_refused(refused, patch, HELD)]
    assert pointers == (["/line_items"] if lacking is None else [f"/line_items/0/{name}" for name in lacking])


def test_a_line_without_a_sku_only_lacks_it() -> None:
    (line,), own = HELD.line_items, ProductReference(connection="stripe", remote_id="prod_1")
    record = msgspec.structs.replace(HELD, line_items=(msgspec.structs.replace(line, sku=None, product=own),))
    product = {"sku": "M-1", "name": "Mug, blue"}
    patch = msgspec.convert({"line_items": [LINE | {"sku": "M-1", "product": product}]}, OrderPatch)
    left = still_refused((FieldRefusal(kind="unsupported", pointer="/line_items", detail="no"),), patch, record)
    assert {one.pointer for one in left} == {"/line_items/0/sku", "/line_items/0/product"}


def test_a_known_person_only_lacks_a_name_or_number() -> None:
    refused = (FieldRefusal(kind="unsupported", pointer="/customer", detail="no"),)
    more = msgspec.convert({"customer": {"email": "ann@example.com", "name": "Ann", "phone": "1"}}, OrderPatch)
    assert [one.pointer for one in still_refused(refused, more, HELD)] == ["/customer/phone"]
    other = msgspec.convert({"customer": {"email": "bo@example.com", "phone": "1"}}, OrderPatch)
    assert still_refused(refused, other, HELD) == refused


def test_a_value_that_could_not_be_written_is_no_change_where_it_is_held() -> None:
    refused = (FieldRefusal(kind="invalid", pointer="/payment_status", detail="one of: paid"),)
    assert still_refused(refused, msgspec.convert({"payment_status": "unknown"}, OrderPatch), HELD) == ()
    assert still_refused(refused, msgspec.convert({"payment_status": "voided"}, OrderPatch), HELD) == refused


def test_what_is_invalid_stays_so_and_so_does_what_was_not_sent() -> None:
    patch = msgspec.convert({"line_items": [LINE]}, OrderPatch)
    refused = (
        FieldRefusal(kind="invalid", pointer="/line_items/0/name", detail="no"),
        FieldRefusal(kind="unsupported", pointer="/number", detail="no"),
    )
    assert still_refused(refused, patch, HELD) == refused
