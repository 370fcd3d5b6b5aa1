"""Find the records of one object in an answer of Freshdesk: a bare record, a list, or search results."""

from typing import Final

from canonical.parts import ObjectName
from mappings.kit.unwrap import PayloadObject, Unwrap

# Members that only records of this object have.
MEMBERS: Final[dict[ObjectName, frozenset[str]]] = {
    "customer": frozenset({"id", "name", "active", "mobile"}),
    "ticket": frozenset({"id", "requester_id", "status"}),
    "comment": frozenset({"id", "user_id", "body"}),
}
NAMES: Final[dict[ObjectName, str]] = {"customer": "a contact", "ticket": "a ticket", "comment": "a conversation"}
OF_VERSION_1: Final = ("helpdesk_ticket", "custom_field", "cc_email", "ticket_type")
"""Members of records of API version 1."""


def check(one: PayloadObject, object: ObjectName) -> None:
    """Raise Unmappable for a rule's webhook, a record of API version 1, and anything else."""
    if "ticket_id" in one.members and "event" in one.members:
        raise one.refused("a rule's webhook has only the id of a ticket: read the ticket by its id", "ticket_id")
    for name in OF_VERSION_1:
        if name in one.members:
            raise one.refused("a record of API version 1: read it through version 2", name)
    if not one.members.keys() >= MEMBERS[object]:
        raise one.other(NAMES[object])


unwrap: Final = Unwrap(
    title="Freshdesk",
    envelopes={"customer": ("results",), "ticket": ("results",), "comment": ("conversations",)},
    check=check,
    refusals=(("errors",), ("code", "message")),
)
