"""Decode the payload of a job that processes a receipt, show it to an operator, and accept an edited one.

A payload is personal data: it goes into the answer and nowhere else.
"""

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from app.dependencies import Dependencies
from app.errors import InvalidField
from app.queue.kinds import Shown, legible
from app.queue.models import DeadLetter, Done, Job, Permanent
from app.webhooks.models import ReceiptJob
from app.webhooks.store.receipts import PostgresReceipts
from mappings.drift import place_of


class ReceiptJobPayload(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The receipt to process. `payload` replaces the receipt's payload if an operator edited it."""

    receipt: str
    payload: Raw | UnsetType = UNSET


def read_work(receipts: PostgresReceipts, job: Job) -> ReceiptJob | Done | Permanent:
    """Return the receipt that a job names.

    Return Done if it is already processed, and Permanent if the job's payload is malformed or the receipt is gone.
    """
    try:
        work = msgspec.json.decode(job.payload, type=ReceiptJobPayload)
    except msgspec.ValidationError as error:
        reason, _, path = str(error).partition(" - at `")
        return Permanent(reason=reason, path=place_of(path.rstrip("`") or "$", reason))
    receipt = receipts.of_job(job)
    if receipt is None or receipt.id != work.receipt:
        return Permanent(reason="the receipt no longer exists", path="$.receipt")
    if receipt.settled_at is not None:
        return Done()
    return ReceiptJob(
        receipt=receipt, payload=receipt.payload if isinstance(work.payload, UnsetType) else bytes(work.payload)
    )


async def show_receipt(dependencies: Dependencies, payload: bytes) -> Shown:
    """Show `{"receipt": "in_…"}` with the payload of the receipt."""
    work = msgspec.json.decode(payload, type=ReceiptJobPayload)
    if work.payload is not UNSET:
        return Shown(payload=Raw(payload), note="Edited before an earlier redrive.")
    receipt = await dependencies.of(PostgresReceipts).get(work.receipt)
    if receipt is None:
        return Shown(payload=Raw(payload), note="The receipt was removed after its retention.")
    return Shown(payload={"receipt": work.receipt, "payload": legible(receipt.payload)})


def edit_receipt(letter: DeadLetter, sent: Raw) -> bytes:
    """Return the edited payload. Raises InvalidField if it is malformed or names another receipt."""
    try:
        edited = msgspec.json.decode(sent, type=ReceiptJobPayload)
    except msgspec.ValidationError as error:
        raise InvalidField.at("/payload", 'must be {"receipt", "payload"} as shown') from error
    if edited.receipt != letter.origin:
        raise InvalidField.at("/payload/receipt", f"is not the receipt of this dead letter, which is {letter.origin}")
    if edited.payload is UNSET:
        raise InvalidField.at("/payload/payload", "is required: the payload to process instead of the received one")
    return msgspec.json.encode(edited)
