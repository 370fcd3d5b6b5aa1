"""Requests and replies of all HubSpot CRM objects: read, find by a unique property, write."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import replace

from canonical.parts import ObjectName
from mappings.endpoints import Action, ListQuery
from mappings.http import Method, VendorReply, VendorRequest
from mappings.hubspot.wire_v3 import (
    EXTERNAL_ID,
    MARKER,
    Account,
    BatchRead,
    BatchUpsert,
    NewProperty,
    ObjectId,
    Records,
    RecordUpdate,
    RecordWrite,
    Upserted,
)
from mappings.kit.markers import MarkedField
from mappings.kit.paging import Cursors, Paging, Query
from mappings.kit.rest import Collection, post, wrapped
from mappings.spec import decode

SEARCHES: Final = "search"
"""The bucket of searches."""
BATCH: Final = 100


def plain_page(query: ListQuery, rows: int) -> Query:
    """Return the parameters of a page of the plain list."""
    return (("limit", str(rows)), *(() if query.after is None else (("after", query.after),)))


def next_cursor(reply: VendorReply) -> str | None:
    """Return HubSpot's cursor of the next page, None on the last."""
    paging = decode(reply.body, Records).paging
    return None if paging is None or paging.next is None else paging.next.after


MARKED: Final = MarkedField(name=MARKER, member="properties")
"""The unique property with the operation of a new record: HubSpot cannot create it twice."""
PLAIN_LIST: Final = Cursors(ask=plain_page, following=next_cursor, most=BATCH)
READ_OR_BATCH: Final = wrapped(None, "results")


@dataclass(frozen=True, kw_only=True, eq=False)
class CrmObject(Collection[RecordWrite, Account]):
    """Records of one object type. `modified` is the property that mirrors `updatedAt`, `created` that of `createdAt`.

    `reads` are the properties that any revision of the mapping reads, so one reply serves two revisions that run side
    by side. `associations` are requested where possible, separated by commas; they depend on what the token may read.
    `external_id` is the unique property with the caller's own key; the setup creates it unless HubSpot has it.
    `searched` are the properties of filters that several records can match.
    """

    name: ObjectName
    group: str
    modified: str
    reads: tuple[type[Struct], ...]
    created: str = "createdate"
    associations: Callable[[Account], str | None] = lambda account: None
    external_id: str = EXTERNAL_ID
    searched: Mapping[str, str] = field(default_factory=dict)
    paging: Paging = PLAIN_LIST
    records: Callable[[VendorReply], tuple[Raw, ...]] = READ_OR_BATCH
    change: Method = "PATCH"
    mark: Callable[[RecordWrite, str, Account], RecordWrite] = MARKED.mark
    carries: Callable[[Raw, str], bool] = MARKED.carries
    unanswered: frozenset[Action] = frozenset({"update", "archive"})  # the id is known
    # The reply to a create has the properties with a value, the reply to a change has the changed ones.
    is_whole: Callable[[Raw], bool] = lambda record: False

    @cached_property
    def _always(self) -> tuple[str, ...]:
        """The properties to read of any account."""
        return (*(name for shape in self.reads for name in shape.__struct_fields__), self.modified, MARKER)

    def properties(self, account: Account) -> tuple[str, ...]:
        """Return the names of all properties to read: HubSpot sends no others."""
        custom = (setting.vendor_field for setting in account.custom_fields.get(self.name, ()))
        return tuple(dict.fromkeys((*self._always, *custom)))

    def selection(self, account: Account) -> Query:
        """Return the parameters that say what to read of each record."""
        properties = (("properties", ",".join(self.properties(account))),)
        associations = self.associations(account)
        return properties if associations is None else (*properties, ("associations", associations))

    def read(self, remote_id: str, account: Account) -> VendorRequest:
        """Build the request for one record."""
        return replace(super().read(remote_id, account), query=self.selection(account))

    def finder(self, id_property: str) -> Callable[[str, Account], VendorRequest]:
        """Return a read by a unique property. Like a read by id, it is strongly consistent; a search is not. It is a
        batch of one, so a missing record is an empty reply and no error."""
        return lambda value, account: self.read_batch((value,), self.properties(account), id_property)

    def find_marker(self, marker: str, parent: str | None, body: RecordWrite | None, account: Account) -> VendorRequest:
        """Build the request for the record that this operation created."""
        return replace(super().read(marker, account), query=(("idProperty", MARKER), ("properties", MARKER)))

    def read_batch(
        self, ids: tuple[str, ...], properties: tuple[str, ...], id_property: str | None = None
    ) -> VendorRequest:
        """Build the request for up to 100 records. The reply omits those that do not exist."""
        body = BatchRead(
            inputs=tuple(ObjectId(id=one) for one in ids),
            properties=properties,
            id_property=msgspec.UNSET if id_property is None else id_property,
        )
        path = f"{self.path}/batch/read"
        return VendorRequest(method="POST", path=path, route=path, body=msgspec.json.encode(body))

    def upsert_batch(self, records: tuple[Upserted, ...]) -> VendorRequest:
        """Build the request that creates up to 100 records, or none. A repeat finds them by their unique property."""
        return post(f"{self.path}/batch/upsert", msgspec.json.encode(BatchUpsert(inputs=records)), idempotent=True)

    def search(self, body: bytes) -> VendorRequest:
        """Build a search. It finds a change only after HubSpot has indexed it."""
        path = f"{self.path}/search"
        return VendorRequest(method="POST", path=path, route=path, body=body, bucket=SEARCHES)

    def update(self, remote_id: str, body: RecordWrite, marker: str, account: Account) -> VendorRequest:
        """Build the request that changes the properties that the body names."""
        changed = msgspec.json.encode(RecordUpdate(properties=body.properties))
        return replace(super().update(remote_id, body, marker, account), body=changed)

    def setup(self) -> tuple[VendorRequest, ...]:
        """Build the requests that create the unique properties that writes need."""
        marker = self._new_property(
            MARKER, "Lockstitch operation", "The Lockstitch operation that created this record."
        )
        if self.external_id != EXTERNAL_ID:
            return (marker,)
        return (
            marker,
            self._new_property(EXTERNAL_ID, "External ID", "The key of this record in the system that wrote it."),
        )

    def setup_at_once(self) -> VendorRequest:
        """Build one request that creates all properties of `setup`. HubSpot refuses it if one of them exists."""
        single = self.setup()
        inputs = b",".join(request.body or b"" for request in single)
        path, route = f"{single[0].path}/batch/create", f"{single[0].route}/batch/create"
        return replace(single[0], path=path, route=route, body=b'{"inputs":[' + inputs + b"]}")

    def _new_property(self, name: str, label: str, description: str) -> VendorRequest:
        definition = NewProperty(name=name, label=label, description=description, group_name=self.group)
        # HubSpot refuses a repeat as a duplicate: a name is unique.
        path = f"/crm/v3/properties/{self.path.rpartition('/')[2]}"
        route = "/crm/v3/properties/{object_type}"
        return post(path, msgspec.json.encode(definition), route=route, idempotent=True)
