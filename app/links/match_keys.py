"""Match keys: what two records of one person have in common, kept as HMACs.

The key is the primary e-mail address only. The words of the name are kept to see whether two names contradict. Neither
is stored in clear, and without the secret nobody can test an address against the table.
"""

import hmac
import re
import unicodedata
from typing import Final

from msgspec import Struct

from canonical.customer import Customer

ERASED: Final = ("erasure_requested", "archived")
"""Statuses of a customer of whom nothing is kept."""
WORD_BYTES: Final = 8
LONGEST_NAME: Final = 200
"""Characters of a name that count. Normalising takes the square of the length of a run of accents."""

_ROLES: Final = """
abuse accounting accounts admin administrator ap ar billing booking bookings buchhaltung careers commande compta
comptabilite contact contacto customercare customerservice einkauf enquiries enquiry events feedback finance hallo
hello help helpdesk hi hostmaster hr info information inquiries inquiry invoice invoices it jobs kontakt kundendienst
kundenservice legal mail mailbox marketing media news newsletter noreply office orders order post postmaster press
privacy purchasing reception rechnung reservations root sales security service shop staff support team tech
verkauf ventas vertrieb webmaster welcome
"""
ROLES: Final = frozenset(_ROLES.split())
"""The local parts of addresses that stand for an office and not for a person, without dots, hyphens and underscores."""
_WORD: Final = re.compile(r"[^\W_]+")


class Sighting(Struct, frozen=True, kw_only=True):
    """A customer as seen at a connection: the primary e-mail address, None if nothing may be kept, and the words of the
    name. `is_staff`: the person works for the business."""

    connection: str
    remote_id: str
    email: str | None
    name: frozenset[str] = frozenset()
    is_staff: bool = False


class MatchKey(Struct, frozen=True, kw_only=True):
    """A sighting as it is kept."""

    digest: bytes
    name: bytes


def sighting_of(customer: Customer, connection: str, remote_id: str, *, is_staff: bool) -> Sighting:
    """Return what a customer can be matched by."""
    email = next((one.address.strip().lower() for one in customer.emails if one.is_primary), None)
    if customer.status in ERASED or not email:
        return Sighting(connection=connection, remote_id=remote_id, email=None)
    full = " ".join(part for part in (customer.first_name, customer.last_name) if part)
    shown = full or customer.display_name or ""
    return Sighting(
        connection=connection,
        remote_id=remote_id,
        email=email,
        name=_words("" if "@" in shown else shown),
        is_staff=is_staff,
    )


def key_of(secret: bytes, sighting: Sighting) -> MatchKey:
    """Return the HMACs (SHA-256) of a sighting that has an address; those of the words are cut to 8 bytes."""
    words = sorted(_digest(secret, "name", word)[:WORD_BYTES] for word in sighting.name)
    return MatchKey(digest=_digest(secret, "email", sighting.email or ""), name=b"".join(words))


def is_role(email: str) -> bool:
    """Return whether an address stands for an office, such as `info@` or `no-reply+7@`."""
    local = email.rpartition("@")[0].partition("+")[0]
    return re.sub(r"[-._]", "", local) in ROLES


def contradict(one: bytes, other: bytes) -> bool:
    """Return whether two kept names differ. A name that has all words of the other does not: Ann, and Ann Lee."""
    words, others = _split(one), _split(other)
    return not (words <= others or others <= words)


def _split(name: bytes) -> set[bytes]:
    return {name[start : start + WORD_BYTES] for start in range(0, len(name), WORD_BYTES)}


def _words(name: str) -> frozenset[str]:
    plain = unicodedata.normalize("NFKD", name[:LONGEST_NAME]).casefold()
    return frozenset(_WORD.findall("".join(one for one in plain if not unicodedata.combining(one))))


def _digest(secret: bytes, kind: str, value: str) -> bytes:
    return hmac.digest(secret, f"{kind}\0{value}".encode(), "sha256")
