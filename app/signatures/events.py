"""Read the events of a verified webhook, from the places that its scheme declares.

The sender's event id is the identity of an event, because a retry may differ in other bytes (HubSpot counts attempts in
the body). Without a readable id, the digest of the bytes is the identity. A verified webhook may still be malformed: a
value that is absent, repeated, too long, unprintable or of another type reads as None.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final
from urllib.parse import quote_from_bytes

import msgspec
from msgspec import Raw

from app.signatures.claim import Headers, values
from mappings.webhooks import BODY, Place, Places, Scheme

LONGEST_WORD: Final = 255
LONGEST_KEY: Final = 255

_MEMBERS: Final = msgspec.json.Decoder(dict[str, Raw])
_SCALAR: Final = msgspec.json.Decoder(int | str)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_UNREADABLE: Final = (msgspec.MsgspecError, ValueError, RecursionError)
"""All that msgspec raises: for JSON that is malformed, of another shape, not UTF-8, or nested too deeply."""

_UNITS: Final = {"seconds": timedelta(seconds=1), "milliseconds": timedelta(milliseconds=1)}


@dataclass(frozen=True, kw_only=True, slots=True)
class ReceivedEvent:
    """One event of a webhook, in the vendor's terms.

    `dedupe_key` (1 to 255 printable ASCII characters) is equal for all copies of this event and unique among the events
    of its connection. `topic` is the vendor's event type. `occurred_at` is in UTC, and only a hint where the scheme
    does not sign it. `payload` is the body, or one element of it, byte for byte. `remote_object` (the vendor's name)
    and `remote_id` identify the record; both or neither are set.
    """

    dedupe_key: str
    topic: str | None
    occurred_at: datetime | None
    payload: bytes = field(repr=False)
    remote_object: str | None = None
    remote_id: str | None = None


def events_of(scheme: Scheme, headers: Headers, body: bytes) -> tuple[ReceivedEvent, ...]:
    """Return the events of a request that `verify` has accepted, in order. Never raises.

    An unreadable body is one event with that body as payload. An empty array has no events.
    """
    several = _elements(body) if scheme.envelope.many else None
    payloads = (body,) if several is None else map(bytes, several)
    return tuple(_event(scheme, headers, payload) for payload in payloads)


def _event(scheme: Scheme, headers: Headers, payload: bytes) -> ReceivedEvent:
    envelope, body = scheme.envelope, _members(payload)
    if envelope.genuine is not None and _text(headers, body, envelope.genuine) is None:
        body = {}
    text = partial(_text, headers, body)
    named = ((text(kind), text(remote_id)) for kind, remote_id in envelope.records)
    kind, remote_id = next((pair for pair in named if all(pair)), (None, None))
    return ReceivedEvent(
        dedupe_key=_dedupe_key(scheme.name, *(_part(headers, body, payload, part) for part in envelope.identity)),
        topic=text(envelope.topic),
        occurred_at=None
        if envelope.time is None
        else _moment(text(envelope.time), _UNITS[envelope.unit], envelope.zone),
        payload=payload,
        remote_object=kind,
        remote_id=remote_id,
    )


def _text(headers: Headers, body: Mapping[str, Raw], place: Place) -> str | None:
    """Return the value of a place as text, None if it has none that counts."""
    if place.text:
        return place.text
    text = _word(_header(headers, place.header.encode())) if place.header else _member(body, place.member)
    match = None if text is None or place.matching is None else place.matching.fullmatch(text)
    return None if match is None else match[match.lastindex or 0]


def _member(body: Mapping[str, Raw], path: tuple[str, ...]) -> str | None:
    for name in path[:-1]:
        body = _members(body.get(name, b""))
    return _scalar(body.get(path[-1], Raw()))


def _part(headers: Headers, body: Mapping[str, Raw], payload: bytes, places: Places) -> bytes | str | None:
    """Return a part of an identity. A header counts even if it is no text that could be read."""
    for place in places:
        value = _digest(payload) if place is BODY else _header(headers, place.header.encode()) if place.header else None
        value = value or (_text(headers, body, place) if place.member else None)
        if value:
            return value
    return None


def _members(body: bytes | Raw) -> Mapping[str, Raw]:
    """Return the members of a JSON object, none if `body` is not an object."""
    try:
        return _MEMBERS.decode(body)
    except _UNREADABLE:
        return {}


def _elements(body: bytes) -> list[Raw] | None:
    """Return the raw elements of a JSON array, or None if `body` is not an array."""
    try:
        return msgspec.json.decode(body, type=list[Raw])
    except _UNREADABLE:
        return None


def _header(headers: Headers, name: bytes) -> bytes | None:
    """Return the value of a header, or None if it is absent, empty or repeated."""
    texts = values(headers, name)
    return texts[0] or None if len(texts) == 1 else None


def _word(token: bytes | None) -> str | None:
    """Return a header's value as text."""
    try:
        return _printable((token or b"").decode())
    except UnicodeDecodeError:
        return None


def _scalar(token: Raw) -> str | None:
    """Return a JSON string or integer as text. Vendors send ids as either."""
    raw = bytes(token)
    if not raw or len(raw) > 6 * LONGEST_WORD + 2:  # every character escaped, and the quotes
        return None
    try:
        value = _SCALAR.decode(raw)
    except _UNREADABLE:
        return None
    return _printable(str(value))


def _printable(text: str) -> str | None:
    return text if 0 < len(text) <= LONGEST_WORD and text.isprintable() else None


def _moment(text: str | None, unit: timedelta, zone: str) -> datetime | None:
    """Parse a whole number of units since 1970, or an ISO 8601 time, into UTC. `zone` is appended for senders that omit
    it. None without a zone."""
    if not text:
        return None
    try:
        if text.isdecimal() and text.isascii():
            return _EPOCH + int(text) * unit
        time = datetime.fromisoformat(text + zone)
        return time.astimezone(UTC) if time.utcoffset() is not None else None
    except (OverflowError, ValueError):
        return None


def _dedupe_key(scheme: str, *parts: bytes | str | None) -> str:
    """Build a key that is unique to these parts in this order. An absent part counts as empty."""
    quoted = [quote_from_bytes(part if isinstance(part, bytes) else (part or "").encode()) for part in parts]
    key = ":".join((scheme, *quoted))
    if len(key) <= LONGEST_KEY:
        return key
    return f"{scheme}#{hashlib.sha256(key.encode()).hexdigest()}"


def _digest(payload: bytes) -> str:
    """Return an identity for an event without an id: equal bytes are the same event."""
    return "sha256." + hashlib.sha256(payload).hexdigest()
