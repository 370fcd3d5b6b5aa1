"""Fields that are computed when they are read, by `Type.field`."""

from collections.abc import Callable
from typing import Any

from emulators.shopify import index, inventory, metafields, records
from emulators.shopify.context import Info
from emulators.shopify.money import decimal_text
from emulators.shopify.shapes import part

JsonRecord = dict[str, Any]
Resolver = Callable[..., Any]

SHOP: JsonRecord = {
    "id": "gid://shopify/Shop/9007199254741999",
    "name": "Lockstitch Dev",
    "currencyCode": "USD",
    "myshopifyDomain": "lockstitch-dev.myshopify.com",
}


def _customer_of(order: JsonRecord, info: Info) -> JsonRecord | None:
    """Return the present customer; one that exists only inside a placed order is returned as placed."""
    placed = part(order, "customer")
    known = records.load(info.context.state, records.CUSTOMER, str(placed.get("id")))
    return known or (placed if len(placed) > 1 else None)


def _amount_spent(customer: JsonRecord, info: Info) -> JsonRecord:
    if customer.get("amountSpent") is not None:
        spent: JsonRecord = customer["amountSpent"]
        return spent
    return {
        "amount": decimal_text(index.spent_by(info.context.state, customer["id"])),
        "currencyCode": SHOP["currencyCode"],
    }


def _number_of_orders(customer: JsonRecord, info: Info) -> Any:
    stored = customer.get("numberOfOrders")
    return stored if stored is not None else str(len(index.orders_of(info.context.state, customer["id"])))


FIELDS: dict[str, Resolver] = {
    "Customer.amountSpent": _amount_spent,
    "Customer.metafield": lambda source, info, **name: metafields.named(source, **name),
    "Customer.metafields": lambda source, info, **args: metafields.page(source, args),
    "Customer.numberOfOrders": _number_of_orders,
    "InventoryLevel.quantities": inventory.quantities,
    "Location.inventoryLevels": inventory.levels_at,
    "Order.customer": _customer_of,
    "Order.metafield": lambda source, info, **name: metafields.named(source, **name),
    "Order.metafields": lambda source, info, **args: metafields.page(source, args),
    "ProductVariant.displayName": lambda source, info: source.get("displayName") or source.get("title", ""),
}
