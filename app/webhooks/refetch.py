"""Compare the current state of a record with the last-seen one after a webhook: first as the webhook shows it, then as
the vendor does.

At vendors whose webhook holds the record, its values are compared. If none differs, the webhook says nothing new, and
the record need not be read: so the echo of our own change costs no call. A webhook with a shape of its own lacks fields
and spells others in its own way. It counts only if the record in it was changed at the same time as the last-seen one,
and if it does not lack the field that changed.
"""

import time
from contextlib import suppress
from datetime import datetime
from typing import Any, Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from app.errors import NotFound, VendorDrifted, VendorProblem
from app.events.models import RecordChange, SeenState
from app.events.record_changes import Fields, changed, fields_of, read_state, shows, state_of
from app.links.models import NewRecord
from app.queue.models import Permanent
from app.records.compare import CLOCK_SKEW, added_comment, compare, compare_deleted, is_untold
from app.records.fetch import fetch_comment, fetch_record
from app.records.map_record import Reading, refuse_rejected_drift
from app.records.resolve import choose_mapping
from app.records.resources import follow_merge, name_new_record, name_records
from app.vendors.models import CalledConnection, Connection
from app.webhooks.deps import IngestDeps
from app.webhooks.models import ReportedRecord
from app.writes.models import RecordLook
from canonical.parts import ObjectName
from mappings.http import VendorReply
from mappings.manifest import Vendor
from mappings.registry import AnyMapping
from mappings.spec import Mapped, Unmappable, decode
from mappings.webhooks import Notice

GONE: Final = "deleted"
# Statuses with which vendors still return a deleted record.
STUBS: Final = ("archived", GONE)
OK: Final = 200
RAW: Final = "_raw"


class Refetched(Struct, frozen=True, kw_only=True):
    """The current state of a record, compared, with the mapping that read it. `comment` is the comment that was added.
    `created_at` is the vendor's time of the record's creation, if it was read. `new` as in `Appended`, with the
    `reading` of the record."""

    change: RecordChange
    mapping: AnyMapping
    comment: Reading | None = None
    created_at: datetime | None = None
    new: NewRecord | None = None
    reading: Reading | None = None


def was_read_since(record: ReportedRecord, last_state: SeenState | None) -> bool:
    """Return whether the record was read after the webhook arrived, or shows what it reports, so that another read can
    show nothing more.

    A comment is not part of its ticket. What a record that exists says of a deletion depends on the webhook.
    """
    receipt, notice, webhooks = record.receipt, record.notice, record.connection.vendor.webhooks
    if last_state is None or notice.happened == "comment_added":
        return False
    if last_state.read_at > receipt.received_at:
        return last_state.deleted or notice.happened != "deleted"
    if last_state.deleted or notice.happened == "deleted":
        return False
    if notice.happened == "created":
        return True  # any later change has a webhook of its own
    assert webhooks is not None  # noqa: S101 - it gave the notice
    return webhooks.exact and receipt.occurred_at is not None and shows(last_state.data, receipt.occurred_at)


def is_news(record: ReportedRecord, last_state: SeenState | None) -> bool:
    """Return whether a webhook tells what a walk has stored without an Event: that the record is new, or changed before
    it was read. Only while the state is still that of the walk."""
    receipt, happened = record.receipt, record.notice.happened
    if last_state is None or happened not in ("created", "updated") or not is_untold(last_state):
        return False
    return happened == "created" or (receipt.occurred_at or receipt.received_at) <= last_state.read_at + CLOCK_SKEW


