"""The requests that a vendor folder declares for an object: pure functions from intent to request, and from reply to
records. Nothing here sends anything.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Generic, Literal, TypeVar

import msgspec
from msgspec import Struct

from canonical.order_patch import OrderCancel, OrderPatch
from canonical.parts import Reference
from mappings.http import VendorReply, VendorRequest

W = TypeVar("W")  # the body the vendor accepts
A = TypeVar("A", bound=Struct)  # facts about the account

Action = Literal["create", "update", "upsert", "archive", "cancel", "comment"]
UpsertKey = Literal["email", "external_id"]
Sort = Literal["created_at", "-created_at", "updated_at", "-updated_at"]
"""The order of a list: by time of creation or change, oldest first; with a minus, newest first."""

NUMBER: Final = "[1-9][0-9]{0,18}"
"""Pattern of numeric vendor ids: a positive 64-bit number."""
MOST_SKUS: Final = 50
"""The most products that one request looks up."""

PersonNeed = Literal["copy", "link", "id", "id_or_text", "known"]
"""How a new record names its customer or requester. `copy`: by a copy of name and address. `link`: by a copy, and a
link to a customer. `id`: by the id of a customer. `id_or_text`: by an id, or by a text if no customer is to be created.
`known`: by the id of an existing customer, because the vendor refuses the record with one that Lockstitch created."""
NEW_PERSON: Final = "new-customer"
"""The vendor's id of a person who would be created, in a draft."""
Options = Mapping[str, str | bool]
"""Settings of a connection that only some vendors have, by name."""
NO_OPTIONS: Final[Options] = {}


class Product(Struct, frozen=True, kw_only=True):
    """A product of a shop: its SKU, and the ids that a line of an order names it by."""

    sku: str
    product: str | None = None
    variant: str | None = None


class ListQuery(Struct, frozen=True, kw_only=True):
    """A request for one page of a list. `after` is the vendor's own cursor. `filters` are exact matches that the
    endpoint declares; `customer` and `requester` are ids of the vendor. `sort` is one of the endpoint's, and None
    with `updated_since`, which lists by change, oldest first. `parent` is the remote id of the ticket whose comments
    are listed; `newest_first` reverses their order."""

    limit: int
    after: str | None = None
    updated_since: datetime | None = None
    filters: Mapping[str, str] = {}
    sort: Sort | None = None
    parent: str | None = None
    newest_first: bool = False

    @property
    def by_change(self) -> bool:
        """Whether the list is ordered by time of change."""
        return self.updated_since is not None or self.sort in ("updated_at", "-updated_at")

    @property
    def descending(self) -> bool:
        """Whether the newest come first, by the sort."""
        return self.sort in ("-created_at", "-updated_at")


class VendorPage(Struct, Generic[A], frozen=True, kw_only=True):
    """One page of a list: each record as its own bytes, the cursor of the next page, and the account facts, completed
    with the related records in the answer (people, for example)."""

    records: tuple[msgspec.Raw, ...]
    next: str | None
    account: A


class HintPage(Struct, frozen=True, kw_only=True):
    """One page of hints: ids of records that may have changed, each once, those that were created, and the cursor of
    the next page."""

    remote_ids: tuple[str, ...]
    created: frozenset[str]
    next: str | None


class WriteResult(Struct, frozen=True, kw_only=True):
    """The result of a write, from the vendor's answer. Without `record`, the caller reads the record by `remote_id`.
    `pending` means that the vendor accepted the write and has not finished it."""

    remote_id: str | None = None
    record: msgspec.Raw | None = None
    created: bool | None = None
    pending: bool = False


class FieldRefusal(Struct, frozen=True, kw_only=True):
    """One field that cannot be written: the value is `invalid`, or the vendor has the field `unsupported`."""

    kind: Literal["invalid", "unsupported"]
    pointer: str
    detail: str


