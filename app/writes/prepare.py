"""Prepare a write: draft the one request that has its effect. Nothing here changes anything at the vendor."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Final, TypeVar

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from app.errors import InvalidField, NotFound, NotSystemOfRecord, UnsupportedField, VendorDrifted, VersionConflict
from app.events.record_changes import WATCHED, Watched, watched_in
from app.records.resources import etag_of, name_records
from app.writes.accept_loss import accept_loss, accept_merge
from app.writes.copy_links import linked_record, missing_target, require_known_copy, require_linkable
from app.writes.copy_merge import (
    ConsumerPaused,
    begin_merge,
    is_login,
    lost_email,
    merged_copy,
    without_emails,
    without_refused,
)
from app.writes.copy_models import CopyOf, CopyPlan
from app.writes.copy_outcome import foreseen
from app.writes.draft import Drafted, draft_body, says_nothing
from app.writes.find_record import find_by_key
from app.writes.judge_ownership import Judged, judge_change, judge_new, skip_of
from app.writes.models import References
from app.writes.operation_view import changed_fields
from app.writes.resolve_references import resolve_references
from app.writes.resolved_write import PresentRecord, ResolvedWrite
from canonical.order_patch import OrderCancel
from canonical.parts import Loss, Skipped
from mappings.endpoints import Action, UpsertKey
from mappings.http import VendorReply, VendorRequest
from mappings.spec import Draft

ANY_VERSION: Final = "*"
"""The If-Match that only requires the record to exist."""

T = TypeVar("T")


class Parts(Struct, frozen=True, kw_only=True):
    """A repeatable request that creates records which the write then names. `completed` builds the write from the
    reply. It raises VendorDrift if the reply cannot be read."""

    request: VendorRequest
    completed: Callable[[VendorReply], VendorRequest]


class PreparedWrite(Struct, frozen=True, kw_only=True):
    """The one request with an effect: its verb, its record, and what the write loses.

    `before` is the watched field of the record, if it was read and the write may change it. `parts` is sent first, and
    completes `request`. `references` are those of the body; while one `is_missing`, the request has a placeholder.
    `skipped` fields stay as they are, because another system owns them. Without a `request`, nothing else is left to
    change. `plan`: what a copy sends.
    """

    effect: Action
    request: VendorRequest | None
    remote_id: str | None
    loss: tuple[Loss, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    before: Watched | None = None
    parts: Parts | None = None
    references: References | None = None
    plan: CopyPlan | None = None


class RecordFound(Exception):
    """The record of an upsert `unless_found` exists, so nothing is written."""

    def __init__(self, remote_id: str) -> None:
        super().__init__(remote_id)
        self.remote_id = remote_id


class NothingToCopyTo(Exception):
    """No record matches a copy that creates none."""


async def prepare(resolved: ResolvedWrite, marker: str) -> PreparedWrite:
    """Draft the request, which carries the marker. An upsert finds the record first, then creates or updates it.

    Raises InvalidField, UnsupportedField, UnsupportedAction, VersionConflict, AmbiguousMatch, NotFound,
    NotSystemOfRecord, and the vendor's problems of the reads that come first. Raises RecordFound for an upsert that
    leaves a record as it is, NothingToCopyTo for a copy that creates none, and ConsumerPaused for one that would remove
    too much.
    """
    intent = resolved.intent
    if intent.copy_of is not None and intent.remote_id is None:
        return await _prepare_copy(resolved, marker, intent.copy_of)
    if intent.action in ("create", "comment"):
        return await prepare_create(resolved, marker)
    if intent.action == "update":
        return await prepare_update(resolved, marker, _required(intent.remote_id))
    if intent.action == "archive":
        return await _prepare_archive(resolved)
    if intent.action == "cancel":
        return await _prepare_cancel(resolved, marker)
    match = await find_by_key(resolved)
    if match.remote_id is None:
        return await _prepare_missing(resolved, marker, is_near=match.is_near)
    if intent.unless_found:
        raise RecordFound(match.remote_id)
    return await prepare_update(resolved, marker, match.remote_id)


async def _prepare_copy(resolved: ResolvedWrite, marker: str, copied: CopyOf) -> PreparedWrite:
    """Draft a copy: a link counts, then the key. It is looked for under the lock, so that two copies of one record
    create one. Raises StateConflict if the record that matches is linked to another one at the source, and
    OutcomeUnknown if an earlier copy may have created the record."""
    intent = resolved.intent
    remote_id = await linked_record(resolved.deps, copied.canonical_id, intent.object, resolved.connection.name)
    is_near = False
    if remote_id is None and intent.upsert_on is not None:
        match = await find_by_key(resolved)
        remote_id, is_near = match.remote_id, match.is_near
        if remote_id is not None:
            await require_linkable(resolved, copied, remote_id)
    if remote_id is not None:
        return await prepare_update(resolved, marker, remote_id)
    if not copied.creates:
        raise NothingToCopyTo
    await require_known_copy(resolved, copied)
    return await _prepare_missing(resolved, marker, is_near=is_near)


async def _prepare_missing(resolved: ResolvedWrite, marker: str, *, is_near: bool) -> PreparedWrite:
    """Draft the create of a record that was not found, by the vendor's own upsert where that finds the right one.

    That is needed where the look-up lags, and wanted where nothing is merged: it cannot make a second record.
    `is_near`: the vendor takes another record for the one with the key.
    """
    intent, finds = resolved.intent, resolved.mapping.endpoints.find
    if is_near or not _can_upsert(resolved) or (intent.merges and intent.upsert_on in finds):
        return await prepare_create(resolved, marker)
    return await prepare_upsert(resolved, marker)


def _can_upsert(resolved: ResolvedWrite) -> bool:
    """Return whether the vendor's own upsert may be used. With two keys in a body, it may change the record that has
    the other one. It would also change one that was created since the look-up, which `unless_found` forbids."""
    intent, upserts = resolved.intent, resolved.mapping.endpoints.upsert
    if intent.unless_found or intent.upsert_on not in upserts or resolved.owned or resolved.forbids_new is not None:
        return False
    if intent.copy_of is not None and intent.upsert_on in resolved.mapping.endpoints.find:
        return False
    return (upserts.keys() - {intent.upsert_on}).isdisjoint(changed_fields(intent))


async def prepare_upsert(resolved: ResolvedWrite, marker: str) -> PreparedWrite:
    """Draft the vendor's own upsert."""
    resolved = await resolve_once(resolved, creates=True)
    key: UpsertKey = _required(resolved.intent.upsert_on)
    value = _required(resolved.intent.upsert_value)
    drafted = await draft_body(resolved)
    return PreparedWrite(
        effect="upsert",
        request=resolved.mapping.endpoints.upsert[key](value, drafted.body, marker, drafted.account),
        remote_id=None,
        loss=drafted.loss,
        references=resolved.intent.references,
        plan=None if resolved.intent.copy_of is None else CopyPlan(body=resolved.intent.body),
    )


