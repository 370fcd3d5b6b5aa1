"""How orders are reached, which refunds belong to them, and how a lost write of one is settled."""

import dataclasses
from datetime import UTC, datetime, timedelta
from typing import Final

from msgspec import Raw, Struct
from msgspec.structs import replace

from canonical.order_patch import OrderCancel
from mappings.http import VendorReply, VendorRequest
from mappings.kit import markers
from mappings.kit.paging import Keyset, Query, Window
from mappings.kit.rest import Collection
from mappings.spec import Action, FieldRefusal, Notes, Recovery, decode_loosely
from mappings.woocommerce.order_enums_r1 import CANCEL_REASONS, LISTED
from mappings.woocommerce.requests import API, MAX_PER_PAGE, carries, gmt, mark, remote_id, total
from mappings.woocommerce.wire_v3 import CANCEL_REASON, Account, MetaWrite, OrderWrite, Refund

MOST_REFUND_READS: Final = 10
"""Of how many orders of a page the refunds are read; each is a request of its own."""
NOBODY: Final = ("include", "0")
"""No order has this number."""
BEFORE: Final = timedelta(hours=1)
"""By how much a shop's clock may be behind ours."""
SEARCH_LAG: Final = 120.0
"""For so long PHP may still be at work on a request that nobody waits for any more."""
SECOND: Final = timedelta(seconds=1)


class _Timed(Struct, frozen=True, kw_only=True):
    id: int
    date_created_gmt: datetime | None = None
    date_modified_gmt: datetime | None = None


class _Refund(Struct, frozen=True, kw_only=True):
    id: int | None


class _WithRefunds(Struct, frozen=True, kw_only=True):
    id: int
    refunds: tuple[_Refund, ...] = ()

    @property
    def has_refunds(self) -> bool:
        """Whether any is left: one without an id was deleted."""
        return any(one.id for one in self.refunds)


def window(asked: Window) -> Query:
    """Return the parameters of a page of orders. WooCommerce's bounds are not part of what they bound."""
    query: list[tuple[str, str]] = [("orderby", "modified" if asked.by_change else "date"), ("order", "asc")]
    if asked.since is not None:
        before = asked.since.astimezone(UTC).replace(microsecond=0) - SECOND
        query += [("modified_after" if asked.by_change else "after", gmt(before)), ("dates_are_gmt", "true")]
    if asked.exclude:
        query.append(("exclude", ",".join(asked.exclude)))
    return (*query, ("per_page", str(asked.rows)))


def placed(record: Raw, by_change: bool) -> tuple[str, datetime | None]:
    """Return the id of an order, and when it changed or was created."""
    timed = decode_loosely(record, _Timed)
    moment = timed.date_modified_gmt if by_change else timed.date_created_gmt
    return str(timed.id), None if moment is None else moment.replace(tzinfo=UTC)


def with_status(status: str | None) -> Query:
    """Return the parameter for orders of a status, of any without one."""
    wanted = ("any",) if status is None else LISTED.get(status, ())
    return (("status", ",".join(wanted)),) if wanted else (NOBODY,)


def has_more(reply: VendorReply, records: int, rows: int) -> bool:
    """Return whether a reply is not the last. Something before the shop may take the header away."""
    found = total(reply)
    return found > records if found is not None else records >= rows


def is_whole(record: Raw) -> bool:
    """Return whether an order has no refunds: those are read beside it."""
    return not decode_loosely(record, _WithRefunds).has_refunds


ORDERS: Final = Collection[OrderWrite, Account](
    path=f"{API}/orders",
    paging=Keyset(ask=window, head=placed, spell=gmt, more=has_more, most=MAX_PER_PAGE, exclude=True),
    id=remote_id,
    filters={"status": with_status},
    mark=mark,
    carries=carries,
    is_whole=is_whole,
)


