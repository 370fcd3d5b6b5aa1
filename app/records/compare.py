"""Compare a record with its last-seen state, and say what its Event is."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
from msgspec import Struct

from app.events.models import RecordChange, SeenState
from app.events.record_changes import (
    Fields,
    StateNotes,
    changed,
    fields_of,
    is_older,
    previous_values,
    read_state,
    state_of,
    with_notes,
)
from app.events.transitions import WITH_TRANSITIONS, FirstSight, transitions
from app.records.deps import RecordDeps
from app.records.map_record import Reading, read_again
from app.records.resources import meta_of
from app.vendors.models import Connection
from app.vendors.setup_times import PostgresSetupTimes
from canonical.parts import ObjectName, ResourceMeta
from mappings.registry import AnyMapping
from mappings.spec import Remote

NO_NOTES: Final = StateNotes()
CLOCK_SKEW: Final = timedelta(minutes=2)
"""How much a vendor's clock may differ from ours."""


class DeletedRecord(Struct, frozen=True, kw_only=True):
    """The data of a `deleted` event whose record was never seen."""

    id: str
    meta: ResourceMeta


async def compare(
    deps: RecordDeps,
    connection: Connection,
    reading: Reading,
    resource: Any,
    *,
    last_state: SeenState | None,
    read_at: datetime | None,
    created: bool = False,
    written: Collection[str] = (),
    occurred_at: datetime | None = None,
    with_comments: bool = False,
    is_news: bool = False,
) -> RecordChange:
    """Return the change of an existing record, which has no Event if no field differs.

    `created`: it is new, so if it was never seen its Event is `created`. `written`: fields that a write of ours set.
    `occurred_at` defaults to the record's time. `is_news`: a walk stored it without an Event, and a webhook tells that
    it was new or had changed, so if no other field differs it counts as never seen.

    The digest of a ticket says that its comments are known too. So it has one only `with_comments`, if these are looked
    at as well, and once its last change is so old that no comment of the same time can follow.
    """
    object_name = reading.mapping.object
    state = state_of(resource)
    before, notes = (None, NO_NOTES) if last_state is None else read_state(last_state.data)
    after = comparable = fields_of(state)
    if notes.mapping_revision is not None and notes.mapping_revision != reading.mapping.revision:
        comparable = await _like_seen(connection, reading, after, notes.mapping_revision)
    names = changed(before, comparable, reading.mapping.model)
    is_first = last_state is None or (is_news and (created or not names))
    if is_first and before is not None:
        before, names = None, changed(None, comparable, reading.mapping.model)
    if last_state is not None:
        state = with_notes(state, notes)
    digest = None
    if object_name != "ticket" or (with_comments and is_settled(reading, read_at)):
        record = (object_name, connection.name, reading.mapped.remote.id)
        digest = await deps.states.digest(record, reading.mapped.data, reading.mapping.revision)
    is_new = created and is_first
    what = "created" if is_new else "updated"
    return RecordChange(
        object=object_name,
        connection=connection.name,
        remote_id=reading.mapped.remote.id,
        type=f"{object_name}.{what}" if names or is_new else None,
        data=msgspec.json.encode(resource),
        changed=names,
        occurred_at=occurred_at or reading.mapped.remote.updated_at,
        last_state=last_state,
        state=state,
        read_at=read_at,
        lags=before is not None and is_older(before, after),
        previous=previous_values(before, names) if before else None,
        digest=digest,
        transitions=await transitions_of(
            *(deps.setups, object_name, connection.name, before, comparable),
            is_first=is_first,
            is_new=is_new,
            written=written,
        ),
    )


def is_settled(reading: Reading, read_at: datetime | None) -> bool:
    """Return whether a record's last change is so long before its read that no further one can have the same time."""
    changed_at = reading.mapped.remote.updated_at
    return changed_at is None or read_at is None or read_at - changed_at > CLOCK_SKEW


def is_untold(last_state: SeenState | None, *, by_pulls: bool = True) -> bool:
    """Return whether a last-seen state is still the one that a walk stored without an Event: a backfill, or with
    `by_pulls` a pull too."""
    if last_state is None or last_state.deleted:
        return False
    notes = read_state(last_state.data)[1]
    return notes.baseline_at == last_state.read_at and (by_pulls or not notes.pulled)


async def differs(connection: Connection, reading: Reading, last_state: SeenState) -> bool:
    """Return whether a record differs from its last-seen state. It needs no canonical ids, which `compare` does."""
    before, notes = read_state(last_state.data)
    after = fields_of(state_of(reading.mapped.data))
    if notes.mapping_revision is not None and notes.mapping_revision != reading.mapping.revision:
        after = await _like_seen(connection, reading, after, notes.mapping_revision)
    return last_state.deleted or bool(changed(before, after, reading.mapping.model))


async def transitions_of(
    setups: PostgresSetupTimes,
    object_name: ObjectName,
    connection: str,
    before: Fields | None,
    after: Fields,
    *,
    is_first: bool,
    is_new: bool = False,
    written: Collection[str] = (),
) -> tuple[str, ...]:
    """Return the transitions from the fields of a last-seen state, or of a record that is seen for the first time.
    After a deletion or an erasure there are none."""
    if object_name not in WITH_TRANSITIONS:
        return ()
    if before:
        return transitions(object_name, before, after)
    if not is_first:
        return ()
    first = FirstSight(is_new=is_new, written=written)
    if is_new or not transitions(object_name, FirstSight(is_new=True), after):
        return transitions(object_name, first, after)
    return transitions(object_name, msgspec.structs.replace(first, since=await setups.of(connection)), after)


async def compare_deleted(
    deps: RecordDeps,
    connection: Connection,
    mapping: AnyMapping,
    remote_id: str,
    *,
    last_state: SeenState | None,
    read_at: datetime | None,
    occurred_at: datetime | None = None,
) -> RecordChange:
    """Return the deletion of a record, with the last-seen fields. A deletion that is known already has no Event."""
    object_name: ObjectName = mapping.object
    named = (await deps.links.name(object_name, connection.name, [remote_id]))[remote_id]
    if object_name == "customer":
        await deps.matches.erase([(connection.name, remote_id)])
    meta = meta_of(connection, mapping, Remote(id=remote_id), links=named.links)
    remains = DeletedRecord(id=named.id, meta=meta)
    identity = msgspec.to_builtins(remains)
    known = last_state is not None and last_state.deleted
    last, notes = ({}, NO_NOTES) if last_state is None else read_state(last_state.data)
    return RecordChange(
        object=object_name,
        connection=connection.name,
        remote_id=remote_id,
        type=None if known else f"{object_name}.deleted",
        data=msgspec.json.encode({**last, **identity}),
        changed=(),
        occurred_at=occurred_at,
        last_state=last_state,
        state=with_notes(b"{}", notes),  # a restored ticket has its comments again
        read_at=read_at,
        deleted=True,
    )


def added_comment(connection: Connection, reading: Reading, comment: Any, *, ticket: str) -> RecordChange:
    """Return the change of a ticket by a new comment."""
    return RecordChange(
        object="ticket",
        connection=connection.name,
        remote_id=ticket,
        type="ticket.comment_added",
        data=msgspec.json.encode(comment),
        occurred_at=reading.mapped.data.created_at,
    )


async def _like_seen(connection: Connection, reading: Reading, fields: Fields, revision: int) -> Fields:
    """Return the fields as the revision of the last-seen state maps them. A difference between revisions is no
    change."""
    again = await read_again(connection, reading, revision)
    return fields if again is None else fields_of(state_of(again.mapped.data))
