"""A vendor that computes its own sum: the difference is announced with the write, and kept while it lasts."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.contract.callers import Caller, expect, pointers
from tests.contract.emulators import Emulators
from tests.contract.facade import Facade
from tests.contract.own_facade import own_key
from tests.contract.portable_orders import line, order
from tests.contract.samples import word
from tests.contract.vendor_samples import SAMPLES, all_vendors

ORDERS = "/v1/orders?connection=woocommerce"


@pytest.fixture(scope="module")
def running_facade(tmp_path_factory: pytest.TempPathFactory, module_database_url: str) -> Iterator[Facade]:
    """A Lockstitch of this module, connected to every vendor. The shop adds its own tax of 19 %."""
    with all_vendors(tmp_path_factory.mktemp("sums"), module_database_url) as facade:
        facade.vendors.place("woocommerce", "settings", {"id": "woocommerce_calc_taxes", "value": "yes"})
        yield facade


full_key = own_key()


def other_total(order: dict[str, Any]) -> list[str]:
    """What the order says about a total that differs from the one that was sent."""
    return [one["detail"] for one in order["meta"]["loss"] if one["path"] == "/totals/total"]


def test_a_sum_of_the_vendor_is_announced_and_kept(caller: Caller, vendors: Emulators) -> None:
    made = caller.create(ORDERS, SAMPLES["woocommerce order"].body(word()))
    (sentence,) = other_total(made)
    (stored,) = [one for one in vendors.records("woocommerce", "orders") if str(one["id"]) == made["meta"]["remote_id"]]
    assert (stored["total"], made["totals"]["total"]) == ("47.36", "47.36")
    assert sentence == "the order adds up to 47.36 at WooCommerce, 39.80 was sent"

    assert other_total(caller.get(f"/v1/orders/{made['id']}").json()) == [sentence]
    page = caller.get(ORDERS).json()["data"]
    assert [other_total(one) for one in page if one["id"] == made["id"]] == [[sentence]]

    vendors.place("woocommerce", "orders", stored | {"fee_lines": [], "total": "50.00"})
    assert sentence not in other_total(caller.get(f"/v1/orders/{made['id']}").json())


def test_a_test_order_goes_over_where_nothing_is_production(caller: Caller) -> None:
    made = caller.create("/v1/orders?connection=stripe", SAMPLES["stripe order"].body(word()))
    assert made["is_test"] is True
    answer = expect(caller.write("POST", f"/v1/orders/{made['id']}/copies", {"connection": "hubspot"}), 201).json()
    assert "/is_test" in [one["path"] for one in answer["meta"]["loss"]]


def test_a_copy_says_so_too(caller: Caller, vendors: Emulators) -> None:
    product = vendors.place("woocommerce", "products", {"name": "Mug", "sku": f"MUG-{word()}", "price": "19.90"})
    line = {"name": "Mug", "sku": product["sku"], "quantity": "2", "unit_price": "19.90"}
    made = caller.create(
        "/v1/orders?connection=shopify", SAMPLES["shopify order"].body(word()) | {"line_items": [line]}
    )
    answer = expect(caller.write("POST", f"/v1/orders/{made['id']}/copies", {"connection": "woocommerce"}), 201).json()
    (sentence,) = other_total(answer)
    assert "39.80 was sent" in sentence
    read = caller.get(f"/v1/orders/{made['id']}?connection=woocommerce").json()
    assert other_total(read) == [sentence]
    assert other_total(caller.get(f"/v1/orders/{made['id']}?connection=shopify").json()) == []


@pytest.mark.parametrize("target", ["shopify", "stripe", "woocommerce"])
def test_a_copy_whose_sum_cannot_follow_is_refused(caller: Caller, target: str) -> None:
    made = caller.create("/v1/orders?connection=hubspot", SAMPLES["hubspot order"].body(word()))
    path = f"/v1/orders/{made['id']}/copies"
    first = expect(caller.write("POST", path, {"connection": target}), 201).json()
    cheaper = {"discounts": [{"amount": "5.00"}]}
    changed = caller.write("PATCH", f"/v1/orders/{made['id']}?connection=hubspot", cheaper)
    assert changed.json()["totals"]["total"] == "34.80"

    for again in (
        caller.write("POST", path, {"connection": target}),
        caller.write("PATCH", f"/v1/orders/{made['id']}?connection={target}", cheaper),
    ):
        assert (again.status_code, pointers(again)) == (422, ["/totals/total"]), again.text
        assert "/discounts" in again.json()["detail"]
        # A key that may not read orders gets the problem too.
        assert first["totals"]["total"] not in again.text
    accepted = expect(caller.write("PATCH", f"/v1/orders/{made['id']}?connection={target}&loss=any", cheaper)).json()
    assert "/discounts" in [one["path"] for one in accepted["meta"]["loss"]]


@pytest.mark.parametrize("source", ["hubspot", "shopify"])
def test_a_copy_without_a_discount_that_its_target_keeps_is_refused(caller: Caller, source: str) -> None:
    """One order is made by the copy, with the discount within its lines. The other had the discount before."""
    target = "woocommerce" if source == "hubspot" else "hubspot"
    reduced = SAMPLES[f"{source} order"].body(word()) | {"discounts": [{"code": "SPRING", "amount": "5.00"}]}
    made = caller.create(f"/v1/orders?connection={source}", reduced)
    path = f"/v1/orders/{made['id']}"
    expect(caller.write("POST", f"{path}/copies?connection={source}", {"connection": target}), 201)
    changed = caller.write("PATCH", f"{path}?connection=hubspot", {"discounts": []})
    assert changed.json()["discounts"] == []
    order = {"connection": "shopify" if source == "shopify" else "woocommerce"}

    again = caller.write("POST", f"{path}/copies?connection=hubspot", order)
    assert (again.status_code, pointers(again)) == (422, ["/totals/total"]), again.text
    assert "discounts" in again.json()["detail"]
    expect(caller.write("POST", f"{path}/copies?connection=hubspot&loss=any", order))


def test_an_owner_s_copy_with_another_sum_can_be_copied_again(caller: Caller) -> None:
    """The shop that gets the copy has announced its own sum, and the owner of the order changes only the key."""
    taxed = order(word(), line("Mug", "3", "10.00", tax="5.70"), tax_inclusive=False)
    path = f"/v1/orders/{caller.create('/v1/orders?connection=shopify', taxed)['id']}"
    first = expect(caller.write("POST", f"{path}/copies?connection=shopify", {"connection": "woocommerce"}), 201).json()
    assert other_total(first)
    key = f"key-{word()}"
    expect(caller.write("PATCH", f"{path}?connection=shopify", {"external_id": key}))

    again = expect(caller.write("POST", f"{path}/copies?connection=shopify", {"connection": "woocommerce"})).json()
    assert again["external_id"] == key
    assert other_total(again)
    (computed,) = {one["totals"]["total"] for one in (first, again)}
    back = expect(caller.write("POST", f"{path}/copies?connection=woocommerce", {"connection": "shopify"})).json()
    assert other_total(back) == [f"the order adds up to 35.70 at Shopify, to {computed} at woocommerce"]


def test_a_state_that_a_shop_sets_itself_is_not_copied_back(caller: Caller) -> None:
    """HubSpot does not say whether the order is paid, and the shop begins with a state of its own."""
    path = f"/v1/orders/{caller.create('/v1/orders?connection=hubspot', order(word()))['id']}"
    there = caller.write("POST", f"{path}/copies?connection=hubspot", {"connection": "woocommerce"})
    assert (there.status_code, there.json()["payment_status"]) == (201, "unpaid"), there.text

    for state, copied in (("unpaid", "unknown"), ("paid", "paid")):
        expect(caller.write("PATCH", f"{path}?connection=woocommerce", {"payment_status": state}))
        back = caller.write("POST", f"{path}/copies?connection=woocommerce", {"connection": "hubspot"})
        assert (back.status_code, back.json()["payment_status"]) == (200, copied), back.text
