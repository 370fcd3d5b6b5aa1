"""The payload of a dead letter, as an operator sees and edits it."""

from typing import Final

from msgspec import Raw

from app.dead_letters.deps import DeadLetterDeps
from app.errors import InvalidField
from app.postgres.encryption import SealBroken
from app.queue.kinds import Shown, legible
from app.queue.models import DeadLetter

SEALED: Final = "It cannot be opened: its encryption key is not configured, or it was changed."


async def show_payload(deps: DeadLetterDeps, letter: DeadLetter) -> Shown:
    """The payload with the data that it names. Never raises for one that cannot be opened or is gone."""
    try:
        payload = await deps.dead_letters.payload(letter.id)
        if payload is None:
            return Shown(payload=None, note="The dead letter is gone.")
        show = deps.show.get(letter.kind)
        return Shown(payload=legible(payload)) if show is None else await show(payload)
    except SealBroken:
        return Shown(payload=None, note=SEALED)


def is_editable(deps: DeadLetterDeps, letter: DeadLetter) -> bool:
    """Whether jobs of its kind accept an edited payload."""
    kind = deps.kinds.get(letter.kind)
    return kind is not None and kind.edit is not None


def edit_payload(deps: DeadLetterDeps, letter: DeadLetter, sent: Raw) -> bytes:
    """What the job is given instead of its payload. Raises InvalidField for a kind that accepts none, and for one that
    does not fit."""
    kind = deps.kinds.get(letter.kind)
    if kind is None or kind.edit is None:
        raise InvalidField.at(
            "/payload", f"a job of kind {letter.kind} works on what is recorded, and takes no other: leave it out"
        )
    return kind.edit(letter, sent)