def side_load(records: tuple[Raw, ...], account: Account) -> VendorRequest | None:
    """The refunds of the next order that has any: an order itself shows no more than their sums."""
    done = account.refund_reads
    if done >= MOST_REFUND_READS:
        return None
    refunded = [order.id for order in (decode_loosely(record, _WithRefunds) for record in records) if order.has_refunds]
    if done >= len(refunded):
        return None
    return VendorRequest(
        method="GET",
        path=f"{ORDERS.one(str(refunded[done]))}/refunds",
        route=f"{ORDERS.route}/refunds",
        query=(("per_page", str(MAX_PER_PAGE)),),
    )


def absorb(reply: VendorReply, account: Account) -> Account:
    """The account with these refunds. Raises VendorDrift where they have another shape."""
    found = {refund.id: refund for refund in decode_loosely(reply.body, tuple[Refund, ...])}
    return replace(account, refunds=account.refunds | found, refund_reads=account.refund_reads + 1)


def cancel(
    remote_id: str, asked: OrderCancel, marker: str, account: Account
) -> tuple[VendorRequest, tuple[FieldRefusal, ...]]:
    """The status, and why. WooCommerce itself puts the goods back to stock, pays nothing back and tells the shop."""
    notes = Notes()
    reason = CANCEL_REASONS.get(asked.reason)
    if reason is None:
        notes.invalid("/reason", f"one of: {', '.join(CANCEL_REASONS)}")
    if not asked.restock:
        notes.unsupported("/restock", "WooCommerce puts the goods of a cancelled order back to stock: send true")
    if asked.refund:
        notes.unsupported("/refund", "WooCommerce pays nothing back when it cancels: a refund is a record of its own")
    if asked.notify:
        notes.unsupported("/notify", "WooCommerce writes to the shop about a cancellation, and not to the buyer")
    if asked.note is not None:
        notes.unsupported("/note", "WooCommerce's notes are records of their own")
    body = OrderWrite(status="cancelled", meta_data=(MetaWrite(key=CANCEL_REASON, value=reason or "other"),))
    return ORDERS.update(remote_id, body, marker, account), tuple(notes.refused)


def find_marker(marker: str, parent: str | None, body: OrderWrite | None, account: Account) -> VendorRequest | None:
    """Return the request for the newest orders since the operation began: those of the buyer where the write names one,
    else all. None for a marker that tells no time."""
    began = markers.began(marker)
    if began is None:
        return None
    asked: list[tuple[str, str]] = [("status", "any"), ("orderby", "date"), ("order", "desc")]
    asked += [("after", gmt(began - BEFORE)), ("dates_are_gmt", "true")]
    if body is not None and isinstance(body.customer_id, int) and body.customer_id:
        asked.append(("customer", str(body.customer_id)))
    return ORDERS.listed((*asked, ("per_page", str(MAX_PER_PAGE))))


RECOVERY: Final[dict[Action, Recovery]] = {
    "create": Recovery(
        by="marker",
        strength="search",
        search_lag=SEARCH_LAG,
        note="WooCommerce has no idempotency keys and nothing about an order is unique. Each that we create carries "
        "its operation in its meta, which cannot be searched for: the newest 100 orders since the operation began are "
        "looked through, those of the buyer where one is named. What is found there was made; what is not found within "
        "two minutes may still be at work, in the bin, or behind 100 others, so that a person decides",
    ),
    "update": Recovery(
        by="state",
        strength="strong",
        note="the order is read by its id and compared; setting the same values again changes nothing but the time: "
        "WooCommerce writes its e-mails when a status changes, and not when it stays",
    ),
    "cancel": Recovery(
        by="state",
        strength="strong",
        note="the order is read by its id; cancelling what is cancelled changes nothing",
    ),
}

ENDPOINTS: Final = dataclasses.replace(
    ORDERS.endpoints(recovery=RECOVERY, find_marker=find_marker, max_limit=MAX_PER_PAGE),
    side_load=side_load,
    absorb=absorb,
    cancel=cancel,
)
