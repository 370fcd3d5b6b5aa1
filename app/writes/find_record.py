"""Find the record with a unique key at a vendor, by a strongly consistent read."""

import msgspec

from app.errors import AmbiguousMatch, InvalidField, NotFound
from app.records.fetch import send_read
from app.records.lookup import Key, ambiguous_match, find_matches, find_people, is_staff
from app.records.map_record import as_vendor_drift, map_at_revision
from app.records.resolve import AnyMapping
from app.records.resources import name_records
from app.writes.resolved_write import ResolvedWrite
from mappings.spec import SeveralRecords, UpsertKey


async def find_by_key(resolved: ResolvedWrite) -> str | None:
    """Return the remote id of the record with the intent's unique key, or None.

    Raises InvalidField for staff, and AmbiguousMatch for several records.
    """
    key, value = resolved.intent.upsert_on, resolved.intent.upsert_value
    assert key is not None and value is not None  # noqa: S101, PT018 - an upsert has both
    if not resolved.dry:
        # The first look-up may name a property that the setup creates.
        await resolved.deps.vendors.set_up(resolved.connection, deadline=resolved.deadline)
    found = await _find(resolved, resolved.mapping, key, value)
    if found is None:
        return None
    remote_id, raw = found
    if key == "email" and is_staff(resolved.mapping, raw):
        raise staff_refusal(resolved, remote_id)
    return remote_id


async def find_customer(resolved: ResolvedWrite, customers: AnyMapping, email: str, pointer: str) -> str | None:
    """Return the remote id of the customer with this e-mail address, or None.

    Raises AmbiguousMatch for several customers, and InvalidField at the pointer for staff.
    """
    found = await _find(resolved, customers, "email", email, pointer)
    if found is not None and is_staff(customers, found[1]):
        raise staff_refusal(resolved, found[0], pointer)
    return None if found is None else found[0]


def staff_refusal(resolved: ResolvedWrite, remote_id: str, pointer: str = "/emails") -> InvalidField:
    """Return the problem of an address that would select an agent or an administrator."""
    connection = resolved.connection
    return InvalidField.at(
        pointer,
        f"belongs to {connection.name}:{remote_id}, who is staff at {connection.vendor.title}: an address never selects"
        " agents and administrators",
    )


async def _ambiguous(resolved: ResolvedWrite, mapping: AnyMapping, key: UpsertKey, value: str) -> AmbiguousMatch:
    """Return the problem that names two of the records with this key."""
    deps, connection, wanted = resolved.deps, resolved.connection, Key(name=key, value=value)
    readings = await find_matches(deps, connection, mapping, wanted, resolved.deadline, pinned=resolved.dry)
    return ambiguous_match(connection, mapping, wanted, await name_records(deps, connection, readings))


async def _find(
    resolved: ResolvedWrite, mapping: AnyMapping, key: UpsertKey, value: str, pointer: str = "/emails"
) -> tuple[str, msgspec.Raw] | None:
    deps, connection, endpoints = resolved.deps, resolved.connection, mapping.endpoints
    if key not in endpoints.find:
        return await _find_in_list(resolved, mapping, Key(name=key, value=value), pointer)
    account = await resolved.account()
    try:
        reply = await send_read(deps, connection, endpoints.find[key](value, account), resolved.deadline)
    except NotFound:
        return None
    with as_vendor_drift(deps, connection, mapping, None):
        try:
            raw, account = endpoints.record(reply, account)
        except SeveralRecords:
            raw, several = None, True
        else:
            several = False
    if several:
        raise await _ambiguous(resolved, mapping, key, value)
    return None if raw is None else ((await map_at_revision(deps, connection, mapping, raw, account)).remote.id, raw)


async def _find_in_list(
    resolved: ResolvedWrite, mapping: AnyMapping, key: Key, pointer: str
) -> tuple[str, msgspec.Raw] | None:
    """Find the record by the filter of a list, at a vendor that has no such read."""
    deps, connection = resolved.deps, resolved.connection
    if key.name == "email":
        staff, found = await find_people(deps, connection, mapping, key.value, resolved.deadline)
        if staff is not None:
            raise staff_refusal(resolved, staff, pointer)
    else:
        found = await find_matches(deps, connection, mapping, key, resolved.deadline)
    if len(found) > 1:
        raise ambiguous_match(connection, mapping, key, await name_records(deps, connection, found))
    return (found[0].mapped.remote.id, found[0].raw) if found else None
