"""Find the records of one object in an answer of Request Tracker: a bare record, a search or a history."""

from typing import Final

from msgspec import Raw

from canonical.parts import ObjectName
from mappings.spec import Unmappable, decode

# Members that only records of this object have.
MEMBERS: Final[dict[ObjectName, frozenset[str]]] = {
    "ticket": frozenset({"id", "Status", "LastUpdated"}),
    "comment": frozenset({"id", "Type", "Creator", "Created"}),
}
NAMES: Final[dict[ObjectName, str]] = {"ticket": "a ticket", "comment": "an entry of a history"}
MESSAGES: Final = frozenset({b'"Correspond"', b'"Comment"'})


def unwrap(payload: bytes, object: ObjectName) -> tuple[Raw, ...]:
    """Return the records of `object`, each as its own bytes. Of a history, these are the messages.

    Raises Unmappable for an error body, the sentences that answer a change, a list without the fields, and anything
    else.
    """
    if object not in MEMBERS:
        raise Unmappable("$", f"Request Tracker has no {object}")
    if payload.lstrip()[:1] == b"[":
        raise Unmappable("$", "Request Tracker's answer to a change, not a record")
    body = decode(payload, dict[str, Raw])
    if "items" in body:
        found = decode(body["items"], tuple[Raw, ...])
        kept = (_checked(one, object, f"$.items[{place}]") for place, one in enumerate(found))
        return tuple(one for one in kept if object != "comment" or _is_message(one))
    if "message" in body and "id" not in body:
        raise Unmappable("$.message", "Request Tracker's refusal, not a record")
    record = _checked(Raw(payload), object, "$")
    if object == "comment" and not _is_message(record):
        raise Unmappable("$.Type", "an entry of the history that is not a message")
    return (record,)


def _is_message(record: Raw) -> bool:
    return bytes(decode(record, dict[str, Raw])["Type"]) in MESSAGES


def _checked(record: Raw, object: ObjectName, path: str) -> Raw:
    members = decode(record, dict[str, Raw])
    if members.keys() >= MEMBERS[object]:
        return record
    if members.keys() <= {"id", "type", "_url"}:
        raise Unmappable(path, "a search without `fields` names records but does not contain them")
    names = ", ".join(sorted(members)[:12]) or "none"
    raise Unmappable(path, f"not {NAMES[object]}; its members are {names}")