async def prepare_create(resolved: ResolvedWrite, marker: str) -> PreparedWrite:
    """Draft the request that creates the record."""
    create = resolved.mapping.endpoints.create
    if create is None:
        raise resolved.cannot(f"cannot create {resolved.mapping.object}s")
    judged, refusal = None, None
    if resolved.is_judged:
        judged, refusal = await _verdict(judge_new(resolved))
    left = resolved if judged is None else judged.write
    if left.refers:
        left = await resolve_once(left, creates=True)
    drafted = await draft_body(left)
    if refusal is not None:
        raise refusal
    return PreparedWrite(
        effect="comment" if left.mapping.object == "comment" else "create",
        request=create(drafted.body, marker, left.intent.parent, drafted.account),
        remote_id=None,
        loss=drafted.loss,
        references=left.intent.references,
        skipped=() if judged is None else judged.skipped,
        parts=None if left.mapping.endpoints.parts is None else _parts(left, create, drafted, marker),
        plan=None if left.intent.copy_of is None else CopyPlan(body=left.intent.body, before={}),
    )


async def _verdict(judging: Awaitable[Judged | None]) -> tuple[Judged | None, NotSystemOfRecord | None]:
    """Return the judgement on the ownership of the fields, or the refusal, which comes after what is wrong with them. A
    field that is skipped cannot refuse the write."""
    try:
        return await judging, None
    except NotSystemOfRecord as refusal:
        return None, refusal


