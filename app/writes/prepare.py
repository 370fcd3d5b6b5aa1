"""Prepare a write: draft the one request that has its effect. Nothing here changes anything at the vendor."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Any, Final, TypeVar

import msgspec
from msgspec import Struct

from app.errors import InvalidField, UnsupportedField, VendorDrifted, VersionConflict
from app.events.record_changes import WATCHED, Watched, watched_in
from app.records.lookup import find_people
from app.records.map_record import compare_draft, map_record
from app.records.resources import etag_of, name_records
from app.revisions.large_records import run_mapping
from app.telemetry import mapping_span
from app.writes.accept_loss import accept_loss, accept_total, barring, dropped
from app.writes.already_held import still_refused
from app.writes.find_record import find_by_key, staff_refusal
from app.writes.name_people import name_people
from app.writes.resolved_write import ResolvedWrite
from app.writes.stale_account import refused_by_account_facts
from app.writes.tags import merge_tags, with_own_pointers
from canonical.order_patch import OrderCancel
from canonical.parts import Loss
from canonical.portable import merged
from mappings.http import VendorReply, VendorRequest
from mappings.spec import Action, Draft, UpsertKey

YOUNG: Final = 60.0
"""Account facts that are at most this many seconds old may refuse a write by themselves."""

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
    completes `request`.
    """

    effect: Action
    request: VendorRequest
    remote_id: str | None
    loss: tuple[Loss, ...] = ()
    before: Watched | None = None
    parts: Parts | None = None


class _StaleAccount(Exception):
    """A refusal that comes only from account facts, which may be stale."""

    def __init__(self, problem: InvalidField | UnsupportedField) -> None:
        super().__init__(problem.code)
        self.problem = problem


async def prepare(resolved: ResolvedWrite, marker: str) -> PreparedWrite:
    """Draft the request, which carries the marker. Without an upsert at the vendor, find, then create or update.

    Raises InvalidField, UnsupportedField, UnsupportedAction, VersionConflict, NotFound, and the vendor's problems of
    the reads that come first.
    """
    intent = resolved.intent
    if intent.action in ("create", "comment"):
        return await prepare_create(resolved, marker)
    if intent.action == "update":
        return await prepare_update(resolved, marker, _required(intent.remote_id))
    if intent.action == "archive":
        return await _prepare_archive(resolved)
    if intent.action == "cancel":
        return await _prepare_cancel(resolved, marker)
    if not resolved.searches_first:
        return await _with_young_facts(resolved, lambda: _upsert(resolved, marker))
    remote_id = await find_by_key(resolved)
    if remote_id is None:
        return await prepare_create(resolved, marker)
    return await prepare_update(resolved, marker, remote_id)


async def prepare_create(resolved: ResolvedWrite, marker: str) -> PreparedWrite:
    """Draft the request that creates the record."""
    create = resolved.mapping.endpoints.create
    if create is None:
        raise resolved.cannot(f"cannot create {resolved.mapping.object}s")
    return await _with_young_facts(resolved, lambda: _create(resolved, create, marker))


async def _create(resolved: ResolvedWrite, create: Callable[..., VendorRequest], marker: str) -> PreparedWrite:
    account = await resolved.account()
    body, loss = await _draft(resolved, None, account)
    return PreparedWrite(
        effect="comment" if resolved.mapping.object == "comment" else "create",
        request=create(body, marker, resolved.intent.parent, account),
        remote_id=None,
        loss=loss,
        parts=_parts(resolved, create, body, marker, account),
    )


def _parts(
    resolved: ResolvedWrite, create: Callable[..., VendorRequest], body: Any, marker: str, account: Any
) -> Parts | None:
    endpoints = resolved.mapping.endpoints
    with_parts = endpoints.with_parts
    if endpoints.parts is None or with_parts is None:
        return None
    request = endpoints.parts(body, marker, account)
    if request is None:
        return None
    parent = resolved.intent.parent
    return Parts(request=request, completed=lambda reply: create(with_parts(body, reply), marker, parent, account))


