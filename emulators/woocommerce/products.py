"""Products. Reference: REST API v3, "Products", and WC_REST_Products_Controller."""

from emulators.http import Answer, Call
from emulators.state import JsonRecord
from emulators.woocommerce import lists
from emulators.woocommerce.shop import PRODUCTS, Shop


def list_all(shop: Shop, call: Call, _ids: tuple[str, ...]) -> Answer:
    """List all products. With `sku`, list products and variations with one of the SKUs."""
    skus = call.param("sku")
    if skus:
        matches = shop.products_of_skus(skus)
    else:
        matches = [one for one in (*PRODUCTS, *shop.state.all("products")) if not one.get("parent_id")]
    members = lists.words_of(call, "_fields")
    return lists.paged(call, [_rendered(one, members) for one in matches])


def _rendered(product: JsonRecord, members: list[str]) -> JsonRecord:
    whole: JsonRecord = {
        "id": product["id"],
        "name": product.get("name", ""),
        "type": product.get("type", "simple"),
        "status": "publish",
        "sku": product.get("sku", ""),
        "price": product.get("price", ""),
        "parent_id": product.get("parent_id") or 0,
    }
    return {name: value for name, value in whole.items() if not members or name in members}
