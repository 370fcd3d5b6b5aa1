"""Recognise a webhook that reports what was seen already, such as the echo of our own change, by its values.

At vendors whose webhook holds the record, its values are compared with the last-seen state. If none differs, the
webhook says nothing new, and the record need not be read. A webhook with a shape of its own lacks fields and spells
others in its own way. It counts only if the record in it was changed at the same time as the last-seen one, and if it
does not lack the field that changed.
"""

import time
from contextlib import suppress
from typing import Any, Final

import msgspec

from app.errors import VendorProblem
from app.events.models import SeenState
from app.events.record_changes import changed, fields_of, read_state, state_of
from app.records.map_record import Reading
from app.records.resolve import AnyMapping
from app.records.resources import name_records
from app.vendors.models import CalledConnection, Connection
from app.webhooks.deps import IngestDeps
from mappings.http import VendorReply
from mappings.spec import Mapped, Unmappable, Vendor, decode
from mappings.webhooks import Notice

OK: Final = 200
RAW: Final = "_raw"


async def says_nothing_new(
    deps: IngestDeps,
    connection: Connection,
    mapping: AnyMapping,
    notice: Notice,
    payload: bytes,
    seen: SeenState | None,
) -> bool:
    """Return whether the record in a webhook is the last-seen one. False if the webhook does not hold it, or only a
    read shows all of it."""
    vendor = connection.vendor
    if notice.happened != "updated" or seen is None or seen.deleted or not isinstance(vendor, Vendor):
        return False
    called = CalledConnection(name=connection.name, vendor=vendor)
    with suppress(Unmappable, VendorProblem):
        # Only known account facts are used: to fetch them would cost more than the read.
        account = await deps.vendors.account(called, deadline=time.monotonic(), object_name=notice.object)
        raws = vendor.unwrap(payload, notice.object)
        found = _mapped(mapping, raws[0], account) if len(raws) == 1 else None
        return found is not None and await _is_seen(
            *(deps, called, mapping, notice, found[0], raws[0], seen), is_partial=found[1]
        )
    return False


def _mapped(mapping: AnyMapping, raw: msgspec.Raw, account: Any) -> tuple[Mapped[Any], bool] | None:
    """Map a record by the shape that the webhook has, and return whether that is a shape of webhooks. None if other
    records must be read to complete it. Raises Unmappable."""
    if mapping.shapes:
        names = frozenset(decode(raw, dict[str, msgspec.Raw]))
        shape = next((one for one in mapping.shapes if one.matches(names)), None)
        if shape is not None:
            return shape.to_canonical(decode(raw, shape.record), account), True
    endpoints = mapping.endpoints
    record, account = endpoints.record(VendorReply(status=OK, headers={}, body=bytes(raw)), account)
    if record is None or (endpoints.side_load is not None and endpoints.side_load((record,), account) is not None):
        return None
    return mapping.read(record, account), False


async def _is_seen(
    deps: IngestDeps,
    connection: CalledConnection,
    mapping: AnyMapping,
    notice: Notice,
    found: Mapped[Any],
    raw: msgspec.Raw,
    seen: SeenState,
    *,
    is_partial: bool,
) -> bool:
    before, notes = read_state(seen.data)
    if found.remote.id != notice.remote_id or notes.mapping_revision not in (None, mapping.revision):
        return False
    if not is_partial:
        (resource,) = await name_records(deps, connection, [Reading(mapped=found, mapping=mapping, raw=raw)])
        return not changed(before, fields_of(state_of(resource)), mapping.model)
    after = fields_of(state_of(found.data))
    if after.get("updated_at") is None or before.get("updated_at") != after.get("updated_at"):
        return False
    lacking = {loss.path.split("/")[1] for loss in found.loss}
    return notice.changed not in lacking and all(
        name in lacking or name.endswith(RAW) or _value(before.get(name)) == _value(after.get(name))
        for name in changed(before, after, mapping.model)
    )


def _value(value: Any) -> Any:
    """Return a value without the vendor's own spelling, which differs between its API and its webhooks, and without
    what a webhook does not say of the records that it names."""
    if isinstance(value, dict):
        if value.get("remote_id") is not None:
            return value["remote_id"]
        return {name: _value(one) for name, one in value.items() if not name.endswith(RAW)}
    return [_value(one) for one in value] if isinstance(value, list) else value
