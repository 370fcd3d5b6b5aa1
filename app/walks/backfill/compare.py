"""What a backfill does with the records of a page.

All of them get ids, links and match keys, and those without a last-seen state get one. A record that differs from its
state keeps the state: the next webhook or pull compares with it, and makes the Event. A record of which the list omits
members is read by itself, if it is stored or sent. With `deliver`, each record has one Event for the recipients. Its
state is then stored again, so that no Event of the record is appended between the read and the commit.
"""

import asyncio
import hashlib
from collections.abc import Sequence

from msgspec.structs import replace

from app.events.models import NewEvent, RecordChange, SeenState
from app.events.record_changes import changed, fields_of
from app.events.record_fields import MODELS
from app.records.append import Appended
from app.records.compare import compare, differs
from app.records.map_record import Reading
from app.records.models import RecordCheck, ReportedChange
from app.records.resources import name_records
from app.vendors.models import Connection
from app.walks.compare_page import ComparedPage, as_baseline, reported_of
from app.walks.deps import WalkDeps
from app.walks.models import Walk
from app.webhooks.refetch import is_stub

Compared = tuple[Reading, RecordCheck, SeenState | None]
"""A record, and its last-seen state if it was needed."""


async def compare_backfill(
    deps: WalkDeps, connection: Connection, walk: Walk, readings: Sequence[Reading]
) -> ComparedPage:
    """Compare records that were read after `walk.looked_at`. Of a record that is listed twice, the last one counts."""
    present = {
        one.mapped.remote.id: one for one in readings if not is_stub(connection, walk.object, one.mapped.data.status)
    }
    checks = await deps.own_writes.check([[reported_of(walk, one)] for one in present.values()])
    compared = await asyncio.gather(
        *(_look(deps, walk, one, check) for one, check in zip(present.values(), checks, strict=True))
    )
    new = sum(check.version is None for _, check, _ in compared)
    differing = 0
    for reading, _, state in compared:
        if state is not None and await _differs(deps, connection, walk, reading, state):
            differing += 1
        await asyncio.sleep(0)  # yield to other jobs
    if walk.is_dry_run:
        return ComparedPage(changes=(), read_again=(), new=new, differing=differing)
    return replace(await _stored(deps, connection, walk, compared), new=new, differing=differing)


async def _stored(deps: WalkDeps, connection: Connection, walk: Walk, compared: Sequence[Compared]) -> ComparedPage:
    """Name the records, and return what is stored of them, and which are read by themselves."""
    whole = [one for one in compared if one[0].is_complete]
    read_again = [
        reading.mapped.remote.id
        for reading, check, _ in compared
        if not reading.is_complete and (check.version is None or walk.deliver is not None)
    ]
    resources = await name_records(deps, connection, [reading for reading, _, _ in whole])
    changes: list[Appended] = []
    for (reading, check, state), resource in zip(whole, resources, strict=True):
        if check.version is not None and walk.deliver is None:
            continue
        change = await compare(*(deps, connection, reading, resource), last_state=state, read_at=walk.looked_at)
        moved = check.seen_at is not None and check.seen_at > walk.looked_at
        if check.is_under_way or moved or change.lags or (None if state is None else state.version) != check.version:
            read_again.append(change.remote_id)
        else:
            changes.append(backfilled(walk.id, walk.deliver, change, reported_of(walk, reading)))
        await asyncio.sleep(0)  # yield to other jobs
    return ComparedPage(changes=await without_repeated(deps, changes), read_again=read_again)


async def _look(deps: WalkDeps, walk: Walk, reading: Reading, check: RecordCheck) -> Compared:
    """Read the last-seen state of a record, if the record differs from it or an Event is made."""
    record = (walk.object, walk.connection, reading.mapped.remote.id)
    if check.version is None or not reading.is_complete:
        return reading, check, None
    if walk.deliver is None or walk.is_dry_run:
        digest = await deps.states.digest(record, reading.mapped.data, reading.mapping.revision)
        if not check.deleted and digest == check.digest:
            return reading, check, None
    return reading, check, await deps.states.get(*record)


async def _differs(deps: WalkDeps, connection: Connection, walk: Walk, reading: Reading, state: SeenState) -> bool:
    record = (walk.object, walk.connection, reading.mapped.remote.id)
    digest = await deps.states.digest(record, reading.mapped.data, reading.mapping.revision)
    return state.deleted or (digest != state.digest and await differs(connection, reading, state))


def backfilled(
    backfill: str, deliver: Sequence[str] | None, change: RecordChange, reported: ReportedChange
) -> Appended:
    """Return what a backfill appends of a record that exists: its state, and its Event if someone gets one."""
    events = () if deliver is None else (_event_of(backfill, deliver, change),)
    return Appended(change=_without_event(change), reported=(reported,), events=events)


async def without_repeated(deps: WalkDeps, changes: Sequence[Appended]) -> list[Appended]:
    """Leave out the records that have an Event of this backfill: they were listed before."""
    runs = [event.correlation_id for one in changes for event in one.events if event.correlation_id is not None]
    repeated = await deps.walks.with_event(runs) if runs else set()
    return [one for one in changes if not any(event.correlation_id in repeated for event in one.events)]


def _without_event(change: RecordChange) -> RecordChange:
    """Return the change with no Event of its own. The state of a record that differs stays as it is."""
    last = change.last_state
    if last is None:
        return as_baseline(change)
    quiet = replace(change, type=None, transitions=(), changed=None)
    if change.type is None and not last.deleted:
        return quiet
    return replace(quiet, state=last.data, digest=last.digest, read_at=last.read_at, deleted=last.deleted)


def _event_of(backfill: str, deliver: Sequence[str], change: RecordChange) -> NewEvent:
    """Return the Event of a record for the recipients: it is there, so it is `created` for them.

    Its correlation id is that of the record in this backfill. So a page that is read twice makes no second Event.
    """
    assert change.state is not None  # noqa: S101 - the record exists
    digest = hashlib.sha256(change.remote_id.encode()).hexdigest()[:32]
    return NewEvent(
        type=f"{change.object}.created",
        data=change.data,
        connection=change.connection,
        changed=changed(None, fields_of(change.state), MODELS[change.object]),
        record=f"{change.object}:{change.remote_id}",
        origin=backfill,
        correlation_id=f"{backfill}-{digest}",
        occurred_at=change.occurred_at,
        recipients=frozenset(deliver),
    )
