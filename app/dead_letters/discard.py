"""Discard one dead letter."""

from typing import Annotated

from msgspec import Meta, Struct

from app.dead_letters.deps import DeadLetterDeps
from app.dead_letters.inspect import find_letter, not_open
from app.dead_letters.models import NotOpen
from app.dead_letters.views import DeadLetterView, view_of


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