async def says_nothing_new(deps: IngestDeps, record: ReportedRecord, last_state: SeenState | None) -> bool:
    """Return whether the record in a webhook is the last-seen one. False if the webhook does not hold it, or only a
    read shows all of it."""
    vendor, notice, mapping = record.connection.vendor, record.notice, record.mapping
    if notice.happened != "updated" or last_state is None or last_state.deleted or not isinstance(vendor, Vendor):
        return False
    called = CalledConnection(name=record.connection.name, vendor=vendor)
    with suppress(Unmappable, VendorProblem):
        raws = vendor.unwrap(record.payload, notice.object)
        if len(raws) != 1:
            return False
        # Only known account facts are used: to fetch them would cost more than the read.
        account = await deps.vendors.account(called, deadline=time.monotonic(), object_name=notice.object)
        mapped = _mapped(mapping, raws[0], account)
        if mapped is None or mapped[0].remote.id != notice.remote_id:
            return False
        reading, is_partial = Reading(mapped=mapped[0], mapping=mapping, raw=raws[0]), mapped[1]
        before, notes = read_state(last_state.data)
        if notes.mapping_revision not in (None, mapping.revision):
            return False
        if is_partial:
            return _is_partly_equal(reading, before, notice)
        (resource,) = await name_records(deps, called, [reading])
        return not changed(before, fields_of(state_of(resource)), mapping.model)
    return False


def _mapped(mapping: AnyMapping, raw: msgspec.Raw, account: Any) -> tuple[Mapped[Any], bool] | None:
    """Map a record by the shape that the webhook has, and return whether that is a shape of webhooks. None if other
    records must be read to complete it. Raises Unmappable."""
    if mapping.shapes:
        names = frozenset(decode(raw, dict[str, msgspec.Raw]))
        shape = next((one for one in mapping.shapes if one.matches(names)), None)
        if shape is not None:
            return shape.to_canonical(decode(raw, shape.record), account), True
    endpoints = mapping.endpoints
    record, account = endpoints.record(VendorReply(status=OK, headers={}, body=bytes(raw)), account)
    if record is None or (endpoints.side_load is not None and endpoints.side_load((record,), account) is not None):
        return None
    return mapping.read(record, account), False


def _is_partly_equal(reading: Reading, before: Fields, notice: Notice) -> bool:
    """Return whether a webhook that lacks fields shows the last-seen record."""
    after = fields_of(state_of(reading.mapped.data))
    if after.get("updated_at") is None or before.get("updated_at") != after.get("updated_at"):
        return False
    lacking = {loss.path.split("/")[1] for loss in reading.mapped.loss}
    return notice.changed not in lacking and all(
        name in lacking or name.endswith(RAW) or _value(before.get(name)) == _value(after.get(name))
        for name in changed(before, after, reading.mapping.model)
    )


def _value(value: Any) -> Any:
    """Return a value without the vendor's own spelling, which differs between its API and its webhooks, and without
    what a webhook does not say of the records that it names."""
    if isinstance(value, dict):
        if value.get("remote_id") is not None:
            return value["remote_id"]
        return {name: _value(one) for name, one in value.items() if not name.endswith(RAW)}
    return [_value(one) for one in value] if isinstance(value, list) else value


async def refetch(deps: IngestDeps, record: ReportedRecord, last: RecordLook, deadline: float) -> Refetched | None:
    """Read what the webhook reports, and compare it: an added comment, or else the record. A comment of a ticket that
    no longer exists is a deletion. None while a ticket does not list the comment.

    Raises VendorDrifted if it cannot be mapped, and the vendor's problems.
    """
    mapping, notice = record.mapping, record.notice
    if notice.happened == "comment_added":
        with suppress(NotFound):
            return await _refetch_comment(deps, record, deadline)
        mapping = choose_mapping(deps, record.connection, notice.object)
        notice = replace(notice, happened=GONE)
    return await refetch_record(
        *(deps, record.connection, mapping, notice, record.receipt.occurred_at, last, deadline),
        is_news=record.is_news,
        draws_id=last.is_new,
    )