class Recovery(Struct, frozen=True, kw_only=True):
    """How to find the outcome of a write whose reply was lost (contract, Writes 5).

    `key`: the vendor replays the same request under its idempotency key for `lifetime` seconds; afterwards `marker`
    or nothing.
    `unique`: a unique constraint at the vendor makes it safe to send the request again.
    `marker`: the write carries the operation id, and a look-up finds it.
    `state`: read and compare the record; setting the same values again is harmless.
    `none`: the outcome cannot be found.
    `strength` is that of the look-up:
    `strong`: it does not lag, and the record has a unique value. A request that still runs at the vendor is not found,
    but the vendor refuses it or its repeat, so absence allows a repeat at once.
    `listed`: it does not lag, and nothing refuses a repeat. So absence counts if it is seen twice, ten minutes apart,
    and allows one repeat. Never for a write that collects money.
    `search`: the index lags by `search_lag` seconds, so absence proves nothing.
    If the vendor repeats a server error under its idempotency key, a `strong` look-up too must see the absence twice.
    The repeat then has another key, derived from the first.
    `refuses_repeat(body)` returns whether a body has the unique value. For one without, `strong` counts as `listed`.
    """

    by: Literal["key", "unique", "marker", "state", "none"]
    strength: Literal["strong", "listed", "search", "none"] = "none"
    lifetime: float = 0.0
    search_lag: float = 0.0
    refuses_repeat: Callable[[Any], bool] = lambda body: True
    note: str


@dataclass(frozen=True, kw_only=True)
class NamedRead:
    """How to read the name and address of a referenced record by its id at the vendor."""

    request: Callable[[str], VendorRequest]
    keys: Callable[[VendorReply], Reference]


