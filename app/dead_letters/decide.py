"""Redrive or discard one dead letter."""

from typing import Annotated

from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from app.dead_letters.deps import DeadLetterDeps
from app.dead_letters.inspect import edit_payload, find_letter, not_open
from app.dead_letters.models import AlreadyQueued, NotOpen
from app.dead_letters.views import DeadLetterView, view_of
from app.errors import StateConflict


class RedriveOrder(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How to redrive a dead letter: with its own payload, or with this one."""

    payload: Raw | UnsetType = UNSET
    """Replaces `payload`, in the same form. If absent, the payload stays.
    Example: `{"receipt": "in_0198f0a2b7c47d3c9a51f2e80b6c4d17", "payload": {"objectId": 1051}}`"""


async def redrive_dead_letter(
    deps: DeadLetterDeps, dead_letter_id: str, order: RedriveOrder, *, actor: str
) -> DeadLetterView:
    """Requeue it in its old place. Raises NotFound, InvalidField for an invalid payload, and StateConflict if it is
    already decided or the same work is queued."""
    letter = await find_letter(deps, dead_letter_id)
    payload = None if order.payload is UNSET else edit_payload(deps, letter, order.payload)
    try:
        async with deps.database.transaction() as transaction:
            await deps.dead_letters.redrive(transaction, letter.id, actor=actor, payload=payload)
    except NotOpen as error:
        raise await not_open(deps, letter.id) from error
    except AlreadyQueued as error:
        raise StateConflict(
            f"The same work is already queued, so {letter.id} would do it twice.",
            next_step="Wait until that job has ended. If it succeeds, discard this dead letter.",
        ) from error
    return view_of(await find_letter(deps, letter.id))


class DiscardOrder(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The reason to discard a dead letter; stored and shown."""

    because: Annotated[str, Meta(min_length=1, max_length=500, pattern=r"\S")]
    """The reason, stored and shown. No personal data. Example: `"the customer was merged by hand"`"""


async def discard_dead_letter(
    deps: DeadLetterDeps, dead_letter_id: str, order: DiscardOrder, *, actor: str
) -> DeadLetterView:
    """Discard it, and unblock the jobs behind it. Raises NotFound, StateConflict if it is already decided."""
    letter = await find_letter(deps, dead_letter_id)
    kind = deps.kinds.get(letter.kind)
    following = None if kind is None or kind.abandon is None else kind.abandon(letter)
    try:
        async with deps.database.transaction() as transaction:
            await deps.dead_letters.discard(transaction, letter.id, actor=actor, because=order.because)
            if following is not None:
                await deps.queue.enqueue(transaction, following)
    except NotOpen as error:
        raise await not_open(deps, letter.id) from error
    return view_of(await find_letter(deps, letter.id))
