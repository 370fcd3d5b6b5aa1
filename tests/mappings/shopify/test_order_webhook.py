"""Orders read from the body of a webhook, which says less than an answer does."""

import json
from typing import Any

import msgspec
import pytest

from canonical.parts import CustomFieldSetting, Reference
from mappings.shopify import wire_2026_07 as wire
from mappings.shopify import wire_webhook
from mappings.shopify.order_r1 import ORDER, webhook_to_canonical
from mappings.spec import decode

from .conftest import FIXTURES, SHOP
from .orders import FULL, RECORD, read


def body_of(**changes: Any) -> wire_webhook.Order:
    """A webhook's body with some members changed; None takes one away."""
    sent = json.loads((FIXTURES / "order-webhook.in.json").read_text()) | changes
    return decode(json.dumps(sent).encode(), wire_webhook.Order)


@pytest.mark.parametrize(
    ("status", "outstanding", "paid"),
    [
        ("paid", "0.00", "58.60"),
        ("paid", "8.60", "50.00"),
        ("partially_paid", "8.60", "50.00"),
        ("refunded", None, "58.60"),
        ("pending", "58.60", "0.00"),
        ("voided", "0.00", "0.00"),
        ("authorized", None, "0.00"),
    ],
)
def test_what_was_received_is_what_is_no_longer_outstanding(status: str, outstanding: str | None, paid: str) -> None:
    body = body_of(financial_status=status, total_outstanding=outstanding)

    assert webhook_to_canonical(body, SHOP).data.totals.paid == paid


def test_an_order_without_a_contact_has_that_of_its_customer() -> None:
    customer = {"id": 8, "first_name": "Ann", "last_name": "Lee", "email": "Ann@Example.com", "phone": "+4721"}
    sent = body_of(email=None, contact_email=None, phone=None, customer=customer)
    record = msgspec.structs.replace(
        FULL,
        email=None,
        phone=None,
        customer=wire.OrderCustomer(
            id="gid://shopify/Customer/8",
            display_name="Ann Lee",
            default_email_address=wire.ContactEmail(email_address="Ann@Example.com"),
            default_phone_number=wire.ContactPhone(phone_number="+4721"),
        ),
    )

    for order in (webhook_to_canonical(sent, SHOP).data, read(record)):
        assert order.customer == Reference(remote_id="8", email="ann@example.com", phone="+4721", name="Ann Lee")


def test_a_refund_in_the_buyers_currency_counts_in_the_shops() -> None:
    def worth(amount: str) -> dict[str, Any]:
        return {"shop_money": {"amount": amount, "currency_code": "NOK"}}

    refund = {
        "id": 5,
        "transactions": [{"kind": "refund", "status": "success", "amount": "3200", "currency": "JPY"}],
        "refund_line_items": [
            {
                "line_item_id": 7,
                "quantity": 1,
                "subtotal": 2600,
                "subtotal_set": worth("17.00"),
                "total_tax_set": worth("1.00"),
            }
        ],
        "order_adjustments": [{"kind": "shipping_refund", "amount": "-400", "amount_set": worth("-2.50")}],
    }
    mapped = webhook_to_canonical(body_of(refunds=[refund], currency="NOK"), SHOP)

    (read_refund,) = mapped.data.refunds
    assert (read_refund.amount, read_refund.currency, mapped.data.totals.refunded) == ("20.50", "NOK", "20.50")
    assert read_refund.line_items[0].amount == "17.00"
    assert ("/refunds/0/amount", "ambiguous") in [(one.path, one.kind) for one in mapped.loss]


def test_a_partly_paid_body_without_the_rest_is_ambiguous() -> None:
    mapped = webhook_to_canonical(body_of(financial_status="partially_paid", total_outstanding=None), SHOP)

    assert ("/totals/paid", "ambiguous") in [(one.path, one.kind) for one in mapped.loss]


@pytest.mark.parametrize(
    "changes",
    [
        {"cancelled_at": "2026-02-14T13:30:00+01:00", "financial_status": "pending"},
        {"financial_status": "voided"},
    ],
)
def test_a_void_order_has_nothing_outstanding(changes: dict[str, Any]) -> None:
    mapped = webhook_to_canonical(body_of(**changes, total_outstanding=None, refunds=[]), SHOP)

    assert (mapped.data.totals.paid, mapped.data.totals.outstanding) == ("0.00", "0.00")
    assert [one.path for one in mapped.loss if one.kind == "ambiguous"] == []


