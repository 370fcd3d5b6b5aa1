"""Whose a new order is: a customer named by the caller, found or made."""

from typing import Any

from emulators.shopify import customers, records
from emulators.shopify.context import Context
from emulators.shopify.customer_input import tidy_email, tidy_phone
from emulators.shopify.errors import Refused, user_error

JsonRecord = dict[str, Any]

_MISSING = "Customer does not exist"


def buyer(context: Context, given: JsonRecord) -> JsonRecord | None:
    """The customer of an `OrderCreateOrderInput`, made or updated where it says `toUpsert`; None for a guest.

    An order that gives an e-mail address only stays a guest's. Raises `Refused` when the customer is not there or
    its data will not do.
    """
    asked = given.get("customer") or {}
    if given.get("customerId"):
        return _known(context, given["customerId"], ["order", "customerId"])
    if asked.get("toAssociate"):
        return _associated(context, asked["toAssociate"])
    if asked.get("toUpsert"):
        return _upserted(context, asked["toUpsert"])
    return None


def _associated(context: Context, asked: JsonRecord) -> JsonRecord:
    path = ["order", "customer", "toAssociate"]
    if asked.get("id"):
        return _known(context, asked["id"], [*path, "id"])
    found = records.by_key(context.state, records.CUSTOMER, "email", tidy_email(asked.get("email")) or "")
    if found is None:
        raise Refused(user_error([*path, "email"], _MISSING, "INVALID"))
    return found


def _upserted(context: Context, asked: JsonRecord) -> JsonRecord:
    path = ["order", "customer", "toUpsert"]
    given = {key: value for key, value in asked.items() if key != "id"}
    state = context.state
    if asked.get("id"):
        before: JsonRecord | None = _known(context, asked["id"], [*path, "id"])
    else:
        before = records.by_key(state, records.CUSTOMER, "email", tidy_email(asked.get("email")) or "")
        before = before or records.by_key(state, records.CUSTOMER, "phone", tidy_phone(asked.get("phone")) or "")
    try:
        return customers.written_over(context, before, given, path)
    except Refused as refused:
        raise Refused(*({**error, "code": "INVALID"} for error in refused.errors)) from refused


def _known(context: Context, gid: str, path: list[str]) -> JsonRecord:
    found = records.load(context.state, records.CUSTOMER, gid)
    if found is None:
        raise Refused(user_error(path, _MISSING, "INVALID"))
    return found
