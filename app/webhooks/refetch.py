"""Read the current state of a record after a webhook, and compare it with the last-seen state."""

from datetime import datetime
from typing import Any, Final

import msgspec
from msgspec import Struct

from app.errors import NotFound, VendorDrifted
from app.events.models import SeenState
from app.events.record_changes import WATCHED, Fields, changed, fields_of, is_older, revision_of, state_of
from app.records.fetch import fetch_comment, fetch_record
from app.records.map_record import Reading, read_again, refuse_rejected_drift
from app.records.resolve import AnyMapping, choose_mapping
from app.records.resources import meta_of, name_records
from app.vendors.models import Connection
from app.webhooks.deps import IngestDeps
from canonical.parts import ObjectName, ResourceMeta
from mappings.spec import Mapped, Remote
from mappings.webhooks import Notice

GONE: Final = "deleted"
# Statuses with which vendors still return a deleted record.
STUBS: Final = ("archived", GONE)


class Refetched(Struct, frozen=True, kw_only=True):
    """The current state of a record, as an Event needs it.

    `seen` is the last-seen state and `state` its replacement; None for a comment, of which no state is kept. `history`
    is name, before and after of the watched field, if it changed. `lags`: the state is older than the last-seen one.
    """

    type: str
    data: bytes
    changed: tuple[str, ...] | None
    remote_id: str
    mapping: AnyMapping
    seen: SeenState | None = None
    state: bytes | None = None
    deleted: bool = False
    history: tuple[tuple[str, Any, Any], ...] = ()
    lags: bool = False


class DeletedRecord(Struct, frozen=True, kw_only=True):
    """The data of a `deleted` event whose record was never seen."""

    id: str
    meta: ResourceMeta


async def refetch(
    deps: IngestDeps, connection: Connection, notice: Notice, occurred_at: datetime | None, deadline: float
) -> Refetched:
    """Read the record and compare it. Raises VendorDrifted if it cannot be mapped, and the vendor's problems."""
    mapping = choose_mapping(deps, connection, notice.object)
    seen = await deps.states.get(notice.object, connection.name, notice.remote_id)
    reading = await _read_record(deps, connection, mapping, notice, deadline)
    if reading is None or _is_gone(reading.mapped, notice, occurred_at):
        return await _gone(deps, connection, mapping, notice, seen)
    if reading.mapped.remote.id != notice.remote_id:
        # Merged: the vendor returned another record. Read that record's last-seen state before the record itself.
        notice = Notice(object=notice.object, remote_id=reading.mapped.remote.id, happened="updated")
        seen = await deps.states.get(notice.object, connection.name, notice.remote_id)
        reading = await fetch_record(deps, connection, mapping, notice.remote_id, deadline)
        await refuse_rejected_drift(deps, connection, reading)
    (resource,) = await name_records(deps, connection, [reading])
    like_seen = await _like_seen(deps, connection, reading, seen)
    return _existing(reading.mapping, notice, seen, resource, resource if like_seen is None else like_seen)


async def refetch_comment(
    deps: IngestDeps, connection: Connection, mapping: AnyMapping, notice: Notice, deadline: float
) -> Refetched | None:
    """Read the comment that was added to a ticket; None while the ticket does not list it. Raises NotFound without the
    ticket, and like `refetch`."""
    reading = await fetch_comment(deps, connection, mapping, notice.remote_id, notice.comment_id, deadline)
    if reading is None:
        return None
    await refuse_rejected_drift(deps, connection, reading)
    (comment,) = await name_records(deps, connection, [reading], ticket=notice.remote_id)
    return Refetched(
        type="ticket.comment_added",
        data=msgspec.json.encode(comment),
        changed=None,
        remote_id=notice.remote_id,
        mapping=reading.mapping,
    )


async def _read_record(
    deps: IngestDeps, connection: Connection, mapping: AnyMapping, notice: Notice, deadline: float
) -> Reading | None:
    """Read the record; None if it does not exist. A deleted record that cannot be mapped is a stub, and counts as
    missing."""
    try:
        reading = await fetch_record(deps, connection, mapping, notice.remote_id, deadline)
        await refuse_rejected_drift(deps, connection, reading)
    except NotFound:
        return None
    except VendorDrifted:
        if notice.happened == GONE:
            return None
        raise
    return reading


def _is_gone(mapped: Mapped[Any], notice: Notice, occurred_at: datetime | None) -> bool:
    """Return whether the record is deleted. A `deleted` webhook is ignored if the record has changed since: it was
    restored."""
    if mapped.data.status == GONE or (notice.happened == GONE and mapped.remote.id != notice.remote_id):
        return True
    if notice.happened != GONE or mapped.data.status in STUBS:
        return notice.happened == GONE
    changed_at = mapped.remote.updated_at
    return changed_at is None or occurred_at is None or changed_at <= occurred_at


async def _gone(
    deps: IngestDeps, connection: Connection, mapping: AnyMapping, notice: Notice, seen: SeenState | None
) -> Refetched:
    """Build the deletion, with the last-seen fields, and forget them."""
    ids = await deps.links.ensure(notice.object, connection.name, [notice.remote_id])
    remains = DeletedRecord(id=ids[notice.remote_id], meta=meta_of(connection, mapping, Remote(id=notice.remote_id)))
    identity = msgspec.to_builtins(remains)
    data = identity if seen is None else {**fields_of(seen.data), **identity}
    return Refetched(
        type=f"{notice.object}.deleted",
        data=msgspec.json.encode(data),
        changed=(),
        remote_id=notice.remote_id,
        mapping=mapping,
        seen=seen,
        state=b"{}",
        deleted=True,
        lags=notice.happened == "created" and seen is None,  # probably not visible yet, rather than deleted
    )


async def _like_seen(deps: IngestDeps, connection: Connection, reading: Reading, seen: SeenState | None) -> Any:
    """Map the record with the revision of the last-seen state, if that is another one. A difference between revisions
    is not a change."""
    revision = None if seen is None or seen.deleted else revision_of(seen.data)
    if revision is None or revision == reading.mapping.revision:
        return None
    again = await read_again(connection, reading, revision)
    if again is None:
        return None
    (resource,) = await name_records(deps, connection, [again])
    return resource


def _existing(mapping: AnyMapping, notice: Notice, seen: SeenState | None, resource: Any, like_seen: Any) -> Refetched:
    """Build the event of an existing record. `like_seen` is the resource to compare with the last-seen state."""
    state = state_of(resource)
    before = None if seen is None or seen.deleted else fields_of(seen.data)
    after = fields_of(state)
    names = changed(before, fields_of(state_of(like_seen)), mapping.model)
    return Refetched(
        type=f"{notice.object}.{'created' if notice.happened == 'created' and seen is None else 'updated'}",
        data=msgspec.json.encode(resource),
        changed=names,
        remote_id=notice.remote_id,
        mapping=mapping,
        seen=seen,
        state=state,
        history=_history(notice.object, names, before, after),
        lags=before is not None and is_older(before, after),
    )


def _history(
    object_name: ObjectName, names: tuple[str, ...], before: Fields | None, after: Fields
) -> tuple[tuple[str, Any, Any], ...]:
    name = WATCHED.get(object_name)
    if name is None or name not in names:
        return ()
    return ((name, None if before is None else before.get(name), after.get(name)),)
