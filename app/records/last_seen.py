"""Answer a read from the last-seen state: where the caller accepts its age, while the vendor is down, and for exports,
which cannot be asked."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec
from msgspec import Struct

from app.errors import NotFound
from app.events.record_changes import StateNotes, StateOrigin
from app.problem_document import Problem
from app.records.deps import RecordDeps
from app.records.models import REFETCH, record_key
from app.records.resources import ReadRecord, meta_of, referenced_ids
from app.vendors.models import Connection
from canonical.parts import Link, Loss, MappingName, ObjectName, ResourceMeta
from canonical.references import with_connection
from mappings.csv.layout import REVISION, Layout
from mappings.registry import AnyMapping, mapping_of
from mappings.spec import Mapped, Remote

OLDEST_STATE: Final = 2_592_000
"""The greatest age in seconds that a caller may accept: 30 days."""
EXPORT_FORMAT: Final = "rfc4180"
VENDOR_DOWN: Final = frozenset({"transient", "throttle", "auth"})
"""The categories of problems after which a state may stand in for a read: waiting or an operator ends them."""


class Tolerance(Struct, frozen=True, kw_only=True):
    """The age in seconds that the caller accepts of a record: in any case, and while the vendor is down. None accepts
    no state."""

    max_age: int | None = None
    stale_if_error: int | None = None


async def read_tolerantly(
    deps: RecordDeps,
    connection: Connection,
    mapping: AnyMapping,
    remote_id: str,
    tolerance: Tolerance,
    read: Callable[[], Awaitable[ReadRecord]],
) -> ReadRecord:
    """Return the last-seen state if it is young enough, else what `read` returns, or the state after its failure.

    Raises the problem of `read` if the state is too old for it, or not of use.
    """
    state = None if tolerance.max_age is None else await _last_seen(deps, connection, mapping, remote_id)
    if state is not None and _is_within(state, tolerance.max_age):
        return state
    try:
        return await read()
    except Problem as problem:
        if tolerance.stale_if_error is None or problem.category not in VENDOR_DOWN:
            raise
        state = state or await _last_seen(deps, connection, mapping, remote_id)
        if state is None or not _is_within(state, tolerance.stale_if_error):
            raise
        return state


async def read_export(deps: RecordDeps, connection: Connection, layout: Layout, remote_id: str) -> ReadRecord:
    """Return a record as its last export has it. Raises NotFound."""
    record = await _last_seen(deps, connection, layout, remote_id)
    if record is None:
        raise NotFound(f"No row of {connection.name} has this {layout.object}.")
    return record


def export_meta(
    connection: Connection, layout: Layout, remote: Remote, loss: tuple[Loss, ...], links: tuple[Link, ...]
) -> ResourceMeta:
    """Return the origin of a record that an export has."""
    return ResourceMeta(
        connection=connection.name,
        vendor=connection.vendor.name,
        remote_id=remote.id,
        remote_url=None,
        remote_created_at=remote.created_at,
        remote_updated_at=remote.updated_at,
        links=links,
        mapping=MappingName(name=layout.mapping, revision=REVISION, vendor_api=EXPORT_FORMAT),
        loss=loss,
        unsupported=layout.unsupported,
    )


def _is_within(state: ReadRecord, limit: int | None) -> bool:
    return limit is not None and state.age is not None and state.age <= limit


async def _last_seen(
    deps: RecordDeps, connection: Connection, source: AnyMapping | Layout, remote_id: str
) -> ReadRecord | None:
    """Return a record as it was last seen, with its age; None if it never was, or is deleted."""
    object_name: ObjectName = source.object
    state = await deps.states.get(object_name, connection.name, remote_id)
    if state is None or state.deleted:
        return None
    notes = msgspec.json.decode(state.data, type=StateNotes)
    origin = notes.origin or StateOrigin()
    try:
        data: Any = msgspec.json.decode(state.data, type=source.model)
    except msgspec.ValidationError:  # another version of Lockstitch kept it
        return None
    remote = Remote(id=remote_id, url=origin.url, created_at=origin.created_at, updated_at=origin.updated_at)
    named = (await deps.links.name(object_name, connection.name, [remote_id]))[remote_id]
    if isinstance(source, Layout):
        meta = export_meta(connection, source, remote, origin.loss, named.links)
    else:
        revision = notes.mapping_revision or source.revision
        mapping = mapping_of(connection.vendor, object_name, revision) or source
        meta = meta_of(connection, mapping, remote, origin.loss, named.links)
    as_of, age = await deps.states.confirmed(
        *(object_name, connection.name, state), job_kind=REFETCH, job_key=record_key(object_name, remote_id)
    )
    ids = await referenced_ids(deps.links.ensure, connection, object_name, [Mapped(data=data, remote=remote)])
    resource = msgspec.structs.replace(
        with_connection(data, connection.name, ids), id=named.id, meta=msgspec.structs.replace(meta, as_of=as_of)
    )
    return ReadRecord(resource=resource, etag=None, age=age)
