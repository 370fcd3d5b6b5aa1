"""The incremental exports by cursor: records written since a time, also deleted ones."""

from collections.abc import Callable
from typing import Any

from emulators.http import Answer, Call, json_answer
from emulators.state import JsonRecord
from emulators.zendesk.desk import Desk, whole_number
from emulators.zendesk.errors import bad_request, too_recent
from emulators.zendesk.paging import link, seal, unseal
from emulators.zendesk.sideload import side_loads

MOST = 1_000
YOUNGEST_START = 60

Handler = Callable[[Desk, Call, tuple[str, ...]], Answer]


def exported(object: str) -> Handler:
    """Return the handler of the export of `users` or `tickets`: `start_time` once, then `cursor`."""

    def handler(desk: Desk, call: Call, ids: tuple[str, ...]) -> Answer:
        size = whole_number(call.param("per_page"), MOST, high=MOST)
        cursor = call.param("cursor")
        since, last = _position(cursor) if cursor is not None else (_start(desk, call), 0)
        # Records of one moment are ordered by id, because a page may end between them.
        written = sorted(_written(desk, call, object, since), key=lambda row: (row[0], row[1]["id"]))
        fresh = [row for row in written if (row[0], row[1]["id"]) > (since, last)]
        rows, more = fresh[:size], len(fresh) > size
        if rows:
            cursor = seal([rows[-1][0], rows[-1][1]["id"]])
        records = [record for _, record in rows]
        body: dict[str, Any] = {
            object: records,
            "after_url": link(desk, _without(call, "start_time"), {"cursor": cursor}) if cursor else None,
            "after_cursor": cursor,
            "before_url": None,
            "before_cursor": None,
            "end_of_stream": not more,
        }
        extra = side_loads(desk, call)
        return json_answer(200, {**body, **(extra(records) if extra else {})})

    return handler


def _written(desk: Desk, call: Call, object: str, since: float) -> list[tuple[float, JsonRecord]]:
    """Return the records written since a time, oldest write first, without the last seconds: exports lag as the search
    does."""
    horizon = desk.now - desk.state.search_lag()
    hidden = call.param("exclude_deleted") == "true"
    return [
        (written, record)
        for written, record in desk.state.changed(object, since=since)
        if written <= horizon and not (hidden and record.get("status") == "deleted")
    ]


def _start(desk: Desk, call: Call) -> int:
    start = call.param("start_time")
    if start is None or not start.isdecimal():
        raise bad_request("InvalidParameter", "start_time must be a Unix time in seconds")
    if int(start) > desk.now - YOUNGEST_START:
        raise too_recent()
    return int(start)


def _position(cursor: str) -> tuple[float, int]:
    value = unseal(cursor)
    if not isinstance(value, list) or len(value) != 2 or not isinstance(value[1], int):
        raise bad_request("InvalidParameter", "cursor is not one of this export")
    return float(value[0]), value[1]


def _without(call: Call, name: str) -> Call:
    kept = tuple((key, value) for key, value in call.query if key != name)
    return Call(method=call.method, path=call.path, query=kept, headers=call.headers, body=call.body)
