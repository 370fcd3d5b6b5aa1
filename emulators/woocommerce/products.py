"""Products and variations, and their stock. Reference: REST API v3, "Products" and "Product variations",
WC_REST_Products_Controller and wc-stock-functions.php.

The shop counts a product with `manage_stock`. An order that is paid or on hold takes its pieces, and one that is
cancelled returns them, each once.
"""

from emulators.http import Answer, Call, json_answer
from emulators.state import JsonRecord
from emulators.woocommerce import lists
from emulators.woocommerce.errors import invalid, refused
from emulators.woocommerce.shop import Shop, body_of

TAKING = ("processing", "on-hold", "completed")
RETURNING = ("cancelled", "pending")
TAKEN = "taken_stock"
NUMBERS = ("stock_quantity", "low_stock_amount")


def list_all(shop: Shop, call: Call, _ids: tuple[str, ...]) -> Answer:
    """List all products, by id. With `sku`, list products and variations with one of the SKUs."""
    skus = call.param("sku")
    if skus:
        return _listed(shop, call, shop.products_of_skus(skus))
    return _listed(shop, call, [one for one in shop.products() if not one.get("parent_id")])


def list_variations(shop: Shop, call: Call, ids: tuple[str, ...]) -> Answer:
    """List the variations of a product, by id."""
    _must_get(shop, ids[0])
    return _listed(shop, call, [one for one in shop.products() if str(one.get("parent_id")) == ids[0]])


def update(shop: Shop, call: Call, ids: tuple[str, ...]) -> Answer:
    """Change the stock of a product, or of a variation by the ids of both."""
    product, body = _must_get(shop, ids[-1]), body_of(call)
    for name in NUMBERS:
        if not isinstance(body.get(name), int | None):
            raise invalid(name, f"{name} is not of type integer.")
    changed = {name: value for name, value in body.items() if name in ("name", "sku", "manage_stock", *NUMBERS)}
    changed |= shop.times("date_modified", shop.now)
    return json_answer(200, _rendered(shop, _keep(shop, product | changed), []))


def count_order(shop: Shop, order: JsonRecord) -> None:
    """Take the pieces of an order from the stock, or return them, as its status says."""
    id = str(order["id"])
    taken = shop.state.get(TAKEN, id)
    if order["status"] in TAKING and taken is None:
        lines = [(str(one["variation_id"] or one["product_id"]), one["quantity"]) for one in order["line_items"]]
        shop.state.put(TAKEN, id, {"lines": lines})
        _move(shop, lines, -1)
    elif order["status"] in RETURNING and taken is not None:
        shop.state.delete(TAKEN, id)
        _move(shop, taken["lines"], 1)


def _move(shop: Shop, lines: list[tuple[str, int]], sign: int) -> None:
    for id, quantity in lines:
        product = shop.product(id)
        if product is not None and product.get("manage_stock") == "parent":
            product = shop.product(product["parent_id"])
        if product is not None and product.get("manage_stock") is True:
            number = (product.get("stock_quantity") or 0) + sign * quantity
            _keep(shop, product | {"stock_quantity": number} | shop.times("date_modified", shop.now))


def _must_get(shop: Shop, id: str) -> JsonRecord:
    product = shop.product(id)
    if product is None:
        raise refused(404, "woocommerce_rest_product_invalid_id", "Invalid ID.")
    return product


def _keep(shop: Shop, product: JsonRecord) -> JsonRecord:
    shop.state.put("products", str(product["id"]), product)
    return product


def _listed(shop: Shop, call: Call, products: list[JsonRecord]) -> Answer:
    members, statuses = lists.words_of(call, "_fields"), lists.words_of(call, "status")
    wanted = [one for one in products if not statuses or one.get("status", "publish") in statuses]
    return lists.paged(call, [_rendered(shop, one, members) for one in wanted])


def _rendered(shop: Shop, product: JsonRecord, members: list[str]) -> JsonRecord:
    manages = product.get("manage_stock", False)
    whole: JsonRecord = {
        "id": product["id"],
        "name": product.get("name", ""),
        "type": product.get("type", "simple"),
        "status": product.get("status", "publish"),
        "sku": product.get("sku", ""),
        "price": product.get("price", ""),
        "parent_id": product.get("parent_id") or 0,
        "manage_stock": manages,
        "stock_quantity": product.get("stock_quantity") if manages else None,
        "low_stock_amount": product.get("low_stock_amount"),
        "date_modified_gmt": product.get("date_modified_gmt", "2026-01-01T00:00:00"),
    }
    return {name: value for name, value in whole.items() if not members or name in members}
