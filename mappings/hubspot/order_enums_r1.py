"""Words of orders, both ways. HubSpot keeps payment and fulfilment status as the text of the system that wrote them.

Text is compared without case, with `_` for blanks and hyphens. A canonical word is its own text.
"""

from collections.abc import Callable
from typing import Final, TypeVar, get_args

from msgspec import UNSET, UnsetType

from canonical.order import FulfillmentStatus, OrderStatus, PaymentStatus
from mappings.spec import Notes

C = TypeVar("C", bound=str)  # the canonical values of an enumeration

PAYMENT: Final[dict[str, PaymentStatus]] = {
    **{word: word for word in get_args(PaymentStatus)},
    "not_paid": "unpaid",
    "processing": "pending",
    "authorised": "authorized",
    "partial": "partially_paid",
    "succeeded": "paid",
    "cancelled": "voided",
    "canceled": "voided",
    "chargeback": "disputed",
}
FULFILLMENT: Final[dict[str, FulfillmentStatus]] = {
    **{word: word for word in get_args(FulfillmentStatus)},
    "open": "unfulfilled",
    "pending": "unfulfilled",
    "not_fulfilled": "unfulfilled",
    "processing": "in_progress",
    "packing": "in_progress",
    "pending_fulfillment": "in_progress",
    "partial": "partially_fulfilled",
    "partially_shipped": "partially_fulfilled",
    "in_transit": "shipped",
    "restocked": "cancelled",
    "canceled": "cancelled",
    "not_needed": "not_required",
}
NEAREST: Final[dict[OrderStatus, OrderStatus]] = {
    "draft": "open",
    "on_hold": "open",
    "archived": "completed",
    "failed": "cancelled",
}
"""The stage for a status that a pipeline lacks. `hs_external_order_status` keeps the status itself."""
STATUSES: Final[frozenset[str]] = frozenset(get_args(OrderStatus)) - {"unknown"}


def payment_status(text: str | None) -> PaymentStatus:
    """Return the payment status of HubSpot's text."""
    return PAYMENT.get(_word(text), "unknown")


def fulfillment_status(text: str | None) -> FulfillmentStatus:
    """Return the fulfilment status of HubSpot's text."""
    return FULFILLMENT.get(_word(text), "unknown")


def spelled(
    wanted: C | UnsetType,
    reading: Callable[[str], C],
    options: tuple[str, ...] | None,
    pointer: str,
    notes: Notes,
) -> str | UnsetType:
    """Return the text to write: the canonical word, or the account's option that reads as it."""
    if isinstance(wanted, UnsetType):
        return UNSET
    if wanted == "unknown":
        notes.invalid(pointer, "unknown is only read; send the status, or omit the field")
        return UNSET
    if options is None or wanted in options:
        return wanted
    option = next((one for one in options if reading(one) == wanted), None)
    if option is None:
        words = ", ".join(dict.fromkeys(word for one in options if (word := reading(one)) != "unknown"))
        notes.invalid(pointer, f"this HubSpot account has one of: {words or 'none'}")
        return UNSET
    return option


def status_of(stage: OrderStatus, text: str | None) -> OrderStatus:
    """Return the status of an order in a stage. The external status counts if the stage is the nearest to it; otherwise
    the order was moved to another stage since."""
    word = _word(text)
    return next((status for status, nearest in NEAREST.items() if status == word and nearest == stage), stage)


def _word(text: str | None) -> str:
    return (text or "").strip().casefold().replace(" ", "_").replace("-", "_")
