"""Records behind a GraphQL endpoint: requests and replies from one declaration.

The selection is computed from the wire Struct that decodes the answer, so query and decoder cannot differ.
Values are sent as variables, never inside a document.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any, Final, Generic, Literal, TypeVar, cast

import msgspec
from msgspec import Meta, Raw, Struct, inspect

from mappings.endpoints import Action, Endpoints, ListQuery, UpsertKey, VendorPage, WriteResult
from mappings.http import VendorReply, VendorRequest
from mappings.kit.refusals import UNREADABLE
from mappings.spec import Unmappable, VendorDrift, decode

A = TypeVar("A", bound=Struct)

NULL: Final = Raw(b"null")
ASKED: Final = "graphql"


def ask(text: str) -> Meta:
    """Annotate a member whose selection needs more than its name: an alias, arguments, or inline fragments.

        lines: Annotated[Lines, ask("lines: lineItems(first: $lines)")]

    The selection of the member's own Struct follows, unless the text ends with one.
    """
    return Meta(extra={ASKED: text})


NOT_ASKED: Final = ask("")
"""Annotates a member that only another shape of the record has, such as a webhook."""


@lru_cache(maxsize=256)
def selection(record: type[Struct]) -> str:
    """Return the selection that fills a Struct: `{ id name lines { … } }`. The Struct must not contain itself."""
    members = (_member(one) for one in cast("inspect.StructType", inspect.type_info(record)).fields)
    return "{ " + " ".join(filter(None, members)) + " }"


def _member(one: inspect.Field) -> str:
    text, inner = one.encode_name, None
    waiting: list[Any] = [one.type]
    while waiting:
        match waiting.pop():
            case inspect.Metadata(type=type_, extra=extra):
                text = text if extra is None else extra.get(ASKED, text)
                waiting.append(type_)
            case inspect.UnionType(types=types):
                waiting.extend(types)
            case inspect.VarTupleType(item_type=item) | inspect.ListType(item_type=item):
                waiting.append(item)
            case inspect.StructType(cls=struct):
                inner = struct
    return text if inner is None or not text or text.endswith("}") else f"{text} {selection(inner)}"


def operation(
    kind: Literal["query", "mutation"],
    root: str,
    arguments: Mapping[str, str],
    selected: str,
    inside: Mapping[str, str] | None = None,
) -> str:
    """Return a document with one root field. `arguments` are the types of the field's arguments, by name. `inside` are
    the types of further variables that the selection uses."""
    declared = ", ".join(f"${name}: {type_}" for name, type_ in {**arguments, **(inside or {})}.items())
    passed = ", ".join(f"{name}: ${name}" for name in arguments)
    head = f"{kind} {root}({declared})" if declared else f"{kind} {root}"
    return f"{head} {{ {root}({passed}) {selected} }}" if passed else f"{head} {{ {root} {selected} }}"


class _Call(Struct, frozen=True, kw_only=True):
    query: str
    variables: Mapping[str, Any]


class _Answer(Struct, frozen=True, kw_only=True):
    data: dict[str, Raw] | None = None


def call(
    path: str,
    document: str,
    name: str,
    *variables: Struct,
    cost: float = 1.0,
    effect: bool = False,
    idempotent: bool = False,
) -> VendorRequest:
    """Build the request that runs a document. `name` is its operation and names the span. The members of all
    `variables` are merged."""
    sent: dict[str, Any] = {}
    for part in variables:
        sent |= msgspec.to_builtins(part)
    return VendorRequest(
        method="POST",
        path=path,
        route=f"/graphql {name}",
        body=msgspec.json.encode(_Call(query=document, variables=sent)),
        effect=effect,
        idempotent=idempotent,
        cost=cost,
    )


_answers: Final = msgspec.json.Decoder(_Answer)


def data_of(reply: VendorReply) -> dict[str, Raw]:
    """Return the non-null root fields of an answer. Raises VendorDrift if it is not a GraphQL answer."""
    try:
        answer = _answers.decode(reply.body)
    except UNREADABLE as error:
        raise VendorDrift("$", "the answer is not a GraphQL answer") from error
    return {name: raw for name, raw in (answer.data or {}).items() if present(raw) is not None}


def present(raw: Raw | None) -> Raw | None:
    """Return the bytes of a value, or None for JSON null: a member of type `Raw | None` holds the bytes `null`."""
    return None if raw is None or bytes(raw) == b"null" else raw


class PageInfo(Struct, frozen=True, kw_only=True, rename="camel"):
    """Whether a connection has another page, and its cursor."""

    has_next_page: bool = False
    end_cursor: str | None = None


class NodePage(Struct, frozen=True, kw_only=True, rename="camel"):
    """One page of a list (https://relay.dev/graphql/connections.htm), each node as its own bytes."""

    nodes: tuple[Raw, ...]
    page_info: PageInfo


class ById(Struct, frozen=True, kw_only=True):
    """The variables of a read."""

    id: str


class _Named(Struct, frozen=True, kw_only=True):
    id: str


def _no_variables(account: A) -> tuple[Struct, ...]:
    return ()


@dataclass(frozen=True, kw_only=True, eq=False)
class GraphQLCollection(Generic[A]):
    """Records of one object behind a GraphQL endpoint.

    `one` and `many` are the root fields of a read and of a list; `record_type` is the wire Struct. `window` returns the
    variables of a page, `arguments` their types. `keyed` is the root field that finds a record by a unique key, with
    its argument and type in `key`; `keys` return the variables.

    `inside` are the types of variables that the selection itself uses. `whole` returns their values for one record,
    `brief` those for each record of a list. `cost` is the cost of one record, `page_cost` that of a page, in the
    vendor's units. `global_id` converts a remote id to the API's id; `remote_id` does the reverse. `fits` returns
    whether a record matches the filters of a list, because a search may return more. `enrich` returns
    the account with facts from one record that was read, `listed` with facts from those of a page.
    """

    path: str
    one: str
    many: str
    record_type: type[Struct]
    arguments: Mapping[str, str]
    window: Callable[[ListQuery, A], Struct]
    keyed: str = ""
    key: Mapping[str, str] = field(default_factory=dict)
    keys: Mapping[UpsertKey, Callable[[str], Struct]] = field(default_factory=dict)
    inside: Mapping[str, str] = field(default_factory=dict)
    whole: Callable[[A], tuple[Struct, ...]] = _no_variables
    brief: Callable[[A], tuple[Struct, ...]] = _no_variables
    cost: Callable[[A], float] = lambda account: 1.0
    page_cost: Callable[[ListQuery, A], float] = lambda query, account: 1.0
    global_id: Callable[[str], str] = str
    remote_id: Callable[[str], str] = str
    fits: Callable[[Raw, ListQuery], bool] = lambda record, query: True
    enrich: Callable[[Raw, A], A] = lambda record, account: account
    listed: Callable[[tuple[Raw, ...], A], A] = lambda records, account: account

    @property
    def selection(self) -> str:
        """Return the selection of one record."""
        return selection(self.record_type)

    @cached_property
    def _read(self) -> str:
        return operation("query", self.one, {"id": "ID!"}, self.selection, self.inside)

    @cached_property
    def _list(self) -> str:
        selected = f"{{ nodes {self.selection} pageInfo {selection(PageInfo)} }}"
        return operation("query", self.many, self.arguments, selected, self.inside)

    @cached_property
    def _find(self) -> str:
        return operation("query", self.keyed, self.key, self.selection, self.inside)

    def mutation(self, root: str, arguments: Mapping[str, str], errors: str) -> str:
        """Return the document of a mutation that selects the record and `errors`."""
        return operation("mutation", root, arguments, f"{{ {self.one} {self.selection} {errors} }}", self.inside)

    def read(self, remote_id: str, account: A) -> VendorRequest:
        """Build the request for one record."""
        variables = ById(id=self.global_id(remote_id))
        return call(self.path, self._read, self.one, variables, *self.whole(account), cost=self.cost(account))

    def record(self, reply: VendorReply, account: A) -> tuple[Raw | None, A]:
        """Return the record of a read or a look-up, or None."""
        data = data_of(reply)
        record = data.get(self.one, data.get(self.keyed))
        return record, account if record is None else self.enrich(record, account)

    def list(self, query: ListQuery, account: A) -> VendorRequest:
        """Build the request for a page. Look up a unique key instead: that is exact and does not lag like a search."""
        key = self._key(query)
        if key is not None:
            return self.find(key, query.filters[key], account)
        cost = self.page_cost(query, account)
        window = self.window(query, account)
        return call(self.path, self._list, self.many, window, *self.brief(account), cost=cost)

    def page(self, reply: VendorReply, query: ListQuery, account: A) -> VendorPage[A]:
        """Return the records of an answer that match the filters."""
        data = data_of(reply)
        if self._key(query) is not None:
            record = data.get(self.keyed)
            if record is None or not self.fits(record, query):
                return VendorPage(records=(), next=None, account=account)
            return VendorPage(records=(record,), next=None, account=self.enrich(record, account))
        connection = decode(data.get(self.many, NULL), NodePage)
        kept = connection.nodes
        if query.filters:
            kept = tuple(node for node in kept if self.fits(node, query))
        following = connection.page_info.end_cursor if connection.page_info.has_next_page else None
        return VendorPage(records=kept, next=following, account=self.listed(kept, account))

    def find(self, key: UpsertKey, value: str, account: A) -> VendorRequest:
        """Build the request for the record with a unique key."""
        cost = self.cost(account)
        return call(self.path, self._find, self.keyed, self.keys[key](value), *self.whole(account), cost=cost)

    def write(self, document: str, root: str, *variables: Struct, cost: float, account: A) -> VendorRequest:
        """Build the request for a mutation. `cost` is added to that of the selected record."""
        total = cost + self.cost(account)
        return call(self.path, document, root, *variables, *self.whole(account), cost=total, effect=True)

    def write_result(self, reply: VendorReply, action: Action) -> WriteResult:
        """Return the record of the last mutation in the answer. Raises Unmappable if there is none."""
        payloads = [decode(payload, dict[str, Raw]).get(self.one) for payload in data_of(reply).values()]
        record = next((one for one in reversed(payloads) if present(one) is not None), None)
        if record is None:
            raise Unmappable("$.data", f"the answer contains no {self.one}")
        return WriteResult(remote_id=self._id(record), record=record, created=action == "create")

    def find_marked(self, variables: Struct) -> VendorRequest:
        """Build the request for the id of the record with a unique key, such as the marker."""
        return call(self.path, operation("query", self.keyed, self.key, "{ id }"), self.keyed, variables, cost=1)

    def marked(self, reply: VendorReply, marker: str) -> str | None:
        """Return the id in the answer to `find_marked`, or None."""
        record = data_of(reply).get(self.keyed)
        return None if record is None else self._id(record)

    def endpoints(
        self, *, filters: frozenset[str] = frozenset(), max_limit: int = 100, updated_since: bool = True
    ) -> Endpoints[Any, A]:
        """Declare the reads. Use `dataclasses.replace` for writes."""
        return Endpoints(
            read=self.read,
            record=self.record,
            list=self.list,
            page=self.page,
            filters=filters | {*self.keys},
            max_limit=max_limit,
            updated_since=updated_since,
            find={key: self._finder(key) for key in self.keys},
        )

    def _id(self, record: Raw) -> str:
        return self.remote_id(decode(record, _Named).id)

    def _key(self, query: ListQuery) -> UpsertKey | None:
        return cast("UpsertKey | None", next((name for name in query.filters if name in self.keys), None))

    def _finder(self, key: UpsertKey) -> Callable[[str, A], VendorRequest]:
        return lambda value, account: self.find(key, value, account)
