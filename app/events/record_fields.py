"""The fields of records that a subscription may name: those to deliver, and those whose changes count."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final

import msgspec
from msgspec import Raw, Struct

from app.events.record_changes import NOT_COMPARED
from app.events.types import RECORD_TYPES
from app.http.nearest_name import did_you_mean
from app.problem_document import FieldError
from canonical.customer import Customer
from canonical.order import Order
from canonical.ticket import Ticket

MODELS: Final[Mapping[str, type[Struct]]] = {"customer": Customer, "order": Order, "ticket": Ticket}


def field_errors(
    types: Sequence[str], fields: tuple[str, ...] | None, changed: tuple[str, ...] | None
) -> Iterator[FieldError]:
    """Return what is wrong with the fields that a subscription to these types names."""
    subjects = dict.fromkeys(name.partition(".")[0] for name in types if name in RECORD_TYPES)
    known = dict.fromkeys(
        field.encode_name for subject in subjects for field in msgspec.structs.fields(MODELS[subject])
    )
    yield from _unknown("fields", fields, known, subjects)
    yield from _unknown("changed", changed, [name for name in known if name not in NOT_COMPARED], subjects)


def _unknown(
    member: str, named: tuple[str, ...] | None, known: Collection[str], subjects: Collection[str]
) -> Iterator[FieldError]:
    for place, name in enumerate(named or ()):
        if not subjects:
            yield FieldError(pointer=f"/{member}", detail="applies to events of customers, orders and tickets only")
            return
        if name not in known:
            what = "is not a field" if member == "fields" else "is not a field whose change makes an event"
            detail = f"{name[:80]!r} {what} of a {' or '.join(subjects)}.{did_you_mean(name, known)}"
            yield FieldError(pointer=f"/{member}/{place}", detail=detail)


ALWAYS: Final = ("id", "meta")


def delivered_body(event_type: str, body: Raw, fields: Sequence[str] | None) -> Raw:
    """Return the document of an Event with these fields of its record and of its old values, besides id and meta; None:
    all.

    Comments, operations and other data are delivered whole.
    """
    if fields is None or event_type not in RECORD_TYPES:
        return body
    document = msgspec.json.decode(body, type=dict[str, Raw])
    narrowed = {"data": _narrow(document["data"], (*ALWAYS, *fields))}
    if "previous" in document:
        narrowed["previous"] = _narrow(document["previous"], fields)
    return Raw(msgspec.json.encode(document | narrowed))


def _narrow(record: Raw, fields: Sequence[str]) -> Raw:
    members = msgspec.json.decode(record, type=dict[str, Raw])
    return Raw(msgspec.json.encode({name: value for name, value in members.items() if name in fields}))
