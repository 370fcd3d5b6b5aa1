"""Looking at a record that something is said to have happened to: what is there now, and what that means."""

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
# What a vendor still shows of a record that it has deleted.
STUBS: Final = ("archived", GONE)


class Refetched(Struct, frozen=True, kw_only=True):
    """What is there, in the words of an Event. `seen` is what was seen before, and `state` what to keep in its place;
    None for a comment, which is told and not followed. `history` is name, before and after of the watched field, where
    it has changed. `lags`: it is older than what was seen before."""

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
    """What is told of a record that is gone and was never seen."""

    id: str
    meta: ResourceMeta


async def refetch(
    deps: IngestDeps, connection: Connection, notice: Notice, occurred_at: datetime | None, deadline: float
) -> Refetched:
    """The record as it is now. Raises VendorDrifted for one that cannot be read, and the vendor's problems."""
    mapping = choose_mapping(deps, connection, notice.object)
    seen = await deps.states.get(notice.object, connection.name, notice.remote_id)
    reading = await _look(deps, connection, mapping, notice, deadline)
    if reading is None or _is_gone(reading.mapped, notice, occurred_at):
        return await _gone(deps, connection, mapping, notice, seen)
    if reading.mapped.remote.id != notice.remote_id:
        # It was merged into another, which the vendor shows in its place. What was seen of that one has to be read
        # before it is.
        notice = Notice(object=notice.object, remote_id=reading.mapped.remote.id, happened="updated")
        seen = await deps.states.get(notice.object, connection.name, notice.remote_id)
        reading = await fetch_record(deps, connection, mapping, notice.remote_id, deadline)
        await refuse_rejected_drift(deps, connection, reading)
    (resource,) = await name_records(deps, connection, [reading])
    like_seen = await _like_seen(deps, connection, reading, seen)
    return _present(reading.mapping, notice, seen, resource, resource if like_seen is None else like_seen)


async def refetch_comment(
    deps: IngestDeps, connection: Connection, mapping: AnyMapping, notice: Notice, deadline: float
) -> Refetched | None:
    """The comment that was added to a ticket; None while the ticket does not list it. Raises NotFound without the
    ticket, and like `sight`."""
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


async def _look(
    deps: IngestDeps, connection: Connection, mapping: AnyMapping, notice: Notice, deadline: float
) -> Reading | None:
    """The record, or None where the vendor has none. What cannot be read of one that is said to be deleted is the stub
    that is left of it."""
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
    """A ticket may be shown as deleted. A record that is said to be deleted is believed to be, unless it has changed
    since: somebody has restored it, and this news is late."""
    if mapped.data.status == GONE or (notice.happened == GONE and mapped.remote.id != notice.remote_id):
        return True
    if notice.happened != GONE or mapped.data.status in STUBS:
        return notice.happened == GONE
    changed_at = mapped.remote.updated_at
    return changed_at is None or occurred_at is None or changed_at <= occurred_at


async def _gone(
    deps: IngestDeps, connection: Connection, mapping: AnyMapping, notice: Notice, seen: SeenState | None
) -> Refetched:
    """The last that was seen of it is told once more, and then forgotten."""
    ids = await deps.links.ensure(notice.object, connection.name, [notice.remote_id])
    remains = DeletedRecord(id=ids[notice.remote_id], meta=meta_of(connection, mapping, Remote(id=notice.remote_id)))
    told = msgspec.to_builtins(remains)
    data = told if seen is None else {**fields_of(seen.data), **told}
    return Refetched(
        type=f"{notice.object}.deleted",
        data=msgspec.json.encode(data),
        changed=(),
        remote_id=notice.remote_id,
        mapping=mapping,
        seen=seen,
        state=b"{}",
        deleted=True,
        lags=notice.happened == "created" and seen is None,  # rather not there yet than gone already
    )


async def _like_seen(deps: IngestDeps, connection: Connection, reading: Reading, seen: SeenState | None) -> Any:
    """The record as the revision reads it that has read what was seen before, where that was another one: what only the
    mapping reads differently has not changed."""
    revision = None if seen is None or seen.deleted else revision_of(seen.data)
    if revision is None or revision == reading.mapping.revision:
        return None
    again = await read_again(connection, reading, revision)
    if again is None:
        return None
    (resource,) = await name_records(deps, connection, [again])
    return resource


def _present(mapping: AnyMapping, notice: Notice, seen: SeenState | None, resource: Any, like_seen: Any) -> Refetched:
    """`like_seen` is the resource as it compares with what was seen."""
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
