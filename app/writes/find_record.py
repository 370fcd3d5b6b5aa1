"""Find the record with a unique key at a vendor, by a strongly consistent read, and compare it with the key.

An upsert may lose a race: another request created the record first. Then the retry finds it, and updates it.
"""

from collections.abc import Sequence
from typing import Final, NoReturn

from msgspec import Struct

from app.errors import InvalidField, NotFound
from app.problem_document import Problem
from app.records.fetch import fetch_record, send_read
from app.records.key_matches import has_keys, match_keys
from app.records.lookup import Key, ambiguous_match, find_matches, find_people, hidden_match, is_staff
from app.records.map_record import Reading, as_vendor_drift, map_record
from app.records.resources import name_records
from app.vendors.models import VendorRefused
from app.writes.models import Operation
from app.writes.resolved_write import ResolvedWrite
from mappings.endpoints import Action, UpsertKey
from mappings.registry import AnyMapping
from mappings.spec import SeveralRecords

MOST_RACES: Final = 4
"""Attempts that an upsert has to win a race."""
MOST_KNOWN: Final = 3
"""Customers with an address that are read one by one, because the vendor does not list them."""


class KeyMatch(Struct, frozen=True, kw_only=True):
    """The remote id of the record with a key, None if there is none. `is_near`: the vendor takes another value for the
    key, so its own upsert would change the wrong record."""

    remote_id: str | None = None
    is_near: bool = False


async def find_by_key(resolved: ResolvedWrite) -> KeyMatch:
    """Return the record with the intent's unique key.

    Raises InvalidField for staff, and AmbiguousMatch for several records or one that may have the key in a value that
    is not read.
    """
    key, value = resolved.intent.upsert_on, resolved.intent.upsert_value
    assert key is not None and value is not None  # noqa: S101, PT018 - an upsert has both
    if not resolved.dry:
        # The first look-up may name a property that the setup creates.
        await resolved.deps.vendors.set_up(resolved.connection, resolved.mapping.object, deadline=resolved.deadline)
    return await _find(resolved, resolved.mapping, key, value)


async def find_customer(resolved: ResolvedWrite, customers: AnyMapping, email: str, pointer: str) -> str | None:
    """Return the remote id of the customer with this e-mail address, or None.

    Raises like `find_by_key`, with InvalidField at the pointer.
    """
    return (await _find(resolved, customers, "email", email, pointer)).remote_id


def staff_refusal(resolved: ResolvedWrite, remote_id: str, pointer: str = "/emails") -> InvalidField:
    """Return the problem of an address that would select an agent or an administrator."""
    connection = resolved.connection
    return InvalidField.at(
        pointer,
        f"belongs to {connection.name}:{remote_id}, who is staff at {connection.vendor.title}: an address never selects"
        " agents and administrators",
    )


async def _find(
    resolved: ResolvedWrite, mapping: AnyMapping, key: UpsertKey, value: str, pointer: str = "/emails"
) -> KeyMatch:
    wanted = Key(name=key, value=value)
    if key not in mapping.endpoints.find:
        return await _find_in_list(resolved, mapping, wanted, pointer)
    try:
        reading = await _read_by_key(resolved, mapping, key, value)
    except SeveralRecords:
        return await _find_among(resolved, mapping, wanted, pointer)
    if reading is None:
        return KeyMatch()
    deps, connection = resolved.deps, resolved.connection
    compared = await match_keys(deps, connection, [reading], {key: value}, resolved.deadline)
    if compared.unsure:
        raise hidden_match(connection, mapping, wanted, await name_records(deps, connection, compared.unsure))
    if not compared.equal:
        return KeyMatch(is_near=True)
    return KeyMatch(remote_id=_selected(resolved, mapping, wanted, compared.equal[0], pointer))


