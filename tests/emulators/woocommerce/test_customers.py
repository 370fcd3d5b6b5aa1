"""Customers, as WooCommerce's documents and its controller have them; how one signs in, and how lists are paged."""

import json
from pathlib import Path

import httpx
import pytest

from .conftest import AUTH, Shop, code_of


def test_a_customer_is_what_was_recorded(shop: Shop, shared_folder: Path) -> None:
    recorded = json.loads((shared_folder / "vendor-samples/woocommerce/customer/get-customer-v10.7.json").read_bytes())
    made = shop.post("/customers", email="ann@example.com", meta_data=[{"key": "a", "value": "b"}])
    assert made.keys() == recorded.keys()
    for name in ("billing", "shipping"):
        assert made[name].keys() == recorded[name].keys()
    assert {name: type(value) for name, value in made.items()} == {
        name: type(value) for name, value in recorded.items()
    }
    assert made["meta_data"][0].keys() == recorded["meta_data"][0].keys()


def test_times_stand_in_the_shops_zone_and_as_gmt(shop: Shop) -> None:
    shop.set(gmt_offset="5.5")
    made = shop.post("/customers", email="ann@example.com")
    local, gmt = made["date_created"], made["date_created_gmt"]
    assert len(gmt) == len("2026-05-01T09:30:00")
    assert local != gmt
    assert local[-5:-3] != gmt[-5:-3]  # half an hour apart


@pytest.mark.parametrize(
    ("body", "refusal"),
    [
        ({}, (400, "rest_missing_callback_param")),
        ({"email": "nobody"}, (400, "rest_invalid_param")),
        ({"email": 7}, (400, "rest_invalid_param")),
        ({"email": "b@example.com", "first_name": 7}, (400, "rest_invalid_param")),
        ({"email": "b@example.com", "billing": {"email": ""}}, (400, "rest_invalid_param")),
        ({"email": "b@example.com", "billing": {"email": None}}, (400, "rest_invalid_param")),
        ({"email": "b@example.com", "billing": []}, (400, "rest_invalid_param")),
        ({"email": "b@example.com", "meta_data": {}}, (400, "rest_invalid_param")),
        ({"email": "ANN@example.com"}, (400, "registration-error-email-exists")),
        ({"email": "b@example.com", "username": "ann"}, (400, "registration-error-username-exists")),
        ({"email": "b@example.com", "id": 2}, (400, "woocommerce_rest_customer_exists")),
    ],
)
def test_what_a_shop_does_not_take(shop: Shop, body: dict[str, object], refusal: tuple[int, str]) -> None:
    shop.post("/customers", email="ann@example.com")
    assert code_of(shop.http.post("/customers", json=body)) == refusal
    assert len(shop.get("/customers")) == 1


def test_a_shop_that_makes_no_passwords_wants_one(shop: Shop) -> None:
    shop.set(woocommerce_registration_generate_password="no")
    answer = shop.http.post("/customers", json={"email": "ann@example.com"})
    assert answer.json()["data"]["params"] == ["password"]
    assert "password" not in shop.post("/customers", email="ann@example.com", password="x")


def test_a_change_keeps_the_rest_and_meta_is_text(shop: Shop) -> None:
    id = shop.post("/customers", email="ann@example.com", first_name="Ann", billing={"city": "Bristol"})["id"]
    meta = [{"key": "a", "value": True}, {"key": "b", "value": 5}, {"key": "c", "value": ["x"]}]
    changed = shop.put(f"/customers/{id}", billing={"phone": " <b>1</b> "}, meta_data=meta)
    assert (changed["first_name"], changed["billing"]["city"], changed["billing"]["phone"]) == ("Ann", "Bristol", "1")
    assert [one["value"] for one in changed["meta_data"]] == ["1", "5", ["x"]]
    kept = shop.put(f"/customers/{id}", meta_data=[{"key": "a", "value": None}, {"key": "b", "value": "6"}])
    assert [(one["key"], one["value"]) for one in kept["meta_data"]] == [("b", "6"), ("c", ["x"])]
    other = shop.post("/customers", email="bo@example.com")["id"]
    taken = shop.http.put(f"/customers/{other}", json={"email": "ann@example.com"})
    assert code_of(taken) == (400, "woocommerce_rest_customer_invalid_email")


def test_there_is_no_bin_for_customers(shop: Shop) -> None:
    id = shop.post("/customers", email="ann@example.com")["id"]
    assert code_of(shop.http.delete(f"/customers/{id}")) == (501, "woocommerce_rest_trash_not_supported")
    assert shop.http.delete(f"/customers/{id}", params={"force": "true"}).status_code == 200
    assert code_of(shop.http.get(f"/customers/{id}")) == (404, "woocommerce_rest_invalid_id")
    assert code_of(shop.http.put(f"/customers/{id}", json={})) == (400, "woocommerce_rest_invalid_id")


def test_lists_have_pages_and_tell_how_many_there_are(shop: Shop) -> None:
    ids = [shop.post("/customers", email=f"c{at}@example.com")["id"] for at in range(5)]
    answer = shop.http.get("/customers", params={"per_page": 2, "page": 2, "orderby": "id", "order": "asc"})
    assert [one["id"] for one in answer.json()] == ids[2:4]
    assert (answer.headers["x-wp-total"], answer.headers["x-wp-totalpages"]) == ("5", "3")
    by_offset = shop.get("/customers", per_page=2, offset=3, orderby="id", order="asc")
    assert [one["id"] for one in by_offset] == ids[3:]
    assert code_of(shop.http.get("/customers", params={"per_page": 101})) == (400, "rest_invalid_param")
    assert code_of(shop.http.get("/customers", params={"orderby": "modified"})) == (400, "rest_invalid_param")


def test_only_customers_are_listed_unless_everybody_is_asked_for(shop: Shop) -> None:
    shop.emulators.place("woocommerce", "customers", {"email": "Boss@example.com", "role": "administrator"})
    assert shop.get("/customers", email="boss@example.com") == []
    assert len(shop.get("/customers", email="boss@example.com", role="all")) == 1


def test_one_signs_in_by_query_too(shop: Shop) -> None:
    query = {"consumer_key": AUTH[0], "consumer_secret": AUTH[1]}
    assert httpx.get(f"{shop.root}/customers", params=query).status_code == 200
    assert code_of(httpx.get(f"{shop.root}/customers")) == (401, "woocommerce_rest_cannot_view")
