"""How invoices and checkout sessions are reached. Their ids tell them apart; a list shows all of the former, then all
of the latter, each newest first."""

from typing import Final

from msgspec import Raw, Struct, UnsetType
from msgspec.structs import replace

from canonical.order_patch import OrderCancel
from mappings.http import VendorReply, VendorRequest
from mappings.spec import Action, Endpoints, FieldRefusal, ListQuery, Notes, Page, Receipt, Recovery, decode
from mappings.stripe import bodies, requests
from mappings.stripe.order_enums_r1 import INVOICE_OF_STATUS, SESSION_OF_STATUS
from mappings.stripe.wire_2026_10_28 import OPERATION_ID, Account
from mappings.stripe.wire_writes_2026_10_28 import OrderWrite

INVOICES: Final = "/v1/invoices"
SESSIONS: Final = "/v1/checkout/sessions"
SESSION: Final = "cs_"
"""What the ids of checkout sessions begin with."""
THEN_SESSIONS: Final = "sessions"
"""The cursor between the two."""
IN_INVOICE: Final = ("payments",)
IN_SESSION: Final = ("line_items", "payment_intent.latest_charge")
SETUP: Final = "setup"


class _Mode(Struct, frozen=True, kw_only=True):
    mode: str | None = None


def read(remote_id: str, account: Account) -> VendorRequest:
    """One invoice with its payments, or one checkout with lines and charge."""
    collection, beside = _of(remote_id)
    return VendorRequest(
        method="GET",
        path=requests.path_of(collection, remote_id),
        route=f"{collection}/{{id}}",
        query=requests.expanding(*beside),
    )


def record(reply: VendorReply, account: Account) -> tuple[Raw | None, Account]:
    """The order of an answer; None for a deleted draft, and for a checkout that sells nothing."""
    found = requests.one(reply)
    return (found if found is not None and _sells(found) else None), account


def list_(query: ListQuery, account: Account) -> VendorRequest:
    """A page of invoices, or, once those are through, of checkouts."""
    sessions = _lists_sessions(query.after)
    collection, beside = (SESSIONS, IN_SESSION) if sessions else (INVOICES, IN_INVOICE)
    parameters = [("limit", str(min(query.limit, requests.MOST)))]
    if query.after is not None and query.after != THEN_SESSIONS:
        parameters.append(("starting_after", query.after))
    if (status := query.filters.get("status")) is not None:
        words = SESSION_OF_STATUS if sessions else INVOICE_OF_STATUS
        parameters.append(("status", words.get(status, _any(words))))
    parameters += requests.expanding(*(f"data.{member}" for member in beside))
    return VendorRequest(method="GET", path=collection, route=collection, query=tuple(parameters))


def page(reply: VendorReply, query: ListQuery, account: Account) -> Page[Account]:
    """The orders of a page. After the last invoice the checkouts begin."""
    answer = decode(reply.body, requests.Listed)
    sessions = _lists_sessions(query.after)
    following = requests.last_id(answer.data) if answer.has_more else None if sessions else THEN_SESSIONS
    kept = answer.data
    status = query.filters.get("status")
    if status is not None and status not in (SESSION_OF_STATUS if sessions else INVOICE_OF_STATUS):
        kept = ()
        following = None if sessions else THEN_SESSIONS
    return Page(records=tuple(raw for raw in kept if _sells(raw)), next=following, account=account)


def create(body: OrderWrite, marker: str, parent: str | None, account: Account) -> VendorRequest:
    """A new checkout or draft invoice, which names its operation; the operation is its idempotency key, too."""
    collection, beside = (INVOICES, IN_INVOICE) if body.invoice is not None else (SESSIONS, IN_SESSION)
    kept = {} if isinstance(body.body.metadata, UnsetType) else body.body.metadata
    marked = replace(body.body, metadata={**kept, OPERATION_ID: marker})
    return requests.post(collection, collection, bodies.encoded(marked, *beside), marker)


