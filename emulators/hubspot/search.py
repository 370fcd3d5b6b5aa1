"""`POST /crm/v3/objects/{type}/search` over the index, which lags behind writes."""

from typing import Any

from emulators.http import Answer, Call, json_answer
from emulators.hubspot.bodies import body_of, names_of, whole
from emulators.hubspot.errors import over_the_limit
from emulators.hubspot.filters import Comparable, comparable, problem, read_groups
from emulators.hubspot.kinds import Kind
from emulators.hubspot.records import Record, indexed, rendered, rendered_names
from emulators.state import DEFAULT_PER_MINUTE, State

LONGEST_PAGE = 200
DEFAULT_PAGE = 10
MOST_RESULTS = 10_000
# HubSpot allows 190 calls in 10 s and 5 searches a second, which is one search a second for 228 calls a minute. Any
# limit here has the same proportion.
CALLS_PER_SEARCH = 228


def spend_search(state: State, now: float) -> None:
    """Count one search against the limit of this second. The search has its own limit, which no header reports."""
    most = max(1, int(state.setting("per_minute", DEFAULT_PER_MINUTE)) // CALLS_PER_SEARCH)
    second = int(now)
    spent = state.recall("searches") or {}
    count = spent.get("count", 0) + 1 if spent.get("second") == second else 1
    state.remember("searches", {"second": second, "count": count}, ttl=2)
    if count > most:
        raise over_the_limit("SECONDLY")


def search(kind: Kind, call: Call, state: State, now: float) -> Answer:
    """200 with a page of matches, the total, and the offset of the next page."""
    data = body_of(call)
    groups = read_groups(kind, data.get("filterGroups"), state)
    query = str(data.get("query") or "").lower().split()
    limit, after = _limit(data), _number(data, "after", 0)
    most = int(state.setting("search_cap", MOST_RESULTS))
    if after + limit > most:
        raise problem(f"Only the first {most} results can be paged through")

    hits = [
        record
        for record in _index(kind, state, now)
        if (not groups or any(all(one.passes(record) for one in group) for group in groups))
        and _mentions(kind, record, query)
    ]
    _sort(kind, hits, data.get("sorts"), state)
    names = rendered_names(kind, names_of(data), state)
    page = hits[after : after + limit]
    answer: dict[str, Any] = {"total": len(hits), "results": [rendered(kind, record, names) for record in page]}
    if after + limit < len(hits):
        answer["paging"] = {"next": {"after": str(after + limit)}}
    return json_answer(200, answer)


def _index(kind: Kind, state: State, now: float) -> list[Record]:
    """Return the records as the index has them: without new ones, with old states of changed ones, with archived
    ones."""
    caught_up_to = now - state.search_lag()
    records: list[Record] = []
    for seen_at, record in state.changed(kind.name, since=0.0):
        known = record if seen_at <= caught_up_to else state.get(indexed(kind), record["id"])
        if known is not None and not known["archived"]:
            records.append(known)
    return records


def _mentions(kind: Kind, record: Record, query: list[str]) -> bool:
    texts = [str(record["properties"].get(name, "")).lower() for name in kind.searched]
    return all(any(word in text for text in texts) for word in query)


def _sort(kind: Kind, hits: list[Record], sorts: Any, state: State) -> None:
    """Sort by age, then by the one sort that HubSpot accepts. Records without a value come last."""
    hits.sort(key=lambda record: (len(record["id"]), record["id"]))
    if not sorts:
        return
    if not isinstance(sorts, list) or len(sorts) > 1:
        raise problem("Only one sort is allowed")
    name, descending = _direction(sorts[0])
    definition = state.get(kind.definitions, name)
    if definition is None:
        raise problem(f'Property "{name}" does not exist')

    def value(record: Record) -> Comparable | None:
        text = record["properties"].get(name)
        return None if text is None else comparable(definition["type"], str(text))

    valued = [(value(record), record) for record in hits]
    known: list[tuple[Any, Record]] = [pair for pair in valued if pair[0] is not None]
    known.sort(key=lambda pair: pair[0], reverse=descending)
    hits[:] = [record for _, record in known] + [record for one, record in valued if one is None]


def _direction(sort: Any) -> tuple[str, bool]:
    """Read a sort: an object, or a name with a minus for descending."""
    if isinstance(sort, str):
        return sort.removeprefix("-"), sort.startswith("-")
    if not isinstance(sort, dict) or sort.get("direction", "ASCENDING") not in ("ASCENDING", "DESCENDING"):
        raise problem("sorts must have a propertyName and a direction, ASCENDING or DESCENDING")
    return str(sort.get("propertyName")), sort.get("direction") == "DESCENDING"


def _limit(data: dict[str, Any]) -> int:
    limit = _number(data, "limit", DEFAULT_PAGE)
    if not 1 <= limit <= LONGEST_PAGE:
        raise problem(f"limit must be between 1 and {LONGEST_PAGE}")
    return limit


def _number(data: dict[str, Any], key: str, default: int) -> int:
    """Return a whole number, also from text: clients send offsets as text."""
    raw = data.get(key)
    if raw is None or raw == "":
        return default
    number = whole(raw)
    if number is None:
        raise problem(f"{key} must be a whole number, and is {raw}")
    return number
