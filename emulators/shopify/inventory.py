"""Stock: locations, and the quantities of each item at each. Orders leave it unchanged, as `orderCreate` does by
default (`inventoryBehaviour: BYPASS`).

A level is stored in the shape of GraphQL's answers, with its item and its location inside. A location exists as long as
it has a level.
"""

from typing import Any

from emulators.shopify.connections import of_list
from emulators.shopify.context import Context, Info
from emulators.shopify.errors import Refused, user_error
from emulators.shopify.ids import gid, moment, number_of
from emulators.state import State

JsonRecord = dict[str, Any]

LEVEL = "InventoryLevel"
AVAILABLE = "available"
WAREHOUSE = gid("Location", 655441491)


def _of_new_shop(number: int, sku: str, name: str, available: int, *, tracked: bool = True) -> JsonRecord:
    item = {"id": gid("InventoryItem", number), "sku": sku, "tracked": tracked}
    variant = {"id": gid("ProductVariant", number), "sku": sku, "title": name, "displayName": name}
    return completed(
        {
            "item": item | {"variants": [variant]},
            "location": {"id": WAREHOUSE, "name": "Warehouse"},
            "quantities": [{"name": AVAILABLE, "quantity": available}],
            "updatedAt": "2026-01-01T00:00:00Z",
        }
    )


def completed(level: JsonRecord) -> JsonRecord:
    """Return a level with its id, which names location and item."""
    item, location = level["item"], level["location"]
    query = f"?inventory_item_id={number_of(item['id'])}"
    return {**level, "id": gid(LEVEL, number_of(location["id"])) + query}


NEW = (
    _of_new_shop(43729076, "SHIRT-M", "T-shirt - M", 12),
    _of_new_shop(43729077, "SHIRT-L", "T-shirt - L", 8),
    _of_new_shop(43729078, "GIFT-CARD", "Gift card", 0, tracked=False),
)
"""The levels of a new shop."""


def place(state: State, level: JsonRecord, now: float) -> JsonRecord:
    """Store a level, changed now unless it says when."""
    level = completed({"updatedAt": moment(now), **level})
    state.put(LEVEL, level["id"], level)
    return level


def locations(context: Context, args: JsonRecord) -> JsonRecord:
    """`locations(…)`."""
    known = {one["location"]["id"]: one["location"] for one in _levels(context.state)}
    return of_list([known[id] for id in sorted(known)], args)


def levels_at(location: JsonRecord, info: Info, **args: Any) -> JsonRecord:
    """`Location.inventoryLevels`."""
    return of_list([one for one in _levels(info.context.state) if one["location"]["id"] == location["id"]], args)


def quantities(level: JsonRecord, info: Info, names: list[str]) -> list[JsonRecord]:
    """`InventoryLevel.quantities`."""
    number = number_of(level["item"]["id"])
    return [{"id": gid("InventoryQuantity", number), **one} for one in level["quantities"] if one["name"] in names]


def set_quantities(context: Context, args: JsonRecord) -> JsonRecord:
    """`inventorySetQuantities`, of the available quantity."""
    input = args["input"]
    if input["name"] != AVAILABLE:
        raise Refused(user_error(["input", "name"], "The quantity name must be 'available'.", "INVALID_NAME"))
    known = {(one["item"]["id"], one["location"]["id"]): one for one in _levels(context.state)}
    for number, wanted in enumerate(input["quantities"]):
        path = ["input", "quantities", str(number)]
        level = known.get((wanted["inventoryItemId"], wanted["locationId"]))
        if level is None:
            message = "The specified inventory item is not stocked at the location."
            raise Refused(user_error([*path, "locationId"], message, "ITEM_NOT_STOCKED_AT_LOCATION"))
        before = next(one["quantity"] for one in level["quantities"] if one["name"] == AVAILABLE)
        if wanted.get("changeFromQuantity") not in (None, before):
            message = "The changeFromQuantity argument no longer matches the persisted quantity."
            raise Refused(user_error([*path, "changeFromQuantity"], message, "CHANGE_FROM_QUANTITY_STALE"))
        changed = [{"name": AVAILABLE, "quantity": wanted["quantity"]}]
        place(context.state, level | {"quantities": changed, "updatedAt": moment(context.now)}, context.now)
    return {"userErrors": []}


def _levels(state: State) -> list[JsonRecord]:
    return list({one["id"]: one for one in (*NEW, *state.all(LEVEL))}.values())
