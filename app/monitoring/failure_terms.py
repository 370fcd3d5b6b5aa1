"""What people know of a failed write or dead letter: the e-mail addresses and order numbers in its payload.

They are kept as HMACs, of failures only. Who has the address finds the failure; who has the database does not find the
address.
"""

import re
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from app.links.match_keys import digest_of
from canonical import values

MOST: Final = 50
"""Terms that are kept of one payload."""
LONGEST: Final = 64
_NUMBERED: Final = re.compile(
    r"number$|^(order)?name$|^(hs)?(external)?orderid$|^hsordername$|^displayid$|^(order)?reference$"
)
"""Members of the canonical model and of vendors that hold the number of an order, in lower-case letters."""


def digests_of(secret: bytes, *contents: bytes) -> list[bytes]:
    """Return the HMACs of the terms in JSON texts; none of a text that is no JSON."""
    digests: dict[bytes, None] = {}
    for content in contents:
        try:
            document = msgspec.json.decode(content) if content else None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            continue
        for name, value in _leaves(document):
            if digest := _digest(secret, name, value):
                digests[digest] = None
            if len(digests) >= MOST:
                return list(digests)
    return list(digests)


def digest_of_query(secret: bytes, text: str) -> bytes:
    """Return the HMAC of what a person typed: an e-mail address, or else the number of an order."""
    if values.is_email(text):
        return digest_of(secret, "email", values.email_key(text))
    return _number_digest(secret, text)


def _leaves(document: Any) -> Iterator[tuple[str, str]]:
    """Yield every text and number with the name of its member."""
    rest: list[tuple[str, Any]] = [("", document)]
    while rest:
        name, value = rest.pop()
        if isinstance(value, dict):
            rest += value.items()
        elif isinstance(value, list):
            rest += ((name, one) for one in value)
        elif isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool)):
            yield name, str(value)


def _digest(secret: bytes, name: str, value: str) -> bytes | None:
    if "@" in value:
        return digest_of(secret, "email", values.email_key(value)) if values.is_email(value) else None
    if len(value) > LONGEST or not any(one.isdigit() for one in value) or " " in value:
        return None
    return _number_digest(secret, value) if _NUMBERED.search(re.sub(r"[^a-z]", "", name.lower())) else None


def _number_digest(secret: bytes, number: str) -> bytes:
    return digest_of(secret, "number", number.strip().lstrip("#").casefold())
