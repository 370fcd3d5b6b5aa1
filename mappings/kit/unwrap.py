"""Find the records in a payload: an answer with one record or a list, a webhook's body, or a single record."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import msgspec
from msgspec import Raw, Struct

from canonical.parts import ObjectName
from mappings.kit.refusals import UNREADABLE
from mappings.spec import Unmappable


class PayloadObject(Struct, frozen=True, kw_only=True):
    """What may be a record: its own bytes, its JSONPath in the payload, and its members."""

    raw: Raw
    path: str
    members: Mapping[str, Raw]

    def refused(self, reason: str, member: str = "") -> Unmappable:
        """Return the error for a candidate, or one of its members, that is not a record."""
        return Unmappable(f"{self.path}.{member}" if member else self.path, reason)

    def other(self, what: str) -> Unmappable:
        """Return the error for another object: it is not `what`, such as "a ticket"."""
        return self.refused(f"not {what}; its members are {', '.join(sorted(self.members)[:12]) or 'none'}")


@dataclass(frozen=True, kw_only=True, eq=False)
class Unwrap:
    """The records of a vendor's objects in a payload: the items of an array, the content of the first of `envelopes`
    that the payload has as a member (one record, or an array of them), or the payload itself.

    `refusals` are the members that together show an error body without an id; the first one is named. `check` raises
    Unmappable for anything else that is no record of the object. `array` is why an array is none, for a vendor that
    sends arrays of something else. `title` is the vendor's name.
    """

    title: str
    envelopes: Mapping[ObjectName, tuple[str, ...]]
    check: Callable[[PayloadObject, ObjectName], None]
    refusals: tuple[tuple[str, ...], ...] = ()
    array: str = ""

    def __call__(self, payload: bytes, object: ObjectName) -> tuple[Raw, ...]:
        """Return the records of one object, each as its own bytes. Raises Unmappable, with path and reason."""
        if object not in self.envelopes:
            raise Unmappable("$", f"{self.title} has no {object}s")
        if self.array and payload.lstrip()[:1] == b"[":
            raise Unmappable("$", self.array)
        records = candidates(Raw(payload), self.envelopes[object], refusals=self.refusals)
        for one in records:
            self.check(one, object)
        return tuple(one.raw for one in records)


def candidates(
    raw: Raw, envelopes: tuple[str, ...] = (), path: str = "$", refusals: tuple[tuple[str, ...], ...] = ()
) -> tuple[PayloadObject, ...]:
    """Return what may be records in a value at `path`. Raises Unmappable for an error body, for HTML, and for anything
    but JSON objects and arrays of them."""
    start = bytes(raw).lstrip()[:1]
    if start == b"<":
        raise Unmappable(path, "HTML or XML, not an answer of the API; not JSON")
    if start == b"[":
        return tuple(candidate(one, f"{path}[{place}]") for place, one in enumerate(_items(raw, path)))
    whole = candidate(raw, path)
    refusal = next((one[0] for one in refusals if "id" not in whole.members and whole.members.keys() >= set(one)), None)
    if refusal is not None:
        raise whole.refused("the vendor's refusal, not a record", refusal)
    name = next((name for name in envelopes if name in whole.members), None)
    return (whole,) if name is None else candidates(whole.members[name], path=f"{path}.{name}")


def candidate(raw: Raw, path: str) -> PayloadObject:
    """Return a JSON object. Raises Unmappable for anything else."""
    try:
        return PayloadObject(raw=raw, path=path, members=msgspec.json.decode(raw, type=dict[str, Raw]))
    except UNREADABLE as error:
        raise Unmappable(path, "not a record or an answer of the API: an object was expected") from error


def _items(raw: Raw, path: str) -> tuple[Raw, ...]:
    try:
        return msgspec.json.decode(raw, type=tuple[Raw, ...])
    except UNREADABLE as error:
        raise Unmappable(path, "not JSON") from error
