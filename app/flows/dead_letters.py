"""Dead letters for operators: found, looked into, run again, let go."""

import re
from typing import Annotated, Final

from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from app.dead_letter_ports import AlreadyQueued, DeadLetter, DeadLetterFilter, NotOpen
from app.errors import NotFound, StateConflict
from app.flows.dead_letter_views import DeadLetterDetail, DeadLetterView, attempt_view_of, detail_of, view_of
from app.flows.mapping_routes import revision_at
from app.flows.operator_seam import OperatorSeam
from app.flows.paging import page_of
from app.flows.queued_writes import abandonment_of
from app.flows.unfolding import EDITABLE, edited_payload, unfold
from app.ports import Page

DEAD_LETTER_ID: Final = re.compile(r"dl_[A-Za-z0-9]{1,64}")


class RedriveOrder(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How to run a dead letter again: with its payload, or with this one."""

    payload: Raw | UnsetType = UNSET


class DiscardOrder(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why a dead letter is let go; kept with it, and shown."""

    because: Annotated[str, Meta(min_length=1, max_length=500, pattern=r"\S")]


async def list_dead_letters(seam: OperatorSeam, which: DeadLetterFilter, *, after: str | None, limit: int) -> Page:
    """Newest first; the cursor is the last id of the page."""
    found = await seam.dead_letters.list(which, after=after, limit=limit + 1)
    return page_of(found, limit, view_of)


async def read_dead_letter(seam: OperatorSeam, dead_letter_id: str, *, trace_url: str) -> DeadLetterDetail:
    """One with its payload, every attempt, and what can be done; `trace_url` is the form of the addresses of traces.
    Raises NotFound."""
    letter = await _find(seam, dead_letter_id)
    unfolded = await unfold(seam, letter)
    attempts = await seam.dead_letters.attempts(letter.job_id)
    return detail_of(
        letter,
        [attempt_view_of(attempt, trace_url) for attempt in attempts],
        payload=unfolded.payload,
        payload_note=unfolded.note,
        editable=letter.state == "open" and letter.kind in EDITABLE,
        revision_now=None if letter.mapping is None else await revision_at(seam, letter.connection, letter.mapping),
    )


async def redrive_dead_letter(
    seam: OperatorSeam, dead_letter_id: str, order: RedriveOrder, *, actor: str
) -> DeadLetterView:
    """Enqueue it again in its old place. Raises NotFound, InvalidField for a payload that it cannot take, and
    StateConflict when it was decided about already or its work is queued."""
    letter = await _find(seam, dead_letter_id)
    payload = None if order.payload is UNSET else edited_payload(letter, order.payload)
    try:
        async with seam.transactions.transaction() as transaction:
            await seam.dead_letters.redrive(transaction, letter.id, actor=actor, payload=payload)
    except NotOpen as error:
        raise await _not_open(seam, letter.id) from error
    except AlreadyQueued as error:
        raise StateConflict(
            f"The same work is queued already, so {letter.id} would do it twice.",
            next_step="Wait until that job has ended; if it succeeds, discard this dead letter.",
        ) from error
    return view_of(await _find(seam, letter.id))


async def discard_dead_letter(
    seam: OperatorSeam, dead_letter_id: str, order: DiscardOrder, *, actor: str
) -> DeadLetterView:
    """Let it go; those that it held up go on. Raises NotFound, and StateConflict when it was decided about already."""
    letter = await _find(seam, dead_letter_id)
    following = abandonment_of(letter)
    try:
        async with seam.transactions.transaction() as transaction:
            await seam.dead_letters.discard(transaction, letter.id, actor=actor, because=order.because)
            if following is not None:
                await seam.queue.enqueue(transaction, following)
    except NotOpen as error:
        raise await _not_open(seam, letter.id) from error
    return view_of(await _find(seam, letter.id))


async def _find(seam: OperatorSeam, dead_letter_id: str) -> DeadLetter:
    letter = await seam.dead_letters.get(dead_letter_id) if DEAD_LETTER_ID.fullmatch(dead_letter_id) else None
    if letter is None:
        raise NotFound(
            f"No dead letter has the id {dead_letter_id[:80]}.", next_step="GET /ops/dead-letters lists them."
        )
    return letter


async def _not_open(seam: OperatorSeam, dead_letter_id: str) -> StateConflict:
    letter = await _find(seam, dead_letter_id)
    return StateConflict(
        f"{letter.id} was {letter.state} by {letter.closed_by} at {letter.closed_at:%Y-%m-%d %H:%M:%S} UTC:"
        " there is nothing left to decide.",
        next_step="A job that has died again is another dead letter: GET /ops/dead-letters lists those that are open.",
    )
