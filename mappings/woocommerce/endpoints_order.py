"""Requests for orders, their refunds, and recovery of lost writes."""

import dataclasses
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Final

from msgspec import Raw, Struct
from msgspec.structs import replace

from canonical import values
from canonical.order_patch import OrderCancel, OrderPatch
from mappings.endpoints import Action, FieldRefusal, ListQuery, Product, Recovery, VendorPage
from mappings.http import VendorReply, VendorRequest
from mappings.kit import markers
from mappings.kit.paging import SECOND, Keyset, Query, Window
from mappings.kit.recovery import by_state
from mappings.kit.rest import Collection, parameter
from mappings.spec import Notes, decode_loosely
from mappings.woocommerce.order_enums_r1 import CANCEL_REASONS, LISTED
from mappings.woocommerce.requests import API, MAX_PER_PAGE, carries, gmt, mark, remote_id, total
from mappings.woocommerce.wire_v3 import CANCEL_REASON, Account, Listed, MetaWrite, OrderWrite, Refund

NO_ORDER: Final = ("include", "0")
"""The filter by an id that no order has: it matches nothing."""
BEFORE: Final = timedelta(hours=1)
"""How far a shop's clock may be behind."""


class _Timed(Struct, frozen=True, kw_only=True):
    id: int
    date_created_gmt: datetime | None = None
    date_modified_gmt: datetime | None = None


class _Billing(Struct, frozen=True, kw_only=True):
    email: str | None = None


GUEST: Final = "guest"
NO_CUSTOMER: Final = "0"
"""The customer of guests' orders."""
THEN_GUESTS: Final = "guests:"
"""Begins the cursors of guests' orders."""


class _Billed(Struct, frozen=True, kw_only=True):
    billing: _Billing = _Billing()


class _Refund(Struct, frozen=True, kw_only=True):
    id: int | None


class _WithRefunds(Struct, frozen=True, kw_only=True):
    id: int
    refunds: tuple[_Refund, ...] = ()

    @property
    def has_refunds(self) -> bool:
        """Return whether a refund remains. One without an id was deleted."""
        return any(one.id for one in self.refunds)


def window(page: Window) -> Query:
    """Return the parameters of a page of orders. WooCommerce's bounds are exclusive."""
    by = "id" if page.ties else "modified" if page.by_change else "date"
    query: list[tuple[str, str]] = [("orderby", by), ("order", "desc" if page.descending else "asc")]
    if page.since is not None:
        named = "modified_%s" if page.by_change else "%s"
        for side, step in (("after", -SECOND), ("before", SECOND)):
            if page.ties or (side == "before") == page.descending:
                bound = page.since.astimezone(UTC).replace(microsecond=0)
                with suppress(OverflowError):  # at the edge of the calendar, where no order is
                    bound += step
                query.append((named % side, gmt(bound)))
        query.append(("dates_are_gmt", "true"))
    offset = (("offset", str(page.offset)),) if page.ties else ()
    return (*query, *offset, ("per_page", str(page.rows)))


def placed(record: Raw, by_change: bool) -> tuple[str, datetime | None]:
    """Return the id of an order, and when it changed or was created."""
    timed = decode_loosely(record, _Timed)
    moment = timed.date_modified_gmt if by_change else timed.date_created_gmt
    return str(timed.id), None if moment is None else moment.replace(tzinfo=UTC)


def with_status(status: str | None) -> Query:
    """Return the parameter for orders of a status, or of any status without one."""
    wanted = ("any",) if status is None else LISTED.get(status, ())
    return (("status", ",".join(wanted)),) if wanted else (NO_ORDER,)


def is_whole(record: Raw) -> bool:
    """Return whether an order has no refunds, which need a separate read."""
    return not decode_loosely(record, _WithRefunds).has_refunds


ORDERS: Final = Collection[OrderWrite, Account](
    path=f"{API}/orders",
    paging=Keyset(ask=window, head=placed, spell=gmt, total=total, most=MAX_PER_PAGE),
    id=remote_id,
    # The search finds the address in any field, also a part of one: `page` compares.
    filters={"status": with_status, "customer": parameter("customer"), "email": parameter("search")},
    mark=mark,
    carries=carries,
    is_whole=is_whole,
)


def list_(query: ListQuery, account: Account) -> VendorRequest:
    """Return the request for a page of orders: of a customer, then of guests with the same address, where both are
    asked for."""
    return ORDERS.list(_part(query), account)


def page(reply: VendorReply, query: ListQuery, account: Account) -> VendorPage[Account]:
    """Return the orders of a page that have the buyer's address. Those of guests begin after the customer's last."""
    within = _part(query)
    listing, email = ORDERS.page(reply, within, account), within.filters.get("email")
    if email is not None:
        address = values.email(email)
        kept = [raw for raw in listing.records if _address_in(raw) == address]
        listing = replace(listing, records=tuple(kept))
    if GUEST not in query.filters:
        return listing
    if within.filters["customer"] == NO_CUSTOMER:
        return replace(listing, next=None if listing.next is None else THEN_GUESTS + listing.next)
    return replace(listing, next=listing.next or THEN_GUESTS)


