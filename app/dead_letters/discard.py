"""Discard one dead letter."""

from typing import Annotated

from msgspec import Meta, Struct

from app.dead_letters.inspect import find_letter, not_open
from app.dead_letters.models import NotOpen
from app.dead_letters.views import DeadLetterView, view_of
from app.operator_seam import OperatorSeam
from app.writes.queued import abandonment_of


class DiscardOrder(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why a dead letter is let go; kept with it, and shown."""

    because: Annotated[str, Meta(min_length=1, max_length=500, pattern=r"\S")]


async def discard_dead_letter(
    seam: OperatorSeam, dead_letter_id: str, order: DiscardOrder, *, actor: str
) -> DeadLetterView:
    """Let it go; those that it held up go on. Raises NotFound, and StateConflict when it was decided about already."""
    letter = await find_letter(seam, dead_letter_id)
    following = abandonment_of(letter)
    try:
        async with seam.transactions.transaction() as transaction:
            await seam.dead_letters.discard(transaction, letter.id, actor=actor, because=order.because)
            if following is not None:
                await seam.queue.enqueue(transaction, following)
    except NotOpen as error:
        raise await not_open(seam, letter.id) from error
    return view_of(await find_letter(seam, letter.id))
