"""Requests and replies of all sObjects, and how to recover lost writes."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import replace

from canonical.parts import ObjectName
from mappings.endpoints import Action, ListQuery, Recovery, Sort, VendorPage
from mappings.http import Method, VendorReply, VendorRequest
from mappings.kit.recovery import by_state
from mappings.salesforce import paging, requests
from mappings.salesforce.field_values import is_id, long_id
from mappings.salesforce.requests import Answer, body_of, query, sobject_path
from mappings.salesforce.search import SOBJECT, columns, quoted
from mappings.salesforce.wire_v62 import KEY, MARKER, Account, OrderWrite, RecordWrite
from mappings.spec import decode

MAX_LIMIT: Final = 200
SORTS: Final[frozenset[Sort]] = frozenset({"created_at", "-created_at", "updated_at", "-updated_at"})
NO_RECORD: Final = "Id = null"
"""A condition that no record matches."""
AUTO_ASSIGN: Final = "Sforce-Auto-Assign"


class _Marked(Struct, frozen=True, kw_only=True, rename="pascal"):
    id: str
    marker: str | None = msgspec.field(name=MARKER, default=None)


@dataclass(frozen=True, kw_only=True)
class SObject:
    """Records of one object."""

    object: ObjectName

    @property
    def sobject(self) -> str:
        """Salesforce's name of the object."""
        return SOBJECT[self.object]

    def select(self, condition: str, account: Account, *more: str) -> VendorRequest:
        """Build the query for the records that match a condition."""
        words = ("SELECT", columns(self.object, account), "FROM", self.sobject, "WHERE", condition, *more)
        return query(" ".join(words))

    def read(self, remote_id: str, account: Account) -> VendorRequest:
        """Build the query for one record. It finds nothing for a malformed id; Salesforce would refuse such a query."""
        return self.select(f"Id = {quoted(remote_id)}" if is_id(remote_id) else NO_RECORD, account)

    def record(self, reply: VendorReply, account: Account) -> tuple[Raw | None, Account]:
        """Return the record of a read, or the first of a look-up."""
        return requests.record(self.object, reply, account)

    def by_key(self, key: str, account: Account) -> VendorRequest:
        """Build the query for the record with the caller's own key, which is unique."""
        return self.select(self.key_is(key, account), account)

    def key_is(self, key: str, account: Account) -> str:
        """Return the condition for a key. If the org lacks the field, no record matches."""
        return f"{KEY} = {quoted(key)}" if account.has(self.sobject, KEY) else NO_RECORD

    def refers_to(self, field: str, remote_id: str) -> str:
        """Return the condition for a reference. No record matches a malformed id; Salesforce would refuse it."""
        return f"{field} = {quoted(remote_id)}" if is_id(remote_id) else NO_RECORD

    def create(self, body: RecordWrite, marker: str, parent: str | None, account: Account) -> VendorRequest:
        """Build the request for a new record. Its operation is in a unique field, so Salesforce cannot create it
        twice."""
        path = sobject_path(self.sobject)
        return self.write("POST", path, path, self.marked_body(body, marker, account))

    def marked_body(self, body: Any, marker: str, account: Account) -> dict[str, Any]:
        """Return the members of a new record, with the operation if the org has the field for it."""
        members = body_of(body)
        if derived := getattr(body, "last_name", None):
            if members.get("FirstName") == derived:
                del members["FirstName"]
            members["LastName"] = derived
        return members | ({MARKER: marker} if account.has(self.sobject, MARKER) else {})

    def update(self, remote_id: str, body: RecordWrite | OrderWrite, marker: str, account: Account) -> VendorRequest:
        """Build the request of an update. The marker stays that of the create."""
        route = f"{sobject_path(self.sobject)}/{{id}}"
        return self.write("PATCH", sobject_path(self.sobject, remote_id), route, body_of(body))

    def upsert(self, key: str, body: RecordWrite, marker: str, account: Account) -> VendorRequest:
        """Build the request that creates or changes the record with this key. The key must be in the address and not in
        the body. There is no marker: another operation may have created the record."""
        route = f"{sobject_path(self.sobject, KEY)}/{{key}}"
        request = self.write("PATCH", sobject_path(self.sobject, KEY, key), route, body_of(body, KEY))
        return replace(request, idempotent=True)

    def write(self, method: Method, path: str, route: str, members: dict[str, Any]) -> VendorRequest:
        """Build the request for a write. The org's assignment rules do not replace an owner that the caller names."""
        is_owned = self.object == "ticket" and "OwnerId" in members
        return VendorRequest(
            method=method,
            path=path,
            route=route,
            body=msgspec.json.encode(members),
            headers=((AUTO_ASSIGN, "FALSE"),) if is_owned else (),
            effect=True,
        )

    def archive(self, remote_id: str, account: Account) -> VendorRequest:
        """Build the request that moves a record to the recycle bin. People can restore it for 15 days."""
        return VendorRequest(
            method="DELETE",
            path=sobject_path(self.sobject, remote_id),
            route=f"{sobject_path(self.sobject)}/{{id}}",
            effect=True,
        )

    def find_marker(self, marker: str, parent: str | None, body: Any, account: Account) -> VendorRequest | None:
        """Build the query for the record that this operation created. None if the org lacks the field."""
        if not account.has(self.sobject, MARKER):
            return None
        return query(" ".join(("SELECT Id,", MARKER, "FROM", self.sobject, "WHERE", MARKER, "=", quoted(marker))))

    def list(
        self, conditions: Callable[[ListQuery, Account], tuple[str, ...]], query_: ListQuery, account: Account
    ) -> VendorRequest:
        """Build the query for a page of the records that match the filters."""
        return paging.list_request(self.object, conditions(query_, account), query_, account)

    def page(self, reply: VendorReply, query_: ListQuery, account: Account) -> VendorPage[Account]:
        """Return the records of a page."""
        return paging.page(self.object, reply, query_, account)


def marked(reply: VendorReply, marker: str) -> str | None:
    """Return the id of the record with this marker."""
    for one in decode(reply.body, Answer).records:
        record = decode(one, _Marked)
        if record.marker == marker:
            return long_id(record.id)
    return None


MARKED: Final = Recovery(
    by="marker",
    strength="strong",
    note=f"every created record has the operation id in the unique field {MARKER}. It is looked up by a query, "
    "which reads the database and does not lag, and Salesforce refuses a second record with the same value. In an org "
    "without this field the record cannot be looked up, and a person decides",
)
UNIQUE: Final = Recovery(
    by="unique",
    note=f"the caller's key is unique in {KEY}, so the same upsert is sent again. Its answer may then report a record "
    "as changed that the lost request created",
)
STATE: Final = by_state(
    "the record is read by id and compared; sending the same values again changes only its modification time, "
    "unless the org's own automation acts on every save"
)
GONE: Final = by_state("a deleted record is no longer found by id, and Salesforce refuses to delete it again")
RECOVERY: Final[dict[Action, Recovery]] = {"create": MARKED, "upsert": UNIQUE, "update": STATE, "archive": GONE}
