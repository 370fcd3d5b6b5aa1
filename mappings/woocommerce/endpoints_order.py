"""How orders are reached, what lies beside them, and how a lost write of one is settled."""

from datetime import timedelta
from typing import Final

from msgspec import Raw, Struct
from msgspec.structs import replace

from canonical.order_patch import OrderCancel
from mappings import markers
from mappings.http import VendorReply, VendorRequest
from mappings.spec import (
    Action,
    Endpoints,
    FieldRefusal,
    ListQuery,
    Notes,
    Page,
    Receipt,
    Recovery,
    decode,
    decode_loosely,
)
from mappings.woocommerce import paging_order, requests
from mappings.woocommerce.order_enums_r1 import CANCEL_REASONS, LISTED
from mappings.woocommerce.requests import API, Marked
from mappings.woocommerce.wire_v3 import (
    CANCEL_REASON,
    OPERATION,
    Account,
    MetaWrite,
    OrderWrite,
    Refund,
)

ORDERS: Final = "orders"
MOST_REFUND_READS: Final = 10
"""Of how many orders of a page the refunds are read; each is a request of its own."""
NOBODY: Final = ("include", "0")
"""No order has this number."""
BEFORE: Final = timedelta(hours=1)
"""By how much a shop's clock may be behind ours."""
SEARCH_LAG: Final = 120.0
"""For so long PHP may still be at work on a request that nobody waits for any more."""


class _Refund(Struct, frozen=True, kw_only=True):
    id: int | None


class _WithRefunds(Struct, frozen=True, kw_only=True):
    id: int
    refunds: tuple[_Refund, ...] = ()

    @property
    def has_refunds(self) -> bool:
        """Whether any is left: one without an id was deleted."""
        return any(one.id for one in self.refunds)


def read(remote_id: str, _account: Account) -> VendorRequest:
    """One order by id."""
    return requests.read(ORDERS, remote_id)


def list_(query: ListQuery, _account: Account) -> VendorRequest:
    """A page of orders, oldest first. Raises ValueError for a cursor that did not come from `page`."""
    status = query.filters.get("status")
    wanted = ("any",) if status is None else LISTED.get(status, ())
    filters = (("status", ",".join(wanted)),) if wanted else (NOBODY,)
    return requests.listed(ORDERS, (*filters, *paging_order.window(query)))


def page(reply: VendorReply, query: ListQuery, account: Account) -> Page[Account]:
    """The orders of one answer that were not listed before."""
    records = decode(reply.body, tuple[Raw, ...])
    records, following = paging_order.page_of(query, records, reply.headers.get("x-wp-total"))
    return Page(records=records, next=following, account=account)


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
        path=f"{API}/{ORDERS}/{refunded[done]}/refunds",
        route=f"{API}/{ORDERS}/{{id}}/refunds",
        query=(("per_page", str(requests.MAX_PER_PAGE)),),
    )


def absorb(reply: VendorReply, account: Account) -> Account:
    """The account with these refunds. Raises VendorDrift where they have another shape."""
    found = {refund.id: refund for refund in decode_loosely(reply.body, tuple[Refund, ...])}
    return replace(account, refunds=account.refunds | found, refund_reads=account.refund_reads + 1)


def create(body: OrderWrite, marker: str, _parent: str | None, _account: Account) -> VendorRequest:
    """A new order that names its operation."""
    marked_body = requests.with_meta(body, MetaWrite(key=OPERATION, value=marker))
    return requests.create(ORDERS, requests.encoded(marked_body))


def update(remote_id: str, body: OrderWrite, _marker: str, _account: Account) -> VendorRequest:
    """Set these fields and leave the others. The marker stays that of the create."""
    return requests.update(ORDERS, remote_id, requests.encoded(body))


def cancel(
    remote_id: str, asked: OrderCancel, _marker: str, _account: Account
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
    return requests.update(ORDERS, remote_id, requests.encoded(body)), tuple(notes.refused)


def receipt(reply: VendorReply, action: Action) -> Receipt:
    """The answer to a write is the whole order, unless it has refunds, which are read beside it."""
    found = decode_loosely(reply.body, _WithRefunds)
    record = None if found.has_refunds else Raw(reply.body)
    return Receipt(remote_id=str(found.id), record=record, created=action == "create")


def find_marker(marker: str, _parent: str | None, body: OrderWrite | None, _account: Account) -> VendorRequest | None:
    """The newest orders since the operation began: those of the buyer where the write names one, else all. None for a
    marker that tells no time."""
    began = markers.began(marker)
    if began is None:
        return None
    asked: list[tuple[str, str]] = [("status", "any"), ("orderby", "date"), ("order", "desc")]
    asked += [("after", requests.gmt(began - BEFORE)), ("dates_are_gmt", "true")]
    if body is not None and isinstance(body.customer_id, int) and body.customer_id:
        asked.append(("customer", str(body.customer_id)))
    return requests.listed(ORDERS, (*asked, ("per_page", str(requests.MAX_PER_PAGE))))


def marked(reply: VendorReply, marker: str) -> str | None:
    """The id of the order that carries this marker."""
    for one in decode_loosely(reply.body, tuple[Marked, ...]):
        if requests.meta_text(one.meta_data, OPERATION) == marker:
            return str(one.id)
    return None


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

ENDPOINTS: Final = Endpoints[OrderWrite, Account](
    read=read,
    record=requests.record,
    list=list_,
    page=page,
    filters=frozenset({"status"}),
    max_limit=requests.MAX_PER_PAGE,
    side_load=side_load,
    absorb=absorb,
    create=create,
    update=update,
    cancel=cancel,
    receipt=receipt,
    find_marker=find_marker,
    marked=marked,
    recovery=RECOVERY,
)
