"""Customers and orders at rest, the keys they are found by, and the search index that runs behind them."""

from decimal import Decimal, InvalidOperation
from typing import Any

from emulators.shopify.connections import listed
from emulators.shopify.defaults import Filling, filled
from emulators.shopify.ids import kind_of, moment, number_of
from emulators.state import State

JsonRecord = dict[str, Any]

CUSTOMER = "Customer"
ORDER = "Order"


def load(state: State, kind: str, gid: str) -> JsonRecord | None:
    """The record with this global id, None when there is none or the id is of another kind."""
    return state.get(kind, gid) if kind_of(gid) == kind else None


def save(state: State, kind: str, record: JsonRecord, now: float) -> JsonRecord:
    """Write a customer or an order, completed with what the schema asks for, with its keys and its entry in the index;
    returns it as it was written."""
    record = filled(kind, record, Filling(state=state, at=moment(now), currency=record.get("currencyCode") or "USD"))
    gid = record["id"]
    with state.transaction():
        state.put(kind, gid, record, keys=_keys(kind, record))
        keys = {}
        if kind == ORDER and (customer := record.get("customer")):
            keys["customer"] = customer["id"]
        state.put(_index(kind), gid, _entry(kind, record), keys=keys)
    return record


def remove(state: State, kind: str, gid: str) -> None:
    """Delete a record for good, from the index too."""
    state.delete(kind, gid)
    state.delete(_index(kind), gid)


def entries(state: State, kind: str, *, now: float, lagging: bool) -> list[JsonRecord]:
    """The index, in order of insertion. `lagging` leaves out what was written within the search lag."""
    every = state.all(_index(kind))
    if not lagging:
        return every
    fresh = {entry["id"] for _, entry in state.changed(_index(kind), since=now - state.search_lag())}
    return [entry for entry in every if entry["id"] not in fresh]


def orders_of(state: State, customer: str) -> list[JsonRecord]:
    """The index entries of one customer's orders, oldest first; strongly consistent."""
    return state.lookup(_index(ORDER), "customer", customer)


def spent_by(state: State, customer: str) -> Decimal:
    """What a customer paid and did not get back, over all orders."""
    return sum((Decimal(entry["netPayment"]) for entry in orders_of(state, customer)), Decimal(0))


def by_key(state: State, kind: str, name: str, value: str) -> JsonRecord | None:
    """The record found by a unique key: `email` (lower case), `phone` (E.164), `metafield <namespace>.<key>`."""
    found = state.lookup(kind, name, value)
    return found[0] if found else None


def metafield_key(namespace: str, key: str) -> str:
    """The name under which a record is found by a metafield with unique values."""
    return f"metafield {namespace}.{key}"


def _index(kind: str) -> str:
    return f"{kind}Entry"


def _keys(kind: str, record: JsonRecord) -> dict[str, str]:
    keys = {
        metafield_key(metafield["namespace"], metafield["key"]): metafield["value"]
        for metafield in listed(record.get("metafields"))
    }
    if kind == CUSTOMER:
        email = (record.get("defaultEmailAddress") or {}).get("emailAddress")
        phone = (record.get("defaultPhoneNumber") or {}).get("phoneNumber")
        if email:
            keys["email"] = email.lower()
        if phone:
            keys["phone"] = phone
    return keys


def _entry(kind: str, record: JsonRecord) -> JsonRecord:
    shared = {
        "id": record["id"],
        "number": int(number_of(record["id"])),
        "createdAt": record.get("createdAt"),
        "updatedAt": record.get("updatedAt"),
        "tags": record.get("tags") or [],
        "metafields": {
            f"{metafield['namespace']}.{metafield['key']}": metafield["value"]
            for metafield in listed(record.get("metafields"))
        },
    }
    return shared | (_customer_entry(record) if kind == CUSTOMER else _order_entry(record))


def _customer_entry(record: JsonRecord) -> JsonRecord:
    return {
        "name": record.get("displayName"),
        "firstName": record.get("firstName"),
        "lastName": record.get("lastName"),
        "email": (record.get("defaultEmailAddress") or {}).get("emailAddress"),
        "phone": (record.get("defaultPhoneNumber") or {}).get("phoneNumber"),
        "state": _lower(record.get("state")),
        "country": (record.get("defaultAddress") or {}).get("country"),
    }


def _order_entry(record: JsonRecord) -> JsonRecord:
    customer = record.get("customer") or {}
    address = record.get("shippingAddress") or record.get("billingAddress") or {}
    return {
        "name": record.get("name"),
        "orderNumber": record.get("number"),
        "processedAt": record.get("processedAt"),
        "email": record.get("email"),
        "closed": record.get("closedAt"),
        "cancelled": record.get("cancelledAt"),
        "financialStatus": _lower(record.get("displayFinancialStatus")),
        "fulfillmentStatus": _lower(record.get("displayFulfillmentStatus")),
        "returnStatus": _lower(record.get("returnStatus")),
        "test": record.get("test"),
        "confirmationNumber": record.get("confirmationNumber"),
        "sourceName": record.get("sourceName"),
        "sourceIdentifier": record.get("sourceIdentifier"),
        "poNumber": record.get("poNumber"),
        "discountCode": record.get("discountCode"),
        "customerNumber": int(number_of(customer["id"])) if customer else None,
        "customerName": address.get("name"),
        "destination": address.get("country"),
        "skus": [line["sku"] for line in listed(record.get("lineItems")) if line.get("sku")],
        "gateways": record.get("paymentGatewayNames") or [],
        "itemsQuantity": record.get("subtotalLineItemsQuantity"),
        "totalPrice": _amount(record.get("totalPriceSet")),
        "currentTotalPrice": _amount(record.get("currentTotalPriceSet")),
        "netPayment": _amount_text(record.get("netPaymentSet")),
    }


def _lower(value: Any) -> str | None:
    return str(value).lower() if value is not None else None


def _amount_text(bag: Any) -> str:
    """The shop's side of a `MoneyBag`; a record placed from outside may say anything here, which counts as zero."""
    try:
        return str(Decimal(str(bag["shopMoney"]["amount"])))
    except (TypeError, KeyError, InvalidOperation):
        return "0"


def _amount(bag: Any) -> float:
    return float(_amount_text(bag))
