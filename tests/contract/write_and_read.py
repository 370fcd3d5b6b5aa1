"""Send generated bodies to a connection, read the records, and find the differences that no answer announced."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import permutations
from typing import Any, Final, NamedTuple

import httpx
from msgspec import Struct

from canonical.field_kinds import ComparedField, kinds_of
from canonical.parts import ObjectName
from canonical.same_value import same
from tests.contract.callers import Caller, expect
from tests.contract.field_values import fields, values
from tests.contract.portability import decided
from tests.contract.samples import Body, word
from tests.contract.vendor_samples import Sample

ALTERNATIVES: Final = (
    ("display_name", "first_name", "last_name"),
    ("description", "description_html"),
    ("body_text", "body_html"),
)
"""Fields that say the same in other forms: the first, or all others."""
ABSENT: Final[tuple[Any, ...]] = (None, "", [], "unknown")
"""What counts as not sent on a create."""
ANSWERS_ONLY: Final = ("meta", "updated_at", "ticket_id")
RESOLVED: Final = frozenset({"owner", "assignee", "team", "company", "parent", "followers", "orders"})
CUSTOM: Final = "custom_fields"
MARKS: Final = {"is_primary"}
"""One item of a list has it; that one of a list has it of which none was sent with it is no difference."""
MISSING: Final = 100
"""How much a missing item weighs, in different members."""
MOST_PERMUTED: Final = 4
WHOLE: Final = ("line_items", "discounts", "shipping_lines", "emails", "phones", "addresses", "tags", "followers")
"""Lists in which an item that was not sent is a difference."""
MOST_TRIES: Final = 6


class Difference(NamedTuple):
    """A value that reads otherwise than it was sent. `field` is its place without indices; `pointers` are its places
    in the body and in the record."""

    field: str
    pointers: frozenset[str]
    sent: Any
    read: Any


class Finding(NamedTuple):
    """An unannounced difference, with the body that shows it."""

    difference: Difference
    body: Body
    loss: list[Body]

    def __str__(self) -> str:
        one = self.difference
        return (
            f"{one.field}: sent {one.sent!r}, reads {one.read!r} (loss: {[(a['path'], a['kind']) for a in self.loss]})"
        )


def resolved_fields(name: str) -> frozenset[str]:
    """Return the fields of an object whose values Lockstitch resolves, or whose losses it finds in the answer: their
    mapping alone does not show what becomes of them."""
    return RESOLVED | ({"addresses"} if name == "freshdesk customer" else set())


def base_of_changes(sample: Sample) -> Callable[[str], Body]:
    """Return the base of changes: the custom fields of a new record, because a change writes the list whole."""
    return lambda mark: {name: value for name, value in sample.body(mark).items() if name == CUSTOM}


def values_of_field(patch: type[Struct], base: Callable[[str], Body], name: str) -> Iterator[Body]:
    """Yield a body for each value of a field, with what the vendor needs: `base`, for a mark."""
    kind = fields(patch)[name]
    for place in range(len(values(name, kind, ""))):
        mark = word()
        value = values(name, kind, mark)[place]
        own = {key: stored for key, stored in base(mark).items() if key not in _replaced(name)}
        yield own | {name: value}
        if own.get(name) and isinstance(value, list) and isinstance(value[0], dict):
            yield own | {name: own[name] + value if name == CUSTOM else [own[name][0] | one for one in value]}


def whole_bodies(patch: type[Struct], base: Callable[[str], Body]) -> Iterator[Body]:
    """Yield bodies with every field, until each value has had its turn."""
    names = fields(patch)
    for turn in range(max(len(values(name, kind, "")) for name, kind in names.items())):
        mark = word()
        own = base(mark)
        values_of = {name: values(name, kind, f"{mark}{place}") for place, (name, kind) in enumerate(names.items())}
        whole = {name: those[turn % len(those)] for name, those in values_of.items() if those}
        if own.get("line_items"):  # at most vendors a line needs its product
            whole["line_items"] = [own["line_items"][0] | one for one in whole["line_items"]]
        if own.get(CUSTOM):
            whole[CUSTOM] = own[CUSTOM] + whole[CUSTOM]
        left_out = {name for first, *others in ALTERNATIVES for name in (others if turn % 2 else [first])}
        yield {name: value for name, value in (own | whole).items() if name not in left_out}


def _replaced(name: str) -> set[str]:
    """Return the fields that say the same as this one in another form."""
    for first, *others in ALTERNATIVES:
        if name == first:
            return set(others)
        if name in others:
            return {first}
    return set()


class Writer:
    """Creates records of one object at one connection."""

    def __init__(self, caller: Caller, sample: Sample) -> None:
        self._caller, self._sample = caller, sample
        self._path = f"/v1/{sample.object}s?connection={sample.vendor}&loss=any"
        self.compared: ObjectName = sample.object
        self.written = set[str]()

    def findings(self, body: Body) -> Iterator[Finding]:
        """Create it, without the fields that are refused. Yield what reads otherwise and was not announced."""
        made = self._made(body)
        if made is None:
            return
        sent, answer = made
        read, meta, announced_paths = self._read(answer), answer["meta"], announced(answer)
        for one in differences(sent, read, kinds_of(self.compared)):
            if not any(covers(path, pointer) for path in announced_paths for pointer in one.pointers):
                yield Finding(one, sent, meta["loss"])
        for name, value in answer.items():
            if name not in ANSWERS_ONLY and read.get(name) != value:
                yield Finding(
                    Difference(f"{name} in the answer", frozenset(), value, read.get(name)), sent, meta["loss"]
                )
        if (again := self._again(sent)) is not None:
            yield Finding(Difference("sent again", frozenset(), None, again), sent, meta["loss"])

    def _made(self, body: Body) -> tuple[Body, Body] | None:
        """Return what was sent in the end, and the answer; None if nothing is left that is accepted."""
        for _ in range(MOST_TRIES):
            answer = decided(self._caller, self._create(body))
            if answer.status_code in (200, 201):
                self.written |= body.keys()
                return body, answer.json()
            assert answer.status_code in (409, 422), answer.text
            refused = {one["pointer"].split("/")[1] for one in answer.json().get("errors", ()) if "pointer" in one}
            if not refused & body.keys():
                return None
            body = {name: value for name, value in body.items() if name not in refused}
        return None

    def _create(self, body: Body) -> httpx.Response:
        return self._caller.write("POST", self._path, body)

    def _again(self, body: Body) -> Body | None:
        """Return what the vendor would be sent if the same change came again. A create may come again."""
        return None

    def _read(self, made: Body) -> Body:
        path = f"/v1/{self._sample.object}s/{made['id']}?connection={self._sample.vendor}&include=references"
        return expect(self._caller.get(path)).json()


class Changer(Writer):
    """Changes records of one object at one connection to what is sent: one record to the values of one field in turn,
    and a new one wherever that is refused, and to each body with several fields."""

    _changed: frozenset[str] = frozenset()

    def _made(self, body: Body) -> tuple[Body, Body] | None:
        if self._changed == body.keys():
            answer = decided(self._caller, self._create(body))
            if answer.is_success:
                self.written |= body.keys()
                return body, answer.json()
        made = self._caller.create(self._sample.collection(), self._sample.body(word()))
        self._path = f"/v1/{self._sample.object}s/{made['id']}?connection={self._sample.vendor}&loss=any"
        self._changed = frozenset(body) if len(body) == 1 else frozenset()
        return super()._made(body)  # a change that is refused leaves the record as it was

    def _create(self, body: Body) -> httpx.Response:
        return self._caller.write("PATCH", self._path, body)

    def _again(self, body: Body) -> Body | None:
        return drafted(self._caller, "PATCH", self._path, body)


class Upserter(Writer):
    """Creates records of one object at one connection by upserts that match on a key."""

    def __init__(self, caller: Caller, sample: Sample, key: str) -> None:
        super().__init__(caller, sample)
        self._path += f"&upsert_on={key}"

    def _again(self, body: Body) -> Body | None:
        return drafted(self._caller, "POST", self._path, body)


class Commenter(Writer):
    """Adds comments to a ticket at one connection."""

    def __init__(self, caller: Caller, sample: Sample) -> None:
        super().__init__(caller, sample)
        self.compared = "comment"
        made = caller.create(sample.collection(), sample.body(word()))
        self._path = f"/v1/tickets/{made['id']}/comments"

    def _create(self, body: Body) -> httpx.Response:
        return self._caller.write("POST", f"{self._path}?loss=any", body)

    def _read(self, made: Body) -> Body:
        listed = self._caller.get(f"{self._path}?limit=100").json()["data"]
        return next(one for one in listed if one["remote_id"] == made["remote_id"])


def drafted(caller: Caller, method: str, path: str, body: Body) -> Body | None:
    """Return the request that a write would send to the vendor, or its problem; None if it changes nothing."""
    answer: Body = caller.request(method, f"{path}&dry_run=true", json=body).json()
    return answer.get("request", answer)


def announced(answer: Body) -> set[str]:
    """Return the pointers that the answer to a write names: what was lost, ignored or skipped."""
    meta = answer["meta"]
    paths = {one[key] for one in meta["loss"] for key in ("path", "place") if one.get(key)}
    return paths | {*meta["ignored"], *(one["pointer"] for one in meta["skipped"])}


def covers(path: str, pointer: str) -> bool:
    """Return whether an announcement at `path` concerns the value at `pointer`."""
    return pointer == path or pointer.startswith(f"{path}/") or path == "/"


def differences(sent: Body, read: Body, kinds: Mapping[str, ComparedField]) -> Iterator[Difference]:
    """Yield what reads otherwise than it was sent, by the comparison that writes use (`canonical.same_value`)."""
    for name, value in sent.items():
        yield from _compare(name, value, read.get(name), {f"/{name}"}, kinds[name])


def _compare(name: str, sent: Any, read: Any, places: set[str], field: ComparedField) -> Iterator[Difference]:
    if sent in ABSENT:
        return
    if field.item is not None and isinstance(sent, list) and isinstance(read, list):
        # The items in the order that differs least.
        orders = (_in_order(name, sent, those, places, field.item) for those in _orders(sent, read))
        yield from _least(orders)
    elif field.members and (read is None or isinstance(read, dict)):
        for member, of_member in field.members.items():
            inner = {f"{place}/{member}" for place in places}
            read_member = _member(member, sent, read or {})
            yield from _compare(f"{name}.{member}", sent.get(member), read_member, inner, of_member)
    elif not same(read, sent, field):
        yield Difference(name, frozenset(places), sent, read)


def _member(name: str, sent: Body, read: Body) -> Any:
    """Return what the record says of a member. A telephone number is one value in two forms."""
    is_same_number = name == "raw" and sent.get("e164") is not None and read.get("e164") == sent["e164"]
    return sent.get("raw") if is_same_number else read.get(name)


def _orders(sent: list[Any], read: list[Any]) -> Iterator[list[tuple[int, Any]]]:
    """Yield the items that were read, with their places, in every order, and with gaps if there are too few."""
    gaps = [(-1, None)] * (len(sent) - len(read))
    places = list(enumerate(read))
    for order in permutations([*places[:MOST_PERMUTED], *gaps]):
        yield [*order, *places[MOST_PERMUTED:]]


def _in_order(
    name: str, sent: list[Any], read: list[tuple[int, Any]], places: set[str], field: ComparedField
) -> list[Difference]:
    differing: list[Difference] = []
    claimed = {mark for mark in MARKS for one in sent if isinstance(one, dict) and one.get(mark)}
    for index, (item, (place, other)) in enumerate(zip(sent, read, strict=False)):
        at = {f"{start}/{number}" for start in places for number in (index, place)}
        if other is None:
            differing.append(Difference(name, frozenset(at), item, None))
        else:
            kept = {k: v for k, v in item.items() if v or k not in MARKS - claimed} if isinstance(item, dict) else item
            differing += _compare(name, kept, other, at, field)
    for place, other in read[len(sent) :]:
        if name in WHOLE:
            differing.append(Difference(name, frozenset(f"{start}/{place}" for start in places), None, other))
    return differing


def _least(orders: Iterable[list[Difference]]) -> list[Difference]:
    """Return the differences of the order that differs least. One without any needs no look at the others."""
    least: list[Difference] | None = None
    for one in orders:
        if not one:
            return one
        if least is None or _weight(one) < _weight(least):
            least = one
    return least or []


def _weight(differing: list[Difference]) -> int:
    return sum(MISSING if one.read is None and isinstance(one.sent, dict) else 1 for one in differing)
