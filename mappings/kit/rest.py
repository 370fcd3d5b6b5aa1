"""Records at a REST address: requests and replies from one declaration of plain functions."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar, cast
from urllib.parse import quote

import msgspec
from msgspec import Raw, Struct

from mappings.http import Method, VendorReply, VendorRequest
from mappings.kit.paging import Paging, Query
from mappings.spec import Action, Endpoints, ListQuery, Page, Receipt, Recovery, UpsertKey, VendorDrift, decode

W = TypeVar("W")
A = TypeVar("A", bound=Struct)

_encode: Final = msgspec.json.Encoder().encode


class _Numbered(Struct, frozen=True, kw_only=True):
    id: int | str


def remote_id(record: Raw) -> str:
    """Return the member `id` of a record. Raises VendorDrift where it has none."""
    return str(decode(record, _Numbered).id)


def bare(reply: VendorReply) -> tuple[Raw, ...]:
    """Return the records of a reply that is a record itself, or an array of records."""
    if reply.body.lstrip()[:1] == b"[":
        return decode(reply.body, tuple[Raw, ...])
    return (Raw(reply.body),)


def wrapped(one: str | None, many: str) -> Callable[[VendorReply], tuple[Raw, ...]]:
    """Return a function that finds records under the member `one`, or under `many` as an array. Without `one` a single
    record is the reply itself."""

    def records(reply: VendorReply) -> tuple[Raw, ...]:
        members = decode(reply.body, dict[str, Raw])
        if many in members:
            return decode(members[many], tuple[Raw, ...])
        if one is None:
            return (Raw(reply.body),)
        if one not in members:
            raise VendorDrift(f"$.{one}", f"the answer holds neither {one} nor {many}")
        return (members[one],)

    return records


def parameter(name: str) -> Callable[[str | None], Query]:
    """Return a filter that is sent as this parameter."""
    return lambda value: () if value is None else ((name, value),)


def _unmarked(body: W, marker: str, account: A) -> W:
    return body


def _no_facts(reply: VendorReply, account: A) -> A:
    return account


@dataclass(frozen=True, kw_only=True, eq=False)
class Collection(Generic[W, A]):
    """Records of one object at a REST address.

    `path` lists and creates, `path/{id}` reads, changes and archives. `list_path` is where lists are, if elsewhere.
    `read_query` is sent with each read, `list_query` with each list and look-up, `write_query` with each create and
    update; `read_cost` and `list_cost` are in the vendor's units.
    `records` finds the records of any reply, `id` the id of a record. `beside` takes what a reply holds beside its
    records (people, for example).

    `paging` divides a list into pages. `filters` give the parameters of exact filters; they are given None where a list
    is not filtered. `keys` give the parameters that find the record with a unique key: a list by one has one page,
    unless the key is among the filters too.

    `encode` makes the body of a write, `mark` puts the marker of the operation into that of a create, `carries` tells
    whether a record has this marker. `is_whole` tells whether the reply to a write shows the record as a read does;
    otherwise the record is read.
    """

    path: str
    paging: Paging
    list_path: str = ""
    read_query: Query = ()
    list_query: Query = ()
    write_query: Query = ()
    read_cost: float = 1.0
    list_cost: float = 1.0
    records: Callable[[VendorReply], tuple[Raw, ...]] = bare
    id: Callable[[Raw], str] = remote_id
    filters: Mapping[str, Callable[[str | None], Query]] = field(default_factory=dict)
    keys: Mapping[UpsertKey, Callable[[str], Query]] = field(default_factory=dict)
    beside: Callable[[VendorReply, A], A] = _no_facts
    change: Method = "PUT"
    encode: Callable[[W], bytes] = _encode
    mark: Callable[[W, str, A], W] = _unmarked
    carries: Callable[[Raw, str], bool] = lambda record, marker: False
    is_whole: Callable[[Raw], bool] = lambda record: True

    def one(self, remote_id: str) -> str:
        """Return the path of one record."""
        return f"{self.path}/{quote(remote_id, safe='')}"

    @property
    def route(self) -> str:
        """The template of `one`."""
        return f"{self.path}/{{id}}"

    def listed(self, query: Query) -> VendorRequest:
        """Build the request for the records that these parameters find."""
        path = self.list_path or self.path
        return VendorRequest(method="GET", path=path, route=path, query=(*self.list_query, *query), cost=self.list_cost)

    def read(self, remote_id: str, account: A) -> VendorRequest:
        """Build the request for one record."""
        return VendorRequest(
            method="GET", path=self.one(remote_id), route=self.route, query=self.read_query, cost=self.read_cost
        )

    def record(self, reply: VendorReply, account: A) -> tuple[Raw | None, A]:
        """Return the record of a read, or the first of a look-up."""
        return next(iter(self.records(reply)), None), self.beside(reply, account)

    def list(self, query: ListQuery, account: A) -> VendorRequest:
        """Build the request for a page. Raises ValueError for a cursor that did not come from `page`."""
        key = self._key(query)
        if key is not None:
            return self.find(key, query.filters[key])
        asked = [pair for name, given in self.filters.items() for pair in given(query.filters.get(name))]
        return self.listed((*asked, *self.paging.window(query)))

    def page(self, reply: VendorReply, query: ListQuery, account: A) -> Page[A]:
        """Return the records of a page."""
        records = self.records(reply)
        following = None
        if self._key(query) is None:
            records, following = self.paging.page(query, records, reply)
        return Page(records=records, next=following, account=self.beside(reply, account))

    def find(self, key: UpsertKey, value: str) -> VendorRequest:
        """Build the request for the record with a unique key."""
        return self.listed(self.keys[key](value))

    def create(self, body: W, marker: str, parent: str | None, account: A) -> VendorRequest:
        """Build the request for a new record that names its operation."""
        marked = self.encode(self.mark(body, marker, account))
        return VendorRequest(
            method="POST", path=self.path, route=self.path, query=self.write_query, body=marked, effect=True
        )

    def update(self, remote_id: str, body: W, marker: str, account: A) -> VendorRequest:
        """Build the request that changes what the body names. The marker stays that of the create."""
        return VendorRequest(
            method=self.change,
            path=self.one(remote_id),
            route=self.route,
            query=self.write_query,
            body=self.encode(body),
            effect=True,
        )

    def archive(self, remote_id: str, account: A) -> VendorRequest:
        """Build the request that archives a record."""
        return VendorRequest(method="DELETE", path=self.one(remote_id), route=self.route, effect=True)

    def receipt(self, reply: VendorReply, action: Action) -> Receipt:
        """Return which record was written. The reply to an archive need not hold it."""
        if action == "archive":
            return Receipt()
        record = next(iter(self.records(reply)), None)
        if record is None:
            raise VendorDrift("$", "the answer to a write holds no record")
        return Receipt(
            remote_id=self.id(record),
            record=record if self.is_whole(record) else None,
            created=action == "create",
        )

    def marked(self, reply: VendorReply, marker: str) -> str | None:
        """Return the id of the record that carries the marker."""
        return next((self.id(record) for record in self.records(reply) if self.carries(record, marker)), None)

    def endpoints(
        self,
        *,
        recovery: Mapping[Action, Recovery],
        find_marker: Callable[[str, str | None, W | None, A], VendorRequest | None] | None = None,
        max_limit: int = 100,
        updated_since: bool = True,
    ) -> Endpoints[W, A]:
        """Declare the verbs that have a recovery, and reads. `dataclasses.replace` adds what is this vendor's alone."""
        return Endpoints(
            read=self.read,
            record=self.record,
            list=self.list,
            page=self.page,
            filters=frozenset({*self.filters, *self.keys}),
            max_limit=max_limit,
            updated_since=updated_since,
            create=self.create if "create" in recovery else None,
            update=self.update if "update" in recovery else None,
            archive=self.archive if "archive" in recovery else None,
            find={key: self._finder(key) for key in self.keys},
            receipt=self.receipt if recovery else None,
            find_marker=find_marker,
            marked=self.marked if find_marker is not None else None,
            recovery=recovery,
        )

    def _key(self, query: ListQuery) -> UpsertKey | None:
        """The unique key that a list is filtered by."""
        return cast(
            "UpsertKey | None",
            next((name for name in query.filters if name in self.keys and name not in self.filters), None),
        )

    def _finder(self, key: UpsertKey) -> Callable[[str, A], VendorRequest]:
        return lambda value, account: self.find(key, value)
