"""Orders read: sums keep every digit, and what is no order is refused."""

from datetime import UTC, datetime
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from canonical import values
from canonical.order_patch import (
    OrderPatch,
)
from canonical.parts import AddressPatch
from mappings.salesforce import wire_v62 as wire
from mappings.salesforce.order_r1 import ORDER, to_canonical
from mappings.salesforce.order_write_r1 import to_vendor
from mappings.salesforce.requests import body_of
from mappings.spec import Unmappable, VendorDrift
from tests.required import required

from .orders import FULL, ORG, read


@given(
    st.decimals("-999999999", "999999999", places=6),
    st.decimals("0", "99999", places=4),
    st.sampled_from(["EUR", "JPY", "KWD", "HUF", "XXX"]),
)
def test_no_digit_of_a_sum_is_lost_or_invented(price: Decimal, count: Decimal, currency: str) -> None:
    record = f"""{{"Id": "801dM000000xJ0aAAE", "TotalAmount": {price:f}, "CurrencyIsoCode": "{currency}", "OrderItems":
        {{"totalSize": 1, "done": true, "records": [{{"Id": "802dM000000AbC1QAK", "Quantity": {count:f},
        "UnitPrice": {price:f}, "TotalPrice": {price:f}}}]}}}}"""

    order = ORDER.read(record.encode(), ORG).data

    assert order.totals.total == order.line_items[0].total == values.money(f"{price:f}", currency)
    assert Decimal(order.line_items[0].unit_price) == price
    assert Decimal(order.line_items[0].quantity) == count


def test_sums_that_do_not_add_up_are_reported() -> None:
    record = b"""{"Id": "801dM000000xJ0aAAE", "TotalAmount": 10.0, "OrderItems": {"totalSize": 1, "done": true,
        "records": [{"Id": "802dM000000AbC1QAK", "Quantity": 2, "UnitPrice": 5.5, "TotalPrice": 11.0}]}}"""

    loss = ORDER.read(record, ORG).loss

    assert ("/totals/items", "ambiguous") in {(one.path, one.kind) for one in loss}


@pytest.mark.parametrize(
    ("status", "code", "means"),
    [
        ("Draft", "Draft", "draft"),
        ("Activated", "Activated", "open"),
        ("Activated", None, "open"),
        ("Completed", "Activated", "completed"),
        ("Sewing", "Activated", "open"),
        ("Canceled", "Canceled", "cancelled"),
        ("Expired", "Expired", "archived"),
        ("Suspended", "Suspended", "unknown"),
        (None, None, "unknown"),
    ],
)
def test_a_status_is_read_by_its_word_or_else_its_code(status: str | None, code: str | None, means: str) -> None:
    order = read(msgspec.structs.replace(FULL, status=status, status_code=code))

    assert (order.status, order.status_raw) == (means, status)


def test_a_cancelled_order_has_nothing_outstanding() -> None:
    order = read(msgspec.structs.replace(FULL, status="Canceled", status_code="Canceled", total_amount=Decimal(12)))

    assert (order.totals.total, order.totals.outstanding) == ("12.00", "0.00")


def test_an_order_without_the_system_stamp_has_that_of_the_last_change() -> None:
    order = ORDER.read(b'{"Id":"801dM000000xJ0aAAE","LastModifiedDate":"2026-05-02T08:00:00.000+0000"}', ORG).data

    assert order.updated_at == datetime(2026, 5, 2, 8, tzinfo=UTC)


def test_a_multiline_street_is_reported_and_survives_a_round_trip() -> None:
    street = "Lee Ceramics\n12 Harbour Street\n2nd floor"
    here = msgspec.structs.replace(FULL, shipping_street=street)
    mapped = to_canonical(here, ORG)
    address = required(mapped.data.shipping_address)

    assert (address.line1, address.line2) == ("Lee Ceramics", "12 Harbour Street, 2nd floor")
    assert ("/shipping_address/line2", "coerced") in {(one.path, one.kind) for one in mapped.loss}
    same = OrderPatch(shipping_address=AddressPatch(line1=address.line1, line2=address.line2))
    assert body_of(to_vendor(same, here, ORG).body)["ShippingStreet"] == street


def test_unread_lines_are_reported() -> None:
    items = wire.OrderItems(
        records=(), done=False, next_records_url="/services/data/v62.0/query/01gdM0000000abcAAQ-200"
    )

    loss = to_canonical(msgspec.structs.replace(FULL, order_items=items), ORG).loss

    assert ("/line_items", "truncated") in {(one.path, one.kind) for one in loss}


def test_a_company_that_orders_is_no_guest() -> None:
    bare = msgspec.structs.replace(FULL, bill_to_contact_id=None, bill_to_contact=None)
    order = read(msgspec.structs.replace(bare, account=wire.Person(name="Loop")))

    assert order.customer is not None
    assert (order.customer.name, order.customer.remote_id, order.is_guest) == ("Loop", None, False)
    assert read(msgspec.structs.replace(bare, account_id=None)).is_guest


@pytest.mark.parametrize(
    "body",
    [
        b'{"Id": "801dM000000xJ0aAAE", "TotalAmount": {"amount": "1"}}',
        b'{"Id": "801dM000000xJ0aAAE", "TotalAmount": 1e40}',
        b'{"Id": "801dM000000xJ0aAAE", "EffectiveDate": "soon"}',
        b'{"TotalAmount": 1}',
    ],
)
def test_what_is_no_order_is_drift(body: bytes) -> None:
    with pytest.raises(VendorDrift):
        ORDER.read(body, ORG)


def test_a_reduction_order_has_no_honest_reading() -> None:
    with pytest.raises(Unmappable, match="reduction order") as refusal:
        read(msgspec.structs.replace(FULL, is_reduction_order=True))
    assert refusal.value.path == "$.IsReductionOrder"
