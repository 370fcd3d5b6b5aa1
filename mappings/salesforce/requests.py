"""Queries, paths and write results of all objects."""

from typing import Any, Final
from urllib.parse import quote

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import replace

from canonical.parts import ObjectName
from mappings.endpoints import Action, WriteResult
from mappings.http import VendorReply, VendorRequest
from mappings.kit.rest import get
from mappings.salesforce.field_values import long_id
from mappings.salesforce.search import configured
from mappings.salesforce.wire_v62 import Account, OrderWrite, RecordWrite
from mappings.spec import VendorDrift, decode

API: Final = "/services/data/v62.0"
QUERY: Final = f"{API}/query"
QUERY_ALL: Final = f"{API}/queryAll"
"""A query that includes the recycle bin."""


class Answer(Struct, frozen=True, kw_only=True, rename="camel"):
    """The reply to a query. If it is not `done`, the next records are at `next_records_url`."""

    records: tuple[Raw, ...]
    done: bool = True
    next_records_url: str | None = None


class _Written(Struct, frozen=True, kw_only=True):
    id: str
    created: bool | None = None


class _Named(Struct, frozen=True, kw_only=True, rename="pascal"):
    id: str


def query(soql: str, *, deleted_too: bool = False) -> VendorRequest:
    """Build a query. Salesforce answers it from the database and not from an index."""
    path = QUERY_ALL if deleted_too else QUERY
    return get(path, ("q", soql))


def sobject_path(sobject: str, *below: str) -> str:
    """Return the path of an object or of one of its records."""
    return "/".join((f"{API}/sobjects/{sobject}", *(quote(one, safe="") for one in below)))


def record(object_name: ObjectName, reply: VendorReply, account: Account) -> tuple[Raw | None, Account]:
    """Return the first record of a reply, None without one, and the account with its custom fields."""
    records = decode(reply.body, Answer).records
    if not records:
        return None, account
    return records[0], with_custom_fields(object_name, records[:1], account)


def with_custom_fields(object_name: ObjectName, records: tuple[Raw, ...], account: Account) -> Account:
    """Return the account with the custom fields of `records` only."""
    names = configured(object_name, account)
    if not names:
        return account
    custom_values: dict[str, dict[str, Raw]] = {}
    for one in records:
        members = decode(one, dict[str, Raw])
        values = {name: members[name] for name in names if name in members}
        custom_values[long_id(decode(one, _Named).id)] = values
    return replace(account, custom_values=custom_values)


def body_of(write: RecordWrite | OrderWrite, *without: str) -> dict[str, Any]:
    """Return the members of a write, including custom fields."""
    members: dict[str, Any] = msgspec.to_builtins(write.fields, builtin_types=(Raw,)) | write.custom
    for name in without:
        members.pop(name, None)
    return members


def write_result(reply: VendorReply, action: Action) -> WriteResult:
    """Return the id of the written record. The reply to a change has no body. A reply that cannot be read is a success
    without an id."""
    if action in ("update", "archive"):
        return WriteResult()
    try:
        written = decode(reply.body, _Written)
    except VendorDrift:
        return WriteResult()
    created = True if action in ("create", "comment") else written.created
    return WriteResult(remote_id=long_id(written.id), created=created)
