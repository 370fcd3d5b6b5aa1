"""Changes of an existing order: update, close, open, mark as paid; tags of orders and customers."""

from typing import Any

from emulators.shopify import metafields, payments, records, tags
from emulators.shopify.addresses import address, same_place
from emulators.shopify.context import Context
from emulators.shopify.customer_input import tidy_email
from emulators.shopify.errors import Refused, user_error
from emulators.shopify.ids import kind_of, moment
from emulators.shopify.money import read
from emulators.shopify.order_totals import with_present

JsonRecord = dict[str, Any]

_PLAIN = ("note", "phone", "poNumber")


def update(context: Context, args: JsonRecord) -> JsonRecord:
    """`orderUpdate`: absent members stay, null clears, lists replace."""
    input = args["input"]
    before = _known(context, input["id"])
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
        shipping = address(context.state, {**input["shippingAddress"], "id": stored.get("id")}, owner="Address")
        order["shippingAddress"] = order["displayAddress"] = shipping
        billing = before.get("billingAddress")
        order["billingAddressMatchesShippingAddress"] = billing is not None and same_place(billing, shipping)
    order = metafields.with_values(context, records.ORDER, order, input.get("metafields"), ["metafields"])
    return {"order": _saved(context, order), "userErrors": []}


def close(context: Context, args: JsonRecord) -> JsonRecord:
    """`orderClose`. A closed order keeps its time of closing."""
    order = _known(context, args["input"]["id"])
    if order.get("closedAt"):
        return {"order": order, "userErrors": []}
    return {"order": _saved(context, {**order, "closed": True, "closedAt": moment(context.now)}), "userErrors": []}


def open_again(context: Context, args: JsonRecord) -> JsonRecord:
    """`orderOpen`: for a closed order, not for a cancelled one."""
    order = _known(context, args["input"]["id"])
    if order.get("cancelledAt"):
        raise Refused(user_error(["id"], "Order is cancelled and cannot be opened"))
    if not order.get("closedAt"):
        return {"order": order, "userErrors": []}
    return {"order": _saved(context, {**order, "closed": False, "closedAt": None}), "userErrors": []}


def mark_as_paid(context: Context, args: JsonRecord) -> JsonRecord:
    """`orderMarkAsPaid`: capture the authorisation, else record the outstanding sum as paid manually."""
    order = _known(context, args["input"]["id"])
    if not order.get("canMarkAsPaid"):
        raise Refused(user_error(["id"], "Order cannot be marked as paid."))
    outstanding = read(order["totalOutstandingSet"])
    amount = order["totalOutstandingSet"] if outstanding.shop > 0 else order["currentTotalPriceSet"]
    authorized = [one for one in order["transactions"] if one["kind"] == "AUTHORIZATION" and one["status"] == "SUCCESS"]
    if authorized and read(order["totalCapturableSet"]).shop >= outstanding.shop:
        made = payments.transaction(
            context, kind="CAPTURE", amount=amount, gateway=authorized[0].get("gateway") or "", parent=authorized[0]
        )
    else:
        made = payments.transaction(context, kind="SALE", amount=amount, gateway=payments.MANUAL)
    order = with_present({**order, "transactions": [*order["transactions"], made]})
    return {"order": _saved(context, order), "userErrors": []}


def add_tags(context: Context, args: JsonRecord) -> JsonRecord:
    """`tagsAdd`."""
    return _retagged(context, args["id"], lambda tags: [*tags, *args["tags"]])


def remove_tags(context: Context, args: JsonRecord) -> JsonRecord:
    """`tagsRemove`, without regard to case."""
    gone = {tag.strip().lower() for tag in args["tags"]}
    return _retagged(context, args["id"], lambda tags: [tag for tag in tags if tag.lower() not in gone])


def _retagged(context: Context, gid: str, change: Any) -> JsonRecord:
    kind = kind_of(gid)
    record = records.load(context.state, kind, gid) if kind in (records.CUSTOMER, records.ORDER) else None
    if record is None:
        raise Refused(user_error(["id"], f"{kind or 'Node'} does not exist"))
    changed = change(record.get("tags") or [])
    flaws = tags.flaws(changed, ["tags"])
    if flaws:
        raise Refused(*flaws)
    record = {**record, "tags": tags.tidy(changed), "updatedAt": moment(context.now)}
    return {"node": {**records.save(context.state, kind, record, context.now), "__typename": kind}, "userErrors": []}


def _known(context: Context, gid: str) -> JsonRecord:
    order = records.load(context.state, records.ORDER, gid)
    if order is None:
        raise Refused(user_error(["id"], "Order does not exist"))
    return order


def _saved(context: Context, order: JsonRecord) -> JsonRecord:
    return records.save(context.state, records.ORDER, {**order, "updatedAt": moment(context.now)}, context.now)
