"""Records behind a REST endpoint: requests and replies from one declaration of plain functions."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeVar, cast
from urllib.parse import quote

import msgspec
from msgspec import Raw, Struct, defstruct
from msgspec.structs import replace

from mappings.endpoints import Action, Endpoints, ListQuery, Recovery, UpsertKey, VendorPage, WriteResult
from mappings.http import Method, VendorReply, VendorRequest
from mappings.kit.paging import Paging, Query, page_number
from mappings.spec import VendorDrift, decode

W = TypeVar("W")
A = TypeVar("A", bound=Struct)

_encode: Final = msgspec.json.Encoder().encode


class _Numbered(Struct, frozen=True, kw_only=True):
    id: int | str


def get(path: str, *query: tuple[str, str], route: str = "", cost: float = 1.0) -> VendorRequest:
    """Build a read. `route` is the template of a path with ids."""
    return VendorRequest(method="GET", path=path, route=route or path, query=query, cost=cost)


def post(path: str, body: bytes, *, route: str = "", idempotent: bool = False) -> VendorRequest:
    """Build a write. `idempotent`: the vendor recognises a repeat, as of a name that is unique."""
    return VendorRequest(method="POST", path=path, route=route or path, body=body, effect=True, idempotent=idempotent)


def next_numbered(request: VendorRequest, *, more: bool) -> VendorRequest | None:
    """Build the request for the page after a numbered one, None if there are no more."""
    if not more or all(name != "page" for name, _ in request.query):
        return None
    query = tuple((name, str(page_number(value) + 1) if name == "page" else value) for name, value in request.query)
    return replace(request, query=query)


def remote_id(record: Raw) -> str:
    """Return the member `id` of a record. Raises VendorDrift if it is missing."""
    return str(decode(record, _Numbered).id)


def member(name: str) -> Callable[[Raw], str]:
    """Return a function that reads the id of a record from a member with another name, as `remote_id` does."""
    shape: Any = defstruct("Named", [("id", int | str)], rename={"id": name}, frozen=True)
    return lambda record: str(decode(record, shape).id)


def bare(reply: VendorReply) -> tuple[Raw, ...]:
    """Return the records of a reply that is a bare record or an array of records."""
    if reply.body.lstrip()[:1] == b"[":
        return decode(reply.body, tuple[Raw, ...])
    return (Raw(reply.body),)


def wrapped(one: str | None, many: str) -> Callable[[VendorReply], tuple[Raw, ...]]:
    """Return a function that reads a record from the member `one`, or an array of records from `many`. If `one` is
    None, a single record is the whole reply."""

    def records(reply: VendorReply) -> tuple[Raw, ...]:
        members = decode(reply.body, dict[str, Raw])
        if many in members:
            return decode(members[many], tuple[Raw, ...])
        if one is None:
            return (Raw(reply.body),)
        if one not in members:
            raise VendorDrift(f"$.{one}", f"the answer contains neither {one} nor {many}")
        return (members[one],)

    return records


def parameter(name: str) -> Callable[[str | None], Query]:
    """Return a filter that sends its value as this parameter."""
    return lambda value: () if value is None else ((name, value),)


def _unmarked(body: W, marker: str, account: A) -> W:
    return body


def _no_facts(reply: VendorReply, account: A) -> A:
    return account


@dataclass(frozen=True, kw_only=True, eq=False)
class Collection(Generic[W, A]):
    """Records of one object behind a REST endpoint.

    `path` lists and creates; `path/{id}` reads, updates and archives. `slash` ends both with a slash, as Django needs.
    `list_path` is the path of lists, if different.
    `read_query` is sent with each read, `list_query` with each list and look-up, `write_query` with each create and
    update. `read_cost` and `list_cost` are in the vendor's units.
    `records` finds the records of any reply, `id` the id of a record. `related` adds the related records of a reply
    (people, for example) to the account facts.

    `paging` divides a list into pages. `filters` return the parameters of exact filters, from the value or None for a
    list without the filter. `keys` return the parameters that find the record with a unique key, or the whole request,
    such as a POST that only reads. A list by such a key has one page, unless the key is also a filter.

    `encode` encodes the body of a write. `mark` adds the operation's marker to the body of a create; `carries` returns
    whether a record has the marker. `unanswered` are the writes whose reply lacks the record; it is read then, and
    after a create it is looked up by its marker. `is_whole` returns whether any other reply has the whole record;
    otherwise the record is read too.
    """

    path: str
    paging: Paging
    slash: bool = False
    list_path: str = ""
    read_query: Query = ()
    list_query: Query = ()
    write_query: Query = ()
    read_cost: float = 1.0
    list_cost: float = 1.0
    records: Callable[[VendorReply], tuple[Raw, ...]] = bare
    id: Callable[[Raw], str] = remote_id
    filters: Mapping[str, Callable[[str | None], Query]] = field(default_factory=dict)
    keys: Mapping[UpsertKey, Callable[[str], Query | VendorRequest]] = field(default_factory=dict)
    related: Callable[[VendorReply, A], A] = _no_facts
    change: Method = "PUT"
    encode: Callable[[W], bytes] = _encode
    mark: Callable[[W, str, A], W] = _unmarked
    carries: Callable[[Raw, str], bool] = lambda record, marker: False
    unanswered: frozenset[Action] = frozenset({"archive"})
    is_whole: Callable[[Raw], bool] = lambda record: True

    def one(self, remote_id: str, below: str = "") -> str:
        """Return the path of one record, or of what is `below` it, such as its comments."""
        return self._path(quote(remote_id, safe=""), *filter(None, (below,)))

    @property
    def route(self) -> str:
        """Return the route template of `one`."""
        return self._path("{id}")

    def _path(self, *parts: str) -> str:
        return "/".join((self.path, *parts)) + ("/" if self.slash else "")

    def read_below(self, remote_id: str | None, below: str, *query: tuple[str, str]) -> VendorRequest:
        """Build the request for what is below a record, such as the comments of a ticket."""
        return get(self.one(remote_id or "", below), *query, route=self._path("{id}", below))

    def add_below(self, remote_id: str | None, below: str, body: bytes) -> VendorRequest:
        """Build the request that adds something below a record."""
        return post(self.one(remote_id or "", below), body, route=self._path("{id}", below))

    def listed(self, query: Query) -> VendorRequest:
        """Build the request for a list with these parameters."""
        return get(self.list_path or self._path(), *self.list_query, *query, cost=self.list_cost)

    def read(self, remote_id: str, account: A) -> VendorRequest:
        """Build the request for one record."""
        return get(self.one(remote_id), *self.read_query, route=self.route, cost=self.read_cost)

    def record(self, reply: VendorReply, account: A) -> tuple[Raw | None, A]:
        """Return the record of a read, or the first of a look-up."""
        return next(iter(self.records(reply)), None), self.related(reply, account)

    def list(self, query: ListQuery, account: A) -> VendorRequest:
        """Build the request for a page. Raises ValueError for a foreign cursor."""
        key = self._key(query)
        if key is not None:
            return self.find(key, query.filters[key])
        filters = [pair for name, pairs_of in self.filters.items() for pair in pairs_of(query.filters.get(name))]
        return self.listed((*filters, *self.paging.window(query)))

    def page(self, reply: VendorReply, query: ListQuery, account: A) -> VendorPage[A]:
        """Return the records of a page."""
        records = self.records(reply)
        following = None
        if self._key(query) is None:
            records, following = self.paging.page(query, records, reply)
        return VendorPage(records=records, next=following, account=self.related(reply, account))

    def find(self, key: UpsertKey, value: str) -> VendorRequest:
        """Build the request for the record with a unique key."""
        wanted = self.keys[key](value)
        return wanted if isinstance(wanted, VendorRequest) else self.listed(wanted)

    def create(self, body: W, marker: str, parent: str | None, account: A) -> VendorRequest:
        """Build the request for a new record with its marker."""
        return replace(post(self._path(), self.encode(self.mark(body, marker, account))), query=self.write_query)

    def update(self, remote_id: str, body: W, marker: str, account: A) -> VendorRequest:
        """Build the request for an update. The record keeps the marker of its create."""
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

    def write_result(self, reply: VendorReply, action: Action) -> WriteResult:
        """Return the written record, if the reply has it."""
        if action in self.unanswered:
            return WriteResult(created=True if action == "create" else None)
        record = next(iter(self.records(reply)), None)
        if record is None:
            raise VendorDrift("$", "the answer to a write contains no record")
        return WriteResult(
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
        """Declare the reads, and the writes with a recovery. Use `dataclasses.replace` for vendor-specific parts."""
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
            write_result=self.write_result if recovery else None,
            find_marker=find_marker,
            marked=self.marked if find_marker is not None else None,
            recovery=recovery,
        )

    def _key(self, query: ListQuery) -> UpsertKey | None:
        """Return the unique key that a list is filtered by, or None."""
        return cast(
            "UpsertKey | None",
            next((name for name in query.filters if name in self.keys and name not in self.filters), None),
        )

    def _finder(self, key: UpsertKey) -> Callable[[str, A], VendorRequest]:
        return lambda value, account: self.find(key, value)
