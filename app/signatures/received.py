"""Reading identities, words and times out of a verified webhook without trusting it to be well made.

A signature proves the sender, not the sender's care. Whatever is absent, repeated, too long, unprintable or of another
type reads as None; nothing in this file raises.
"""

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar
from urllib.parse import quote_from_bytes

import msgspec
from msgspec import Raw, Struct

from app.signatures.request import Headers, Scheme, values

T = TypeVar("T", bound=Struct)

LONGEST_WORD: Final = 255
LONGEST_KEY: Final = 255

_SCALAR: Final = msgspec.json.Decoder(int | str)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_UNREADABLE: Final = (msgspec.MsgspecError, ValueError, RecursionError)
"""All that msgspec raises: for JSON that is broken, of another shape, not UTF-8, or nested without end."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ReceivedEvent:
    """One thing that happened, as the vendor tells it.

    `dedupe_key` is the same for every copy of this event and differs for any other event of its connection: 1 to 255
    printable ASCII characters. `topic` is the vendor's word for the kind of event. `occurred_at` is in UTC; where the
    scheme does not sign it, it is a hint. `payload` is the body, or one element of it, byte for byte.
    `remote_object` (the vendor's word) and `remote_id` name the record that it is about, both or neither.
    """

    dedupe_key: str
    topic: str | None
    occurred_at: datetime | None
    payload: bytes = field(repr=False)
    remote_object: str | None = None
    remote_id: str | None = None


def members(body: bytes | Raw, into: type[T]) -> T:
    """The members of a JSON object that a Struct of Raw fields names, all of them empty where it is no object."""
    try:
        return msgspec.json.decode(body, type=into)
    except _UNREADABLE:
        return into()


def elements(body: bytes) -> list[Raw] | None:
    """The elements of a JSON array as they stand there, or None where it is none."""
    try:
        return msgspec.json.decode(body, type=list[Raw])
    except _UNREADABLE:
        return None


def header(headers: Headers, name: bytes) -> bytes | None:
    """The one value under a name; None where it is absent, empty or stands there twice."""
    found = values(headers, name)
    return found[0] or None if len(found) == 1 else None


def word(token: bytes | None) -> str | None:
    """A header's value as text."""
    try:
        return _printable((token or b"").decode())
    except UnicodeDecodeError:
        return None


def scalar(token: Raw) -> str | None:
    """A JSON string or integer as text; ids come as either."""
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


def record(kind: str | None, remote_id: str | None) -> tuple[str | None, str | None]:
    """`remote_object` and `remote_id` of a ReceivedEvent: both or neither."""
    return (kind, remote_id) if kind and remote_id else (None, None)


def epoch(token: Raw, unit: timedelta) -> datetime | None:
    """A whole number of units since 1970 as a time."""
    text = scalar(token)
    if text is None or not text.isdecimal() or not text.isascii():
        return None
    try:
        return _EPOCH + int(text) * unit
    except (OverflowError, ValueError):
        return None


def moment(text: str | None, *, zone: str = "") -> datetime | None:
    """An ISO 8601 time as a time in UTC; `zone` is appended for senders that leave it out. None without a zone."""
    if not text:
        return None
    try:
        time = datetime.fromisoformat(text + zone)
        return time.astimezone(UTC) if time.utcoffset() is not None else None
    except (OverflowError, ValueError):
        return None


def dedupe_key(scheme: Scheme, *parts: bytes | str | None) -> str:
    """One key of the parts in their order, which no other parts make. An absent part is an empty one."""
    quoted = [quote_from_bytes(part if isinstance(part, bytes) else (part or "").encode()) for part in parts]
    key = ":".join((scheme, *quoted))
    if len(key) <= LONGEST_KEY:
        return key
    return f"{scheme}#{hashlib.sha256(key.encode()).hexdigest()}"


def digest(payload: bytes) -> str:
    """What stands in for an identity where the sender gives none: equal bytes are the same event."""
    return "sha256." + hashlib.sha256(payload).hexdigest()
