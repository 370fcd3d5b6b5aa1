"""Find out what a write did whose reply was lost.

A new record is found by its marker, or by its content where the vendor has no place for one. A change is found by
comparing the record with the intent.
"""

from typing import Any

from msgspec import UNSET, Struct

from app.vendors.models import VendorRefused
from app.writes.accept_loss import dropped
from app.writes.draft import map_to_vendor
from app.writes.judge_ownership import judge_new
from app.writes.models import Begun
from app.writes.prepare import resolve_once
from app.writes.resolved_write import ResolvedWrite
from canonical.field_kinds import fields_of
from canonical.parts import Loss, Skipped
from canonical.same_value import same
from mappings.endpoints import Action
from mappings.http import VendorReply, VendorRequest


class MarkerLookup(Struct, frozen=True, kw_only=True):
    """How to find the record of a write whose reply was lost. The `request` is None if this write had no place for its
    marker, because then a look-up proves nothing. `body` is what was sent."""

    request: VendorRequest | None
    body: Any
    loss: tuple[Loss, ...] = ()
    skipped: tuple[Skipped, ...] = ()


class LostRecord(Struct, frozen=True, kw_only=True):
    """What a look-up found: the remote id, or None. `contested`: another undecided write claims the record."""

    remote_id: str | None = None
    contested: bool = False


async def marker_lookup(resolved: ResolvedWrite, marker: str, effect: Action) -> MarkerLookup:
    """Return the read that finds the new record with the marker, and what the write lost and skipped.

    The account does not judge the fields again: what it accepts now says nothing about what was sent.
    """
    account, find_marker = await resolved.account(), resolved.mapping.endpoints.find_marker
    judged = None if effect == "upsert" else await judge_new(resolved)
    left = await resolve_once(resolved if judged is None else judged.write, creates=True)
    draft = await map_to_vendor(left, account)
    return MarkerLookup(
        request=None if find_marker is None else find_marker(marker, resolved.intent.parent, draft.body, account),
        body=draft.body,
        loss=draft.loss + dropped(draft.refused),
        skipped=() if judged is None else judged.skipped,
    )


async def find_lost(resolved: ResolvedWrite, begun: Begun, lookup: MarkerLookup) -> LostRecord:
    """Look on all pages. Raises the vendor's problems, and VendorRefused for a look-up that it refuses."""
    endpoints, request = resolved.mapping.endpoints, lookup.request
    while request is not None:
        try:
            reply = await resolved.send(request)
        except VendorRefused as refused:
            if refused.refusal.kind == "not_found":
                return LostRecord()
            raise
        match = await _on_page(resolved, begun, lookup, reply)
        if match.remote_id is not None or match.contested:
            return match
        with resolved.as_drift():
            request = endpoints.marker_page(request, reply)
    return LostRecord()


async def _on_page(resolved: ResolvedWrite, begun: Begun, lookup: MarkerLookup, reply: VendorReply) -> LostRecord:
    endpoints, operation = resolved.mapping.endpoints, begun.operation
    if endpoints.alike is None:
        assert endpoints.marked is not None  # noqa: S101 - declared together with find_marker
        with resolved.as_drift():
            return LostRecord(remote_id=endpoints.marked(reply, operation.id))
    with resolved.as_drift():
        alike = endpoints.alike(reply, operation.id, lookup.body)
    operations, place = resolved.deps.operations, (resolved.connection.name, resolved.intent.object)
    for remote_id in alike:
        # Two writes with the same text are two comments: each takes its own.
        if not await operations.lock_upsert(*place, remote_id, None, begun.lease):
            return LostRecord(contested=True)
        if not await operations.is_taken(*place, remote_id, operation.id):
            return LostRecord(remote_id=remote_id)
    return LostRecord()


def matches_patch(patch: Struct, data: Any) -> bool:
    """Return whether every field of the patch reads back as sent. False in doubt: sending the same values again is
    harmless, taking a change for done is not."""
    return all(
        same(getattr(data, name, None), value, field)
        for name, field in fields_of(type(patch)).items()
        if (value := getattr(patch, name)) is not UNSET
    )


def has_reached(effect: Action, data: Any) -> bool:
    """Return whether the record is archived or cancelled."""
    if effect == "archive":
        return bool(getattr(data, "status", None) == "archived")
    # Not every vendor reports the time.
    return getattr(data, "cancelled_at", None) is not None or getattr(data, "status", None) == "cancelled"
