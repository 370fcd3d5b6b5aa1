"""A new order adds up to the total that was sent, or it is refused before anything is sent."""

from typing import Any

import pytest

from tests.contract.callers import Caller, code_of, pointers
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

    answer = caller.write("POST", kind.collection, body)

    assert code_of(answer, 422) == "unsupported-field"
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


@pytest.mark.parametrize("totals", [None, [], {"total": None}, {"total": 45}, {"total": "a lot"}])
def test_a_total_that_is_no_amount_is_ignored(caller: Caller, totals: Any) -> None:
    kind = KINDS["hubspot order"]
    assert caller.create(kind.collection, kind.sample() | {"totals": totals})["meta"]["ignored"] == ["/totals"]
