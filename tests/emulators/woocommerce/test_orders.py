"""Orders: statuses, what the shop works out, refunds, lists; faults and drift in the shop's own words."""

import json
from pathlib import Path
from typing import Any

import pytest

from .conftest import Shop, code_of

MUG = {"product_id": 11, "quantity": 2}


def test_an_order_is_what_was_recorded(shop: Shop, shared_folder: Path) -> None:
    folder = shared_folder / "vendor-samples/woocommerce/order"
    recorded = json.loads((folder / "get-order-completed-with-refund-lines-v10.7.json").read_bytes())
    made = shop.post("/orders", line_items=[MUG])
    unknown = {"payment_url", "is_editable", "needs_payment", "needs_processing"}  # answers to questions, no facts
    assert recorded.keys() - unknown == made.keys()
    assert made["line_items"][0].keys() | {"global_unique_id"} == recorded["line_items"][0].keys()
    assert made["billing"].keys() == recorded["billing"].keys()
    id = made["id"]
    shop.put(f"/orders/{id}", status="completed")
    shop.post(f"/orders/{id}/refunds", amount="1.00", reason="Test refund")
    stub = shop.get(f"/orders/{id}")["refunds"][0]
    assert stub | {"id": 48} == recorded["refunds"][0]


def test_the_shop_works_out_the_totals(shop: Shop) -> None:
    shop.set(woocommerce_calc_taxes="yes")
    order = shop.post(
        "/orders",
        line_items=[MUG, {"sku": "SCARF-BLUE", "quantity": 1, "total": "40.00"}],
        shipping_lines=[{"method_id": "flat_rate", "method_title": "Post", "total": "5.00"}],
        fee_lines=[{"name": "Wrap", "total": "1.00", "tax_status": "none"}],
    )
    assert [(one["subtotal"], one["total"], one["total_tax"]) for one in order["line_items"]] == [
        ("39.80", "39.80", "7.56"),
        ("45.00", "40.00", "7.60"),
    ]
    assert (order["discount_total"], order["shipping_tax"], order["total_tax"]) == ("5.00", "0.95", "16.11")
    assert order["total"] == "101.91"
    assert (order["line_items"][1]["product_id"], order["line_items"][1]["variation_id"]) == (12, 13)


@pytest.mark.parametrize(("currency", "decimals", "total"), [("JPY", "0", "40"), ("KWD", "3", "39.800")])
def test_sums_have_the_decimals_that_the_shop_is_set_to(shop: Shop, currency: str, decimals: str, total: str) -> None:
    shop.set(woocommerce_currency=currency, woocommerce_price_num_decimals=decimals)
    order = shop.post("/orders", line_items=[MUG])
    assert (order["currency"], order["total"]) == (currency, total)


def test_coupons_take_off_what_they_are_worth(shop: Shop) -> None:
    shop.emulators.place("woocommerce", "coupons", {"code": "ten", "discount_type": "fixed_cart", "amount": "10"})
    order = shop.post("/orders", line_items=[MUG, {"product_id": 13}], coupon_lines=[{"code": "TEN"}])
    assert (order["discount_total"], order["coupon_lines"][0]["discount"], order["total"]) == (
        "10.00",
        "10.00",
        "74.80",
    )
    refused = shop.http.post("/orders", json={"coupon_lines": [{"code": "none"}]})
    assert code_of(refused) == (400, "woocommerce_rest_invalid_coupon")


def test_a_line_keeps_meta_and_a_variation_brings_its_own(shop: Shop) -> None:
    chosen = [{"key": "Engraving", "value": "For Ann"}, {"key": "_cart", "value": 7}]
    order = shop.post("/orders", line_items=[{"variation_id": 13, "quantity": 1, "meta_data": chosen}, MUG])
    lines = [
        (one["key"], one["value"], one["display_key"], one["display_value"])
        for one in order["line_items"][0]["meta_data"]
    ]
    assert lines == [
        ("pa_color", "blue", "Color", "Blue"),
        ("Engraving", "For Ann", "Engraving", "For Ann"),
        ("_cart", "7", "_cart", "7"),
    ]
    assert order["line_items"][1]["meta_data"] == []
    line = {"id": order["line_items"][0]["id"], "meta_data": [{"key": "Engraving", "value": None}]}
    changed = shop.put(f"/orders/{order['id']}", line_items=[line])
    assert [one["key"] for one in changed["line_items"][0]["meta_data"]] == ["pa_color", "_cart"]


def test_a_status_that_means_paid_notes_when(shop: Shop) -> None:
    order = shop.post("/orders", line_items=[MUG])
    assert (order["status"], order["date_paid"], order["created_via"]) == ("pending", None, "rest-api")
    paid = shop.put(f"/orders/{order['id']}", status="processing")
    assert paid["date_paid_gmt"]
    assert paid["date_completed_gmt"] is None
    done = shop.put(f"/orders/{order['id']}", status="wc-completed")
    assert (done["status"], done["date_paid_gmt"]) == ("completed", paid["date_paid_gmt"])
    back = shop.put(f"/orders/{order['id']}", status="pending")
    assert back["date_paid_gmt"] == paid["date_paid_gmt"]
    assert shop.post("/orders", set_paid=True)["status"] == "processing"
    cash = shop.post("/orders", payment_method="cod", status="processing")
    assert cash["date_paid_gmt"] is None
    assert shop.put(f"/orders/{cash['id']}", status="completed")["date_paid_gmt"]
    assert shop.post("/orders", payment_method="cod", set_paid=True)["status"] == "completed"


