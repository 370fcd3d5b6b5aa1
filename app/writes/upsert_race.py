"""Resolve an upsert that lost a race: another request created the record first."""

from typing import Final

from app.problem_document import Problem
from app.vendors.models import VendorRefused
from app.writes.find_record import find_by_key
from app.writes.models import Operation
from app.writes.resolved_write import ResolvedWrite
from mappings.spec import Action

MOST_RACES: Final = 4
"""Attempts that an upsert has to win a race."""


async def lost_to_a_create(
    resolved: ResolvedWrite, operation: Operation, effect: Action, refused: VendorRefused
) -> bool:
    """Return whether an upsert found no record, and someone else created it before us. A retry then updates it.

    Otherwise another unique value of the record is the duplicate. A vendor without a read by the key may list the new
    record late, so there the last of `MOST_RACES` attempts decides.
    """
    if operation.action != "upsert" or effect != "create" or refused.refusal.kind != "duplicate":
        return False
    if operation.attempts >= MOST_RACES:
        return False
    if resolved.intent.upsert_on not in resolved.mapping.endpoints.find:
        return True
    try:
        return (await find_by_key(resolved)).remote_id is not None
    except (Problem, VendorRefused):
        return True  # the retry decides


async def lost_upsert_race(
    resolved: ResolvedWrite, operation: Operation, effect: Action, refused: VendorRefused
) -> bool:
    """Return whether the vendor refused its own upsert because another one of the same key won. A retry then updates.

    Salesforce refuses the loser as DUPLICATE_VALUE, mostly without naming the holder of the value. If a vendor names
    it, it must be the record with this key. Any other record is a lasting conflict.
    """
    recovery = resolved.mapping.endpoints.recovery.get(effect)
    if effect != "upsert" or refused.refusal.kind != "duplicate" or operation.attempts >= MOST_RACES:
        return False
    if resolved.intent.upsert_on not in resolved.mapping.endpoints.find:
        return False
    if recovery is None or recovery.by != "unique":
        return False
    if refused.refusal.existing_remote_id is None:
        return True
    try:
        return (await find_by_key(resolved)).remote_id == refused.refusal.existing_remote_id
    except (Problem, VendorRefused):
        return True  # sending again is safe, and decides
