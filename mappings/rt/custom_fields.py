"""Custom fields: a list of text for each, with the administrator's texts for yes and no.

A ticket names all fields of its queue, with or without values. A time is read in UTC and cannot be written: Request
Tracker would read it in the time zone of its user, which the API does not report.
"""

from collections.abc import Iterator
from typing import Final

import msgspec
from msgspec import Raw, UnsetType

from canonical.parts import CustomField, CustomFieldPatch, CustomFieldSetting, CustomFieldValue, Loss
from mappings.kit import json_custom_fields
from mappings.rt.wire_rest2 import FieldValue, FieldValues, Ticket
from mappings.spec import Notes

NOT_SET: Final = frozenset({b"null", b'""', b'"1970-01-01T00:00:00Z"'})
"""The value of a time or a choice that was removed."""
BOOLEAN: Final[dict[bytes, bytes]] = {
    b'"1"': b"true",
    b'"true"': b"true",
    b'"yes"': b"true",
    b'"0"': b"false",
    b'"false"': b"false",
    b'"no"': b"false",
}
WRITTEN: Final = {True: "1", False: "0"}


def fields_of(ticket: Ticket) -> tuple[FieldValues, ...]:
    """Return the custom fields of the ticket's queue."""
    return ticket.custom_fields if isinstance(ticket.custom_fields, tuple) else ()


def read(settings: tuple[CustomFieldSetting, ...], ticket: Ticket, loss: list[Loss]) -> tuple[CustomField, ...]:
    """Return the configured fields with their values, found by name or number."""
    fields = fields_of(ticket)
    stored = {setting.vendor_field: _stored_value(setting, fields) for setting in settings}
    read = json_custom_fields.read("Request Tracker", settings, stored, loss)
    for place, setting in enumerate(settings):
        field = _named(setting.vendor_field, fields)
        if setting.type != "multi_enum" and field is not None and len(field.values) > 1:
            loss.append(
                Loss(path=f"/custom_fields/{place}/value", kind="dropped", detail="only the first value is read")
            )
    return read


def write(
    patch: tuple[CustomFieldPatch, ...] | None | UnsetType,
    settings: tuple[CustomFieldSetting, ...],
    ticket: Ticket | None,
    notes: Notes,
) -> Iterator[tuple[str, FieldValue]]:
    """Yield the fields to set, by number if the ticket names them, else by name. An array is replaced as a whole.

    A field that the queue does not have is refused as invalid: Request Tracker would ignore it.
    """
    fields = () if ticket is None else fields_of(ticket)
    stored = None if ticket is None else {one.vendor_field: _stored_value(one, fields) for one in settings}
    places = {field.key: place for place, field in enumerate(patch if isinstance(patch, tuple) else ())}
    by_field = {setting.vendor_field: setting for setting in settings}
    for vendor_field, value in json_custom_fields.write(patch, settings, stored, notes):
        setting = by_field[vendor_field]
        pointer = f"/custom_fields/{places[setting.key]}/value" if setting.key in places else "/custom_fields"
        field = _named(vendor_field, fields)
        if ticket is not None and field is None:
            notes.invalid(pointer, f"the queue of this ticket has no custom field {vendor_field}")
            continue
        if setting.type == "datetime" and value is not None:
            notes.unsupported(pointer, "Request Tracker ignores the offset of a time: it cannot be written")
            continue
        if ticket is None and value is not None:
            detail = "on a create Request Tracker ignores unknown fields and invalid values: check the answer"
            notes.lose(pointer, "ambiguous", detail)
        yield (vendor_field if field is None else field.id), _as_text(setting, value)


def _named(vendor_field: str, fields: tuple[FieldValues, ...]) -> FieldValues | None:
    return next((one for one in fields if vendor_field in (one.name, one.id)), None)


def _stored_value(setting: CustomFieldSetting, fields: tuple[FieldValues, ...]) -> Raw:
    """Return the value of a field, as JSON of its type."""
    field = _named(setting.vendor_field, fields)
    values = [one for one in (() if field is None else field.values) if bytes(one) not in NOT_SET]
    if setting.type == "multi_enum":
        return Raw(msgspec.json.encode(values))
    if not values:
        return Raw(b"null")
    return Raw(BOOLEAN.get(bytes(values[0]).lower(), bytes(values[0]))) if setting.type == "boolean" else values[0]


def _as_text(setting: CustomFieldSetting, value: CustomFieldValue) -> FieldValue:
    # Empty text removes a time. Null would look for the present value by its text in another zone, and find none.
    if value is None:
        return "" if setting.type == "datetime" else None
    if isinstance(value, bool):
        return WRITTEN[value]
    return value if isinstance(value, str | list) else str(value)
