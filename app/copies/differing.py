"""Compare a copy with its source: what the copy would write now is what differs.

The merge decides it, so a field does not differ that the target owns, cannot hold or has changed by itself. A field
that was never copied counts only if the source owns it.
"""

import sys
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec

from app.copies.consumers import Consumer, FanOut
from app.copies.deps import CopyDeps
from app.copies.fan_out import request_copy
from app.copies.source import read_source
from app.errors import InvalidField, NotFound, NotSystemOfRecord, UnsupportedField
from app.http.plurals import PLURAL
from app.problem_document import Problem
from app.records.last_seen import Tolerance
from app.writes.copy_links import known_copy
from app.writes.copy_merge import has_nothing_new
from app.writes.prepare import prepare
from app.writes.request import WriteRequest
from app.writes.resolved_write import ResolvedWrite, resolve_request
from canonical.parts import Link, ObjectName

ANY_AGE: Final = Tolerance(max_age=sys.maxsize)
MARKER: Final = "op_of_a_comparison"
REFUSED: Final = (NotFound, InvalidField, UnsupportedField, NotSystemOfRecord)
"""Problems of a copy that cannot be made. It is a dead letter, or its source is gone."""


def consumer_at(deps: CopyDeps, object_name: ObjectName, connection: str) -> Consumer | None:
    """Return the consumer that gets the records of an object at a connection."""
    return deps.consumers.get(f"{PLURAL[object_name]}:{connection}")


async def sources_of(deps: CopyDeps, consumer: Consumer, remote_ids: Sequence[str]) -> Mapping[str, tuple[Link, ...]]:
    """Return the records that are copied to each of these records of a consumer."""
    named = await deps.links.name(consumer.object, consumer.connection, remote_ids)
    return {
        remote_id: tuple(link for link in one.links if link.connection in consumer.sources)
        for remote_id, one in named.items()
    }


async def may_differ(deps: CopyDeps, fan_out: FanOut, remote_id: str, present: Any) -> bool:
    """Return whether a fan-out may have something to write, by the last-seen state of its source. `present` is the
    target as it was listed; None for its last-seen state."""
    try:
        resolved = await _resolve(deps, fan_out, remote_id, tolerance=ANY_AGE)
    except Problem:  # it cannot be copied
        return False
    return resolved is not None and not await has_nothing_new(resolved, present)


async def differing_fields(
    deps: CopyDeps, fan_out: FanOut, remote_id: str, *, before: datetime
) -> Mapping[str, str] | None:
    """Read both records, and return the fields that a fan-out would write, each with its system of record, or else the
    consumer. None if the source has changed since `before`, so that its copy may be under way.

    Raises VersionConflict if a copy ends meanwhile, and the vendors' problems.
    """
    try:
        resolved = await _resolve(deps, fan_out, remote_id)
        if resolved is None:
            return {}
        changed_at = resolved.intent.written_at
        if changed_at is not None and changed_at > before:
            return None
        prepared = await prepare(resolved, MARKER)
    except REFUSED:
        return {}
    if prepared.request is None or prepared.plan is None:
        return {}
    lost = {one.path for one in prepared.loss if one.kind == "dropped"}
    names = msgspec.json.decode(prepared.plan.body, type=dict[str, msgspec.Raw])
    owned = deps.ownership[fan_out.object].fields
    return {name: owned[name].owner or f"consumer:{fan_out.consumer}" for name in names if f"/{name}" not in lost}


async def _resolve(
    deps: CopyDeps, fan_out: FanOut, remote_id: str, tolerance: Tolerance | None = None
) -> ResolvedWrite | None:
    """Return the copy of what may differ, which is never sent. None if there is none. The base is read first."""
    consumer, source = deps.consumers[fan_out.consumer], deps.connections.by_name[fan_out.connection]
    place = Link(connection=source.name, remote_id=fan_out.remote_id)
    known = await known_copy(deps, fan_out.object, place, consumer.connection)
    if known.base is None or known.remote_id != remote_id:
        return None
    record = await read_source(deps, source, fan_out.object, fan_out.remote_id, tolerance=tolerance)
    base, owned = known.base.base, deps.ownership[fan_out.object].fields
    copied = {name for name in record.fields if name in base or (name in owned and owned[name].owner == source.name)}
    request = await request_copy(deps, fan_out, consumer, record, known, run="", among=copied)
    if not isinstance(request, WriteRequest):
        return None
    return await resolve_request(deps, request, time.monotonic() + deps.execution_limit, dry=True)
