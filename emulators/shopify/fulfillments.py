"""The fulfilment of a new order."""

from typing import Any

from emulators.shopify.context import Context
from emulators.shopify.ids import moment, new_gid, number_of
from emulators.shopify.shapes import listed

JsonRecord = dict[str, Any]

_SHOWN = {"FULFILLED": "FULFILLED", "PARTIAL": "PARTIALLY_FULFILLED", "RESTOCKED": "RESTOCKED"}


def with_fulfillment(context: Context, order: JsonRecord, input: JsonRecord) -> JsonRecord:
    """Return the new order with its `fulfillment`, which covers all lines, and its fulfillment status.

    A status without a fulfillment applies to the lines (PARTIAL to the first one only), without a `Fulfillment`.
    """
    shipment = input.get("fulfillment")
    status = "FULFILLED" if shipment else input.get("fulfillmentStatus")
    lines = listed(order["lineItems"])
    done = lines if status == "FULFILLED" else lines[:1] if status == "PARTIAL" else []
    lines = [{**line, "unfulfilledQuantity": 0} if line in done else line for line in lines]
    changed = {
        **order,
        "lineItems": {"nodes": lines},
        "displayFulfillmentStatus": _SHOWN.get(status or "", "UNFULFILLED"),
        "fulfillments": [],
    }
    if shipment:
        changed["fulfillments"] = [_fulfillment(context, order, lines, shipment)]
    return changed


def _fulfillment(context: Context, order: JsonRecord, lines: list[JsonRecord], input: JsonRecord) -> JsonRecord:
    gid, now = new_gid(context.state, "Fulfillment"), moment(context.now)
    tracking = {"company": input.get("trackingCompany"), "number": input.get("trackingNumber"), "url": None}
    return {
        "id": gid,
        "legacyResourceId": number_of(gid),
        "name": f"{order['name']}-F1",
        "status": "SUCCESS",
        "displayStatus": "FULFILLED",
        "createdAt": now,
        "updatedAt": now,
        "location": {"id": input["locationId"], "name": "Warehouse"},
        "requiresShipping": any(line["requiresShipping"] for line in lines),
        "totalQuantity": sum(line["quantity"] for line in lines),
        "trackingInfo": [tracking] if tracking["number"] or tracking["company"] else [],
        "fulfillmentLineItems": {
            "nodes": [
                {
                    "id": new_gid(context.state, "FulfillmentLineItem"),
                    "lineItem": line,
                    "quantity": line["quantity"],
                    "originalTotalSet": line["originalTotalSet"],
                    "discountedTotalSet": line["discountedTotalSet"],
                }
                for line in lines
            ]
        },
    }
