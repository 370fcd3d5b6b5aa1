"""The body of a delivery: the Event, with only those fields of a record that the subscription names."""

from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec import Raw

from app.events.types import RECORD_TYPES

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
