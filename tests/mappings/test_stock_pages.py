"""Pages of stock levels: what is read of a vendor's bytes, and what does not fit."""

from typing import Any

import msgspec
import pytest

from mappings.http import VendorReply
from mappings.medusa.stock import STOCK as MEDUSA
from mappings.shopify.stock import STOCK as SHOPIFY
from mappings.spec import VendorDrift
from mappings.woocommerce.stock import STOCK as WOOCOMMERCE


def reply(body: Any) -> VendorReply:
    return VendorReply(status=200, headers={}, body=msgspec.json.encode(body))


def product(id: int, quantity: object, **more: object) -> dict[str, object]:
    return {"id": id, "type": "simple", "manage_stock": True, "stock_quantity": quantity, **more}


def test_an_item_that_does_not_fit_is_counted() -> None:
    odd, old = product(1, "many"), product(2, "-2.5", low_stock_amount="", sku="", name="Rope")
    page = WOOCOMMERCE.page(reply([odd, old]), None, 100)
    (level,) = page.levels
    assert (level.available, level.threshold, level.sku, level.name) == (-3, None, None, "Rope")
    assert (page.unreadable, page.next) == (1, None)


def test_a_page_of_which_nothing_fits_is_drift() -> None:
    with pytest.raises(VendorDrift):
        WOOCOMMERCE.page(reply([product(1, "many")]), None, 100)
    with pytest.raises(VendorDrift):
        SHOPIFY.page(reply({"data": {"locations": {"nodes": [{"id": 5}]}}}), None, 100)


def test_variable_products_are_followed_by_their_variations() -> None:
    products = [product(1, None, type="variable"), product(2, 5), product(3, None, type="variable-subscription")]
    requests, after = [], None
    for body in (products, [product(4, 1), product(5, 1), product(6, 1)], [], [], [product(7, 9)]):
        request = WOOCOMMERCE.request(after, 3)
        requests.append((request.path.removeprefix("/wp-json/wc/v3"), dict(request.query)["page"]))
        after = WOOCOMMERCE.page(reply(body), after, 3).next
    assert requests == [
        ("/products", "1"),
        ("/products/1/variations", "1"),
        ("/products/1/variations", "2"),
        ("/products/3/variations", "1"),
        ("/products", "2"),
    ]
    assert after is None


def test_a_shop_without_locations_or_items_has_no_levels() -> None:
    nowhere = {"locations": {"nodes": [], "pageInfo": {"hasNextPage": False, "endCursor": None}}}
    for reads, body in ((SHOPIFY, {"data": nowhere}), (MEDUSA, {"inventory_items": [], "count": 0}), (WOOCOMMERCE, [])):
        page = reads.page(reply(body), None, 100)
        assert (page.levels, page.unreadable, page.next) == ((), 0, None)


def test_what_is_reserved_at_medusa_is_not_available() -> None:
    level = {"location_id": "sloc_1", "stocked_quantity": 3, "reserved_quantity": 5, "stock_locations": [None]}
    item = {"id": "iitem_1", "sku": None, "title": "Bowl", "location_levels": [level, None]}
    page = MEDUSA.page(reply({"inventory_items": [item], "count": 3}), "1", 1)
    assert [(one.remote_id, one.available, one.location) for one in page.levels] == [("iitem_1@sloc_1", -2, "sloc_1")]
    assert page.next == "2"
