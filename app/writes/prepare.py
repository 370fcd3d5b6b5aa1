"""From what a caller wrote to the one request that does it at the vendor. Nothing here changes anything there."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Any, Final

import msgspec
from msgspec import Struct, UnsetType

from app.errors import InvalidField, NotFound, UnsupportedField, VendorDrifted, VersionConflict
from app.events.record_changes import WATCHED, Watched, watched_in
from app.problem_document import FieldError, summary
from app.records.fetch import fetch_raw, send_read
from app.records.map_record import as_vendor_drift, map_at_revision, map_record, weigh_draft
from app.records.resolve import AnyMapping, cannot
from app.records.resources import etag_of, name_records
from app.revisions.large_records import run_mapping
from app.telemetry import mapping_span
from app.vendors.models import Connection
from app.writes.already_held import still_refused
from app.writes.deps import WriteDeps
from app.writes.models import Intent
from app.writes.stale_account import refused_by_account_facts
from canonical.order_patch import OrderCancel, OrderPatch
from canonical.parts import Loss
from canonical.ticket import TicketPatch
from mappings.http import VendorRequest
from mappings.spec import Action, Draft, FieldRefusal, UpsertKey

YOUNG: Final = 60.0
"""Seconds. Facts about an account that are no older than this may refuse a write by themselves."""

ANY_VERSION: Final = "*"
"""What If-Match says where the record only has to be there."""


class PreparedWrite(Struct, frozen=True, kw_only=True):
    """The one request with an effect: which verb it is, on which record, and what the write loses on the way.

    `before` is the watched field as the record had it, where that was read and the write may change it.
    """

    effect: Action
    request: VendorRequest
    remote_id: str | None
    loss: tuple[Loss, ...] = ()
    before: Watched | None = None


class ResolvedWrite:
    """What drafting one operation works with; `dry`: nothing of it will be sent, so it counts for nothing.

    `doubtful` says, after a refusal, that facts about the account alone spoke against the write.
    """

    def __init__(
        self,
        deps: WriteDeps,
        connection: Connection,
        mapping: AnyMapping,
        intent: Intent,
        deadline: float,
        *,
        dry: bool = False,
    ) -> None:
        self.deps = deps
        self.connection = connection
        self.mapping = mapping
        self.intent = intent
        self.deadline = deadline
        self.dry = dry
        self.doubtful = False

    async def account(self, max_age: float | None = None) -> Any:
        """The facts about the vendor account, cached by the client; no older than `max_age` seconds where given."""
        return await self.deps.vendors.account(self.connection, deadline=self.deadline, max_age=max_age)


async def prepare(resolved: ResolvedWrite, marker: str) -> PreparedWrite:
    """The request for an intent that needs no choice: create, comment, update, archive, cancel, native upsert.

    Raises InvalidField, UnsupportedField, UnsupportedAction, VersionConflict, NotFound, and the vendor's problems of
    the reads that come first.
    """
    action = resolved.intent.action
    if action in ("create", "comment"):
        return await prepare_create(resolved, marker)
    if action == "update":
        return await prepare_update(resolved, marker, _known(resolved.intent.remote_id))
    if action == "archive":
        return await _prepare_archive(resolved)
    if action == "cancel":
        return await _prepare_cancel(resolved, marker)
    return await _prepare_native_upsert(resolved, marker)


async def prepare_create(resolved: ResolvedWrite, marker: str) -> PreparedWrite:
    """The request that makes the record, carrying the marker."""
    create = resolved.mapping.endpoints.create
    if create is None:
        raise cannot(
            resolved.deps, resolved.connection, resolved.mapping.object, f"cannot create {resolved.mapping.object}s"
        )
    return await _by_young_facts(resolved, lambda: _create(resolved, create, marker))


async def _create(resolved: ResolvedWrite, create: Callable[..., VendorRequest], marker: str) -> PreparedWrite:
    account = await resolved.account()
    body, loss = await _draft(resolved, None, account)
    return PreparedWrite(
        effect="comment" if resolved.mapping.object == "comment" else "create",
        request=create(body, marker, resolved.intent.parent, account),
        remote_id=None,
        loss=loss,
    )


async def prepare_update(resolved: ResolvedWrite, marker: str, remote_id: str) -> PreparedWrite:
    """The request that changes what was sent and nothing else; the present record is read first."""
    update = resolved.mapping.endpoints.update
    if update is None:
        raise cannot(
            resolved.deps, resolved.connection, resolved.mapping.object, f"cannot change {resolved.mapping.object}s"
        )
    return await _by_young_facts(resolved, lambda: _update(resolved, update, marker, remote_id))


async def _update(
    resolved: ResolvedWrite, update: Callable[..., VendorRequest], marker: str, remote_id: str
) -> PreparedWrite:
    raw, account = await fetch_raw(resolved.deps, resolved.connection, resolved.mapping, remote_id, resolved.deadline)
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


async def find_by_key(resolved: ResolvedWrite, key: UpsertKey, value: str) -> str | None:
    """The remote id of the record that holds a unique key, by a strongly consistent read; None without one."""
    account = await resolved.account()
    endpoints = resolved.mapping.endpoints
    try:
        reply = await send_read(
            resolved.deps, resolved.connection, endpoints.find[key](value, account), resolved.deadline
        )
    except NotFound:
        return None
    with as_vendor_drift(resolved.deps, resolved.connection, resolved.mapping):
        raw, account = endpoints.record(reply, account)
    if raw is None:
        return None
    return (await map_at_revision(resolved.deps, resolved.connection, resolved.mapping, raw, account)).remote.id


async def _prepare_archive(resolved: ResolvedWrite) -> PreparedWrite:
    archive = resolved.mapping.endpoints.archive
    if archive is None:
        raise cannot(
            resolved.deps, resolved.connection, resolved.mapping.object, f"cannot archive {resolved.mapping.object}s"
        )
    remote_id = _known(resolved.intent.remote_id)
    raw, account = await fetch_raw(resolved.deps, resolved.connection, resolved.mapping, remote_id, resolved.deadline)
    await _check_version(resolved, raw, account)
    return PreparedWrite(effect="archive", request=archive(remote_id, account), remote_id=remote_id)


async def _prepare_cancel(resolved: ResolvedWrite, marker: str) -> PreparedWrite:
    cancel = resolved.mapping.endpoints.cancel
    if cancel is None:
        raise cannot(
            resolved.deps, resolved.connection, resolved.mapping.object, f"cannot cancel {resolved.mapping.object}s"
        )
    remote_id = _known(resolved.intent.remote_id)
    raw, account = await fetch_raw(resolved.deps, resolved.connection, resolved.mapping, remote_id, resolved.deadline)
    asked = msgspec.json.decode(resolved.intent.body, type=OrderCancel)
    request, refused = cancel(remote_id, asked, marker, account)
    loss = _judge(resolved, refused)
    await _check_version(resolved, raw, account)
    return PreparedWrite(
        effect="cancel", request=request, remote_id=remote_id, loss=loss, before=await _watched(resolved, raw, account)
    )


async def _prepare_native_upsert(resolved: ResolvedWrite, marker: str) -> PreparedWrite:
    return await _by_young_facts(resolved, lambda: _upsert(resolved, marker))


async def _upsert(resolved: ResolvedWrite, marker: str) -> PreparedWrite:
    key, value = _upsert_key(resolved.intent)
    account = await resolved.account()
    body, loss = await _draft(resolved, None, account)
    request = resolved.mapping.endpoints.upsert[key](value, body, marker, account)
    return PreparedWrite(effect="upsert", request=request, remote_id=None, loss=loss)


async def marker_lookup(resolved: ResolvedWrite, marker: str) -> tuple[VendorRequest | None, tuple[Loss, ...]]:
    """The read that finds the record which carries the marker, and what the write lost on the way.

    None where this very write had no place for its marker, so that no look-up proves anything. The write was judged
    when it was sent: what the account no longer takes says nothing about what became of it.
    """
    find_marker = resolved.mapping.endpoints.find_marker
    if find_marker is None:
        return None, ()
    account = await resolved.account()
    draft = await _draft_unjudged(resolved, None, account)
    return find_marker(marker, resolved.intent.parent, draft.body, account), draft.loss + _dropped(draft.refused)


async def _by_young_facts(resolved: ResolvedWrite, draft: Callable[[], Awaitable[PreparedWrite]]) -> PreparedWrite:
    """A refusal for which facts about the account alone speak is judged once more by facts no older than a minute: an
    administrator may have added a choice meanwhile. Raises the vendor's problems where they cannot be had."""
    before = await resolved.account()
    try:
        return await draft()
    except (InvalidField, UnsupportedField):
        if not resolved.doubtful or await resolved.account(YOUNG) == before:
            raise
    return await draft()


