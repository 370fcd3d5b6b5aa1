"""Match keys: what two records of one person have in common, kept as HMACs.

The key is the primary e-mail address only. The words of the name are kept to see whether two names contradict. Neither
is stored in clear, and without the secret nobody can test an address against the table.
"""

import hmac
import re
import unicodedata
from collections.abc import Iterable
from itertools import combinations, filterfalse
from typing import Final

from msgspec import Struct

from canonical import values
from canonical.customer import Customer

ERASED: Final = ("erasure_requested", "archived")
"""Statuses of a customer of whom nothing is kept."""
WORD_BYTES: Final = 8
LONGEST_NAME: Final = 200
"""Characters of a name that count. Normalising takes the square of the length of a run of accents."""

_WORD: Final = re.compile(r"[^\W_]+")


class MatchFacts(Struct, frozen=True, kw_only=True):
    """A customer as seen at a connection: the primary e-mail address, None if nothing may be kept, and the words of the
    name. `is_staff`: the person works for the business."""

    connection: str
    remote_id: str
    email: str | None
    name: frozenset[str] = frozenset()
    is_staff: bool = False


class MatchKey(Struct, frozen=True, kw_only=True):
    """Match facts as they are kept."""

    digest: bytes
    name: bytes


def match_facts_of(customer: Customer, connection: str, remote_id: str, *, is_staff: bool) -> MatchFacts:
    """Return what a customer can be matched by."""
    email = next((values.email_key(one.address) for one in customer.emails if one.is_primary), None)
    if customer.status in ERASED or not email:
        return MatchFacts(connection=connection, remote_id=remote_id, email=None)
    full = " ".join(part for part in (customer.first_name, customer.last_name) if part)
    name = full or customer.display_name or ""
    return MatchFacts(
        connection=connection,
        remote_id=remote_id,
        email=email,
        name=_words("" if "@" in name else name),
        is_staff=is_staff,
    )


def key_of(secret: bytes, facts: MatchFacts) -> MatchKey:
    """Return the HMACs (SHA-256) of match facts with an address; those of the words are cut to 8 bytes."""
    words = sorted(digest_of(secret, "name", word)[:WORD_BYTES] for word in facts.name)
    return MatchKey(digest=digest_of(secret, "email", facts.email or ""), name=b"".join(words))


def any_contradict(names: Iterable[bytes]) -> bool:
    """Return whether two of the kept names differ. A name with all words of the other does not: Ann, and Ann Lee."""
    return any(not (one <= other or other <= one) for one, other in combinations(map(_split, names), 2))


def _split(name: bytes) -> set[bytes]:
    return {name[start : start + WORD_BYTES] for start in range(0, len(name), WORD_BYTES)}


def _words(name: str) -> frozenset[str]:
    plain = unicodedata.normalize("NFKD", name[:LONGEST_NAME]).casefold()
    return frozenset(_WORD.findall("".join(filterfalse(unicodedata.combining, plain))))


def digest_of(secret: bytes, kind: str, value: str) -> bytes:
    """Return the HMAC (SHA-256) of a value of this kind."""
    return hmac.digest(secret, f"{kind}\0{value}".encode(), "sha256")
