"""Two who want a record at the same time: the vendor refuses one of them, who only wanted it to be there."""

from typing import Final

from app.errors import Problem
from app.vendors.models import VendorRefused
from app.writes.models import Operation
from app.writes.prepare import ResolvedWrite, find_by_key
from mappings.spec import Action

MOST_RACES: Final = 4
"""How many attempts an upsert has to win a race: what made the record in between ends meanwhile."""


async def lost_upsert_race(
    resolved: ResolvedWrite, operation: Operation, effect: Action, refused: VendorRefused
) -> bool:
    """Whether an upsert that the vendor carries out itself was refused for another one of the same key, which is a
    change a moment later.

    Salesforce refuses the second of two that meet as DUPLICATE_VALUE, and mostly does not say whose the value is. Where
    a vendor names the holder, it has to be the record with this key: any other one is in the way for good.
    """
    key, value = resolved.intent.upsert_on, resolved.intent.upsert_value
    recovery = resolved.mapping.endpoints.recovery.get(effect)
    if effect != "upsert" or refused.refusal.kind != "duplicate" or operation.attempts >= MOST_RACES:
        return False
    if key is None or value is None or key not in resolved.mapping.endpoints.find:
        return False
    if recovery is None or recovery.by != "unique":
        return False
    if refused.refusal.existing_remote_id is None:
        return True
    try:
        return await find_by_key(resolved, key, value) == refused.refusal.existing_remote_id
    except (Problem, VendorRefused):
        return True  # sending it again is safe, and tells
