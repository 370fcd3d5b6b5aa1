"""Know a listed record again by the vendor's bytes, without mapping it.

A mapping is a function of a record's bytes and of the account facts, with what was read to complete the records. So a
record is unchanged if all of that, the code of the mapping and the release of Lockstitch are those from which its
last-seen state was mapped. An HMAC of them stands with the state (`record_state.source`). Whatever else replaces the
state, such as a webhook or a write of ours, removes it.

Drift detection takes its sample of known records too, and those are mapped. Facts that hold other records of the page,
such as refunds, differ from page to page; then records are mapped as if none were known.
"""

from collections.abc import Sequence
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
from msgspec import Raw, Struct

import mappings
from app import VERSION
from app.records.deps import RecordDeps
from app.vendors.models import Connection
from mappings.registry import AnyMapping

ROOT: Final = Path(mappings.__file__).parents[1]


class _Head(Struct):
    """The id of a record, as vendors name it. What is none, or another one, only finds no state."""

    id: str | int | None = None
    capital: str | int | None = msgspec.field(default=None, name="Id")


_heads: Final = msgspec.json.Decoder(_Head)


class ListedRecord(NamedTuple):
    """A record of a list, with the digest of what it is mapped from, and whether its state was mapped from the same."""

    raw: Raw
    source: bytes | None = None
    is_known: bool = False


async def know_again(
    deps: RecordDeps, connection: Connection, mapping: AnyMapping, records: Sequence[Raw], account: object
) -> list[ListedRecord]:
    """Return the records, and which are known. None is while there is a shadow revision: it is offered all records."""
    sources = await digests_of(deps, connection, mapping, records, account)
    if sources is None or not records:
        return [ListedRecord(raw) for raw in records]
    route = deps.mapping_routes.in_force.get((connection.name, mapping.name))
    if route is not None and route.shadow is not None:
        return list(map(ListedRecord, records, sources))
    ids = [_id_of(connection, one) for one in records]
    known = await deps.states.have_sources(mapping.object, connection.name, ids, sources)
    return list(map(ListedRecord, records, sources, known))


async def digests_of(
    deps: RecordDeps, connection: Connection, mapping: AnyMapping, records: Sequence[Raw], account: object
) -> list[bytes] | None:
    """Return the digest of what each record is mapped from; None if the facts cannot be compared."""
    try:
        facts = msgspec.json.encode(
            (VERSION, connection.name, mapping.name, mapping.revision, code_of(mapping.vendor), account),
            order="deterministic",
        )
    except (TypeError, msgspec.MsgspecError):
        return None
    return await deps.states.sources(facts, records)


@cache
def code_of(vendor: str, root: Path = ROOT) -> str:
    """Return a digest of the modules below `root` that map a vendor's records."""
    folders = ("canonical", "mappings", "mappings/kit", f"mappings/{vendor}")
    modules = sorted(module for folder in folders for module in (root / folder).glob("*.py"))
    return sha256(b"".join(module.read_bytes() for module in modules)).hexdigest()


def _id_of(connection: Connection, record: Raw) -> str:
    try:
        head = _heads.decode(record)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""
    remote_id = head.capital if head.id is None else head.id
    return connection.vendor.remote_id_form(str(remote_id).rpartition("/")[2])
