"""Find the records of one object in an answer or a webhook of Zendesk."""

from typing import Final

import msgspec
from msgspec import Raw

from canonical.parts import ObjectName
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


def unwrap(payload: bytes, object: ObjectName) -> tuple[Raw, ...]:
    """Return the records of `object` in an answer, a webhook's body or a bare record, each as its own bytes.

    Raises Unmappable for an error body, a queued job, and anything that holds no such record.
    """
    names = NAMES.get(object)
    if names is None:
        raise Unmappable("$", f"Zendesk has no {object}")
    body = decode(payload, dict[str, Raw])
    if "error" in body or "errors" in body:
        raise Unmappable("$.error" if "error" in body else "$.errors", "Zendesk's refusal, not a record")
    if "job_status" in body:
        raise Unmappable("$.job_status", "a queued job: its records are not there yet")
    one, several = names
    if several in body:
        found = decode(body[several], tuple[Raw, ...])
        return tuple(_with_text(raw, object, f"$.{several}[{place}]") for place, raw in enumerate(found))
    if "results" in body:
        return _of_search(decode(body["results"], tuple[Raw, ...]), one)
    if one in body:
        return (_with_text(body[one], object, f"$.{one}"),)
    if object == "comment" and "audit" in body:
        comment = added_comment(payload)
        if comment is None:
            raise Unmappable("$.audit.events", "the audit names no comment")
        return (comment,)
    if body.keys() >= EVENT_MEMBERS and object != "comment":
        return (Raw(payload),)
    if body.keys() >= BARE[object]:
        return (Raw(payload),)
    raise Unmappable("$", f"no {one} in it; its members are {', '.join(sorted(body)[:12]) or 'none'}")


def _with_text(raw: Raw, object: ObjectName, path: str) -> Raw:
    """Return the record. Refuse a comment without text; the other objects have required members."""
    if object == "comment" and BODIES.isdisjoint(decode(raw, dict[str, Raw])):
        raise Unmappable(path, "only the id of a comment, without its text")
    return raw


def _of_search(results: tuple[Raw, ...], name: str) -> tuple[Raw, ...]:
    return tuple(raw for raw in results if _result_type(raw) == name)


def _result_type(result: Raw) -> object:
    return msgspec.json.decode(result, type=dict[str, object]).get("result_type")
