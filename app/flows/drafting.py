"""From what a caller wrote to the one request that does it at the vendor. Nothing here changes anything there."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Any, Final

import msgspec
from msgspec import Struct, UnsetType

from app.errors import InvalidField, NotFound, UnsupportedField, VendorDrifted, VersionConflict
from app.flows.changes import WATCHED, Watched, watched_in
from app.flows.fetch import ask, fetch_raw
from app.flows.hinging import hinges_on_facts
from app.flows.locate import AnyMapping, cannot
from app.flows.off_loop import off_loop
from app.flows.resources import etag_of, name_records
from app.flows.seam import Seam
from app.flows.understanding import fitting, map_record, understand, weigh_draft
from app.operation_ports import Intent
from app.ports import Connection
from app.problem_document import FieldError, summary
from app.telemetry import mapping_span
from canonical.order_patch import OrderCancel, OrderPatch
from canonical.parts import Loss
from canonical.ticket import TicketPatch
from mappings.http import VendorRequest
from mappings.spec import Action, Draft, FieldRefusal, UpsertKey

YOUNG: Final = 60.0
"""Seconds. Facts about an account that are no older than this may refuse a write by themselves."""

ANY_VERSION: Final = "*"
"""What If-Match says where the record only has to be there."""


class Prepared(Struct, frozen=True, kw_only=True):
    """The one request with an effect: which verb it is, on which record, and what the write loses on the way.

    `before` is the watched field as the record had it, where that was read and the write may change it.
    """

    effect: Action
    request: VendorRequest
    remote_id: str | None
    loss: tuple[Loss, ...] = ()
    before: Watched | None = None


class Desk:
    """What drafting one operation works with; `dry`: nothing of it will be sent, so it counts for nothing.

    `doubtful` says, after a refusal, that facts about the account alone spoke against the write.
    """

    def __init__(
        self,
        seam: Seam,
        connection: Connection,
        mapping: AnyMapping,
        intent: Intent,
        deadline: float,
        *,
        dry: bool = False,
    ) -> None:
        self.seam = seam
        self.connection = connection
        self.mapping = mapping
        self.intent = intent
        self.deadline = deadline
        self.dry = dry
        self.doubtful = False

    async def account(self, max_age: float | None = None) -> Any:
        """The facts about the vendor account, cached by the client; no older than `max_age` seconds where given."""
        return await self.seam.vendors.account(self.connection, deadline=self.deadline, max_age=max_age)


async def prepare(desk: Desk, marker: str) -> Prepared:
    """The request for an intent that needs no choice: create, comment, update, archive, cancel, native upsert.

    Raises InvalidField, UnsupportedField, UnsupportedAction, VersionConflict, NotFound, and the vendor's problems of
    the reads that come first.
    """
    action = desk.intent.action
    if action in ("create", "comment"):
        return await prepare_create(desk, marker)
    if action == "update":
        return await prepare_update(desk, marker, _known(desk.intent.remote_id))
    if action == "archive":
        return await _prepare_archive(desk)
    if action == "cancel":
        return await _prepare_cancel(desk, marker)
    return await _prepare_native_upsert(desk, marker)


async def prepare_create(desk: Desk, marker: str) -> Prepared:
    """The request that makes the record, carrying the marker."""
    create = desk.mapping.endpoints.create
    if create is None:
        raise cannot(desk.seam, desk.connection, desk.mapping.object, f"cannot create {desk.mapping.object}s")
    return await _by_young_facts(desk, lambda: _create(desk, create, marker))


async def _create(desk: Desk, create: Callable[..., VendorRequest], marker: str) -> Prepared:
    account = await desk.account()
    body, loss = await _draft(desk, None, account)
    return Prepared(
        effect="comment" if desk.mapping.object == "comment" else "create",
        request=create(body, marker, desk.intent.parent, account),
        remote_id=None,
        loss=loss,
    )


async def prepare_update(desk: Desk, marker: str, remote_id: str) -> Prepared:
    """The request that changes what was sent and nothing else; the present record is read first."""
    update = desk.mapping.endpoints.update
    if update is None:
        raise cannot(desk.seam, desk.connection, desk.mapping.object, f"cannot change {desk.mapping.object}s")
    return await _by_young_facts(desk, lambda: _update(desk, update, marker, remote_id))


async def _update(desk: Desk, update: Callable[..., VendorRequest], marker: str, remote_id: str) -> Prepared:
    raw, account = await fetch_raw(desk.seam, desk.connection, desk.mapping, remote_id, desk.deadline)
    body, loss = await _draft(desk, raw, account)
    await _check_version(desk, raw, account)
    request = update(remote_id, body, marker, account)
    guard = desk.mapping.endpoints.guard
    if guard is not None and desk.intent.if_match not in (None, ANY_VERSION):
        request = guard(request, account)
    return Prepared(
        effect="update",
        request=request,
        remote_id=remote_id,
        loss=loss,
        before=await _watched(desk, raw, account),
    )


async def find_by_key(desk: Desk, key: UpsertKey, value: str) -> str | None:
    """The remote id of the record that holds a unique key, by a strongly consistent read; None without one."""
    account = await desk.account()
    endpoints = desk.mapping.endpoints
    try:
        reply = await ask(desk.seam, desk.connection, endpoints.find[key](value, account), desk.deadline)
    except NotFound:
        return None
    with fitting(desk.seam, desk.connection, desk.mapping):
        raw, account = endpoints.record(reply, account)
    if raw is None:
        return None
    return (await map_record(desk.seam, desk.connection, desk.mapping, raw, account)).remote.id


async def _prepare_archive(desk: Desk) -> Prepared:
    archive = desk.mapping.endpoints.archive
    if archive is None:
        raise cannot(desk.seam, desk.connection, desk.mapping.object, f"cannot archive {desk.mapping.object}s")
    remote_id = _known(desk.intent.remote_id)
    raw, account = await fetch_raw(desk.seam, desk.connection, desk.mapping, remote_id, desk.deadline)
    await _check_version(desk, raw, account)
    return Prepared(effect="archive", request=archive(remote_id, account), remote_id=remote_id)


async def _prepare_cancel(desk: Desk, marker: str) -> Prepared:
    cancel = desk.mapping.endpoints.cancel
    if cancel is None:
        raise cannot(desk.seam, desk.connection, desk.mapping.object, f"cannot cancel {desk.mapping.object}s")
    remote_id = _known(desk.intent.remote_id)
    raw, account = await fetch_raw(desk.seam, desk.connection, desk.mapping, remote_id, desk.deadline)
    asked = msgspec.json.decode(desk.intent.body, type=OrderCancel)
    request, refused = cancel(remote_id, asked, marker, account)
    loss = _judge(desk, refused)
    await _check_version(desk, raw, account)
    return Prepared(
        effect="cancel", request=request, remote_id=remote_id, loss=loss, before=await _watched(desk, raw, account)
    )


async def _prepare_native_upsert(desk: Desk, marker: str) -> Prepared:
    return await _by_young_facts(desk, lambda: _upsert(desk, marker))


async def _upsert(desk: Desk, marker: str) -> Prepared:
    key, value = _upsert_key(desk.intent)
    account = await desk.account()
    body, loss = await _draft(desk, None, account)
    request = desk.mapping.endpoints.upsert[key](value, body, marker, account)
    return Prepared(effect="upsert", request=request, remote_id=None, loss=loss)


async def marker_lookup(desk: Desk, marker: str) -> tuple[VendorRequest | None, tuple[Loss, ...]]:
    """The read that finds the record which carries the marker, and what the write lost on the way.

    None where this very write had no place for its marker, so that no look-up proves anything. The write was judged
    when it was sent: what the account no longer takes says nothing about what became of it.
    """
    find_marker = desk.mapping.endpoints.find_marker
    if find_marker is None:
        return None, ()
    account = await desk.account()
    draft = await _draft_unjudged(desk, None, account)
    return find_marker(marker, desk.intent.parent, draft.body, account), draft.loss + _dropped(draft.refused)


async def _by_young_facts(desk: Desk, draft: Callable[[], Awaitable[Prepared]]) -> Prepared:
    """A refusal for which facts about the account alone speak is judged once more by facts no older than a minute: an
    administrator may have added a choice meanwhile. Raises the vendor's problems where they cannot be had."""
    before = await desk.account()
    try:
        return await draft()
    except (InvalidField, UnsupportedField):
        if not desk.doubtful or await desk.account(YOUNG) == before:
            raise
    return await draft()