def _part(query: ListQuery) -> ListQuery:
    """Return the query of a page of the customer's orders, or of those of guests, by the cursor."""
    if GUEST not in query.filters:
        return query
    filters = {name: value for name, value in query.filters.items() if name != GUEST}
    after = query.after or ""
    if "customer" in filters and not after.startswith(THEN_GUESTS):
        return replace(query, filters=filters)
    filters |= {"customer": NO_CUSTOMER, "email": query.filters[GUEST]}
    return replace(query, filters=filters, after=after.removeprefix(THEN_GUESTS) or None)


def _address_in(order: Raw) -> str:
    return values.email(decode_loosely(order, _Billed).billing.email or "")


def side_load(records: tuple[Raw, ...], account: Account) -> VendorRequest | None:
    """Return the request for the refunds of the next order with any. An order shows only their sums."""
    done = account.refund_reads
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
    """Return the account with these refunds. Raises VendorDrift if they have another shape."""
    refunds = {refund.id: refund for refund in decode_loosely(reply.body, tuple[Refund, ...])}
    return replace(account, refunds=account.refunds | refunds, refund_reads=account.refund_reads + 1)


def find_products(order: OrderPatch, skus: tuple[str, ...], account: Account) -> VendorRequest:
    """Return the request for the products and variations with these SKUs."""
    path = f"{API}/products"
    query = (("sku", ",".join(skus)), ("per_page", str(MAX_PER_PAGE)), ("_fields", "id,sku,parent_id"))
    return VendorRequest(method="GET", path=path, route=path, query=query)


def products(reply: VendorReply) -> tuple[Product, ...]:
    """Return the products of a reply."""
    return tuple(
        Product(sku=one.sku, product=str(one.parent_id or one.id), variant=str(one.id) if one.parent_id else None)
        for one in decode_loosely(reply.body, tuple[Listed, ...])
    )


def cancel(
    remote_id: str, cancellation: OrderCancel, marker: str, account: Account
) -> tuple[VendorRequest, tuple[FieldRefusal, ...]]:
    """Return the body that sets the status and the reason. WooCommerce then restocks the goods, refunds nothing and
    notifies the shop."""
    notes = Notes()
    reason = CANCEL_REASONS.get(cancellation.reason)
    if reason is None:
        notes.invalid("/reason", f"one of: {', '.join(CANCEL_REASONS)}")
    if not cancellation.restock:
        notes.unsupported("/restock", "WooCommerce always restocks a cancelled order: send true")
    if cancellation.refund:
        notes.unsupported("/refund", "WooCommerce cancels without a refund, a separate record: send false")
    if cancellation.notify:
        notes.unsupported("/notify", "WooCommerce notifies the shop of a cancellation, not the buyer: send false")
    if cancellation.note is not None:
        notes.unsupported("/note", "WooCommerce's notes are records of their own")
    body = OrderWrite(status="cancelled", meta_data=(MetaWrite(key=CANCEL_REASON, value=reason or "other"),))
    return ORDERS.update(remote_id, body, marker, account), tuple(notes.refused)


def find_marker(marker: str, parent: str | None, body: OrderWrite | None, account: Account) -> VendorRequest | None:
    """Return the request for the newest orders since the operation began. None for a marker without a time. The buyer
    would narrow the list, but a person may have changed it since."""
    began = markers.began(marker)
    if began is None:
        return None
    newest = (("status", "any"), ("orderby", "date"), ("order", "desc"))
    since = (("after", gmt(began - BEFORE)), ("dates_are_gmt", "true"))
    return ORDERS.listed((*newest, *since, ("per_page", str(MAX_PER_PAGE)), ("page", "1")))


def marker_page(request: VendorRequest, reply: VendorReply) -> VendorRequest | None:
    """Return the request for the page after this one of `find_marker`."""
    *kept, (_, page) = request.query
    records, before = len(ORDERS.records(reply)), (int(page) - 1) * MAX_PER_PAGE
    count = total(reply)
    if count <= before + records if count is not None else records < MAX_PER_PAGE:
        return None
    return replace(request, query=(*kept, ("page", str(int(page) + 1))))


RECOVERY: Final[dict[Action, Recovery]] = {
    "create": Recovery(
        by="marker",
        strength="listed",
        note="WooCommerce has no idempotency keys and orders have no unique field. Each created order has the "
        "operation id in its meta, which cannot be searched: all orders since the operation began are read. If it is "
        "absent twice, ten minutes apart, which is longer than a shop works on a request, it is sent once more. An "
        "order that a person moved to the trash meanwhile is in no list",
    ),
    "update": by_state(
        "the order is read by id and compared; sending the same values again changes only the modification time: "
        "WooCommerce sends e-mails only when a status changes"
    ),
    "cancel": by_state("the order is read by id; cancelling it again changes nothing"),
}

ENDPOINTS: Final = dataclasses.replace(
    ORDERS.endpoints(recovery=RECOVERY, find_marker=find_marker, max_limit=MAX_PER_PAGE),
    marker_page=marker_page,
    sorts=frozenset({"created_at", "-created_at", "updated_at", "-updated_at"}),
    finds_guests=True,
    list=list_,
    page=page,
    side_load=side_load,
    absorb=absorb,
    find_products=find_products,
    products=products,
    cancel=cancel,
)