def test_a_line_whose_taxes_the_body_does_not_tell_is_not_judged() -> None:
    line = json.loads((FIXTURES / "order-webhook.in.json").read_text())["line_items"][0]
    untold = {name: value for name, value in line.items() if name != "tax_lines"} | {"id": 512}

    def ambiguous(*lines: Any) -> list[str]:
        loss = webhook_to_canonical(body_of(line_items=list(lines), total_tax="9.20"), SHOP).loss
        return [one.path for one in loss if one.kind == "ambiguous" and one.path == "/totals/tax"]

    assert ambiguous(line) == ["/totals/tax"]
    assert ambiguous(line, untold) == []


@pytest.mark.parametrize(
    ("sent", "status"),
    [(None, "unfulfilled"), ("partial", "partially_fulfilled"), ("fulfilled", "fulfilled"), ("restocked", "cancelled")],
)
def test_nothing_said_of_fulfilment_is_nothing_fulfilled(sent: str | None, status: str) -> None:
    order = webhook_to_canonical(body_of(fulfillment_status=sent), SHOP).data

    assert (order.fulfillment_status, order.fulfillment_status_raw) == (status, sent)


@pytest.mark.parametrize(
    ("current", "unfulfilled", "by_webhook", "sent"),
    [(4, 0, "fulfilled", "4"), (3, 0, "fulfilled", "3"), (4, 4, None, "0"), (0, 0, "fulfilled", "0")],
)
def test_pieces_that_were_sent_elsewhere_are_fulfilled(
    current: int, unfulfilled: int, by_webhook: str | None, sent: str
) -> None:
    line = RECORD["lineItems"]["nodes"][0] | {"currentQuantity": current, "unfulfilledQuantity": unfulfilled}
    order = ORDER.decode(json.dumps(RECORD | {"lineItems": {"nodes": [line]}, "fulfillments": []}).encode())
    assert read(order).line_items[0].fulfilled_quantity == sent

    (line,) = json.loads((FIXTURES / "order-webhook.in.json").read_text())["line_items"]
    line |= {"quantity": 4, "current_quantity": current, "fulfillment_status": by_webhook}
    body = body_of(line_items=[line], fulfillments=[])
    assert webhook_to_canonical(body, SHOP).data.line_items[0].fulfilled_quantity == sent


@pytest.mark.parametrize("properties", [[{"name": "Engraving", "value": "O.L."}], {"Engraving": "O.L."}])
def test_properties_come_as_pairs_or_as_an_object(properties: Any) -> None:
    line = json.loads((FIXTURES / "order-webhook.in.json").read_text())["line_items"][0] | {"properties": properties}

    (read_line,) = webhook_to_canonical(body_of(line_items=[line]), SHOP).data.line_items

    assert [field.value for field in read_line.custom_fields] == ["O.L."]
    assert [(one.name, one.value) for one in read_line.options] == [("Engraving", "O.L.")]


def test_a_property_that_apps_hide_is_no_option_and_may_be_a_custom_field() -> None:
    sent = [{"name": "_bundle", "value": "7"}, {"name": "Size", "value": "M"}, {"name": "Note", "value": ""}]
    line = json.loads((FIXTURES / "order-webhook.in.json").read_text())["line_items"][0] | {"properties": sent}
    fields = {"order": (CustomFieldSetting(key="bundle", vendor_field="line:_bundle", type="number"),)}
    shop = msgspec.structs.replace(SHOP, custom_fields=fields)

    (read_line,) = webhook_to_canonical(body_of(line_items=[line]), shop).data.line_items

    assert [(one.name, one.value) for one in read_line.options] == [("Size", "M")]
    assert [field.value for field in read_line.custom_fields] == [7]


def test_the_source_of_a_rate_is_no_carrier() -> None:
    body = body_of(shipping_lines=[{"title": "Post", "price": "4.00", "source": "shopify"}])

    assert [line.carrier for line in read(FULL).shipping_lines] == [None]
    assert [line.carrier for line in webhook_to_canonical(body, SHOP).data.shipping_lines] == [None]
