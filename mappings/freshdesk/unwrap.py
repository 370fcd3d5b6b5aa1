"""Find the records of one object in an answer of Freshdesk: a bare record, a list, or search results."""

from typing import Final

from msgspec import Raw

from canonical.parts import ObjectName
from mappings.spec import Unmappable, decode

# Members that only records of this object have.
MEMBERS: Final[dict[ObjectName, frozenset[str]]] = {
    "customer": frozenset({"id", "name", "active", "mobile"}),
    "ticket": frozenset({"id", "requester_id", "status"}),
    "comment": frozenset({"id", "user_id", "body"}),
}
NAMES: Final[dict[ObjectName, str]] = {"customer": "contact", "ticket": "ticket", "comment": "conversation"}
OF_VERSION_1: Final = ("helpdesk_ticket", "custom_field", "cc_email", "ticket_type")
"""Members of records of API version 1."""


def unwrap(payload: bytes, object: ObjectName) -> tuple[Raw, ...]:
    """Return the records of `object`, each as its own bytes.

    Raises Unmappable for an error body, a rule's webhook, a record of API version 1, and anything else.
    """
    if object not in MEMBERS:
        raise Unmappable("$", f"Freshdesk has no {object}")
    if payload.lstrip()[:1] == b"[":
        return tuple(
            _checked(record, object, f"$[{place}]") for place, record in enumerate(decode(payload, tuple[Raw, ...]))
        )
    body = decode(payload, dict[str, Raw])
    if "results" in body:
        found = decode(body["results"], tuple[Raw, ...])
        return tuple(_checked(record, object, f"$.results[{place}]") for place, record in enumerate(found))
    if object == "comment" and "conversations" in body:
        said = decode(body["conversations"], tuple[Raw, ...])
        return tuple(_checked(one, object, f"$.conversations[{place}]") for place, one in enumerate(said))
    if "errors" in body or body.keys() >= {"code", "message"}:
        raise Unmappable("$.errors" if "errors" in body else "$.code", "Freshdesk's refusal, not a record")
    if "ticket_id" in body and "event" in body:
        raise Unmappable("$.ticket_id", "a rule's webhook has only the id of a ticket: read the ticket by its id")
    return (_checked(Raw(payload), object, "$"),)


def _checked(record: Raw, object: ObjectName, path: str) -> Raw:
    members = decode(record, dict[str, Raw])
    for name in OF_VERSION_1:
        if name in members:
            raise Unmappable(f"{path}.{name}", "a record of API version 1: read it through version 2")
    if members.keys() >= MEMBERS[object]:
        return record
    names = ", ".join(sorted(members)[:12]) or "none"
    raise Unmappable(path, f"not a {NAMES[object]}; its members are {names}")
