"""Draft the body of a write with its mapping, and judge what is lost."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Any, Final, TypeVar

import msgspec

from app.errors import InvalidField, UnsupportedField, VendorDrifted
from app.records.map_record import offer_to_shadow
from app.revisions.large_records import run_mapping
from app.telemetry import mapping_span
from app.writes.accept_loss import accept_loss, barring
from app.writes.accept_total import accept_change, accept_total
from app.writes.already_held import holds_parts, is_part, still_refused
from app.writes.patch_of import patch_of
from app.writes.present_record import PresentRecord
from app.writes.resolve_references import related_of
from app.writes.resolved_write import ResolvedWrite
from app.writes.sent_pointers import at_sent_pointers
from app.writes.stale_account import refused_by_account_facts
from app.writes.tags import with_own_pointers
from canonical.order_patch import OrderPatch
from canonical.parts import Loss
from mappings.kit.no_change import changes_nothing
from mappings.spec import Draft, Mapped

YOUNG: Final = 60.0
"""Account facts that are at most this many seconds old may refuse a write by themselves."""

T = TypeVar("T")


class _StaleAccount(Exception):
    """A refusal that comes only from account facts, which may be stale."""

    def __init__(self, problem: InvalidField | UnsupportedField) -> None:
        super().__init__(problem.code)
        self.problem = problem


async def with_young_facts(resolved: ResolvedWrite, draft: Callable[[], Awaitable[T]]) -> T:
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


async def draft_body(
    resolved: ResolvedWrite, account: Any, present: PresentRecord | None = None
) -> tuple[Any, tuple[Loss, ...]]:
    """Return the body to send and what is lost. `present` is the record as it is, if there is one."""
    draft = await map_to_vendor(resolved, account, present)
    try:
        loss = accept_loss(resolved, draft)
        if resolved.intent.object != "order":
            return draft.body, loss
        if present is None:
            loss += accept_total(resolved, draft, account)
        else:
            await accept_change(resolved, draft, present)
        return draft.body, loss
    except (InvalidField, UnsupportedField) as problem:
        vendor = resolved.connection.vendor
        if refused_by_account_facts(vendor, resolved.mapping, account, barring(resolved, draft.refused)):
            raise _StaleAccount(problem) from problem
        raise


async def map_to_vendor(resolved: ResolvedWrite, account: Any, present: PresentRecord | None = None) -> Draft[Any]:
    """Return the draft of the mapping, with the references that are lost, before its refusals are judged.

    Raises VendorDrifted if the mapping cannot read the present record.
    """
    mapping, intent = resolved.mapping, resolved.intent
    held = await present.mapped() if present is not None and (intent.merges or intent.edits_tags) else None
    patch, lost = patch_of(resolved, held)
    raw, current = (None, None) if present is None else (present.raw, present.decoded)
    with mapping_span(mapping.name, mapping.revision, "write"):
        draft = await run_mapping(mapping, raw, account, partial(mapping.to_vendor, patch, current, account))
    if not resolved.dry:
        offer_to_shadow(resolved.deps, resolved.connection, mapping, raw, account, draft, patch)
    if intent.edits_tags:
        return with_own_pointers(draft, intent.body, patch.tags)
    draft = msgspec.structs.replace(draft, loss=lost + draft.loss)
    if any(one.kind == "folded" for one in lost):
        draft = at_sent_pointers(draft, lost)
    if present is None or not draft.refused:
        return draft
    with suppress(VendorDrifted):  # a record that cannot be read as a whole can still be written to
        held = await present.mapped()
        refused = still_refused(draft.refused, patch, held.data)
        if any(map(is_part, refused)) and await _holds_parts(resolved, patch, held, account):
            refused = tuple(one for one in refused if not is_part(one))
        return msgspec.structs.replace(draft, refused=refused)
    return draft


async def _holds_parts(resolved: ResolvedWrite, patch: Any, held: Mapped[Any], account: Any) -> bool:
    """Return whether the record has the parts of the whole body, of which a copy sends what the source has changed."""
    if not isinstance(patch, OrderPatch):
        return False
    mapping, body = resolved.mapping, resolved.as_whole.intent.body
    whole = patch if resolved.whole is None else patch_of(resolved.as_whole, held)[0]
    if mapping.endpoints.with_related is not None:
        related = await related_of(resolved, whole)
        account = mapping.endpoints.with_related(account, resolved.connection.options, related)
    new = await run_mapping(mapping, body, account, partial(mapping.to_vendor, whole, None, account))
    prices = () if mapping.prices_of is None else mapping.prices_of(new.body)
    return holds_parts(held.data, whole, new, prices)


async def says_nothing(resolved: ResolvedWrite, body: Any, present: PresentRecord) -> bool:
    """Return whether the body of a change names nothing that would change the record."""
    mapping, intent, account = resolved.mapping, resolved.intent, present.account
    held = await present.mapped() if intent.merges or intent.edits_tags else None
    patch, _ = patch_of(resolved, held)
    return await run_mapping(
        mapping, present.raw, account, partial(changes_nothing, mapping, patch, body, present.decoded, account)
    )
