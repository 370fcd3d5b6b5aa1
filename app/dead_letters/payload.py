"""The payload of a dead letter: show it to an operator, and accept an edited one."""

from typing import Final

from msgspec import Raw

from app.dead_letters.deps import DeadLetterDeps
from app.errors import InvalidField
from app.postgres.encryption import SealBroken
from app.queue.kinds import Shown, legible
from app.queue.models import DeadLetter

SEALED: Final = "It cannot be decrypted: its encryption key is not configured, or the data was changed."


async def show_payload(deps: DeadLetterDeps, letter: DeadLetter) -> Shown:
    """Return the payload with the data that it references. Never raises for a payload that cannot be decrypted."""
    try:
        payload = await deps.dead_letters.payload(letter.id)
        if payload is None:
            return Shown(payload=None, note="The dead letter no longer exists.")
        show = deps.show.get(letter.kind)
        return Shown(payload=legible(payload)) if show is None else await show(payload)
    except SealBroken:
        return Shown(payload=None, note=SEALED)


def is_editable(deps: DeadLetterDeps, letter: DeadLetter) -> bool:
    """Return whether its kind accepts an edited payload."""
    kind = deps.kinds.get(letter.kind)
    return kind is not None and kind.edit is not None


def edit_payload(deps: DeadLetterDeps, letter: DeadLetter, sent: Raw) -> bytes:
    """Return the job's new payload. Raises InvalidField if its kind accepts none or it is invalid."""
    kind = deps.kinds.get(letter.kind)
    if kind is None or kind.edit is None:
        raise InvalidField.at("/payload", f"cannot be edited for a job of kind {letter.kind}: omit it")
    return kind.edit(letter, sent)
