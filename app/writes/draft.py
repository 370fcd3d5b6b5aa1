"""Draft the body of a write with its mapping, and judge what is lost."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Any, Final, TypeVar

import msgspec

from app.errors import InvalidField, UnsupportedField, VendorDrifted
from app.records.map_record import compare_draft
from app.revisions.large_records import run_mapping
from app.telemetry import mapping_span
from app.writes.accept_loss import accept_loss, barring
from app.writes.accept_total import accept_change, accept_total
from app.writes.already_held import holds_parts, is_part, still_refused
from app.writes.patch_of import patch_of
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
    resolved: ResolvedWrite, present: msgspec.Raw | None, account: Any
) -> tuple[Any, tuple[Loss, ...]]:
    """Return the body to send and what is lost. `present` is the record as it is, if there is one."""
    draft = await map_to_vendor(resolved, present, account)
    try:
        loss = accept_loss(resolved, draft)
        if resolved.intent.object != "order":
            return draft.body, loss
        if present is None:
            loss += accept_total(resolved, draft, account)
        else:
            await accept_change(resolved, draft, present, account)
        return draft.body, loss
    except (InvalidField, UnsupportedField) as problem:
        vendor = resolved.connection.vendor
        if refused_by_account_facts(vendor, resolved.mapping, account, barring(resolved, draft.refused)):
            raise _StaleAccount(problem) from problem
        raise


async def map_to_vendor(resolved: ResolvedWrite, present: msgspec.Raw | None, account: Any) -> Draft[Any]:
    """Return the draft of the mapping, with the references that are lost, before its refusals are judged."""
    if resolved.intent.edits_tags:
        assert present is not None  # noqa: S101 - tags are changed of a record
        return await _map_tags(resolved, present, account)
    held = await resolved.map(present, account) if present is not None and resolved.intent.merges else None
    patch, lost = patch_of(resolved, held)
    draft = None
    try:
        draft = await _run_mapping(resolved, patch, present, account)
    finally:  # also if a canary breaks
        if not resolved.dry:
            compare_draft(resolved.deps, resolved.connection, resolved.mapping, patch, present, account, draft)
    draft = msgspec.structs.replace(draft, loss=lost + draft.loss)
    if any(one.kind == "folded" for one in lost):
        draft = at_sent_pointers(draft, lost)
    if present is None or not draft.refused:
        return draft
    with suppress(VendorDrifted):  # a record that cannot be read as a whole can still be written to
        held = held or await resolved.map(present, account)
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
    new = await run_mapping(mapping, body, account, lambda: mapping.to_vendor(whole, None, account))
    prices = () if mapping.prices_of is None else mapping.prices_of(new.body)
    return holds_parts(held.data, whole, new, prices)


async def says_nothing(resolved: ResolvedWrite, body: Any, present: msgspec.Raw, account: Any) -> bool:
    """Return whether the body of a change names nothing that would change the record."""
    mapping, intent = resolved.mapping, resolved.intent
    held = await resolved.map(present, account) if intent.merges or intent.edits_tags else None
    patch, _ = patch_of(resolved, held)
    return await run_mapping(
        mapping, present, account, lambda: changes_nothing(mapping, patch, body, mapping.decode(present), account)
    )


async def _map_tags(resolved: ResolvedWrite, present: msgspec.Raw, account: Any) -> Draft[Any]:
    patch, _ = patch_of(resolved, await resolved.map(present, account))
    draft = await _run_mapping(resolved, patch, present, account)
    return with_own_pointers(draft, resolved.intent.body, patch.tags)


async def _run_mapping(resolved: ResolvedWrite, patch: Any, present: msgspec.Raw | None, account: Any) -> Draft[Any]:
    """Raises VendorDrifted if the mapping cannot read the present record."""
    mapping, current = resolved.mapping, None
    if present is not None:
        with resolved.as_drift(present):
            current = mapping.decode(present)
    with mapping_span(mapping.name, mapping.revision, "write"):
        return await run_mapping(mapping, present, account, partial(mapping.to_vendor, patch, current, account))