@pytest.mark.parametrize(
    ("body", "refusal"),
    [
        ({"status": "new"}, (400, "rest_invalid_param")),
        ({"currency": "euro"}, (400, "rest_invalid_param")),
        ({"customer_id": 99}, (400, "woocommerce_rest_invalid_customer_id")),
        ({"customer_id": "2"}, (400, "rest_invalid_param")),
        ({"billing": {"email": ""}}, (400, "rest_invalid_param")),
        ({"line_items": [{"name": "Free", "total": "1"}]}, (400, "woocommerce_rest_required_product_reference")),
        ({"line_items": [{"product_id": 99}]}, (400, "order_item_product_invalid_product_id")),
        ({"line_items": [{"variation_id": 99}]}, (400, "order_item_product_invalid_variation_id")),
        ({"line_items": [{"product_id": 11, "quantity": 1.5}]}, (400, "rest_invalid_param")),
        ({"line_items": [{"product_id": 11, "total": 5}]}, (400, "rest_invalid_param")),
        ({"shipping_lines": [{"total": "1"}]}, (400, "woocommerce_rest_invalid_shipping_item")),
        ({"customer_note": 5}, (400, "rest_invalid_param")),
    ],
)
def test_what_a_shop_does_not_take_leaves_nothing(shop: Shop, body: dict[str, Any], refusal: tuple[int, str]) -> None:
    assert code_of(shop.http.post("/orders", json=body)) == refusal
    assert shop.get("/orders") == []
    assert shop.post("/orders", billing={"email": None})["billing"]["email"] == ""


def test_lines_without_an_id_are_added_and_those_with_one_are_changed(shop: Shop) -> None:
    order = shop.post("/orders", line_items=[MUG])
    line = order["line_items"][0]["id"]
    twice = shop.put(f"/orders/{order['id']}", line_items=[MUG])
    assert (len(twice["line_items"]), twice["total"]) == (2, "79.60")
    changed = shop.put(f"/orders/{order['id']}", line_items=[{"id": line, "quantity": 1}])
    assert changed["total"] == "59.70"
    less = shop.put(f"/orders/{order['id']}", line_items=[{"id": line, "product_id": None}])
    assert [one["id"] for one in less["line_items"]] != [line]
    for id in (99999, [None]):
        other = shop.http.put(f"/orders/{order['id']}", json={"line_items": [{"id": id}]})
        assert code_of(other) == (400, "woocommerce_rest_invalid_item_id")


def test_refunds_are_records_of_their_own_and_the_last_one_ends_the_order(shop: Shop) -> None:
    order = shop.post("/orders", line_items=[MUG], status="completed")
    id, line = order["id"], order["line_items"][0]["id"]
    part = {"id": line, "quantity": 1, "refund_total": "19.90"}
    refund = shop.post(f"/orders/{id}/refunds", line_items=[part], reason="Chipped")
    assert (refund["amount"], refund["line_items"][0]["quantity"], refund["line_items"][0]["total"]) == (
        "19.90",
        -1,
        "-19.90",
    )
    assert refund["line_items"][0]["meta_data"][0]["value"] == str(line)
    assert shop.get(f"/orders/{id}")["status"] == "completed"
    odd = shop.http.post(f"/orders/{id}/refunds", json={"line_items": True})
    assert code_of(odd) == (400, "rest_invalid_param")
    too_much = shop.http.post(f"/orders/{id}/refunds", json={"amount": "19.91"})
    assert code_of(too_much) == (500, "woocommerce_rest_cannot_create_order_refund")
    shop.post(f"/orders/{id}/refunds", amount="19.90")
    assert shop.get(f"/orders/{id}")["status"] == "refunded"
    assert [one["amount"] for one in shop.get(f"/orders/{id}/refunds")] == ["19.90", "19.90"]
    assert shop.get(f"/orders/{id}/refunds/{refund['id']}") == refund


def test_deleted_orders_go_to_the_bin_first(shop: Shop) -> None:
    id = shop.post("/orders")["id"]
    assert shop.http.delete(f"/orders/{id}").json()["status"] == "trash"
    assert shop.get("/orders") == []
    assert [one["id"] for one in shop.get("/orders", status="trash")] == [id]
    assert code_of(shop.http.delete(f"/orders/{id}")) == (410, "woocommerce_rest_already_trashed")
    assert shop.http.delete(f"/orders/{id}", params={"force": "true"}).status_code == 200
    assert code_of(shop.http.get(f"/orders/{id}")) == (404, "woocommerce_rest_shop_order_invalid_id")
    assert code_of(shop.http.put(f"/orders/{id}", json={})) == (400, "woocommerce_rest_shop_order_invalid_id")


def test_lists_are_bounded_by_time_and_neither_bound_is_in_them(shop: Shop) -> None:
    for at, id in enumerate((501, 502, 503)):
        times = {
            f"date_{name}{zone}": f"2026-05-01T09:30:0{at}" for name in ("created", "modified") for zone in ("", "_gmt")
        }
        shop.emulators.place("woocommerce", "orders", {"id": id, **times})
    window = {"modified_after": "2026-05-01T09:30:00", "dates_are_gmt": "true", "orderby": "modified", "order": "asc"}
    assert [one["id"] for one in shop.get("/orders", **window)] == [502, 503]
    assert [one["id"] for one in shop.get("/orders", before="2026-05-01T09:30:02", exclude="501,7")] == [502]
    assert [one["id"] for one in shop.get("/orders", include="503,501")] == [503, 501]
    assert shop.get("/orders", include="0") == []
    assert code_of(shop.http.get("/orders", params={"after": "soon"})) == (400, "rest_invalid_param")
    assert code_of(shop.http.get("/orders", params={"orderby": "colour"})) == (400, "rest_invalid_param")