async def prepare_update(resolved: ResolvedWrite, marker: str, remote_id: str) -> PreparedWrite:
    """Draft the request that changes only the sent fields. The present record is read first."""
    update = resolved.mapping.endpoints.update
    if update is None:
        raise resolved.cannot(f"cannot change {resolved.mapping.object}s")
    return await _with_young_facts(resolved, lambda: _update(resolved, update, marker, remote_id))


async def _update(
    resolved: ResolvedWrite, update: Callable[..., VendorRequest], marker: str, remote_id: str
) -> PreparedWrite:
    raw, account = await resolved.fetch_raw(remote_id)
    body, loss = await _draft(resolved, raw, account)
    await _check_version(resolved, raw, account)
    request = update(remote_id, body, marker, account)
    guard = resolved.mapping.endpoints.guard
    if guard is not None and resolved.intent.if_match not in (None, ANY_VERSION):
        request = guard(request, account)
    return PreparedWrite(
        effect="update",
        request=request,
        remote_id=remote_id,
        loss=loss,
        before=await _watched(resolved, raw, account),
    )


async def _prepare_archive(resolved: ResolvedWrite) -> PreparedWrite:
    archive = resolved.mapping.endpoints.archive
    if archive is None:
        raise resolved.cannot(f"cannot archive {resolved.mapping.object}s")
    remote_id = _required(resolved.intent.remote_id)
    raw, account = await resolved.fetch_raw(remote_id)
    await _check_version(resolved, raw, account)
    return PreparedWrite(effect="archive", request=archive(remote_id, account), remote_id=remote_id)


async def _prepare_cancel(resolved: ResolvedWrite, marker: str) -> PreparedWrite:
    cancel = resolved.mapping.endpoints.cancel
    if cancel is None:
        raise resolved.cannot(f"cannot cancel {resolved.mapping.object}s")
    remote_id = _required(resolved.intent.remote_id)
    raw, account = await resolved.fetch_raw(remote_id)
    asked = msgspec.json.decode(resolved.intent.body, type=OrderCancel)
    request, refused = cancel(remote_id, asked, marker, account)
    loss = accept_loss(resolved, Draft(body=None, refused=refused))
    await _check_version(resolved, raw, account)
    return PreparedWrite(
        effect="cancel", request=request, remote_id=remote_id, loss=loss, before=await _watched(resolved, raw, account)
    )


async def _upsert(resolved: ResolvedWrite, marker: str) -> PreparedWrite:
    key: UpsertKey = _required(resolved.intent.upsert_on)
    value = _required(resolved.intent.upsert_value)
    account = await resolved.account()
    body, loss = await _draft(resolved, None, account)
    if key == "email":
        staff, person = await find_people(
            *(resolved.deps, resolved.connection, resolved.mapping, value, resolved.deadline)
        )
        if staff is not None:
            raise staff_refusal(resolved, staff)
        if person is not None and resolved.merges_into_person:
            return await prepare_update(resolved, marker, person)
    request = resolved.mapping.endpoints.upsert[key](value, body, marker, account)
    return PreparedWrite(effect="upsert", request=request, remote_id=None, loss=loss)


async def marker_lookup(resolved: ResolvedWrite, marker: str) -> tuple[VendorRequest | None, tuple[Loss, ...]]:
    """Return the read that finds the record with the marker, and what the write lost.

    The read is None if this write had no place for its marker, because then a look-up proves nothing. The fields are
    not judged again: what the account accepts now says nothing about what was sent.
    """
    find_marker = resolved.mapping.endpoints.find_marker
    if find_marker is None:
        return None, ()
    account = await resolved.account()
    draft = await _map_to_vendor(resolved, None, account)
    return find_marker(marker, resolved.intent.parent, draft.body, account), draft.loss + dropped(draft.refused)


async def _with_young_facts(resolved: ResolvedWrite, draft: Callable[[], Awaitable[PreparedWrite]]) -> PreparedWrite:
    """Repeat a draft that only account facts refuse, with facts at most a minute old.

    An administrator may have added a choice meanwhile. Raises the vendor's problems if the facts cannot be fetched.
    """
    before = await resolved.account()
    try:
        return await draft()
    except _StaleAccount as stale:
        if await resolved.account(YOUNG) == before:
            raise stale.problem from None
    try:
        return await draft()
    except _StaleAccount as stale:
        raise stale.problem from None


