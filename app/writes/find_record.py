"""Find the record with a unique key at a vendor, by a strongly consistent read."""

from app.errors import NotFound
from app.records.fetch import send_read
from app.records.map_record import as_vendor_drift, map_at_revision
from app.records.resolve import AnyMapping
from app.writes.resolved_write import ResolvedWrite
from mappings.spec import UpsertKey


async def find_by_key(resolved: ResolvedWrite) -> str | None:
    """Return the remote id of the record with the intent's unique key, or None."""
    key, value = resolved.intent.upsert_on, resolved.intent.upsert_value
    assert key is not None and value is not None  # noqa: S101, PT018 - an upsert has both
    return await find_record(resolved, resolved.mapping, key, value)


async def find_record(resolved: ResolvedWrite, mapping: AnyMapping, key: UpsertKey, value: str) -> str | None:
    """Return the remote id of the record of this mapping with this key, or None. Raises the vendor's problems."""
    deps, connection, endpoints = resolved.deps, resolved.connection, mapping.endpoints
    account = await resolved.account()
    try:
        reply = await send_read(deps, connection, endpoints.find[key](value, account), resolved.deadline)
    except NotFound:
        return None
    with as_vendor_drift(deps, connection, mapping, None):
        raw, account = endpoints.record(reply, account)
    return None if raw is None else (await map_at_revision(deps, connection, mapping, raw, account)).remote.id