async def resolve_once(resolved: ResolvedWrite, *, creates: bool) -> ResolvedWrite:
    """Return the write with its references, if it has any. They are resolved once."""
    if resolved.intent.references is not None or resolved.intent.edits_tags or not resolved.refers:
        return resolved
    references = await resolve_references(resolved, creates=creates)
    return replace(resolved, intent=replace(resolved.intent, references=references))


def _parts(
    resolved: ResolvedWrite, create: Callable[..., VendorRequest], drafted: Drafted, marker: str
) -> Parts | None:
    endpoints, parent, account = resolved.mapping.endpoints, resolved.intent.parent, drafted.account
    with_parts = endpoints.with_parts
    assert endpoints.parts is not None and with_parts is not None  # noqa: S101, PT018 - declared together
    request = endpoints.parts(drafted.body, marker, account)
    if request is None:
        return None
    return Parts(
        request=request, completed=lambda reply: create(with_parts(drafted.body, reply), marker, parent, account)
    )


async def prepare_update(resolved: ResolvedWrite, marker: str, remote_id: str) -> PreparedWrite:
    """Draft the request that changes only the sent fields. The present record is read first."""
    update = resolved.mapping.endpoints.update
    if update is None:
        raise resolved.cannot(f"cannot change {resolved.mapping.object}s")
    copied, merging = resolved.intent.copy_of, None
    if copied is not None and not resolved.resends:
        merging = await begin_merge(resolved, copied, remote_id)
        resolved = merging.write
    resolved, skipped = await _resolve_change(resolved)
    try:
        present = await resolved.fetch_present(remote_id)
    except NotFound as problem:
        raise missing_target(resolved, remote_id, problem) from problem
    draft = partial(_change, update=update, marker=marker, present=present)
    if merging is None:
        return await draft(resolved, skipped)
    merged = merged_copy(merging, resolved, await present.mapped())
    skipped += merged.skipped
    if resolved.intent.object == "order" and not skipped:
        await accept_merge(merged.write, merging.changed, present)
    while True:
        try:
            prepared = await draft(merged.write, skipped, plan=merged.plan)
            break
        except (InvalidField, UnsupportedField) as problem:  # an invalid value hides what has no place
            left = without_refused(merging, merged, problem.errors)
            if left is None:
                raise
            merged = left
    if is_login(resolved) and lost_email(prepared.loss):
        merged = without_emails(merged)
        prepared = await draft(merged.write, skipped, plan=merged.plan)
    await _reserve_removals(resolved, merging.copied.consumer, marker, merged.removed)
    return prepared


async def _resolve_change(resolved: ResolvedWrite) -> tuple[ResolvedWrite, tuple[Skipped, ...]]:
    """Return the write with its references, without one that is not found and that the writer may not change anyway."""
    try:
        return await resolve_once(resolved, creates=False), ()
    except InvalidField as problem:
        pointer = problem.errors[0].pointer
        name = pointer.split("/")[1] if isinstance(pointer, str) else ""
        skipped = skip_of(resolved, name)
        if skipped is None:
            raise
    left = resolved.with_only(frozenset(changed_fields(resolved.intent)) - {name})
    return await resolve_once(left, creates=False), (skipped,)


async def _reserve_removals(resolved: ResolvedWrite, consumer: str | None, operation: str, number: int) -> None:
    """Raise ConsumerPaused if a copy for a consumer would remove too much."""
    if consumer is None or not number or resolved.dry:
        return
    if not await resolved.deps.removals.reserve(consumer, operation, number):
        raise ConsumerPaused(consumer)


