"""Find the records of one object in an answer or a webhook of Zendesk."""

from typing import Final

from msgspec import Raw, Struct

from canonical.parts import ObjectName
from mappings.kit.refusals import read
from mappings.kit.unwrap import PayloadObject, Unwrap
from mappings.spec import Unmappable, decode
from mappings.zendesk.endpoints_comment import added_comment
from mappings.zendesk.wire_webhook import MEMBERS as EVENT_MEMBERS

# The members that hold one record and several.
NAMES: Final[dict[ObjectName, tuple[str, str]]] = {
    "customer": ("user", "users"),
    "ticket": ("ticket", "tickets"),
    "comment": ("comment", "comments"),
}
# Members that only bare records of this object have.
BARE: Final[dict[ObjectName, frozenset[str]]] = {
    "customer": frozenset({"id", "role", "active"}),
    "ticket": frozenset({"id", "requester_id", "status"}),
    "comment": frozenset({"id", "author_id", "body"}),
}
BODIES: Final = frozenset({"body", "html_body", "plain_body"})


class _Body(Struct, frozen=True, kw_only=True):
    """A search, which lists several objects, or the answer to a write of a ticket."""

    results: tuple[Raw, ...] | None = None
    audit: dict[str, Raw] | None = None


class _Result(Struct, frozen=True, kw_only=True):
    result_type: str | None = None


def check(one: PayloadObject, object: ObjectName) -> None:
    """Raise Unmappable for a queued job, a comment without text, and anything else that is not a record."""
    members, (name, _) = one.members, NAMES[object]
    if "job_status" in members:
        raise one.refused("a queued job: its records are not there yet", "job_status")
    is_event = object != "comment" and members.keys() >= EVENT_MEMBERS
    if one.path == "$" and not is_event and not members.keys() >= BARE[object]:
        raise one.refused(f"no {name} in it; its members are {', '.join(sorted(members)[:12]) or 'none'}")
    if object == "comment" and BODIES.isdisjoint(members):
        raise one.refused("only the id of a comment, without its text")


_RECORDS: Final = Unwrap(
    title="Zendesk",
    envelopes={object: (several, one) for object, (one, several) in NAMES.items()},
    check=check,
    refusals=(("error",), ("errors",)),
    array="Expected an object: Zendesk's answers are never arrays",
)


def unwrap(payload: bytes, object: ObjectName) -> tuple[Raw, ...]:
    """Return the records of `object` in an answer, a webhook's body or a bare record, each as its own bytes.

    Raises Unmappable for an error body, a queued job, and anything that holds no such record.
    """
    body = read(payload, _Body) or _Body()
    if body.results is not None and object in NAMES:
        return tuple(raw for raw in body.results if decode(raw, _Result).result_type == NAMES[object][0])
    if object == "comment" and body.audit is not None:
        comment = added_comment(payload)
        if comment is None:
            raise Unmappable("$.audit.events", "the audit names no comment")
        return (comment,)
    return _RECORDS(payload, object)
