"""A new order adds up to the total that was sent, or it is refused before anything is sent."""

from typing import Any

import pytest

from tests.contract.callers import Caller, expect, pointers
from tests.contract.emulators import Emulators
from tests.contract.samples import KINDS, word

ORDERS = ["hubspot order", "shopify order"]
SHIPPED = {"shipping_lines": [{"title": "Post", "price": "4.90", "tax": "0.93"}], "tax_inclusive": True}
TAXED = {"tax_inclusive": False}


def taxed(body: dict[str, Any]) -> dict[str, Any]:
    return body | TAXED | {"line_items": [{**line, "tax": "7.56"} for line in body["line_items"]]}


@pytest.mark.parametrize("name", ORDERS)
def test_an_order_that_adds_up_to_another_total_is_refused(caller: Caller, vendors: Emulators, name: str) -> None:
    kind, mark = KINDS[name], word()
    body = kind.sample(mark) | {"totals": {"total": "45.00", "discount": "0.00"}}

    answer = expect(caller.write("POST", kind.collection, body), 422, "unsupported-field")
    assert pointers(answer) == ["/totals/total"]
    assert "39.80" in answer.json()["errors"][0]["detail"]
    assert not vendors.records(kind.connection, kind.held_as, holding=mark)

    made = caller.create(f"{kind.collection}&loss=any", body)
    assert [lost["kind"] for lost in made["meta"]["loss"] if lost["path"] == "/totals/total"] == ["coerced"]


@pytest.mark.parametrize("name", ORDERS)
@pytest.mark.parametrize("total", ["39.80", "39.8", "039.800"])
def test_totals_are_compared_as_numbers(caller: Caller, name: str, total: str) -> None:
    kind = KINDS[name]
    made = caller.create(kind.collection, kind.sample() | {"totals": {"total": total}})
    assert made["totals"]["total"] == "39.80"
    assert "/totals" in made["meta"]["ignored"]


@pytest.mark.parametrize("name", ORDERS)
def test_shipping_and_taxes_count(caller: Caller, name: str) -> None:
    kind = KINDS[name]
    shipped = kind.sample() | SHIPPED
    assert caller.create(kind.collection, shipped | {"totals": {"total": "44.70"}})["totals"]["total"] == "44.70"
    answer = caller.write("POST", kind.collection, taxed(kind.sample()) | {"totals": {"total": "39.80"}})
    assert pointers(answer) == ["/totals/total"]


@pytest.mark.parametrize(
    ("totals", "pointer"),
    [
        ({"total": 45}, "/totals/total"),
        ({"total": "a lot"}, "/totals/total"),
        ({"total": "1e2"}, "/totals/total"),
        ({"total": "45,00"}, "/totals/total"),
        ({"tip": 1.1}, "/totals/tip"),
        ("45.00", "/totals"),
    ],
)
def test_a_total_that_is_no_amount_is_refused(caller: Caller, totals: Any, pointer: str) -> None:
    kind = KINDS["hubspot order"]
    answer = expect(caller.write("POST", kind.collection, kind.sample() | {"totals": totals}), 422, "invalid-field")
    assert pointers(answer) == [pointer]


@pytest.mark.parametrize("totals", [None, [], {"total": None}])
def test_a_total_that_says_nothing_is_ignored(caller: Caller, totals: Any) -> None:
    kind = KINDS["hubspot order"]
    assert caller.create(kind.collection, kind.sample() | {"totals": totals})["meta"]["ignored"] == ["/totals"]


def test_without_a_total_the_parts_are_the_sum(caller: Caller) -> None:
    """Shopify has one discount, HubSpot and Shopify have no fees: both hold the sum of the body."""
    parts = SHIPPED | {
        "discounts": [{"code": "A", "amount": "4.00"}, {"code": "B", "amount": "1.00"}],
        "fees": [{"name": "Cash on delivery", "amount": "3.00"}],
    }
    for name in ORDERS:
        kind = KINDS[name]
        made = caller.create(kind.collection, kind.sample() | parts)
        assert made["totals"]["total"] == "42.70"
        announced = {one["path"]: one.get("place") for one in made["meta"]["loss"]}
        # The line is marked at Shopify, so it reads as the fee.
        fees, kept = [one["name"] for one in made["fees"]], name == "shopify order"
        assert announced["/fees/0"] == (None if kept else "/line_items/1")
        assert fees == (["Cash on delivery"] if kept else [])


def test_an_order_without_lines_adds_up_too(caller: Caller, vendors: Emulators) -> None:
    kind, mark = KINDS["hubspot order"], word()
    body = kind.sample(mark) | {"line_items": [], "shipping_lines": SHIPPED["shipping_lines"]}
    answer = caller.write("POST", kind.collection, body | {"totals": {"total": "45.00"}})

    assert pointers(answer) == ["/totals/total"]
    assert not vendors.records(kind.connection, kind.held_as, holding=mark)


def test_a_tip_is_carried_as_a_fee_or_a_line(caller: Caller) -> None:
    kind = KINDS["hubspot order"]
    made = caller.create(kind.collection, kind.sample() | {"totals": {"tip": "5.00", "total": "44.80"}})

    assert made["totals"]["total"] == "44.80"
    assert ("/totals/tip", "/line_items/1") in [(one["path"], one.get("place")) for one in made["meta"]["loss"]]
    answer = caller.write("POST", f"{kind.collection}&loss=none", kind.sample() | {"totals": {"tip": "5.00"}})
    assert "/totals/tip" in pointers(answer)


def test_the_total_of_a_record_that_does_not_add_up_counts(caller: Caller) -> None:
    kind = KINDS["hubspot order"]
    body = kind.sample() | {"totals": {"total": "41.00"}}
    assert pointers(caller.write("POST", kind.collection, body)) == ["/totals/total"]

    loss = [{"path": "/totals/total", "kind": "ambiguous", "detail": "they do not add up"}]
    made = caller.create(kind.collection, body | {"meta": {"connection": "export", "loss": loss}})
    assert made["totals"]["total"] == "41.00"
    assert ("/totals/total", "folded") in [(one["path"], one["kind"]) for one in made["meta"]["loss"]]


@pytest.mark.parametrize(("tax", "off", "total"), [(None, "9.80", "30.00"), ("-1.86", "11.66", "28.14")])
def test_negative_lines_are_discounts(caller: Caller, tax: str | None, off: str, total: str) -> None:
    kind = KINDS["hubspot order"]
    voucher = {"name": "Voucher", "quantity": "1", "unit_price": "-9.80", "tax": tax}
    made = caller.create(kind.collection, kind.sample() | {"line_items": [voucher, *kind.sample()["line_items"]]})

    assert (made["totals"]["discount"], made["totals"]["total"]) == (off, total)
    assert ("/line_items/0", "/discounts/0") in [(one["path"], one.get("place")) for one in made["meta"]["loss"]]