def update(remote_id: str, body: OrderWrite, marker: str, account: Account) -> VendorRequest:
    """Change what is sent."""
    collection, beside = _of(remote_id)
    encoded = bodies.encoded(body.body, *beside)
    path, route = requests.path_of(collection, remote_id), f"{collection}/{{id}}"
    return requests.post(path, route, encoded, requests.changing_key(marker, encoded))


def cancel(
    remote_id: str, asked: OrderCancel, marker: str, account: Account
) -> tuple[VendorRequest, tuple[FieldRefusal, ...]]:
    """Void an invoice that is open, or end a checkout that is. Neither takes a reason, or gives money back."""
    notes = Notes()
    if asked.refund:
        notes.unsupported("/refund", "what was paid is given back at Stripe by a refund or a credit note")
    if asked.restock:
        notes.unsupported("/restock", "Stripe has no stock")
    if asked.notify:
        notes.unsupported("/notify", "Stripe does not write to the buyer about it")
    if asked.note is not None:
        notes.unsupported("/note", "Stripe keeps no note with it")
    collection, beside = _of(remote_id)
    verb = "/expire" if collection == SESSIONS else "/void"
    body = bodies.expanding(*beside)
    path, route = requests.path_of(collection, remote_id, verb), f"{collection}/{{id}}{verb}"
    return requests.post(path, route, body, marker), tuple(notes.refused)


def receipt(reply: VendorReply, action: Action) -> Receipt:
    """The order as the answer shows it, whole."""
    remote_id, whole = requests.made(reply)
    return Receipt(remote_id=remote_id, record=whole, created=action == "create")


def find_marker(marker: str, parent: str | None, body: OrderWrite | None, account: Account) -> VendorRequest:
    """The order that a lost create may have made, among the newest of its customer, whom an invoice always has, or of
    all. Lists do not lag; of invoices there is a search as well, which does."""
    newest = [("limit", str(requests.MOST))]
    customer = getattr(body.body, "customer", None) if body is not None else None
    if isinstance(customer, str):
        newest.append(("customer", customer))
    collection = SESSIONS if body is None or body.invoice is None else INVOICES
    return VendorRequest(method="GET", path=collection, route=collection, query=tuple(newest))


def _of(remote_id: str) -> tuple[str, tuple[str, ...]]:
    """The collection that an id belongs to, and what is to come along."""
    return (SESSIONS, IN_SESSION) if remote_id.startswith(SESSION) else (INVOICES, IN_INVOICE)


def _lists_sessions(after: str | None) -> bool:
    return after is not None and (after == THEN_SESSIONS or after.startswith(SESSION))


def _any(words: dict[str, str]) -> str:
    """Some status, for a page that shows nothing: the other half of the list may have what is asked for."""
    return next(iter(words.values()))


def _sells(raw: Raw) -> bool:
    return decode(raw, _Mode).mode != SETUP


RECOVERY: Final[dict[Action, Recovery]] = {
    "create": Recovery(
        by="key",
        lifetime=requests.KEY_LIFETIME,
        strength="search",
        search_lag=requests.SEARCH_LAG,
        note="Stripe answers the same request again under its idempotency key for a day; after that, and where it "
        "answers with an error of its own again, the order is looked up by the operation id in its metadata, "
        "among the hundred newest: those of its customer, where it names one",
    ),
    "update": Recovery(
        by="state", strength="strong", note="the order is read; setting the same values again is harmless"
    ),
    "cancel": Recovery(
        by="state",
        strength="strong",
        note="the order is read until it is cancelled; Stripe refuses to void an invoice or to end a checkout twice",
    ),
}

ENDPOINTS: Final = Endpoints[OrderWrite, Account](
    read=read,
    record=record,
    list=list_,
    page=page,
    filters=frozenset({"status"}),
    max_limit=requests.MOST,
    updated_since=False,
    create=create,
    update=update,
    cancel=cancel,
    receipt=receipt,
    find_marker=find_marker,
    marked=requests.marked,
    recovery=RECOVERY,
)