async def _change(
    resolved: ResolvedWrite,
    skipped: tuple[Skipped, ...],
    *,
    update: Callable[..., VendorRequest],
    marker: str,
    present: PresentRecord,
    plan: CopyPlan | None = None,
) -> PreparedWrite:
    """Draft the change of a record that was read. `plan` is that of a copy."""
    judged, refusal = await _verdict(judge_change(resolved, present))
    write, body, loss = resolved if judged is None else judged.write, None, tuple[Loss, ...]()
    if judged is None or not resolved.intent.edits_tags:
        drafted = await draft_body(write, present)
        body, loss, present = drafted.body, drafted.loss, drafted.present or present
    await _check_version(resolved, present)
    if refusal is not None:
        raise refusal
    if judged is not None:
        skipped += judged.skipped
    if plan is not None:
        stays = {one.pointer for one in skipped}
        plan = replace(plan, body=write.intent.body, lost=tuple(one for one in plan.lost if one.path not in stays))
        plan = await foreseen(write, plan, present, loss) if resolved.dry else plan
    if (judged is not None and judged.is_empty) or await says_nothing(write, body, present):
        return _unsent("update", present.remote_id, skipped, loss, plan)
    request = update(present.remote_id, body, marker, present.account)
    guard = resolved.mapping.endpoints.guard
    if guard is not None and resolved.intent.if_match not in (None, ANY_VERSION):
        request = guard(request, present.account)
    return PreparedWrite(
        effect="update",
        request=request,
        remote_id=present.remote_id,
        loss=loss,
        skipped=skipped,
        before=await _watched(resolved, present),
        references=resolved.intent.references,
        plan=plan,
    )


def _unsent(
    effect: Action,
    remote_id: str,
    skipped: tuple[Skipped, ...],
    loss: tuple[Loss, ...] = (),
    plan: CopyPlan | None = None,
) -> PreparedWrite:
    """Return a write that leaves its record as it is."""
    return PreparedWrite(effect=effect, request=None, remote_id=remote_id, loss=loss, skipped=skipped, plan=plan)


async def _prepare_archive(resolved: ResolvedWrite) -> PreparedWrite:
    archive = resolved.mapping.endpoints.archive
    if archive is None:
        raise resolved.cannot(f"cannot archive {resolved.mapping.object}s")
    remote_id = _required(resolved.intent.remote_id)
    present = await resolved.fetch_present(remote_id)
    await _check_version(resolved, present)
    judged = await judge_change(resolved, present)
    with suppress(VendorDrifted):  # one that cannot be read as a whole can still be archived
        remote_id = (await present.mapped()).remote.id  # the vendor may have merged the record that was named
    if judged is not None:
        return _unsent("archive", remote_id, judged.skipped)
    return PreparedWrite(effect="archive", request=archive(remote_id, present.account), remote_id=remote_id)


async def _prepare_cancel(resolved: ResolvedWrite, marker: str) -> PreparedWrite:
    cancel = resolved.mapping.endpoints.cancel
    if cancel is None:
        raise resolved.cannot(f"cannot cancel {resolved.mapping.object}s")
    remote_id = _required(resolved.intent.remote_id)
    present = await resolved.fetch_present(remote_id)
    order = msgspec.json.decode(resolved.intent.body, type=OrderCancel)
    request, refused = cancel(remote_id, order, marker, present.account)
    judged, refusal = await _verdict(judge_change(resolved, present))
    loss = () if judged is not None else accept_loss(resolved, Draft(body=None, refused=refused))
    await _check_version(resolved, present)
    if refusal is not None:
        raise refusal
    if judged is not None:
        return _unsent("cancel", remote_id, judged.skipped)
    return PreparedWrite(
        effect="cancel", request=request, remote_id=remote_id, loss=loss, before=await _watched(resolved, present)
    )


async def _check_version(resolved: ResolvedWrite, present: PresentRecord) -> None:
    intent = resolved.intent
    if intent.if_match is None or intent.if_match == ANY_VERSION:
        return
    (resource,) = await name_records(resolved.deps, resolved.connection, [await present.read()])
    version = etag_of(resource)
    # RFC 9110, 13.1.1: a list of tags, compared strongly, so weak ones never match.
    if version not in (tag.strip() for tag in intent.if_match.split(",")):
        raise VersionConflict(f"The present version is {version}; If-Match names another one.")


async def _watched(resolved: ResolvedWrite, present: PresentRecord) -> Watched | None:
    """Return the watched field before the change. A record that cannot be read as a whole can still be written to."""
    name = WATCHED.get(resolved.intent.object)
    if name is None or (resolved.intent.action != "cancel" and name not in msgspec.json.decode(resolved.intent.body)):
        return None
    with suppress(VendorDrifted):
        return watched_in(resolved.intent.object, (await present.mapped()).data)
    return None


def _required(value: T | None) -> T:
    assert value is not None  # noqa: S101 - the action of an intent sets it
    return value