async def _draft(resolved: ResolvedWrite, present: msgspec.Raw | None, account: Any) -> tuple[Any, tuple[Loss, ...]]:
    """The body to send, and what is lost; `present` is the record as it is, where there is one."""
    draft = await _draft_unjudged(resolved, present, account)
    resolved.doubtful = refused_by_account_facts(
        resolved.connection.vendor, resolved.mapping, account, draft.refused, lossy=resolved.intent.lossy
    )
    return draft.body, draft.loss + _judge(resolved, draft.refused)


async def _draft_unjudged(resolved: ResolvedWrite, present: msgspec.Raw | None, account: Any) -> Draft[Any]:
    patch = msgspec.json.decode(resolved.intent.body, type=resolved.mapping.patch)
    patch = await _name_people(resolved, patch)
    draft = None
    try:
        draft = await _made(resolved, patch, present, account)
    finally:  # a canary that breaks over it has to come back as well
        if not resolved.dry:
            weigh_draft(resolved.deps, resolved.connection, resolved.mapping, patch, present, account, draft)
    if present is None or not draft.refused:
        return draft
    with suppress(VendorDrifted):  # a record that cannot be read as a whole can still be written to
        held = await map_at_revision(resolved.deps, resolved.connection, resolved.mapping, present, account)
        return msgspec.structs.replace(draft, refused=still_refused(draft.refused, patch, held.data))
    return draft


