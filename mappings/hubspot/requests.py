"""The calls that every CRM object of HubSpot has alike: read, find by a unique property, create, update, archive."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

import msgspec
from msgspec import Struct

from canonical.parts import ObjectName
from mappings.http import VendorReply, VendorRequest
from mappings.hubspot.wire_v3 import (
    EXTERNAL_ID,
    MARKER,
    Account,
    BatchRead,
    NewProperty,
    ObjectId,
    RecordUpdate,
    RecordWrite,
    Stub,
)
from mappings.spec import Action, ListQuery, Receipt, VendorDrift, decode

SEARCH_COST: Final = 2.0
"""Searches are limited to 5 a second where other calls may be 10 a second."""
BATCH: Final = 100


class _Batch(Struct, frozen=True, kw_only=True):
    results: tuple[msgspec.Raw, ...] | msgspec.UnsetType = msgspec.UNSET


@dataclass(frozen=True, kw_only=True)
class CrmObject:
    """One object type: `path` is its name in URLs, `modified` the property that mirrors `updatedAt`, `reads` the
    properties that any revision of our mapping reads, so that one answer serves two revisions that run side by side.
    `associations` is asked for wherever a call can give it."""

    name: ObjectName
    path: str
    group: str
    modified: str
    reads: tuple[type[Struct], ...]
    associations: str | None = None

    def properties(self, account: Account) -> tuple[str, ...]:
        """Everything to ask for: what is not asked for is not sent."""
        custom = (setting.vendor_field for setting in account.custom_fields.get(self.name, ()))
        ours = (name for shape in self.reads for name in shape.__struct_fields__)
        return tuple(dict.fromkeys((*ours, self.modified, MARKER, *custom)))

    def read(self, remote_id: str, account: Account) -> VendorRequest:
        """One record by id, with all that we read."""
        return self._get(remote_id, self._query(account))

    def finder(self, id_property: str) -> Callable[[str, Account], VendorRequest]:
        """A read by a unique property. Like every read by id it is strongly consistent, unlike a search; as a batch
        of one, so that a record that is not there is an empty answer and no error."""

        def find(value: str, account: Account) -> VendorRequest:
            return self.read_batch((value,), self.properties(account), id_property)

        return find

    def find_marker(
        self, marker: str, _parent: str | None, _body: RecordWrite | None, _account: Account
    ) -> VendorRequest:
        """The record that this operation has made, if it has."""
        return self._get(marker, (("idProperty", MARKER), ("properties", MARKER)))

    def list(self, query: ListQuery, account: Account) -> VendorRequest:
        """One page in HubSpot's own order, from its own cursor."""
        after = (("after", query.after),) if query.after is not None else ()
        return VendorRequest(
            method="GET",
            path=self._collection,
            route=self._collection,
            query=(("limit", str(query.limit)), *after, *self._query(account)),
        )

    def read_batch(
        self, ids: tuple[str, ...], properties: tuple[str, ...], id_property: str | None = None
    ) -> VendorRequest:
        """Up to a hundred records at once; those that do not exist are left out of the answer."""
        body = BatchRead(
            inputs=tuple(ObjectId(id=one) for one in ids),
            properties=properties,
            id_property=msgspec.UNSET if id_property is None else id_property,
        )
        return VendorRequest(
            method="POST",
            path=f"{self._collection}/batch/read",
            route=f"{self._collection}/batch/read",
            body=msgspec.json.encode(body),
        )

    def search(self, body: bytes) -> VendorRequest:
        """A search, which sees changes only after its index has caught up."""
        path = f"{self._collection}/search"
        return VendorRequest(method="POST", path=path, route=path, body=body, cost=SEARCH_COST)

    def create(self, body: RecordWrite, marker: str, _parent: str | None, _account: Account) -> VendorRequest:
        """A new record that carries its operation in a unique property: HubSpot cannot make it twice."""
        marked = msgspec.structs.replace(body, properties={**body.properties, MARKER: marker})
        return VendorRequest(
            method="POST",
            path=self._collection,
            route=self._collection,
            body=msgspec.json.encode(marked),
            effect=True,
        )

    def update(self, remote_id: str, body: RecordWrite, _marker: str, _account: Account) -> VendorRequest:
        """Set these properties and leave the others. The marker stays that of the create."""
        return VendorRequest(
            method="PATCH",
            path=f"{self._collection}/{quote(remote_id, safe='')}",
            route=f"{self._collection}/{{id}}",
            body=msgspec.json.encode(RecordUpdate(properties=body.properties)),
            effect=True,
        )

    def archive(self, remote_id: str, _account: Account) -> VendorRequest:
        """To the recycle bin, from where people can restore it for 90 days."""
        return VendorRequest(
            method="DELETE",
            path=f"{self._collection}/{quote(remote_id, safe='')}",
            route=f"{self._collection}/{{id}}",
            effect=True,
        )

    def setup(self) -> tuple[VendorRequest, ...]:
        """The two unique properties that our writes need."""
        return (
            self._new_property(MARKER, "Lockstitch operation", "The Lockstitch operation that created this record."),
            self._new_property(EXTERNAL_ID, "External ID", "The key of this record in the system that wrote it."),
        )

    @property
    def _collection(self) -> str:
        return f"/crm/v3/objects/{self.path}"

    def _query(self, account: Account) -> tuple[tuple[str, str], ...]:
        properties = (("properties", ",".join(self.properties(account))),)
        return properties if self.associations is None else (*properties, ("associations", self.associations))

    def _get(self, id: str, query: tuple[tuple[str, str], ...]) -> VendorRequest:
        return VendorRequest(
            method="GET",
            path=f"{self._collection}/{quote(id, safe='')}",
            route=f"{self._collection}/{{id}}",
            query=query,
        )

    def _new_property(self, name: str, label: str, description: str) -> VendorRequest:
        definition = NewProperty(name=name, label=label, description=description, group_name=self.group)
        return VendorRequest(
            method="POST",
            path=f"/crm/v3/properties/{self.path}",
            route="/crm/v3/properties/{object_type}",
            body=msgspec.json.encode(definition),
            effect=True,
            idempotent=True,  # a name is taken once, so a repeat is refused as a duplicate
        )


def record(reply: VendorReply, account: Account) -> tuple[msgspec.Raw | None, Account]:
    """The record of a read, which HubSpot sends without an envelope, or the only one of a batch; None without one."""
    if reply.status == 404:
        return None, account
    found = decode(reply.body, _Batch).results
    if isinstance(found, msgspec.UnsetType):
        return msgspec.Raw(reply.body), account
    return next(iter(found), None), account


def marked(reply: VendorReply, marker: str) -> str | None:
    """The id of the record that carries this marker."""
    if reply.status == 404:
        return None
    found = decode(reply.body, Stub)
    return found.id if found.properties.get(MARKER) == marker else None


def receipt(reply: VendorReply, action: Action) -> Receipt:
    """Which record was written. A create answers with what has a value and a PATCH with what was changed: neither is
    the whole record, so it has to be read. An answer that cannot be read is a success that names no record."""
    created = True if action == "create" else None
    if action == "archive":
        return Receipt()
    try:
        return Receipt(remote_id=decode(reply.body, Stub).id, created=created)
    except VendorDrift:
        return Receipt(created=created)


CONTACTS_GROUP: Final = "contactinformation"
TICKETS_GROUP: Final = "ticketinformation"