async def _read_by_key(resolved: ResolvedWrite, mapping: AnyMapping, key: UpsertKey, value: str) -> Reading | None:
    """Read the record that the vendor has for a key. Raises SeveralRecords."""
    deps, connection, endpoints = resolved.deps, resolved.connection, mapping.endpoints
    account = await resolved.account()
    try:
        reply = await send_read(deps, connection, endpoints.find[key](value, account), resolved.deadline)
    except NotFound:
        return None
    several: SeveralRecords | None = None
    with as_vendor_drift(deps, connection, mapping, None):
        try:
            raw, account = endpoints.record(reply, account)
        except SeveralRecords as error:
            raw, several = None, error
    if several is not None:
        raise several
    if raw is None:
        return None
    return await map_record(deps, connection, mapping, raw, account)


async def _find_in_list(resolved: ResolvedWrite, mapping: AnyMapping, key: Key, pointer: str) -> KeyMatch:
    """Find the record by the filter of a list, at a vendor that has no such read."""
    if key.name != "email":
        return await _find_among(resolved, mapping, key, pointer)
    deps, connection = resolved.deps, resolved.connection
    staff, matches = await find_people(deps, connection, mapping, key.value, resolved.deadline)
    if staff is not None:
        raise staff_refusal(resolved, staff, pointer)
    if len(matches) > 1:
        await _refuse_several(resolved, mapping, key, matches)
    if matches:
        return KeyMatch(remote_id=matches[0].mapped.remote.id)
    return KeyMatch(remote_id=await _not_listed_yet(resolved, mapping, key, pointer))


async def _not_listed_yet(resolved: ResolvedWrite, mapping: AnyMapping, key: Key, pointer: str) -> str | None:
    """Return the customer with an address that Lockstitch has read and that the vendor's list does not have yet.
    Without it, the vendor's own upsert would replace its lists."""
    deps, connection = resolved.deps, resolved.connection
    for remote_id in await deps.matches.known_at(connection.name, key.value, MOST_KNOWN):
        try:
            reading = await fetch_record(deps, connection, mapping, remote_id, resolved.deadline)
        except NotFound:
            continue
        customer = reading.mapped.data
        if customer.status != "archived" and has_keys("customer", customer, {"email": key.value}):
            return _selected(resolved, mapping, key, reading, pointer)
    return None


async def _find_among(resolved: ResolvedWrite, mapping: AnyMapping, key: Key, pointer: str) -> KeyMatch:
    """Find the only record that has the key among all that the vendor finds by it."""
    deps, connection = resolved.deps, resolved.connection
    matches = await find_matches(deps, connection, mapping, key, resolved.deadline)
    if len(matches) > 1:
        await _refuse_several(resolved, mapping, key, matches)
    if not matches:
        return KeyMatch(is_near=key.name in mapping.endpoints.find)
    return KeyMatch(remote_id=_selected(resolved, mapping, key, matches[0], pointer))


def _selected(resolved: ResolvedWrite, mapping: AnyMapping, key: Key, reading: Reading, pointer: str) -> str:
    """Return the id of the record. Raises InvalidField for staff."""
    remote_id = reading.mapped.remote.id
    if key.name == "email" and is_staff(mapping, reading.raw):
        raise staff_refusal(resolved, remote_id, pointer)
    if mapping is not resolved.mapping:
        resolved.related.append(reading.raw)
    return remote_id


async def _refuse_several(
    resolved: ResolvedWrite, mapping: AnyMapping, key: Key, matches: Sequence[Reading]
) -> NoReturn:
    named = await name_records(resolved.deps, resolved.connection, matches)
    raise ambiguous_match(resolved.connection, mapping, key, named)


async def lost_to_a_create(
    resolved: ResolvedWrite, operation: Operation, effect: Action, refused: VendorRefused
) -> bool:
    """Return whether an upsert found no record, and someone else created it before us. A retry then updates it.

    Otherwise another unique value of the record is the duplicate. A vendor without a read by the key may list the new
    record late, and an uncommitted record is not found yet: there the last of `MOST_RACES` attempts decides.
    """
    if operation.action != "upsert" or effect != "create" or refused.refusal.kind != "duplicate":
        return False
    if operation.attempts >= MOST_RACES:
        return False
    if refused.refusal.uncommitted or resolved.intent.upsert_on not in resolved.mapping.endpoints.find:
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