async def _draft(desk: Desk, present: msgspec.Raw | None, account: Any) -> tuple[Any, tuple[Loss, ...]]:
    """The body to send, and what is lost; `present` is the record as it is, where there is one."""
    draft = await _draft_unjudged(desk, present, account)
    desk.doubtful = hinges_on_facts(
        desk.connection.vendor, desk.mapping, account, draft.refused, lossy=desk.intent.lossy
    )
    return draft.body, draft.loss + _judge(desk, draft.refused)


async def _draft_unjudged(desk: Desk, present: msgspec.Raw | None, account: Any) -> Draft[Any]:
    patch = msgspec.json.decode(desk.intent.body, type=desk.mapping.patch)
    patch = await _name_people(desk, patch)
    draft = None
    try:
        draft = await _made(desk, patch, present, account)
    finally:  # a canary that breaks over it has to come back as well
        if not desk.dry:
            weigh_draft(desk.seam, desk.connection, desk.mapping, patch, present, account, draft)
    return draft


async def _made(desk: Desk, patch: Any, present: msgspec.Raw | None, account: Any) -> Draft[Any]:
    """What the revision makes of it. Raises VendorDrifted where it cannot read the present record."""
    current = None
    if present is not None:
        with fitting(desk.seam, desk.connection, desk.mapping, present):
            current = desk.mapping.decode(present)
    with mapping_span(desk.mapping.name, desk.mapping.revision, "write"):
        return await off_loop(desk.mapping, present, account, partial(desk.mapping.to_vendor, patch, current, account))


