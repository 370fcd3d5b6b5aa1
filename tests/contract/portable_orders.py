"""The orders that are carried from every system to every other: nine ordinary ones, and rich ones.

Each is made at its source from a body here, read there, and sent on as it was read.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from tests.contract.samples import Body

Make = Callable[[str], Body]
"""A body that holds the mark."""
COLLECTED: Final = ("paid",)
"""Ordinary orders whose money a system that collects money would have to collect again."""
STREET: Final = {"line1": "Uferweg 3", "city": "Berlin", "postal_code": "10115", "country_code": "DE"}
HARBOUR: Final = {"line1": "12 Harbour Street", "line2": "2nd floor", "city": "Bristol", "postal_code": "BS1 4RN"}


def line(name: str, quantity: str, price: str, **more: Any) -> Body:
    """A line of an order."""
    return {"name": name, "quantity": quantity, "unit_price": price, **more}


def order(mark: str, *lines: Body, **more: Any) -> Body:
    """An order in EUR of a buyer whom no system knows; of two mugs unless it says of what."""
    buyer = {"email": f"{mark}@example.com", "name": f"Ada {mark}"}
    mugs = line("Mug", "2", "19.90", sku=f"MUG-{mark}")
    return {"status": "open", "currency": "EUR", "customer": buyer, "line_items": list(lines) or [mugs], **more}


def addressed(mark: str) -> Body:
    """The two addresses of an order."""
    return {
        "billing_address": {**HARBOUR, "country_code": "GB", "name": f"Ada {mark}", "company": "Lee Ceramics"},
        "shipping_address": {**STREET, "name": f"Ben {mark}"},
    }


ORDINARY: Final[Mapping[str, Make]] = {
    "one line": order,
    "several lines": lambda mark: order(
        mark,
        line("Mug", "2", "19.90", sku=f"MUG-{mark}"),
        line("Plate", "1", "7.00", sku=f"PLATE-{mark}"),
        line("Engraving", "12", "0.45"),
    ),
    "with addresses": lambda mark: order(mark, **addressed(mark)),
    "with a known product": lambda mark: order(mark, line("Thread, blue", "3", "19.90", sku="THR-BLUE")),
    "draft": lambda mark: order(mark, status="draft"),
    "fulfilled": lambda mark: order(mark, fulfillment_status="fulfilled"),
    "completed": lambda mark: order(mark, status="completed", placed_at="2026-11-02T09:30:00Z"),
    "paid": lambda mark: order(mark, payment_status="paid"),
    "with notes": lambda mark: order(mark, external_id=f"key-{mark}", customer_note="Ring twice.", tags=["gift"]),
}
RICH: Final[Mapping[str, Make]] = {
    "discount": lambda mark: order(mark, discounts=[{"code": "SPRING", "amount": "5.00"}]),
    "two discounts": lambda mark: order(
        mark,
        line("Mug", "3", "19.90", sku=f"MUG-{mark}"),
        line("Plate", "1", "7.00"),
        discounts=[{"code": "SPRING", "amount": "5.00"}, {"label": "Loyal buyer", "amount": "1.33"}],
    ),
    "discount beyond the lines": lambda mark: order(
        mark, shipping_lines=[{"title": "Post", "price": "9.90"}], discounts=[{"amount": "45.00"}]
    ),
    "free": lambda mark: order(mark, discounts=[{"code": "FULL", "amount": "39.80"}]),
    "shipping": lambda mark: order(mark, shipping_lines=[{"title": "Post", "price": "4.90"}]),
    "two shipping lines": lambda mark: order(
        mark, shipping_lines=[{"title": "Post", "price": "4.90"}, {"title": "Insurance", "price": "1.10"}]
    ),
    "tax added": lambda mark: order(mark, line("Mug", "2", "19.90", tax="7.56"), tax_inclusive=False),
    "tax included": lambda mark: order(mark, line("Mug", "2", "19.90", tax="6.35"), tax_inclusive=True),
    "fee": lambda mark: order(mark, fees=[{"name": "Cash on delivery", "amount": "2.50"}]),
    "tip": lambda mark: order(mark, totals={"items": "39.80", "tip": "4.00", "total": "43.80"}),
    "percentage": lambda mark: order(
        mark, line("Mug", "3", "19.90"), discounts=[{"code": "TEN", "type": "percentage", "amount": "5.97"}]
    ),
    "free shipping": lambda mark: order(
        mark,
        shipping_lines=[{"title": "Post", "price": "4.90"}],
        discounts=[{"code": "FREE", "type": "shipping", "amount": "4.90"}],
    ),
    "taxed shipping": lambda mark: order(
        mark,
        line("Mug", "1", "10.00", tax="1.90"),
        shipping_lines=[{"title": "Post", "price": "5.00", "tax": "0.95"}],
        tax_inclusive=False,
    ),
    "taxed fee": lambda mark: order(
        mark, fees=[{"name": "Cash on delivery", "amount": "2.00", "tax": "0.38"}], tax_inclusive=False
    ),
    "small prices": lambda mark: order(mark, line("Screw", "3", "0.333"), line("Mug", "1", "10.00")),
    "many lines": lambda mark: order(mark, *(line(f"Part {n}", str(n % 4 + 1), f"{n}.49") for n in range(1, 26))),
    "free line": lambda mark: order(mark, line("Mug", "1", "19.90"), line("Sticker", "2", "0.00")),
    "negative line": lambda mark: order(mark, line("Mug", "1", "19.90"), line("Deposit", "1", "-3.00")),
    "options": lambda mark: order(
        mark, line("Mug", "2", "19.90", options=[{"name": "Colour", "value": "blue"}, {"name": "Size", "value": "L"}])
    ),
    "guest": lambda mark: order(mark, is_guest=True, **addressed(mark)),
    "everything": lambda mark: order(
        mark,
        line("Mug", "3", "19.90", sku=f"MUG-{mark}", tax="11.34", options=[{"name": "Colour", "value": "blue"}]),
        line("Plate", "1", "7.00", tax="1.33"),
        discounts=[{"code": "SPRING", "amount": "5.00"}],
        shipping_lines=[{"title": "Post", "price": "4.90", "tax": "0.93"}],
        fees=[{"name": "Cash on delivery", "amount": "2.50"}],
        tax_inclusive=False,
        **addressed(mark),
    ),
}
