"""Looking at a record that something is said to have happened to: what is there now, and what that means."""

from datetime import datetime
from typing import Any, Final

import msgspec
from msgspec import Struct

from app.errors import NotFound, VendorDrifted
from app.event_ports import SeenState
from app.flows.changes import WATCHED, Fields, changed, fields_of, is_older, revision_of, state_of
from app.flows.fetch import fetch_comment, fetch_record
from app.flows.locate import AnyMapping, choose_mapping
from app.flows.resources import meta_of, name_records
from app.flows.seam import Seam
from app.flows.understanding import Reading, accept, read_again
from app.ports import Connection
from canonical.parts import ObjectName, ResourceMeta
from mappings.spec import Mapped, Remote
from mappings.webhooks import Notice

GONE: Final = "deleted"
# What a vendor still shows of a record that it has deleted.
STUBS: Final = ("archived", GONE)


class Sighting(Struct, frozen=True, kw_only=True):
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


class Remains(Struct, frozen=True, kw_only=True):
    """What is told of a record that is gone and was never seen."""

    id: str
    meta: ResourceMeta


async def sight(
    seam: Seam, connection: Connection, notice: Notice, occurred_at: datetime | None, deadline: float
) -> Sighting:
    """The record as it is now. Raises VendorDrifted for one that cannot be read, and the vendor's problems."""
    mapping = choose_mapping(seam, connection, notice.object)
    seen = await seam.states.get(notice.object, connection.name, notice.remote_id)
    reading = await _look(seam, connection, mapping, notice, deadline)
    if reading is None or _is_gone(reading.mapped, notice, occurred_at):
        return await _gone(seam, connection, mapping, notice, seen)
    if reading.mapped.remote.id != notice.remote_id:
        # It was merged into another, which the vendor shows in its place. What was seen of that one has to be read
        # before it is.
        notice = Notice(object=notice.object, remote_id=reading.mapped.remote.id, happened="updated")
        seen = await seam.states.get(notice.object, connection.name, notice.remote_id)
        reading = await fetch_record(seam, connection, mapping, notice.remote_id, deadline)
        await accept(seam, connection, reading)
    (resource,) = await name_records(seam, connection, [reading])
    like_seen = await _like_seen(seam, connection, reading, seen)
    return _present(reading.mapping, notice, seen, resource, resource if like_seen is None else like_seen)


async def sight_comment(
    seam: Seam, connection: Connection, mapping: AnyMapping, notice: Notice, deadline: float
) -> Sighting | None:
    """The comment that was added to a ticket; None while the ticket does not list it. Raises NotFound without the
    ticket, and like `sight`."""
    reading = await fetch_comment(seam, connection, mapping, notice.remote_id, notice.comment_id, deadline)
    if reading is None:
        return None
    await accept(seam, connection, reading)
    (comment,) = await name_records(seam, connection, [reading], ticket=notice.remote_id)
    return Sighting(
        type="ticket.comment_added",
        data=msgspec.json.encode(comment),
        changed=None,
        remote_id=notice.remote_id,
        mapping=reading.mapping,
    )


async def _look(
    seam: Seam, connection: Connection, mapping: AnyMapping, notice: Notice, deadline: float
) -> Reading | None:
    """The record, or None where the vendor has none. What cannot be read of one that is said to be deleted is the stub
    that is left of it."""
    try:
        reading = await fetch_record(seam, connection, mapping, notice.remote_id, deadline)
        await accept(seam, connection, reading)
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
    seam: Seam, connection: Connection, mapping: AnyMapping, notice: Notice, seen: SeenState | None
) -> Sighting:
    """The last that was seen of it is told once more, and then forgotten."""
    ids = await seam.links.ensure(notice.object, connection.name, [notice.remote_id])
    remains = Remains(id=ids[notice.remote_id], meta=meta_of(connection, mapping, Remote(id=notice.remote_id)))
    told = msgspec.to_builtins(remains)
    data = told if seen is None else {**fields_of(seen.data), **told}
    return Sighting(
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


async def _like_seen(seam: Seam, connection: Connection, reading: Reading, seen: SeenState | None) -> Any:
    """The record as the revision reads it that has read what was seen before, where that was another one: what only the
    mapping reads differently has not changed."""
    revision = None if seen is None or seen.deleted else revision_of(seen.data)
    if revision is None or revision == reading.mapping.revision:
        return None
    again = await read_again(connection, reading, revision)
    if again is None:
        return None
    (resource,) = await name_records(seam, connection, [again])
    return resource


def _present(mapping: AnyMapping, notice: Notice, seen: SeenState | None, resource: Any, like_seen: Any) -> Sighting:
    """`like_seen` is the resource as it compares with what was seen."""
    state = state_of(resource)
    before = None if seen is None or seen.deleted else fields_of(seen.data)
    after = fields_of(state)
    names = changed(before, fields_of(state_of(like_seen)), mapping.model)
    return Sighting(
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
