"""The calls that records with our two fields have alike, and how a lost write of one is settled."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from msgspec import Raw, Struct

from canonical.parts import ObjectName
from mappings.http import VendorReply, VendorRequest
from mappings.salesforce import paging, requests
from mappings.salesforce.field_values import is_id, long_id
from mappings.salesforce.requests import Answer, body_of, query, sobject_path
from mappings.salesforce.search import SOBJECT, columns, quoted
from mappings.salesforce.wire_v62 import KEY, MARKER, Account, RecordWrite
from mappings.spec import Action, ListQuery, Page, Recovery, decode

MAX_LIMIT: Final = 200
NOBODY: Final = "Id = null"
"""True for no record."""
AUTO_ASSIGN: Final = "Sforce-Auto-Assign"


class _Marked(Struct, frozen=True, kw_only=True, rename="pascal"):
    id: str
    marker: str | None = msgspec.field(name=MARKER, default=None)


@dataclass(frozen=True, kw_only=True)
class SObject:
    """The calls that records with our two fields have alike."""

    object: ObjectName

    @property
    def sobject(self) -> str:
        """Salesforce's own name."""
        return SOBJECT[self.object]

    def select(self, condition: str, account: Account, *more: str) -> VendorRequest:
        """All that we read of the records that fulfil a condition."""
        words = ("SELECT", columns(self.object, account), "FROM", self.sobject, "WHERE", condition, *more)
        return query(" ".join(words))

    def read(self, remote_id: str, account: Account) -> VendorRequest:
        """One record by id; an id that can be none finds nothing, where Salesforce would refuse the query."""
        return self.select(f"Id = {quoted(remote_id)}" if is_id(remote_id) else NOBODY, account)

    def record(self, reply: VendorReply, account: Account) -> tuple[Raw | None, Account]:
        """The record of such an answer."""
        return requests.record(self.object, reply, account)

    def by_key(self, key: str, account: Account) -> VendorRequest:
        """The record with the caller's own key, which is unique."""
        return self.select(self.key_is(key, account), account)

    def key_is(self, key: str, account: Account) -> str:
        """That a record has this key; none has one where the org lacks the field."""
        return f"{KEY} = {quoted(key)}" if account.has(self.sobject, KEY) else NOBODY

    def create(self, body: RecordWrite, marker: str, _parent: str | None, account: Account) -> VendorRequest:
        """A new record that names its operation in a unique field: Salesforce cannot make it twice."""
        path = sobject_path(self.sobject)
        return VendorRequest(
            method="POST",
            path=path,
            route=path,
            body=msgspec.json.encode(self.marked_body(body, marker, account)),
            headers=self.headers(body),
            effect=True,
        )

    def marked_body(self, body: Any, marker: str, account: Account) -> dict[str, Any]:
        """The members of a new record, with the operation's name where the org has the field for it."""
        return body_of(body) | ({MARKER: marker} if account.has(self.sobject, MARKER) else {})

    def update(self, remote_id: str, body: RecordWrite, _marker: str, _account: Account) -> VendorRequest:
        """Set these fields and leave the others. The marker stays that of the create."""
        return VendorRequest(
            method="PATCH",
            path=sobject_path(self.sobject, remote_id),
            route=f"{sobject_path(self.sobject)}/{{id}}",
            body=msgspec.json.encode(body_of(body)),
            headers=self.headers(body),
            effect=True,
        )

    def upsert(self, key: str, body: RecordWrite, _marker: str, _account: Account) -> VendorRequest:
        """The record with this key, created or changed; the key stands in the address and must not stand in the body.
        It carries no marker: the record may be another operation's."""
        return VendorRequest(
            method="PATCH",
            path=sobject_path(self.sobject, KEY, key),
            route=f"{sobject_path(self.sobject, KEY)}/{{key}}",
            body=msgspec.json.encode(body_of(body, KEY)),
            headers=self.headers(body),
            effect=True,
            idempotent=True,
        )

    def archive(self, remote_id: str, _account: Account) -> VendorRequest:
        """To the recycle bin, from where people can restore it for 15 days."""
        return VendorRequest(
            method="DELETE",
            path=sobject_path(self.sobject, remote_id),
            route=f"{sobject_path(self.sobject)}/{{id}}",
            effect=True,
        )

    def find_marker(self, marker: str, _parent: str | None, _body: Any, account: Account) -> VendorRequest | None:
        """The record that this operation has made; None in an org without the field that would name it."""
        if not account.has(self.sobject, MARKER):
            return None
        return query(" ".join(("SELECT Id,", MARKER, "FROM", self.sobject, "WHERE", MARKER, "=", quoted(marker))))

    def headers(self, body: Any) -> tuple[tuple[str, str], ...]:
        """An owner that the caller names is not given away again by the org's assignment rules."""
        named = self.object == "ticket" and "OwnerId" in body_of(body)
        return ((AUTO_ASSIGN, "FALSE"),) if named else ()

    def list(
        self, conditions: Callable[[ListQuery, Account], tuple[str, ...]], query_: ListQuery, account: Account
    ) -> VendorRequest:
        """One page of what fulfils the filters."""
        return paging.list_request(self.object, conditions(query_, account), query_, account)

    def page(self, reply: VendorReply, query_: ListQuery, account: Account) -> Page[Account]:
        """The records of such an answer."""
        return paging.page(self.object, reply, query_, account)


def marked(reply: VendorReply, marker: str) -> str | None:
    """The id of the record that carries this marker."""
    for one in decode(reply.body, Answer).records:
        found = decode(one, _Marked)
        if found.marker == marker:
            return long_id(found.id)
    return None


MARKED: Final = Recovery(
    by="marker",
    strength="strong",
    note=f"every record that we create carries its operation in the unique field {MARKER}; it is looked up by a query, "
    "which reads the database and does not lag, and Salesforce refuses a second record with the same value. In an org "
    "whose administrator has not made the field nothing can be looked up, and a person decides",
)
UNIQUE: Final = Recovery(
    by="unique",
    note=f"the caller's key is unique in {KEY}, so the same upsert is sent again; its answer may then call a record "
    "changed that the lost request had made",
)
STATE: Final = Recovery(
    by="state",
    strength="strong",
    note="the record is read by its id and compared; setting the same values again changes nothing but its time, "
    "unless the org's own automation acts on every save",
)
GONE: Final = Recovery(
    by="state",
    strength="strong",
    note="a deleted record is no longer found by its id, and deleting it again is refused without effect",
)
RECOVERY: Final[dict[Action, Recovery]] = {"create": MARKED, "upsert": UNIQUE, "update": STATE, "archive": GONE}