async def _made(resolved: ResolvedWrite, patch: Any, present: msgspec.Raw | None, account: Any) -> Draft[Any]:
    """What the revision makes of it. Raises VendorDrifted where it cannot read the present record."""
    current = None
    if present is not None:
        with as_vendor_drift(resolved.deps, resolved.connection, resolved.mapping, present):
            current = resolved.mapping.decode(present)
    with mapping_span(resolved.mapping.name, resolved.mapping.revision, "write"):
        return await run_mapping(
            resolved.mapping, present, account, partial(resolved.mapping.to_vendor, patch, current, account)
        )


def _judge(resolved: ResolvedWrite, refused: tuple[FieldRefusal, ...]) -> tuple[Loss, ...]:
    """Invalid fields always refuse the write; unsupported ones do, unless the caller accepts the loss."""
    title = resolved.connection.vendor.title
    invalid = tuple(_complaint(refusal) for refusal in refused if refusal.kind == "invalid")
    if invalid:
        raise InvalidField(f"{title} cannot store this: {summary(invalid)}", errors=invalid)
    unsupported = tuple(_complaint(refusal) for refusal in refused)
    if unsupported and not resolved.intent.lossy:
        raise UnsupportedField(f"{title} has no place for this: {summary(unsupported)}", errors=unsupported)
    return _dropped(refused)


def _dropped(refused: tuple[FieldRefusal, ...]) -> tuple[Loss, ...]:
    return tuple(Loss(path=refusal.pointer, kind="dropped", detail=refusal.detail) for refusal in refused)


def _complaint(refusal: FieldRefusal) -> FieldError:
    return FieldError(pointer=refusal.pointer, detail=refusal.detail)


async def _name_people(resolved: ResolvedWrite, patch: Any) -> Any:
    """A canonical customer id inside an order or a ticket becomes the vendor's own id at this connection."""
    part = "customer" if isinstance(patch, OrderPatch) else "requester" if isinstance(patch, TicketPatch) else None
    person = getattr(patch, part) if part is not None else None
    if part is None or person is None or isinstance(person, UnsetType) or person.id is None:
        return patch
    links = await resolved.deps.links.find(person.id)
    link = next(
        (link for link in links if (link.object, link.connection) == ("customer", resolved.connection.name)), None
    )
    if link is None:
        detail = f"is not a customer known at {resolved.connection.name}; read or create the customer there first"
        raise InvalidField.at(f"/{part}/id", detail)
    if person.remote_id not in (None, link.remote_id):
        detail = "names another customer than id does; send one of the two"
        raise InvalidField.at(f"/{part}/remote_id", detail)
    named = msgspec.structs.replace(person, id=None, remote_id=link.remote_id)
    return msgspec.structs.replace(patch, **{part: named})


async def _check_version(resolved: ResolvedWrite, raw: msgspec.Raw, account: Any) -> None:
    wanted = resolved.intent.if_match
    if wanted is None or wanted == ANY_VERSION:
        return
    reading = await map_record(
        resolved.deps,
        resolved.connection,
        resolved.mapping,
        raw,
        account,
        remote_id=resolved.intent.remote_id,
        pinned=resolved.dry,
    )
    (resource,) = await name_records(resolved.deps, resolved.connection, [reading])
    present = etag_of(resource)
    # RFC 9110, 13.1.1: a list of tags, compared strongly, so weak ones never match.
    if present not in (tag.strip() for tag in wanted.split(",")):
        raise VersionConflict(f"The present version is {present}; If-Match names another one.")


async def _watched(resolved: ResolvedWrite, raw: msgspec.Raw, account: Any) -> Watched | None:
    """What a change is compared with later. A record that cannot be read as a whole can still be written to."""
    name = WATCHED.get(resolved.intent.object)
    if name is None or (resolved.intent.action != "cancel" and name not in msgspec.json.decode(resolved.intent.body)):
        return None
    with suppress(VendorDrifted):
        mapped = await map_at_revision(resolved.deps, resolved.connection, resolved.mapping, raw, account)
        return watched_in(resolved.intent.object, mapped.data)
    return None


def _upsert_key(intent: Intent) -> tuple[UpsertKey, str]:
    assert intent.upsert_on is not None and intent.upsert_value is not None  # noqa: S101, PT018 - set with the action
    return intent.upsert_on, intent.upsert_value


def _known(remote_id: str | None) -> str:
    assert remote_id is not None  # noqa: S101 - an intent to change names its record
    return remote_id
