"""Transitions: what a change of a record means to a business, such as an order that is paid now.

They are computed from the last-seen state and the new one. If the record was never seen, the state before is unknown:
then a transition counts if the record is new, if a write of ours made it, or if its own time lies after the connection
was set up.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from msgspec import Struct

from canonical.parts import ObjectName

Fields = Mapping[str, Any]

MONEY_CAME: Final = frozenset({"paid", "partially_refunded", "refunded", "disputed"})
"""Payment statuses of an order that has been paid. One that becomes `paid` again was not paid a second time."""
GOODS_LEFT: Final = frozenset({"fulfilled", "shipped", "delivered", "returned", "partially_returned"})
"""Fulfillment statuses of an order that has been fulfilled."""
REFUNDED: Final = ("", "partially_refunded", "refunded")
FULFILLED: Final = frozenset({"fulfilled", "shipped", "delivered"})
WITH_TRANSITIONS: Final = ("order", "ticket")
"""The objects whose states have transitions."""
NOT_WORK: Final = frozenset({"spam", "deleted"})
"""Ticket statuses in the category `done` that are no answer to a requester."""


class FirstSight(Struct, frozen=True, kw_only=True):
    """What is known of a record that was never seen. `is_new`: it was created just now. `written`: fields that a write
    of ours has set. `since`: when its connection was set up; None if that is unknown."""

    is_new: bool = False
    written: Collection[str] = ()
    since: datetime | None = None

    def shows(self, field: str, moment: Any) -> bool:
        """Return whether a transition of this field, which happened at this moment, is a recent one."""
        if self.is_new or field in self.written:
            return True
        return self.since is not None and moment is not None and datetime.fromisoformat(moment) > self.since


def transitions(object_name: ObjectName, before: Fields | FirstSight, after: Fields) -> tuple[str, ...]:
    """Return the types of the transitions from one state of a record to the next, in the order in which they are
    published. `order.refunded` occurs once for each refund."""
    if object_name == "order":
        return tuple(_of_order(before, after))
    return tuple(_of_ticket(before, after)) if object_name == "ticket" else ()


def _of_order(before: Fields | FirstSight, after: Fields) -> Iterator[str]:
    if after.get("payment_status") == "paid" and _is_fresh(before, "payment_status", after.get("paid_at"), _was_paid):
        yield "order.paid"
    if _is_cancelled(after) and _is_fresh(before, "status", after.get("cancelled_at"), _is_cancelled):
        yield "order.cancelled"
    yield from ["order.refunded"] * _count_refunds(before, after)
    if after.get("fulfillment_status") in FULFILLED and _is_fresh(
        before, "fulfillment_status", _fulfilled_at(after), _have_goods_left
    ):
        yield "order.fulfilled"


def _of_ticket(before: Fields | FirstSight, after: Fields) -> Iterator[str]:
    if _is_resolved(after):
        if _is_fresh(before, "status", after.get("resolved_at") or after.get("closed_at"), _is_done):
            yield "ticket.resolved"
    elif not isinstance(before, FirstSight) and _is_resolved(before) and not _is_done(after):
        yield "ticket.reopened"


def _is_fresh(before: Fields | FirstSight, field: str, moment: Any, held_before: Callable[[Fields], bool]) -> bool:
    """Return whether what holds after the change did not hold before it. `held` judges the fields before."""
    return before.shows(field, moment) if isinstance(before, FirstSight) else not held_before(before)


def _was_paid(fields: Fields) -> bool:
    return fields.get("payment_status") in MONEY_CAME


def _have_goods_left(fields: Fields) -> bool:
    return fields.get("fulfillment_status") in GOODS_LEFT


def _is_cancelled(fields: Fields) -> bool:
    return fields.get("status") == "cancelled" or fields.get("cancelled_at") is not None


def _is_done(fields: Fields) -> bool:
    return bool(fields.get("status_category") == "done")


def _is_resolved(fields: Fields) -> bool:
    return _is_done(fields) and fields.get("status") not in NOT_WORK


def _count_refunds(before: Fields | FirstSight, after: Fields) -> int:
    """Return the number of refunds that were added, without those of no money, which only restock. A vendor that lists
    none shows one when the refunded sum grows, or by the payment status."""
    listed = [one for one in after.get("refunds") or [] if Decimal(one["amount"])]
    if isinstance(before, FirstSight):
        if listed:
            return sum(before.shows("refunds", one.get("created_at")) for one in listed)
        return int(before.is_new and any(_refunded(after)))
    known = {one.get("remote_id") for one in before.get("refunds") or []}
    if listed or known:
        return sum(one.get("remote_id") not in known for one in listed)
    (total, reached), (former_total, former_reach) = _refunded(after), _refunded(before)
    return int(total > former_total or reached > former_reach)


def _refunded(fields: Fields) -> tuple[Decimal, int]:
    """Return the refunded sum, and how far the payment status says that it goes."""
    total = Decimal((fields.get("totals") or {}).get("refunded") or 0)
    return total, REFUNDED.index(fields["payment_status"]) if fields.get("payment_status") in REFUNDED else 0


def _fulfilled_at(fields: Fields) -> Any:
    """Return when the last parcel left, or arrived if only that is known."""
    times = [one.get("shipped_at") or one.get("delivered_at") for one in fields.get("fulfillments") or []]
    return max((one for one in times if one is not None), default=None)
