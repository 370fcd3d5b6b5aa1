"""The customer of a new order, found or created."""

from typing import Any

from emulators.shopify import customers, records
from emulators.shopify.context import Context
from emulators.shopify.customer_input import tidy_email, tidy_phone
from emulators.shopify.errors import Refused, user_error

JsonRecord = dict[str, Any]

_MISSING = "Customer does not exist"


def buyer(context: Context, input: JsonRecord) -> JsonRecord | None:
    """Return the customer of an `OrderCreateOrderInput`, created or updated for `toUpsert`; None for a guest.

    An order with only an e-mail address stays a guest's. Raises `Refused` if the customer does not exist or its data
    are invalid.
    """
    choice = input.get("customer") or {}
    if input.get("customerId"):
        return _known(context, input["customerId"], ["order", "customerId"])
    if choice.get("toAssociate"):
        return _associated(context, choice["toAssociate"])
    if choice.get("toUpsert"):
        return _upserted(context, choice["toUpsert"])
    return None


def _associated(context: Context, choice: JsonRecord) -> JsonRecord:
    path = ["order", "customer", "toAssociate"]
    if choice.get("id"):
        return _known(context, choice["id"], [*path, "id"])
    match = records.by_key(context.state, records.CUSTOMER, "email", tidy_email(choice.get("email")) or "")
    if match is None:
        raise Refused(user_error([*path, "email"], _MISSING, "INVALID"))
    return match


def _upserted(context: Context, choice: JsonRecord) -> JsonRecord:
    path = ["order", "customer", "toUpsert"]
    input = {key: value for key, value in choice.items() if key != "id"}
    state = context.state
    if choice.get("id"):
        before: JsonRecord | None = _known(context, choice["id"], [*path, "id"])
    else:
        before = records.by_key(state, records.CUSTOMER, "email", tidy_email(choice.get("email")) or "")
        before = before or records.by_key(state, records.CUSTOMER, "phone", tidy_phone(choice.get("phone")) or "")
    try:
        return customers.written_over(context, before, input, path)
    except Refused as refused:
        raise Refused(*({**error, "code": "INVALID"} for error in refused.errors)) from refused


def _known(context: Context, gid: str, path: list[str]) -> JsonRecord:
    customer = records.load(context.state, records.CUSTOMER, gid)
    if customer is None:
        raise Refused(user_error(path, _MISSING, "INVALID"))
    return customer