async def _draft(resolved: ResolvedWrite, present: msgspec.Raw | None, account: Any) -> tuple[Any, tuple[Loss, ...]]:
    """Return the body to send and what is lost. `present` is the record as it is, if there is one."""
    draft = await _map_to_vendor(resolved, present, account)
    try:
        loss = accept_loss(resolved, draft)
        return draft.body, loss if present is not None else loss + accept_total(resolved, draft)
    except (InvalidField, UnsupportedField) as problem:
        vendor = resolved.connection.vendor
        if refused_by_account_facts(vendor, resolved.mapping, account, barring(resolved, draft.refused)):
            raise _StaleAccount(problem) from problem
        raise


async def _map_to_vendor(resolved: ResolvedWrite, present: msgspec.Raw | None, account: Any) -> Draft[Any]:
    if resolved.intent.edits_tags:
        return await _map_tags(resolved, _required(present), account)
    patch = msgspec.json.decode(resolved.intent.body, type=resolved.mapping.patch)
    patch = await name_people(resolved, patch)
    held = None
    if present is not None and resolved.intent.merges:
        held = await resolved.map(present, account)
        patch = merged(patch, held.data, keep_emails=resolved.intent.upsert_on == "email")
    draft = None
    try:
        draft = await _run_mapping(resolved, patch, present, account)
    finally:  # also if a canary breaks
        if not resolved.dry:
            compare_draft(resolved.deps, resolved.connection, resolved.mapping, patch, present, account, draft)
    if present is None or not draft.refused:
        return draft
    with suppress(VendorDrifted):  # a record that cannot be read as a whole can still be written to
        held = held or await resolved.map(present, account)
        return msgspec.structs.replace(draft, refused=still_refused(draft.refused, patch, held.data))
    return draft


async def _map_tags(resolved: ResolvedWrite, present: msgspec.Raw, account: Any) -> Draft[Any]:
    held = await resolved.map(present, account)
    tags = merge_tags(resolved.intent.body, held.data.tags)
    draft = await _run_mapping(resolved, resolved.mapping.patch(tags=tags), present, account)
    return with_own_pointers(draft, resolved.intent.body, tags)


async def _run_mapping(resolved: ResolvedWrite, patch: Any, present: msgspec.Raw | None, account: Any) -> Draft[Any]:
    """Raises VendorDrifted if the mapping cannot read the present record."""
    mapping, current = resolved.mapping, None
    if present is not None:
        with resolved.as_drift(present):
            current = mapping.decode(present)
    with mapping_span(mapping.name, mapping.revision, "write"):
        return await run_mapping(mapping, present, account, partial(mapping.to_vendor, patch, current, account))


async def _check_version(resolved: ResolvedWrite, raw: msgspec.Raw, account: Any) -> None:
    intent = resolved.intent
    if intent.if_match is None or intent.if_match == ANY_VERSION:
        return
    deps, connection, pinned = resolved.deps, resolved.connection, resolved.dry
    reading = await map_record(
        deps, connection, resolved.mapping, raw, account, remote_id=intent.remote_id, pinned=pinned
    )
    (resource,) = await name_records(deps, connection, [reading])
    present = etag_of(resource)
    # RFC 9110, 13.1.1: a list of tags, compared strongly, so weak ones never match.
    if present not in (tag.strip() for tag in intent.if_match.split(",")):
        raise VersionConflict(f"The present version is {present}; If-Match names another one.")


async def _watched(resolved: ResolvedWrite, raw: msgspec.Raw, account: Any) -> Watched | None:
    """Return the watched field before the change. A record that cannot be read as a whole can still be written to."""
    name = WATCHED.get(resolved.intent.object)
    if name is None or (resolved.intent.action != "cancel" and name not in msgspec.json.decode(resolved.intent.body)):
        return None
    with suppress(VendorDrifted):
        return watched_in(resolved.intent.object, (await resolved.map(raw, account)).data)
    return None


def _required(value: T | None) -> T:
    assert value is not None  # noqa: S101 - the action of an intent sets it
    return value
