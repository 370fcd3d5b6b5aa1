"""`/crm/v3/objects/{type}`: create, read, update, archive, list."""

from typing import Any
from urllib.parse import urlencode

from emulators.http import Answer, Call, json_answer
from emulators.hubspot.associations import associated, joined, wanted_bonds
from emulators.hubspot.bodies import body_of, whole
from emulators.hubspot.changes import Draft, drafted, redrafted
from emulators.hubspot.errors import Refusal, no_such_record, nothing_to_update
from emulators.hubspot.kinds import Kind, kind_of
from emulators.hubspot.records import Record, envelope, keep, merged, must_get, rendered, rendered_names, rendered_whole
from emulators.hubspot.values import instant_at
from emulators.state import State

LONGEST_PAGE = 100
DEFAULT_PAGE = 10


def create(kind: Kind, call: Call, state: State, now: float) -> Answer:
    """201 with all properties that have a value. The `associations` in the body are created in the same step."""
    data = body_of(call)
    bonds = wanted_bonds(kind, data.get("associations"), state)
    draft = drafted(kind, data.get("properties"), state, now)
    keep(kind, draft.record, state, now)
    for bond, target in bonds:
        joined(bond, draft.record["id"], target, state)
    return json_answer(201, rendered_whole(kind, draft.record))


def read(kind: Kind, id: str, call: Call, state: State) -> Answer:
    """200 with the requested properties, or with the few default ones."""
    record = must_get(kind, id, state, id_property=call.param("idProperty"), archived=wants_archived(call))
    view = rendered(kind, record, rendered_names(kind, listed(call, "properties"), state))
    return json_answer(200, with_associations(kind, view, call, state))


def update(kind: Kind, id: str, call: Call, state: State, now: float) -> Answer:
    """200 with the changed properties, not the whole record."""
    record = must_get(kind, id, state, id_property=call.param("idProperty"))
    properties = body_of(call).get("properties")
    if not properties:
        raise nothing_to_update()
    draft = redrafted(kind, record, properties, state, now)
    keep(kind, draft.record, state, now)
    return json_answer(200, changed(kind, draft))


def archive(kind: Kind, id: str, state: State, now: float) -> Answer:
    """204, also for an archived record; 404 for one that never existed."""
    record = state.get(kind.name, id)
    if record is None:
        raise no_such_record(id)
    archive_record(kind, record, state, now)
    return Answer(status=204)


def merge(kind: Kind, call: Call, state: State, now: float) -> Answer:
    """200 with the primary record. The id of the other one then names the primary record too."""
    data = body_of(call)
    primary = must_get(kind, str(data.get("primaryObjectId")), state)
    other = must_get(kind, str(data.get("objectIdToMerge")), state)
    archive_record(kind, other, state, now)
    state.put(merged(kind), other["id"], {"into": primary["id"]})
    return json_answer(200, rendered_whole(kind, primary))


def page(kind: Kind, call: Call, state: State) -> Answer:
    """List records in the order of creation. The last page has no `paging`."""
    limit = _limit(call)
    after = _after(call)
    archived = wants_archived(call)
    names = rendered_names(kind, listed(call, "properties"), state)
    rows = _rows(kind, after, limit, archived, state)
    results = [with_associations(kind, rendered(kind, record, names), call, state) for _, record in rows[:limit]]
    answer: dict[str, Any] = {"results": results}
    if len(rows) > limit:
        answer["paging"] = {"next": _next(call, rows[limit - 1][0])}
    return json_answer(200, answer)


def changed(kind: Kind, draft: Draft) -> Record:
    """Return a record with the properties that a write touched; a cleared one is an empty string."""
    return envelope(kind, draft.record, {name: draft.record["properties"].get(name, "") for name in draft.touched})


def archive_record(kind: Kind, record: Record, state: State, now: float) -> None:
    """Archive a record, unless it is archived. Its addresses and unique values are free again."""
    if record["archived"]:
        return
    at = instant_at(now)
    keep(kind, {**record, "archived": True, "archivedAt": at, "updatedAt": at}, state, now)


def with_associations(kind: Kind, view: Record, call: Call, state: State) -> Record:
    """Return the record with the ids of its associated records of the requested types; no key for a type without
    any."""
    groups: dict[str, Any] = {}
    for spelling in listed(call, "associations"):
        target = kind_of(spelling)
        results = [{"id": id, "type": bond.name} for id, bond in associated(kind, view["id"], target, state)]
        if results:
            # HubSpot writes "line items" with a space here.
            groups[target.name.replace("_", " ")] = {"results": results}
    return {**view, "associations": groups} if groups else view


def listed(call: Call, name: str) -> list[str]:
    """Return a list of the query: comma-separated, repeated, or both."""
    return [part.strip() for value in call.params(name) for part in value.split(",") if part.strip()]


def wants_archived(call: Call) -> bool:
    """Return whether the call requests archived records only."""
    return (call.param("archived") or "").lower() == "true"


def _limit(call: Call) -> int:
    text = call.param("limit") or str(DEFAULT_PAGE)
    limit = whole(text)
    if not limit:
        raise Refusal(400, f"limit must be a positive number, and is {text}")
    if limit > LONGEST_PAGE:
        raise Refusal(400, f"Page size of {limit} is greater than the maximum of {LONGEST_PAGE}")
    return limit


def _after(call: Call) -> int:
    text = call.param("after") or "0"
    place = whole(text)
    if place is None:
        raise Refusal(400, f"The paging token {text} is not valid")
    return place


def _rows(kind: Kind, after: int, limit: int, archived: bool, state: State) -> list[tuple[int, Record]]:
    """Return the next records with their places, one more than `limit` if there are more."""
    rows: list[tuple[int, Record]] = []
    while True:
        batch = state.page(kind.name, after=after, limit=limit + 1)
        rows += [(place, record) for place, record in batch if record["archived"] == archived]
        if len(rows) > limit or len(batch) <= limit:
            return rows
        after = batch[-1][0]


def _next(call: Call, place: int) -> dict[str, str]:
    query = [(name, value) for name, value in call.query if name != "after"]
    host = call.headers.get("host", "localhost")
    link = f"http://{host}/hubspot{call.path}?{urlencode([*query, ('after', place)])}"
    return {"after": str(place), "link": link}
