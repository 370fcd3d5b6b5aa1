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
from app.events.record_changes import Fields, changed, fields_of, read_state, state_of
from app.records.map_record import Reading
from app.records.resolve import AnyMapping
from app.records.resources import name_records
from app.vendors.models import CalledConnection
from app.webhooks.deps import IngestDeps
from app.webhooks.models import ReportedRecord
from mappings.http import VendorReply
from mappings.manifest import Vendor
from mappings.spec import Mapped, Unmappable, decode
from mappings.webhooks import Notice

OK: Final = 200
RAW: Final = "_raw"


async def says_nothing_new(deps: IngestDeps, record: ReportedRecord, last_state: SeenState | None) -> bool:
    """Return whether the record in a webhook is the last-seen one. False if the webhook does not hold it, or only a
    read shows all of it."""
    vendor, notice, mapping = record.connection.vendor, record.notice, record.mapping
    if notice.happened != "updated" or last_state is None or last_state.deleted or not isinstance(vendor, Vendor):
        return False
    called = CalledConnection(name=record.connection.name, vendor=vendor)
    with suppress(Unmappable, VendorProblem):
        # Only known account facts are used: to fetch them would cost more than the read.
        account = await deps.vendors.account(called, deadline=time.monotonic(), object_name=notice.object)
        raws = vendor.unwrap(record.payload, notice.object)
        mapped = _mapped(mapping, raws[0], account) if len(raws) == 1 else None
        if mapped is None or mapped[0].remote.id != notice.remote_id:
            return False
        reading, is_partial = Reading(mapped=mapped[0], mapping=mapping, raw=raws[0]), mapped[1]
        before, notes = read_state(last_state.data)
        if notes.mapping_revision not in (None, mapping.revision):
            return False
        if is_partial:
            return _is_partly_equal(reading, before, notice)
        (resource,) = await name_records(deps, called, [reading])
        return not changed(before, fields_of(state_of(resource)), mapping.model)
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


def _is_partly_equal(reading: Reading, before: Fields, notice: Notice) -> bool:
    """Return whether a webhook that lacks fields shows the last-seen record."""
    after = fields_of(state_of(reading.mapped.data))
    if after.get("updated_at") is None or before.get("updated_at") != after.get("updated_at"):
        return False
    lacking = {loss.path.split("/")[1] for loss in reading.mapped.loss}
    return notice.changed not in lacking and all(
        name in lacking or name.endswith(RAW) or _value(before.get(name)) == _value(after.get(name))
        for name in changed(before, after, reading.mapping.model)
    )


def _value(value: Any) -> Any:
    """Return a value without the vendor's own spelling, which differs between its API and its webhooks, and without
    what a webhook does not say of the records that it names."""
    if isinstance(value, dict):
        if value.get("remote_id") is not None:
            return value["remote_id"]
        return {name: _value(one) for name, one in value.items() if not name.endswith(RAW)}
    return [_value(one) for one in value] if isinstance(value, list) else value
