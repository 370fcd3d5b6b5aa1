"""The requests that all objects have alike, and what their answers hold."""

from typing import Any, Final
from urllib.parse import quote

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import replace

from canonical.parts import ObjectName
from mappings.http import VendorReply, VendorRequest
from mappings.salesforce.field_values import long_id
from mappings.salesforce.search import configured
from mappings.salesforce.wire_v62 import Account, OrderWrite, RecordWrite
from mappings.spec import Action, Receipt, VendorDrift, decode

API: Final = "/services/data/v62.0"
QUERY: Final = f"{API}/query"
QUERY_ALL: Final = f"{API}/queryAll"
"""The same with what lies in the recycle bin."""


class Answer(Struct, frozen=True, kw_only=True, rename="camel"):
    """The answer to a query. One that is not `done` goes on at `next_records_url`."""

    records: tuple[Raw, ...]
    done: bool = True
    next_records_url: str | None = None


class _Written(Struct, frozen=True, kw_only=True):
    id: str
    created: bool | None = None


class _Named(Struct, frozen=True, kw_only=True, rename="pascal"):
    id: str


def query(soql: str, *, deleted_too: bool = False) -> VendorRequest:
    """A query, answered from the database and not from an index."""
    path = QUERY_ALL if deleted_too else QUERY
    return VendorRequest(method="GET", path=path, route=path, query=(("q", soql),))


def sobject_path(sobject: str, *below: str) -> str:
    """The address of an object or of one of its records."""
    return "/".join((f"{API}/sobjects/{sobject}", *(quote(one, safe="") for one in below)))


def record(object_name: ObjectName, reply: VendorReply, account: Account) -> tuple[Raw | None, Account]:
    """The first record of a query's answer, None where it has none; custom fields' values go with the account."""
    records = decode(reply.body, Answer).records
    if not records:
        return None, account
    return records[0], holding(object_name, records[:1], account)


def holding(object_name: ObjectName, records: tuple[Raw, ...], account: Account) -> Account:
    """The account with the values that these records have in the configured custom fields, and with no others."""
    names = configured(object_name, account)
    if not names:
        return account
    held: dict[str, dict[str, Raw]] = {}
    for one in records:
        members = decode(one, dict[str, Raw])
        values = {name: members[name] for name in names if name in members}
        held[long_id(decode(one, _Named).id)] = values
    return replace(account, held=held)


def body_of(write: RecordWrite | OrderWrite, *without: str) -> dict[str, Any]:
    """The members of a write, custom ones among them."""
    members: dict[str, Any] = msgspec.to_builtins(write.fields, builtin_types=(Raw,)) | write.custom
    for name in without:
        members.pop(name, None)
    return members


def receipt(reply: VendorReply, action: Action) -> Receipt:
    """Which record was written. A change is answered without a body, and nothing shows the record: it is read. An
    answer that cannot be read is a success that names no record."""
    if action in ("update", "archive"):
        return Receipt()
    try:
        written = decode(reply.body, _Written)
    except VendorDrift:
        return Receipt()
    created = True if action in ("create", "comment") else written.created
    return Receipt(remote_id=long_id(written.id), created=created)