def _judge(desk: Desk, refused: tuple[FieldRefusal, ...]) -> tuple[Loss, ...]:
    """Invalid fields always refuse the write; unsupported ones do, unless the caller accepts the loss."""
    title = desk.connection.vendor.title
    invalid = tuple(_complaint(refusal) for refusal in refused if refusal.kind == "invalid")
    if invalid:
        raise InvalidField(f"{title} cannot store this: {summary(invalid)}", errors=invalid)
    unsupported = tuple(_complaint(refusal) for refusal in refused)
    if unsupported and not desk.intent.lossy:
        raise UnsupportedField(f"{title} has no place for this: {summary(unsupported)}", errors=unsupported)
    return _dropped(refused)


def _dropped(refused: tuple[FieldRefusal, ...]) -> tuple[Loss, ...]:
    return tuple(Loss(path=refusal.pointer, kind="dropped", detail=refusal.detail) for refusal in refused)


def _complaint(refusal: FieldRefusal) -> FieldError:
    return FieldError(pointer=refusal.pointer, detail=refusal.detail)


async def _name_people(desk: Desk, patch: Any) -> Any:
    """A canonical customer id inside an order or a ticket becomes the vendor's own id at this connection."""
    part = "customer" if isinstance(patch, OrderPatch) else "requester" if isinstance(patch, TicketPatch) else None
    person = getattr(patch, part) if part is not None else None
    if part is None or person is None or isinstance(person, UnsetType) or person.id is None:
        return patch
    links = await desk.seam.links.find(person.id)
    link = next((link for link in links if (link.object, link.connection) == ("customer", desk.connection.name)), None)
    if link is None:
        detail = f"is not a customer known at {desk.connection.name}; read or create the customer there first"
        raise InvalidField.at(f"/{part}/id", detail)
    if person.remote_id not in (None, link.remote_id):
        detail = "names another customer than id does; send one of the two"
        raise InvalidField.at(f"/{part}/remote_id", detail)
    named = msgspec.structs.replace(person, id=None, remote_id=link.remote_id)
    return msgspec.structs.replace(patch, **{part: named})


async def _check_version(desk: Desk, raw: msgspec.Raw, account: Any) -> None:
    wanted = desk.intent.if_match
    if wanted is None or wanted == ANY_VERSION:
        return
    reading = await understand(
        desk.seam, desk.connection, desk.mapping, raw, account, remote_id=desk.intent.remote_id, pinned=desk.dry
    )
    (resource,) = await name_records(desk.seam, desk.connection, [reading])
    present = etag_of(resource)
    # RFC 9110, 13.1.1: a list of tags, compared strongly, so weak ones never match.
    if present not in (tag.strip() for tag in wanted.split(",")):
        raise VersionConflict(f"The present version is {present}; If-Match names another one.")


async def _watched(desk: Desk, raw: msgspec.Raw, account: Any) -> Watched | None:
    """What a change is compared with later. A record that cannot be read as a whole can still be written to."""
    name = WATCHED.get(desk.intent.object)
    if name is None or (desk.intent.action != "cancel" and name not in msgspec.json.decode(desk.intent.body)):
        return None
    with suppress(VendorDrifted):
        mapped = await map_record(desk.seam, desk.connection, desk.mapping, raw, account)
        return watched_in(desk.intent.object, mapped.data)
    return None


def _upsert_key(intent: Intent) -> tuple[UpsertKey, str]:
    assert intent.upsert_on is not None and intent.upsert_value is not None  # noqa: S101, PT018 - set with the action
    return intent.upsert_on, intent.upsert_value


def _known(remote_id: str | None) -> str:
    assert remote_id is not None  # noqa: S101 - an intent to change names its record
    return remote_id
