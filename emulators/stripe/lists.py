"""Lists, newest first, with pages that begin after a record; and searches, which lag."""

import re
from collections.abc import Callable
from typing import Any

from emulators.state import JsonRecord
from emulators.stripe.desk import Desk
from emulators.stripe.errors import invalid, missing, missing_parameter
from emulators.stripe.params import EXPAND, Check, hash_of, text, whole

CREATED = dict.fromkeys(("gt", "gte", "lt", "lte"), whole)
MOST, USUAL = 100, 10
CLAUSE = re.compile(r'\s*(?:metadata\["([^"\\]+)"\]|(\w+))\s*([:~])\s*"((?:[^"\\]|\\.)*)"\s*')
BETWEEN = re.compile(r"AND\s", re.IGNORECASE)


def created(name: str, value: Any) -> Any:
    """Accept a time, or a range of times."""
    return whole(name, value) if isinstance(value, str) else hash_of(dict(CREATED))(name, value)


PAGING: dict[str, Check] = {
    "limit": whole,
    "starting_after": text(),
    "ending_before": text(),
    "created": created,
    "expand": EXPAND,
}
SEARCHING: dict[str, Check] = {"query": text(), "limit": whole, "page": text(), "expand": EXPAND}


def page(records: list[JsonRecord], read: dict[str, Any], url: str) -> JsonRecord:
    """Return one page of records, passed oldest first."""
    newest = [one for one in reversed(records) if not one.get("deleted") and _in_time(one, read.get("created"))]
    limit = _limit(read)
    after, before = read.get("starting_after"), read.get("ending_before")
    start = 0
    if after is not None:
        start = _place(newest, after, "starting_after") + 1
    elif before is not None:
        end = _place(newest, before, "ending_before")
        start = max(0, end - limit)
        return _listed(newest[start:end], url, more=start > 0)
    return _listed(newest[start : start + limit], url, more=len(newest) > start + limit)


def search_page(desk: Desk, object: str, read: dict[str, Any], url: str, fields: tuple[str, ...]) -> JsonRecord:
    """Return one page of a search. It does not see writes of the last `search_lag` seconds."""
    if not read.get("query"):
        raise missing_parameter("query")
    tests = _tests(str(read["query"]), fields)
    horizon = desk.exactly - desk.state.search_lag()
    fitting = [
        one
        for one in reversed(desk.state.all(object))
        if not one.get("deleted")
        and desk.state.seen_at(object, one["id"]) <= horizon
        and all(test(one) for test in tests)
    ]
    limit, begin = _limit(read), whole("page", read["page"]) if read.get("page") else 0
    more = len(fitting) > begin + limit
    return {
        "object": "search_result",
        "url": url,
        "has_more": more,
        "data": fitting[begin : begin + limit],
        "next_page": str(begin + limit) if more else None,
    }


def _tests(query: str, fields: tuple[str, ...]) -> list[Callable[[JsonRecord], bool]]:
    tests, place = [], 0
    while place < len(query):
        match = CLAUSE.match(query, place)
        if match is None or (match[2] is not None and match[2] not in fields):
            raise invalid("query", f"We were unable to parse your search query: {query}")
        tests.append(_test(match[1], match[2], match[3], re.sub(r"\\(.)", r"\1", match[4])))
        place = match.end()
        if place < len(query):
            between = BETWEEN.match(query, place)
            if between is None:
                raise invalid("query", f"We were unable to parse your search query: {query}")
            place = between.end()
    return tests


def _test(key: str | None, field: str | None, sign: str, wanted: str) -> Callable[[JsonRecord], bool]:
    """Return the test of one condition. Searches ignore case."""

    def test(record: JsonRecord) -> bool:
        stored = record.get("metadata", {}).get(key) if key is not None else record.get(str(field))
        text = str(stored or "").lower()
        return wanted.lower() in text if sign == "~" else text == wanted.lower()

    return test


def _limit(read: dict[str, Any]) -> int:
    limit = int(read.get("limit", USUAL))
    if not 1 <= limit <= MOST:
        raise invalid("limit", f"Invalid integer: must be between 1 and {MOST}", "parameter_invalid_integer")
    return limit


def _place(records: list[JsonRecord], id: str, param: str) -> int:
    for place, record in enumerate(records):
        if record["id"] == id:
            return place
    raise missing("record", id, param, 400)


def _listed(records: list[JsonRecord], url: str, *, more: bool) -> JsonRecord:
    return {"object": "list", "url": url, "has_more": more, "data": records}


def _in_time(record: JsonRecord, wanted: Any) -> bool:
    if wanted is None:
        return True
    at = int(record.get("created") or 0)
    if isinstance(wanted, int):
        return at == wanted
    tests = {"gt": at.__gt__, "gte": at.__ge__, "lt": at.__lt__, "lte": at.__le__}
    return all(tests[name](limit) is True for name, limit in wanted.items())
