"""The calls of the unified search."""

from typing import Any

from emulators.http import Answer, Call, json_answer
from emulators.routes import Refusal
from emulators.state import JsonRecord
from emulators.zendesk.desk import Desk, whole_number
from emulators.zendesk.errors import bad_request, error_answer
from emulators.zendesk.paging import PAGE_SIZE, link, offset_page, seal, unseal
from emulators.zendesk.search import matching, ordered
from emulators.zendesk.sideload import side_loads

SEARCH_DEPTH = 1_000
EXPORT_SIZE = 1_000


def search(desk: Desk, call: Call, ids: tuple[str, ...]) -> Answer:
    """Return tickets and users that match `query`, newest first or by `sort_by`; at most the first 1,000."""
    page = whole_number(call.param("page"), 1, high=1_000_000)
    size = whole_number(call.param("per_page"), PAGE_SIZE, high=PAGE_SIZE)
    if page * size > SEARCH_DEPTH:
        text = f"Invalid search: requested response size was greater than Search Response Limits ({SEARCH_DEPTH})"
        raise Refusal(error_answer(422, "invalid", text))
    records = ordered(matching(desk, _query(call)), call.param("sort_by"), call.param("sort_order") != "asc")
    answer = offset_page(desk, call, "results", [_typed(record) for record in records], side_loads(desk, call))
    return answer.with_json({**answer.json(), "facets": None})


def count(desk: Desk, call: Call, ids: tuple[str, ...]) -> Answer:
    """Return how many records match `query`."""
    return json_answer(200, {"count": len(matching(desk, _query(call)))})


def export(desk: Desk, call: Call, ids: tuple[str, ...]) -> Answer:
    """Return all records of one type (`filter[type]`) that match `query`, oldest first, by cursor."""
    kind = call.param("filter[type]")
    if kind not in ("ticket", "user"):
        raise bad_request("InvalidParameter", "filter[type] must be one of ticket, user")
    size = whole_number(call.param("page[size]"), PAGE_SIZE, high=EXPORT_SIZE)
    after = call.param("page[after]")
    last_id = unseal(after) if after else 0
    fitting = sorted(matching(desk, f"type:{kind} {_query(call)}"), key=lambda record: int(record["id"]))
    rest = [record for record in fitting if int(record["id"]) > int(last_id)]
    on_page = rest[:size]
    cursor = seal(on_page[-1]["id"]) if on_page else None
    body: dict[str, Any] = {
        "results": [_typed(record) for record in on_page],
        "facets": None,
        "meta": {"has_more": len(rest) > size, "after_cursor": cursor, "before_cursor": None},
        "links": {"prev": None, "next": link(desk, call, {"page[after]": cursor}) if cursor else None},
    }
    return json_answer(200, body)


def _query(call: Call) -> str:
    query = call.param("query")
    if query is None:
        raise bad_request("InvalidParameter", "Missing parameter: query")
    return query


def _typed(record: JsonRecord) -> JsonRecord:
    return {**record, "result_type": "ticket" if "requester_id" in record else "user"}