@dataclass(frozen=True, kw_only=True, eq=False)
class Endpoints(Generic[W, A]):
    """The requests of one object: pure functions from intent to request, and from reply to records.

    A verb that is None is `unsupported-action`. `marker` is the operation id, stored in the record if the vendor can.
    `find_marker(marker, parent, body, account)` builds the request for the record that carries a marker; `marked` reads
    its remote id from the reply, or None. `find_marker` returns None if this write could not carry its marker: then no
    look-up proves anything. `marker_page` builds the request for the next page of the look-up, None after the last one.
    At vendors without a place for the marker, `alike(reply, marker, body)` returns the ids of the records that the
    write may have made: with the same content, and created since it began.
    `find` builds the request for the record with a unique key, through a strongly consistent read. `upsert` is the
    vendor's native upsert; without it, the write runs find-then-write under a lock. `side_load` builds one more request
    that completes the records (people behind ids), until it returns None; `absorb` adds its reply to the account facts.
    `list_is_whole`: a listed record, with its side loads, has all members that a read by its id has.
    `hints(since, after)` builds the request for a page of hints, at vendors that report changes without listing changed
    records; `hinted` reads the reply. A hint may be late or wrong: read the record.
    `do_without` returns the account facts for a further request that the vendor refuses, or None if it is needed.
    `with_customers` returns the account facts with customers that were just read, which then need no side load.
    `parts` builds a request for records that a new record names and that must exist before it, such as line items; None
    if it names none. `with_parts` returns the body with their ids from the reply. The request must be safe to repeat: a
    retry of the create sends it again. Records that only `parts` created must be invisible to users of the object.
    `person` returns how a write names its customer or requester (`PersonNeed`). One who is named by e-mail address is
    looked up first, unless the vendor keeps a copy. `new_requester`: how a change of a ticket names another requester,
    at vendors that create one for a new ticket alone.
    `find_products(order, skus, account)` builds one request for the products with these SKUs, at most `MOST_SKUS`, at
    vendors whose lines name products by id; `products` reads the reply.
    `find_related(order, account)` builds one read of what else a new order needs, such as the account that it belongs
    to; `related` reads ids by name from the reply. Both see the customer of the order as an id, if one is known.
    `with_related(account, options, related)` returns the account facts for a draft with the result of that read and the
    connection's own settings (`Vendor.options`).
    `named` reads the names behind the ids in references, by field, where the record's own read has the ids alone. A
    customer or requester is read by the customer mapping instead.
    `is_staff` returns whether a person works for the business at this vendor, such as an agent or an administrator, for
    vendors whose lists of customers hold such people. Matching by e-mail address never selects them.
    `finds_guests`: lists take the filter `guest`, an e-mail address. It adds the orders of guests with this address to
    those of the `customer`, if one is named, who come first. `takes_people`: the filter `customer` takes several ids,
    separated by commas, at vendors where a guest is a customer too.
    `merged` builds the request for what became of a record that a read does not find; `merged_into` reads the id of the
    record that the vendor merged it into, or None.
    `of_part` builds the request for the record to which a part belongs, such as a line item that a webhook names;
    `whole` reads the record's id from the reply, or None.
    `bulk` counts the characters of HTML that `absorb` added. `guard` makes an update conditional on the version that
    the caller read, at vendors that compare versions.
    """

    read: Callable[[str, A], VendorRequest] | None
    record: Callable[[VendorReply, A], tuple[msgspec.Raw | None, A]]
    list: Callable[[ListQuery, A], VendorRequest] | None = None
    page: Callable[[VendorReply, ListQuery, A], VendorPage[A]] | None = None
    filters: frozenset[str] = frozenset()
    sorts: frozenset[Sort] = frozenset()
    finds_guests: bool = False
    takes_people: bool = False
    max_limit: int = 100
    updated_since: bool = True
    list_is_whole: bool = True
    hints: Callable[[datetime, str | None], VendorRequest] | None = None
    hinted: Callable[[VendorReply], HintPage] | None = None
    side_load: Callable[[tuple[msgspec.Raw, ...], A], VendorRequest | None] | None = None
    absorb: Callable[[VendorReply, A], A] | None = None
    do_without: Callable[[VendorRequest, A], A | None] = lambda request, account: None
    with_customers: Callable[[tuple[msgspec.Raw, ...], A], A] | None = None
    named: Mapping[str, NamedRead] = field(default_factory=dict)
    is_staff: Callable[[msgspec.Raw], bool] | None = None
    person: Callable[[Any], PersonNeed] = lambda patch: "copy"
    new_requester: PersonNeed | None = None
    find_products: Callable[[OrderPatch, tuple[str, ...], A], VendorRequest] | None = None
    products: Callable[[VendorReply], tuple[Product, ...]] | None = None
    find_related: Callable[[OrderPatch, A], VendorRequest | None] | None = None
    related: Callable[[VendorReply], Mapping[str, str]] | None = None
    with_related: Callable[[A, Options, Mapping[str, str]], A] | None = None
    merged: Callable[[str, A], VendorRequest] | None = None
    merged_into: Callable[[VendorReply], str | None] | None = None
    of_part: Callable[[str, bool], VendorRequest] | None = None  # the part's id, and whether it was deleted
    whole: Callable[[VendorReply], str | None] | None = None
    bulk: Callable[[A], int] = lambda account: 0
    create: Callable[[W, str, str | None, A], VendorRequest] | None = None  # body, marker, parent, account
    parts: Callable[[W, str, A], VendorRequest | None] | None = None  # body, marker, account
    with_parts: Callable[[W, VendorReply], W] | None = None
    update: Callable[[str, W, str, A], VendorRequest] | None = None  # remote id, body, marker, account
    guard: Callable[[VendorRequest, A], VendorRequest] | None = None
    upsert: Mapping[UpsertKey, Callable[[str, W, str, A], VendorRequest]] = field(default_factory=dict)
    find: Mapping[UpsertKey, Callable[[str, A], VendorRequest]] = field(default_factory=dict)
    archive: Callable[[str, A], VendorRequest] | None = None
    cancel: Callable[[str, OrderCancel, str, A], tuple[VendorRequest, tuple[FieldRefusal, ...]]] | None = None
    write_result: Callable[[VendorReply, Action], WriteResult] | None = None
    find_marker: Callable[[str, str | None, W | None, A], VendorRequest | None] | None = None
    marked: Callable[[VendorReply, str], str | None] | None = None
    marker_page: Callable[[VendorRequest, VendorReply], VendorRequest | None] = lambda request, reply: None
    alike: Callable[[VendorReply, str, W], tuple[str, ...]] | None = None  # reply, marker, body
    recovery: Mapping[Action, Recovery] = field(default_factory=dict)

    def actions(self) -> tuple[Action, ...]:
        """Return the verbs that this object supports at this vendor."""
        verbs: dict[Action, bool] = {
            "create": self.create is not None,
            "update": self.update is not None,
            "upsert": bool(self.upsert or self.find),
            "archive": self.archive is not None,
            "cancel": self.cancel is not None,
        }
        return tuple(verb for verb, can in verbs.items() if can)
