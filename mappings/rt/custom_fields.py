"""Request Tracker keeps every value of a custom field as text, in a list, and a yes or no as text that somebody chose.

Which fields a queue has stands in its tickets, with or without values. A time is read in UTC, and cannot be written:
Request Tracker would read it in the time zone of its user, which nobody tells us.
"""

from collections.abc import Iterator
from typing import Final

import msgspec
from msgspec import Raw

from canonical.parts import CustomField, CustomFieldPatch, CustomFieldSetting, CustomFieldValue, Loss
from mappings.kit import json_custom_fields
from mappings.rt.wire_rest2 import FieldValue, FieldValues, Ticket
from mappings.spec import Notes

NOT_SET: Final = frozenset({b"null", b'""', b'"1970-01-01T00:00:00Z"'})
"""What a time or a choice that was taken away leaves behind."""
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
    """The custom fields that the ticket's queue has."""
    return ticket.custom_fields if isinstance(ticket.custom_fields, tuple) else ()


def read(settings: tuple[CustomFieldSetting, ...], ticket: Ticket, loss: list[Loss]) -> tuple[CustomField, ...]:
    """The configured fields with what the ticket holds for them, by the name of the field or its number."""
    fields = fields_of(ticket)
    held = {setting.vendor_field: _held(setting, fields) for setting in settings}
    read = json_custom_fields.read("Request Tracker", settings, held, loss)
    for place, setting in enumerate(settings):
        field = _named(setting.vendor_field, fields)
        if setting.type != "multi_enum" and field is not None and len(field.values) > 1:
            loss.append(
                Loss(path=f"/custom_fields/{place}/value", kind="dropped", detail="further values are left out")
            )
    return read


def write(
    patch: tuple[CustomFieldPatch, ...] | None,
    settings: tuple[CustomFieldSetting, ...],
    ticket: Ticket | None,
    notes: Notes,
) -> Iterator[tuple[str, FieldValue]]:
    """The fields to set, by number where the ticket names them and else by name; an array is replaced whole. A field
    that the ticket's queue does not have is noted as invalid: Request Tracker would pass over it without a word."""
    fields = () if ticket is None else fields_of(ticket)
    held = None if ticket is None else {one.vendor_field: _held(one, fields) for one in settings}
    places = {field.key: place for place, field in enumerate(patch or ())}
    by_field = {setting.vendor_field: setting for setting in settings}
    for vendor_field, value in json_custom_fields.write(patch, settings, held, notes):
        setting = by_field[vendor_field]
        pointer = f"/custom_fields/{places[setting.key]}/value" if setting.key in places else "/custom_fields"
        field = _named(vendor_field, fields)
        if ticket is not None and field is None:
            notes.invalid(pointer, f"the queue of this ticket has no custom field {vendor_field}")
            continue
        if setting.type == "datetime" and value is not None:
            notes.unsupported(
                pointer, "Request Tracker reads a time in the zone of its user and takes no notice of the one beside it"
            )
            continue
        if ticket is None and value is not None:
            detail = (
                "a field that the queue does not have, or a value that it does not take, is passed over on a create"
            )
            notes.lose(pointer, "ambiguous", detail)
        yield (vendor_field if field is None else field.id), _as_text(setting, value)


def _named(vendor_field: str, fields: tuple[FieldValues, ...]) -> FieldValues | None:
    return next((one for one in fields if vendor_field in (one.name, one.id)), None)


def _held(setting: CustomFieldSetting, fields: tuple[FieldValues, ...]) -> Raw:
    """What a ticket holds for a field, as JSON of its type."""
    field = _named(setting.vendor_field, fields)
    values = [one for one in (() if field is None else field.values) if bytes(one) not in NOT_SET]
    if setting.type == "multi_enum":
        return Raw(msgspec.json.encode(values))
    if not values:
        return Raw(b"null")
    return Raw(BOOLEAN.get(bytes(values[0]).lower(), bytes(values[0]))) if setting.type == "boolean" else values[0]


def _as_text(setting: CustomFieldSetting, value: CustomFieldValue) -> FieldValue:
    # A time that is not set is said so; null would look for it by its text in another zone, and find none.
    if value is None:
        return "" if setting.type == "datetime" else None
    if isinstance(value, bool):
        return WRITTEN[value]
    return value if isinstance(value, str | list) else str(value)
