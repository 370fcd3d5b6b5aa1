"""Compare a copy with its source: what the copy would write now is what differs.

The merge decides it, so a field does not differ that the target owns, cannot hold or has changed by itself. A field
that was never copied counts only if the source owns it.
"""

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, Final

import msgspec

from app.copies.consumers import Consumer
from app.copies.deps import CopyDeps
from app.copies.fan_out import copy_for
from app.copies.request import Copy, request_of
from app.copies.source import SourceRecord, last_seen_source, read_source
from app.errors import InvalidField, NotFound, NotSystemOfRecord, UnsupportedField
from app.http.plurals import PLURAL
from app.problem_document import Problem
from app.writes.copy_links import known_copy
from app.writes.copy_merge import has_nothing_new
from app.writes.prepare import prepare
from app.writes.request import WriteRequest
from app.writes.resolved_write import ResolvedWrite, resolve_request
from canonical.parts import Link, ObjectName

MARKER: Final = "op_of_a_comparison"
REFUSED: Final = (InvalidField, UnsupportedField, NotSystemOfRecord)
"""Problems of a copy that its target refuses: then the copy is a dead letter, and no difference."""


def consumer_at(deps: CopyDeps, object_name: ObjectName, connection: str) -> Consumer | None:
    """Return the consumer that gets the records of an object at a connection."""
    return deps.consumers.get(f"{PLURAL[object_name]}:{connection}")


async def sources_of(deps: CopyDeps, consumer: Consumer, remote_ids: Sequence[str]) -> Mapping[str, Sequence[Link]]:
    """Return the records that are copied to each of these records of a consumer."""
    named = await deps.links.name(consumer.object, consumer.connection, remote_ids)
    return {
        remote_id: [link for link in one.links if link.connection in consumer.sources]
        for remote_id, one in named.items()
    }


async def may_differ(deps: CopyDeps, consumer: Consumer, source: Link, remote_id: str, present: Any) -> bool:
    """Return whether a copy may have something to write, by the last-seen state of its source. `present` is the target
    as it was listed; None for its last-seen state."""
    read = partial(last_seen_source, deps, consumer.object, source)
    try:
        resolved = await _resolve(deps, consumer, source, remote_id, read)
    except Problem:  # it cannot be copied
        return False
    return resolved is not None and not await has_nothing_new(resolved, present)


async def differing_fields(
    deps: CopyDeps, consumer: Consumer, source: Link, remote_id: str, *, before: datetime
) -> Mapping[str, str] | None:
    """Read both records, and return the fields that a copy would write, each with its system of record, or else the
    consumer that copies it. None if the source has changed since `before`, so that its copy may be under way.

    Raises VersionConflict if a copy ends meanwhile, and the vendors' problems.
    """
    read = partial(read_source, deps, deps.connections.by_name[source.connection], consumer.object, source.remote_id)
    try:
        resolved = await _resolve(deps, consumer, source, remote_id, read)
        if resolved is None:
            return {}
        changed_at = resolved.intent.written_at
        if changed_at is not None and changed_at > before:
            return None
        prepared = await prepare(resolved, MARKER)
    except (NotFound, *REFUSED):
        return {}
    if prepared.request is None or prepared.plan is None:
        return {}
    lost = {one.path for one in prepared.loss if one.kind == "dropped"}
    names = msgspec.json.decode(prepared.plan.body, type=dict[str, msgspec.Raw])
    owners = _owners(deps, consumer)
    return {name: owners.get(name, f"consumer:{consumer.name}") for name in names if f"/{name}" not in lost}


async def _resolve(
    deps: CopyDeps,
    consumer: Consumer,
    source: Link,
    remote_id: str,
    read: Callable[[], Awaitable[SourceRecord | None]],
) -> ResolvedWrite | None:
    """Return the copy of what may differ, which is never sent. None if there is none. The base is read first."""
    known = await known_copy(deps, consumer.object, source, consumer.connection)
    if known.base is None or known.remote_id != remote_id:
        return None
    record = await read()
    copy = None if record is None else await copy_for(deps, consumer, record, known, visited=())
    if record is None or not isinstance(copy, Copy):
        return None
    owners = _owners(deps, consumer)
    names = {name for name in record.fields if name in known.base.base or owners.get(name) == source.connection}
    copy = msgspec.structs.replace(copy, only=names if copy.only is None else names.intersection(copy.only))
    request = WriteRequest(
        principal=f"consumer:{consumer.name}",
        key="",
        fingerprint=b"",
        correlation_id="",
        instance="",
        object=consumer.object,
        action="update",
        missing="create" if copy.creates else "refuse",
    )
    deadline = time.monotonic() + deps.execution_limit
    return await resolve_request(deps, request_of(deps, request, record, copy), deadline, dry=True)


def _owners(deps: CopyDeps, consumer: Consumer) -> Mapping[str, str]:
    """Return the systems of record of the fields that have one."""
    ownership = deps.ownership.get(consumer.object)
    fields = {} if ownership is None else ownership.fields
    return {name: policy.owner for name, policy in fields.items() if policy.owner is not None}
