"""Fields that are computed when they are read, by `Type.field`."""

from collections.abc import Callable
from typing import Any

from emulators.shopify import definitions, index, inventory, lists, metafields, records
from emulators.shopify.addresses import formatted
from emulators.shopify.context import Context, Info
from emulators.shopify.metafield_types import as_json
from emulators.shopify.money import Currencies, decimal_text, read, total, written
from emulators.shopify.shapes import listed, part

JsonRecord = dict[str, Any]
Resolver = Callable[..., Any]

SHOP: JsonRecord = {
    "id": "gid://shopify/Shop/9007199254741999",
    "name": "Lockstitch Dev",
    "email": "owner@lockstitch-dev.example",
    "currencyCode": "USD",
    "ianaTimezone": "America/New_York",
    "myshopifyDomain": "lockstitch-dev.myshopify.com",
    "taxesIncluded": False,
}


def _customer_of(order: JsonRecord, info: Info) -> JsonRecord | None:
    """Return the present customer; one that exists only inside a placed order is returned as placed."""
    placed = part(order, "customer")
    known = records.load(info.context.state, records.CUSTOMER, str(placed.get("id")))
    return known or (placed if len(placed) > 1 else None)


def _orders_of(customer: JsonRecord, info: Info, **args: Any) -> JsonRecord:
    return lists.of_customer(info.context, customer["id"], info.path.as_list(), args)


def _last_order(customer: JsonRecord, info: Info) -> JsonRecord | None:
    entries = index.orders_of(info.context.state, customer["id"])
    return records.load(info.context.state, records.ORDER, entries[-1]["id"]) if entries else None


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


def _consent(address: str, **names: str) -> Resolver:
    """Resolve a deprecated consent object from its address."""

    def resolve(customer: JsonRecord, info: Info) -> JsonRecord | None:
        contact = part(customer, address)
        return {new: contact.get(old) for new, old in names.items()} if contact else None

    return resolve


def _metafields_count(definition: JsonRecord, info: Info) -> int:
    kind = next(kind for kind, owner in definitions.OWNER_TYPES.items() if owner == definition["ownerType"])
    name = f"{definition['namespace']}.{definition['key']}"
    context: Context = info.context
    every = index.entries(context.state, kind, now=context.now, lagging=False)
    return sum(1 for entry in every if name in entry["metafields"])


def _discounted_total(line: JsonRecord, info: Info, **args: Any) -> JsonRecord:
    """Return the total, with code discounts if they are requested. By default these totals omit the order's
    discounts."""
    if not args.get("withCodeDiscounts"):
        total_set: JsonRecord = line.get("discountedTotalSet") or {}
        return total_set
    off = [
        read(one["allocatedAmountSet"])
        for one in line["discountAllocations"]
        if one["discountApplication"]["__typename"] == "DiscountCodeApplication"
    ]
    money = line["discountedTotalSet"]
    currencies = Currencies(
        shop=money["shopMoney"]["currencyCode"], presentment=money["presentmentMoney"]["currencyCode"]
    )
    return written(read(money).minus(total(off)), currencies)


FIELDS: dict[str, Resolver] = {
    "Customer.addresses": lambda source, info, first=None: listed(source.get("addressesV2"))[:first],
    "Customer.amountSpent": _amount_spent,
    "Customer.canDelete": lambda source, info: not index.orders_of(info.context.state, source["id"]),
    "Customer.email": lambda source, info: records.email_of(source),
    "Customer.emailMarketingConsent": _consent(
        "defaultEmailAddress",
        consentUpdatedAt="marketingUpdatedAt",
        marketingOptInLevel="marketingOptInLevel",
        marketingState="marketingState",
    ),
    "Customer.lastOrder": _last_order,
    "Customer.metafield": lambda source, info, key, namespace=None: metafields.named(source, namespace, key),
    "Customer.metafields": lambda source, info, **args: metafields.page(source, args),
    "Customer.numberOfOrders": _number_of_orders,
    "Customer.orders": _orders_of,
    "Customer.phone": lambda source, info: records.phone_of(source),
    "Customer.smsMarketingConsent": _consent(
        "defaultPhoneNumber",
        consentCollectedFrom="marketingCollectedFrom",
        consentUpdatedAt="marketingUpdatedAt",
        marketingOptInLevel="marketingOptInLevel",
        marketingState="marketingState",
    ),
    "InventoryLevel.quantities": inventory.quantities,
    "LineItem.discountedTotalSet": _discounted_total,
    "Location.inventoryLevels": inventory.levels_at,
    "MailingAddress.formatted": lambda source, info, **args: formatted(
        source, with_name=args["withName"], with_company=args["withCompany"]
    ),
    "Metafield.jsonValue": lambda source, info: as_json(source.get("type", ""), source.get("value", "")),
    "MetafieldDefinition.metafieldsCount": _metafields_count,
    "Order.customer": _customer_of,
    "Order.metafield": lambda source, info, key, namespace=None: metafields.named(source, namespace, key),
    "Order.metafields": lambda source, info, **args: metafields.page(source, args),
    "ProductVariant.displayName": lambda source, info: source.get("displayName") or source.get("title", ""),
}