async def refetch_record(
    deps: IngestDeps,
    connection: Connection,
    mapping: AnyMapping,
    notice: Notice,
    occurred_at: datetime | None,
    last: RecordLook,
    deadline: float,
    *,
    with_comments: bool = False,
    is_news: bool = False,
    draws_id: bool = False,
) -> Refetched:
    """Read the record that a notice names, and compare it. `with_comments` and `is_news` as for `compare`. `draws_id`:
    a created record has no canonical id yet, and gets one with its state. Raises like `refetch`."""
    read_at, last_state = last.looked_at, last.state
    reading = last.reading or await _read_record(deps, connection, mapping, notice, deadline)
    if (
        reading is None
        or is_stub(connection, notice.object, reading.mapped.data.status)
        or _is_gone(reading.mapped, notice, occurred_at, last)
    ):
        gone = await compare_deleted(
            *(deps, connection, mapping, notice.remote_id),
            last_state=last_state,
            read_at=read_at,
            occurred_at=occurred_at,
        )
        # A new record is probably not visible yet, rather than deleted.
        lags = notice.happened == "created" and last_state is None
        return Refetched(change=replace(gone, lags=lags), mapping=mapping)
    if reading.mapped.remote.id != notice.remote_id:
        # Merged: the vendor returned another record. Read that record's last-seen state before the record itself.
        await follow_merge(deps, connection, notice.object, notice.remote_id, reading.mapped.remote.id)
        notice, is_news = Notice(object=notice.object, remote_id=reading.mapped.remote.id, happened="updated"), False
        read_at, last_state = await deps.states.look(notice.object, connection.name, notice.remote_id)
        reading = await fetch_record(deps, connection, mapping, notice.remote_id, deadline)
        await refuse_rejected_drift(deps, connection, reading)
    is_new = last_state is None and _was_created(reading.mapped, occurred_at)
    created = notice.happened == "created" or is_new
    drawn = await name_new_record(deps, connection, reading) if draws_id and created else None
    resource, new = drawn or ((await name_records(deps, connection, [reading]))[0], None)
    change = await compare(
        *(deps, connection, reading, resource),
        last_state=last_state,
        read_at=read_at,
        created=created,
        occurred_at=occurred_at,
        with_comments=with_comments,
        is_news=is_news,
    )
    return Refetched(
        change=change,
        mapping=reading.mapping,
        created_at=reading.mapped.remote.created_at,
        new=new,
        reading=None if new is None else reading,
    )


async def _refetch_comment(deps: IngestDeps, record: ReportedRecord, deadline: float) -> Refetched | None:
    connection, notice = record.connection, record.notice
    reading = await fetch_comment(deps, connection, record.mapping, notice.remote_id, notice.comment_id, deadline)
    if reading is None:
        return None
    await refuse_rejected_drift(deps, connection, reading)
    (comment,) = await name_records(deps, connection, [reading], ticket=notice.remote_id)
    return Refetched(
        change=added_comment(connection, reading, comment, ticket=notice.remote_id),
        mapping=reading.mapping,
        comment=reading,
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


def _was_created(mapped: Mapped[Any], occurred_at: datetime | None) -> bool:
    """Return whether a change is of the time of the record's creation. Its webhook may overtake that of the creation,
    which then finds nothing new."""
    created_at = mapped.remote.created_at
    return created_at is not None and occurred_at is not None and abs(occurred_at - created_at) <= CLOCK_SKEW


def is_stub(connection: Connection, object_name: ObjectName, status: str | None) -> bool:
    """Return whether a record with this status is deleted: some vendors still return it."""
    webhooks = connection.vendor.webhooks
    return status == GONE or (webhooks is not None and status is not None and status == webhooks.gone.get(object_name))


def permanent_of(mapping: AnyMapping, drifted: VendorDrifted) -> Permanent:
    """Return the failure of a record that cannot be mapped. The reason names a field or a type, never a value."""
    cause = drifted.__cause__
    if not isinstance(cause, Unmappable):
        return Permanent(reason=drifted.code, mapping=mapping.name, revision=mapping.revision)
    return Permanent(reason=cause.reason, path=cause.place, mapping=mapping.name, revision=mapping.revision)


def _is_gone(mapped: Mapped[Any], notice: Notice, occurred_at: datetime | None, last: RecordLook) -> bool:
    """Return whether the record is deleted. A `deleted` webhook is ignored if the record has changed since: it was
    restored. A stub of a record whose last-seen state is deleted is not a restored one."""
    if notice.happened == GONE and mapped.remote.id != notice.remote_id:
        return True
    if mapped.data.status in STUBS:
        return notice.happened == GONE or (last.state is not None and last.state.deleted)
    if notice.happened != GONE:
        return False
    changed_at = mapped.remote.updated_at
    return changed_at is None or occurred_at is None or changed_at <= occurred_at
