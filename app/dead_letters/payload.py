"""What the payload of a job says to a person, and what he may put in its place.

A job may name only where its data lies. Shown to an operator it is unfolded: `{"receipt": "in_…"}` with the receipt's
payload. This is personal data: it goes into the answer and nowhere else.
"""

import base64
from typing import Any, Final

import msgspec
from msgspec import UNSET, Raw, Struct

from app.errors import InvalidField
from app.operator_seam import OperatorSeam
from app.postgres.encryption import SealBroken
from app.queue.models import DeadLetter
from app.webhooks.ingest import IngestWork

INGEST: Final = "ingest"
SEALED: Final = "It cannot be opened: its encryption key is not configured, or it was changed."
EDITABLE: Final = frozenset({INGEST})
"""Kinds whose handler takes an edited payload for the one that it would fetch."""


class Unfolded(Struct, frozen=True, kw_only=True):
    """A payload to show; None where it cannot be shown, and `note` says why."""

    payload: Any
    note: str | None = None


async def unfold(seam: OperatorSeam, letter: DeadLetter) -> Unfolded:
    """The payload of a dead letter with what it leads to. Never raises for one that cannot be opened or is gone."""
    try:
        payload = await seam.dead_letters.payload(letter.id)
        if payload is None:
            return Unfolded(payload=None, note="The dead letter is gone.")
        if letter.kind == INGEST:
            return await _unfold_receipt(seam, payload)
        return Unfolded(payload=legible(payload))
    except SealBroken:
        return Unfolded(payload=None, note=SEALED)


def edited_payload(letter: DeadLetter, sent: Raw) -> bytes:
    """What the job is given in place of its payload. Raises InvalidField for a kind that takes none, and for one of
    another form or of another receipt than was shown."""
    if letter.kind not in EDITABLE:
        raise InvalidField.at(
            "/payload", f"a job of kind {letter.kind} works on what is recorded, and takes no other: leave it out"
        )
    try:
        edited = msgspec.json.decode(sent, type=IngestWork)
    except msgspec.ValidationError as error:
        raise InvalidField.at("/payload", 'has to be {"receipt", "payload"} as it was shown') from error
    if edited.receipt != letter.origin:
        raise InvalidField.at("/payload/receipt", f"is not the receipt of this dead letter, which is {letter.origin}")
    if edited.payload is UNSET:
        raise InvalidField.at("/payload/payload", "is required: what to take in place of what was received")
    return msgspec.json.encode(edited)


def legible(content: bytes) -> Any:
    """JSON as it is, other text as a string, other bytes in base64."""
    try:
        msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        try:
            return content.decode()
        except UnicodeDecodeError:
            return {"base64": base64.b64encode(content).decode()}
    return Raw(content)


async def _unfold_receipt(seam: OperatorSeam, payload: bytes) -> Unfolded:
    job = msgspec.json.decode(payload, type=IngestWork)
    if job.payload is not UNSET:
        return Unfolded(payload=Raw(payload), note="Edited before an earlier redrive.")
    receipt = await seam.receipts.get(job.receipt)
    if receipt is None:
        return Unfolded(payload=Raw(payload), note="The receipt itself has outlived its retention.")
    return Unfolded(payload={"receipt": job.receipt, "payload": legible(receipt.payload)})
