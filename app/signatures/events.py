"""Read the events of a verified webhook, from the places that its scheme declares.

The sender's event id is the identity of an event, because a retry may differ in other bytes (HubSpot counts attempts in
the body). Without a readable id, the digest of the bytes is the identity.
"""

from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from typing import Final

from msgspec import Raw

from app.signatures.received import (
    ReceivedEvent,
    dedupe_key,
    digest,
    elements,
    header,
    members,
    moment,
    scalar,
    word,
)
from app.signatures.request import Headers
from mappings.webhooks import BODY, Place, Places, Scheme

_UNITS: Final = {"seconds": timedelta(seconds=1), "milliseconds": timedelta(milliseconds=1)}


def events_of(scheme: Scheme, headers: Headers, body: bytes) -> tuple[ReceivedEvent, ...]:
    """Return the events of a request that `verify` has accepted, in order. Never raises.

    An unreadable body is one event with that body as payload. An empty array has no events.
    """
    several = elements(body) if scheme.envelope.many else None
    payloads = (body,) if several is None else map(bytes, several)
    return tuple(_event(scheme, headers, payload) for payload in payloads)


def _event(scheme: Scheme, headers: Headers, payload: bytes) -> ReceivedEvent:
    envelope, body = scheme.envelope, members(payload)
    if envelope.genuine is not None and _text(headers, body, envelope.genuine) is None:
        body = {}
    text = partial(_text, headers, body)
    named = ((text(kind), text(remote_id)) for kind, remote_id in envelope.records)
    kind, remote_id = next((pair for pair in named if all(pair)), (None, None))
    return ReceivedEvent(
        dedupe_key=dedupe_key(scheme.name, *(_part(headers, body, payload, part) for part in envelope.identity)),
        topic=text(envelope.topic),
        occurred_at=None
        if envelope.time is None
        else moment(text(envelope.time), _UNITS[envelope.unit], envelope.zone),
        payload=payload,
        remote_object=kind,
        remote_id=remote_id,
    )


def _text(headers: Headers, body: Mapping[str, Raw], place: Place) -> str | None:
    """Return the value of a place as text, None if it has none that counts."""
    if place.text:
        return place.text
    text = word(header(headers, place.header.encode())) if place.header else _member(body, place.member)
    match = None if text is None or place.matching is None else place.matching.fullmatch(text)
    return None if match is None else match[match.lastindex or 0]


def _member(body: Mapping[str, Raw], path: tuple[str, ...]) -> str | None:
    for name in path[:-1]:
        body = members(body.get(name, b""))
    return scalar(body.get(path[-1], Raw()))


def _part(headers: Headers, body: Mapping[str, Raw], payload: bytes, places: Places) -> bytes | str | None:
    """Return a part of an identity. A header counts even if it is no text that could be read."""
    for place in places:
        value = digest(payload) if place is BODY else header(headers, place.header.encode()) if place.header else None
        value = value or (_text(headers, body, place) if place.member else None)
        if value:
            return value
    return None
