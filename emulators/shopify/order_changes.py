"""`orderUpdate`."""

from typing import Any

from emulators.shopify import metafields, records, tags
from emulators.shopify.addresses import address
from emulators.shopify.context import Context
from emulators.shopify.customer_input import tidy_email
from emulators.shopify.errors import Refused, user_error
from emulators.shopify.ids import moment

JsonRecord = dict[str, Any]

_PLAIN = ("note", "phone")


def update(context: Context, args: JsonRecord) -> JsonRecord:
    """`orderUpdate`: absent members stay, null clears, lists replace."""
    input = args["input"]
    before = records.load(context.state, records.ORDER, input["id"])
    if before is None:
        raise Refused(user_error(["id"], "Order does not exist"))
    flaws = tags.flaws(input.get("tags"), ["tags"])
    if flaws:
        raise Refused(*flaws)
    order = {**before, **{field: input[field] for field in _PLAIN if field in input}}
    if "email" in input:
        order["email"] = tidy_email(input["email"])
    if input.get("tags") is not None:
        order["tags"] = tags.tidy(input["tags"])
    if input.get("customAttributes") is not None:
        order["customAttributes"] = input["customAttributes"]
    if input.get("shippingAddress") is not None:
        stored = before.get("shippingAddress") or {}
        changed = {**input["shippingAddress"], "id": stored.get("id")}
        order["shippingAddress"] = address(context.state, changed, owner="Address")
    order = metafields.with_values(context, records.ORDER, order, input.get("metafields"), ["metafields"])
    order["updatedAt"] = moment(context.now)
    return {"order": records.save(context.state, records.ORDER, order, context.now), "userErrors": []}
