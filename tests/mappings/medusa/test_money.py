"""Sums of every currency, to the last digit. A mismatch is reported, and a mere rounding is reported as such."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canonical import codes, values
from mappings.medusa.order_r1 import ORDER

from .conftest import ACCOUNT, encoded, parsed_golden

CURRENCIES = sorted(codes.minor_units())


def exact(amount: Decimal) -> dict[str, Any]:
    """A sum in the exact form that Medusa sends next to the float."""
    return {"value": format(amount, "f"), "precision": 20}


def order(currency: str, lines: list[tuple[int, Decimal]], shipping: Decimal, tax: Decimal) -> dict[str, Any]:
    """An order without discounts, whose sums add up."""
    record = parsed_golden("order-full")
    blank = record["items"][0] | {"detail": None, "adjustments": []}
    nothing = exact(Decimal(0))
    record["items"] = [
        blank
        | {
            "id": f"ordli_{place}",
            "raw_quantity": exact(Decimal(count)),
            "raw_unit_price": exact(price),
            "raw_subtotal": exact(count * price),
            "raw_total": exact(count * price),
            "raw_tax_total": nothing,
            "raw_discount_subtotal": nothing,
            "raw_discount_total": nothing,
        }
        for place, (count, price) in enumerate(lines)
    ]
    items = sum((count * price for count, price in lines), Decimal(0))
    return record | {
        "currency_code": currency.lower(),
        "payment_status": "not_paid",
        "shipping_methods": [],
        "payment_collections": [],
        "credit_lines": [],
        "credit_line_total": 0,
        "summary": {"raw_paid_total": nothing, "raw_refunded_total": nothing},
        "item_subtotal": float(items),
        "original_item_total": float(items),
        "discount_subtotal": 0,
        "discount_total": 0,
        "original_shipping_subtotal": float(shipping),
        "original_shipping_total": float(shipping),
        "tax_total": float(tax),
        "total": float(items + shipping + tax),
    }


@given(data=st.data(), currency=st.sampled_from(CURRENCIES))
def test_no_cent_is_lost_or_invented_in_any_currency(data: st.DataObject, currency: str) -> None:
    digits = values.currency_digits(currency)
    amounts = st.integers(0, 10**9).map(lambda minor: Decimal(minor).scaleb(-digits))
    lines = data.draw(st.lists(st.tuples(st.integers(1, 999), amounts), min_size=1, max_size=5))
    shipping, tax = data.draw(amounts), data.draw(amounts)
    mapped = ORDER.read(encoded(order(currency, lines, shipping, tax)), ACCOUNT)
    items = sum((count * price for count, price in lines), Decimal(0))
    totals = mapped.data.totals
    assert [Decimal(line.total) for line in mapped.data.line_items] == [count * price for count, price in lines]
    assert (Decimal(totals.items), Decimal(totals.shipping), Decimal(totals.tax)) == (items, shipping, tax)
    assert Decimal(totals.total) == Decimal(totals.outstanding) == items + shipping + tax
    assert not [loss for loss in mapped.loss if loss.path.startswith("/totals")]
    for amount in (totals.items, totals.total, mapped.data.line_items[0].unit_price):
        assert len(amount.partition(".")[2]) == digits


@pytest.mark.parametrize("member", ["total", "item_subtotal", "original_shipping_subtotal", "discount_subtotal"])
def test_sums_that_do_not_add_up_are_kept_and_reported(member: str) -> None:
    record = order("EUR", [(2, Decimal("19.90"))], Decimal("4.50"), Decimal("8.86"))
    record[member] += 1
    mapped = ORDER.read(encoded(record), ACCOUNT)
    assert {(loss.path, loss.kind) for loss in mapped.loss if loss.path.startswith("/totals")} >= {
        ("/totals/total", "ambiguous")
    }


def test_fractions_of_a_cent_are_rounded_and_reported() -> None:
    record = order("EUR", [(3, Decimal("0.333"))], Decimal("4.505"), Decimal("0.8765"))
    mapped = ORDER.read(encoded(record), ACCOUNT)
    assert (mapped.data.line_items[0].unit_price, mapped.data.line_items[0].total) == ("0.333", "1.00")
    assert mapped.data.totals.total == "6.38"
    assert [(loss.path, loss.kind) for loss in mapped.loss if loss.path.startswith("/totals")] == [
        ("/totals", "coerced")
    ]


def test_numbers_may_be_text_and_digits_numbers() -> None:
    """Both are what plugins write; Medusa itself takes either (`BigNumberRawValue`)."""
    record = parsed_golden("order-full")
    before = ORDER.read(encoded(record), ACCOUNT)
    record["total"] = str(record["total"])
    for line in record["items"]:
        line["raw_unit_price"]["value"] = float(line["raw_unit_price"]["value"])
    assert ORDER.read(encoded(record), ACCOUNT) == before
    record["items"][0]["title"] = record["items"][0]["variant_title"] = None
    assert ORDER.read(encoded(record), ACCOUNT).data.line_items[0].name == ""


def test_a_price_keeps_the_digits_of_its_text() -> None:
    record = order("EUR", [(1, Decimal("123456789012.123456789"))], Decimal(0), Decimal(0))
    assert ORDER.read(encoded(record), ACCOUNT).data.line_items[0].unit_price == "123456789012.123456789"


def test_credit_counts_as_paid_unless_a_refund_is_behind_it() -> None:
    record = order("EUR", [(1, Decimal("10.00"))], Decimal(0), Decimal(0))
    record |= {
        "total": 3.5,
        "credit_line_total": 6.5,
        "credit_lines": [
            {"reference": "payment_collection", "raw_amount": exact(Decimal("4.5"))},
            {"reference": "voucher", "raw_amount": exact(Decimal("2"))},
        ],
        "summary": {"raw_paid_total": exact(Decimal("8")), "raw_refunded_total": exact(Decimal("4.5"))},
    }
    totals = ORDER.read(encoded(record), ACCOUNT).data.totals
    assert (totals.total, totals.paid, totals.refunded, totals.outstanding) == ("10.00", "10.00", "4.50", "0.00")


def ambiguous(record: dict[str, Any]) -> list[str]:
    """Where the figures of an order contradict each other."""
    return [loss.path for loss in ORDER.read(encoded(record), ACCOUNT).loss if loss.kind == "ambiguous"]


@pytest.mark.parametrize(
    ("word", "paid", "refunded", "wrong"),
    [
        ("captured", "10", "0", []),
        ("captured", "0", "0", ["/totals/paid"]),
        ("partially_refunded", "10", "12", ["/totals/refunded"]),
        ("refunded", "10", "0", ["/totals/refunded"]),
    ],
)
def test_a_state_that_its_sums_contradict_is_ambiguous(word: str, paid: str, refunded: str, wrong: list[str]) -> None:
    record = order("EUR", [(1, Decimal(10))], Decimal(0), Decimal(0)) | {
        "payment_status": word,
        "summary": {"raw_paid_total": exact(Decimal(paid)), "raw_refunded_total": exact(Decimal(refunded))},
    }

    assert ambiguous(record) == wrong


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "canceled", "canceled_at": "2026-11-25T18:40:00.000Z"},
        {"status": "archived", "canceled_at": "2026-11-25T18:40:00.000Z"},
        {"payment_status": "canceled"},
    ],
)
def test_a_void_order_has_nothing_outstanding(changes: dict[str, Any]) -> None:
    record = order("EUR", [(1, Decimal(10))], Decimal(0), Decimal(0)) | changes
    totals = ORDER.read(encoded(record), ACCOUNT).data.totals

    assert (totals.total, totals.outstanding) == ("10.00", "0.00")
    assert ambiguous(record) == []


def test_the_taxes_of_the_lines_are_the_tax() -> None:
    record = order("EUR", [(1, Decimal(10))], Decimal(0), Decimal("1.90"))
    (line,) = record["items"]

    assert ambiguous(record | {"items": [line | {"raw_tax_total": exact(Decimal("1.9"))}]}) == []
    assert ambiguous(record | {"items": [line | {"raw_tax_total": exact(Decimal("2.9"))}]}) == ["/totals/tax"]
