"""The sums of an order: what they follow from, what a change moves, and what they say of discounts and taxes."""

import msgspec
import pytest

from mappings.hubspot.order_r1 import ORDER
from mappings.hubspot.wire_order_v3 import OrderWrite
from mappings.hubspot.wire_v3 import Stub
from mappings.spec import VendorDrift

from .orders import FRESH, FULL, created, draft, mapped, of_lines, order, refused


def test_the_sums_of_a_new_order_follow_from_its_parts() -> None:
    lines = [{"name": "Mug", "quantity": "2", "unit_price": "19.90", "tax": "5.72"}]
    parts = {"discounts": [{"amount": "4", "code": "SPRING"}], "shipping_lines": [{"title": "Post", "price": "5"}]}

    net = draft(None, currency="EUR", line_items=lines, **parts).body.properties
    gross = draft(None, currency="EUR", line_items=lines, tax_inclusive=True, **parts).body.properties

    assert net == {
        "hs_currency_code": "EUR",
        "hs_discount_codes": "SPRING",
        "hs_subtotal_price": "39.80",
        "hs_order_discount": "4.00",
        "hs_shipping_cost": "5.00",
        "hs_tax": "5.72",
        "hs_total_price": "46.52",
    }
    assert gross["hs_total_price"] == "40.80"
    assert mapped(order(**net)).data.tax_inclusive is False
    assert mapped(order(**gross)).data.tax_inclusive is True


@pytest.mark.parametrize(
    ("sums", "off"),
    [(("44.80", "44.80", "0"), "2.00"), (("46.80", "45.80", "1"), "1.00"), (("44.80", "41.80", "5"), "5.00")],
)
def test_discounts_of_lines_count_if_the_total_is_after_them(sums: tuple[str, str, str], off: str) -> None:
    lines = {"1": {"quantity": "2", "price": "19.90", "amount": "37.80"}, "2": {"quantity": "1", "price": "7"}}
    stubs = {id: Stub(id=id, properties={"name": "Mug", **one}) for id, one in lines.items()}
    subtotal, total, discount = sums
    stored = order(hs_currency_code="EUR", hs_subtotal_price=subtotal, hs_total_price=total, hs_order_discount=discount)
    read = ORDER.to_canonical(of_lines(stored, *stubs), msgspec.structs.replace(FRESH, line_items=stubs))

    assert (read.data.totals.items, read.data.totals.discount, read.data.totals.total) == ("46.80", off, total)
    assert [one.amount for one in read.data.discounts] == [off]
    assert read.loss == ()


def test_a_disputed_order_was_paid() -> None:
    totals = mapped(order(hs_payment_status="disputed", hs_total_price="9.80", hs_currency_code="EUR")).data.totals

    assert (totals.paid, totals.outstanding) == ("9.80", "0.00")


def test_sums_that_do_not_add_up_are_reported_and_kept() -> None:
    read = mapped(order(hs_currency_code="EUR", hs_subtotal_price="10", hs_total_price="12"))

    assert (read.data.totals.items, read.data.totals.total) == ("10.00", "12.00")
    assert [(one.path, one.kind) for one in read.loss] == [("/totals/total", "ambiguous")]


def test_a_subtotal_may_be_before_or_after_discounts() -> None:
    sums = {"hs_currency_code": "EUR", "hs_order_discount": "4", "hs_shipping_cost": "5", "hs_tax": "0"}

    before = mapped(order(**sums, hs_subtotal_price="39.80", hs_total_price="40.80"))
    after = mapped(order(**sums, hs_subtotal_price="35.80", hs_total_price="40.80"))

    assert before.data.totals == after.data.totals
    assert before.loss == after.loss == ()


@pytest.mark.parametrize("name", ["hs_total_price", "hs_tax", "hs_external_created_date"])
def test_a_value_of_another_kind_is_drift(name: str) -> None:
    with pytest.raises(VendorDrift):
        mapped(order(**{name: "a lot"}))


def test_a_change_of_shipping_or_discount_moves_the_total() -> None:
    cheaper = draft(FULL, shipping_lines=[{"title": "Post", "price": "2.50"}]).body.properties
    dearer = draft(FULL, discounts=[]).body.properties

    assert cheaper == {"hs_shipping_cost": "2.50", "hs_total_price": "43.30"}
    assert dearer == {"hs_discount_codes": "", "hs_order_discount": "0.00", "hs_total_price": "49.80"}
    same = draft(FULL, shipping_lines=[{"title": "Post", "price": "5"}])
    assert (same.body.properties, same.refused) == ({}, ())


def test_a_change_has_no_more_digits_than_the_currency_of_the_order() -> None:
    """The body need not name the currency."""
    assert refused(FULL, discounts=[{"amount": "1.234"}]) == {"/discounts/0/amount": "invalid"}
    assert refused(FULL, shipping_lines=[{"price": "5"}, {"price": "2.505"}]) == {"/shipping_lines/1/price": "invalid"}


def test_the_tax_of_shipping_is_that_of_the_order_or_refused() -> None:
    charges = [{"title": "Post", "price": "2.50", "tax": "0.50"}, {"title": "Crate", "price": "1.00", "tax": "0.20"}]

    other = draft(FULL, shipping_lines=charges)
    record, account = created(draft(None, currency="EUR", shipping_lines=charges).body)
    again = draft(record, account, shipping_lines=charges)

    assert other.body.properties == {"hs_shipping_cost": "3.50", "hs_total_price": "44.30"}
    assert [one.pointer for one in other.refused] == ["/shipping_lines/0/tax", "/shipping_lines/1/tax"]
    assert (again.body.properties, again.refused) == ({}, ())


@pytest.mark.parametrize("tax_inclusive", [True, False])
def test_a_sum_that_is_rounded_tells_whether_prices_include_tax(tax_inclusive: bool) -> None:
    """The lines add up to a half of the smallest unit."""
    line = {"name": "Cloth", "quantity": "1.5", "unit_price": "85", "tax": "6"}
    written = draft(
        None,
        currency="JPY",
        tax_inclusive=tax_inclusive,
        line_items=[line],
        discounts=[{"code": "SPRING", "amount": "1"}],
    )

    assert mapped(*created(written.body)).data.tax_inclusive is tax_inclusive


def test_the_currency_of_an_order_is_fixed() -> None:
    assert refused(FULL, currency="CHF", tax_inclusive=True) == {
        "/currency": "unsupported",
        "/tax_inclusive": "unsupported",
    }
    assert draft(FULL, currency="EUR", tax_inclusive=False).body == OrderWrite(properties={})
    assert draft(order(), currency="EUR").body.properties == {"hs_currency_code": "EUR"}


def test_a_free_charge_is_lost() -> None:
    free, paid = {"title": "Pick-up", "price": "0.00"}, {"price": "5"}
    lines = [{"name": "Mug", "quantity": "1", "unit_price": "4"}]

    def lost(*charges: dict[str, str]) -> list[tuple[str, str]]:
        loss = draft(None, currency="EUR", line_items=lines, shipping_lines=charges).loss
        return [(one.path, one.kind) for one in loss]

    assert lost(free, free) == [("/shipping_lines/0", "dropped"), ("/shipping_lines/1", "dropped")]
    assert lost(paid) == []
    assert lost(paid, free) == [("/shipping_lines/1", "folded")]
