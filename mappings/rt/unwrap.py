"""Find the records of one object in an answer of Request Tracker: a bare record, a search or a history."""

from collections.abc import Mapping
from typing import Final

from msgspec import Raw

from canonical.parts import ObjectName
from mappings.kit.unwrap import PayloadObject, Unwrap
from mappings.spec import decode

# Members that only records of this object have.
MEMBERS: Final[dict[ObjectName, frozenset[str]]] = {
    "ticket": frozenset({"id", "Status", "LastUpdated"}),
    "comment": frozenset({"id", "Type", "Creator", "Created"}),
}
NAMES: Final[dict[ObjectName, str]] = {"ticket": "a ticket", "comment": "an entry of a history"}
MESSAGES: Final = frozenset({b'"Correspond"', b'"Comment"'})


def check(one: PayloadObject, object: ObjectName) -> None:
    """Raise Unmappable for a list without the fields, an entry that is not a message, and anything else."""
    if not one.members.keys() >= MEMBERS[object]:
        if one.members.keys() <= {"id", "type", "_url"}:
            raise one.refused("a search without `fields` names records but does not contain them")
        raise one.other(NAMES[object])
    if object == "comment" and one.path == "$" and not _is_message(one.members):
        raise one.refused("an entry of the history that is not a message", "Type")


_RECORDS: Final = Unwrap(
    title="Request Tracker",
    envelopes={"ticket": ("items",), "comment": ("items",)},
    check=check,
    refusals=(("message",),),
    array="Request Tracker's answer to a change, not a record",
)


def unwrap(payload: bytes, object: ObjectName) -> tuple[Raw, ...]:
    """Return the records of one object, each as its own bytes: of a history, the messages. Raises Unmappable."""
    records = _RECORDS(payload, object)
    return records if object == "ticket" else tuple(one for one in records if _is_message(decode(one, dict[str, Raw])))


def _is_message(members: Mapping[str, Raw]) -> bool:
    return bytes(members["Type"]) in MESSAGES
