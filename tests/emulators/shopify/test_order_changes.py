"""`orderUpdate`."""

from typing import Any

from .conftest import MONEY, ORDER, Json, Shop


def update(shop: Shop, gid: str, **members: Any) -> Json:
    return shop.data(
        f"""mutation($input: OrderInput!) {{ orderUpdate(input: $input) {{
              order {{ {ORDER} }} userErrors {{ field message }} }} }} {MONEY}""",
        input={"id": gid, **members},
    )["orderUpdate"]


def test_an_update_leaves_what_it_does_not_name(shop: Shop) -> None:
    order = shop.order(note="Ring twice", tags=["a"], email="ida@example.com")
    payload = update(
        shop,
        order["id"],
        tags=["b"],
        email="Bo@example.com",
        customAttributes=[{"key": "gift", "value": "no"}],
        shippingAddress={"firstName": "Bo", "city": "Austin", "countryCode": "US", "provinceCode": "TX"},
    )
    assert payload["userErrors"] == []
    after = payload["order"]
    assert (after["note"], after["tags"], after["email"]) == ("Ring twice", ["b"], "bo@example.com")
    assert after["customAttributes"] == [{"key": "gift", "value": "no"}]
    assert (after["shippingAddress"]["city"], after["shippingAddress"]["provinceCode"]) == ("Austin", "TX")
    assert update(shop, order["id"], note=None)["order"]["note"] is None
    again = update(shop, order["id"], shippingAddress={"city": "Boston"})["order"]["shippingAddress"]
    assert (again["id"], again["city"], again["provinceCode"]) == (after["shippingAddress"]["id"], "Boston", None)


def test_an_update_can_mark_an_order_but_not_with_anothers_mark(shop: Shop) -> None:
    shop.define()
    first, second = shop.order(), shop.order()
    mark = [{"namespace": "lockstitch", "key": "operation", "value": "op_1"}]
    after = update(shop, first["id"], metafields=mark)["order"]
    assert after["metafields"]["nodes"] == [
        {"namespace": "lockstitch", "key": "operation", "type": "id", "value": "op_1"}
    ]
    assert update(shop, first["id"], metafields=mark)["userErrors"] == []
    assert update(shop, second["id"], metafields=mark)["userErrors"] == [
        {"field": ["metafields", "0", "value"], "message": "Value has already been taken"}
    ]


def test_an_order_that_is_not_there(shop: Shop) -> None:
    payload = update(shop, "gid://shopify/Order/1")
    assert payload == {"order": None, "userErrors": [{"field": ["id"], "message": "Order does not exist"}]}
