"""Freshdesk's filter language over the lagging index: `"status:2 AND (priority:4 OR tag:'vip')"`."""

import re
from collections.abc import Callable
from typing import Any

from emulators.freshdesk import fields
from emulators.freshdesk.desk import Desk, known_parameters
from emulators.freshdesk.errors import complaint, invalid
from emulators.freshdesk.index import known
from emulators.freshdesk.paging import whole
from emulators.http import Answer, Call, json_answer
from emulators.state import JsonRecord

LONGEST_QUERY = 512
SIZE, DEEPEST = 30, 10
NAMES = ("agent_id", "group_id", "priority", "status", "tag", "type", "due_by", "fr_due_by", "created_at", "updated_at")
TOKEN = re.compile(r"\s*(?:(\()|(\))|(AND\b)|(OR\b)|([a-z][a-z0-9_]*):([<>]?)('(?:[^'\\]|\\.)*'|[^\s()]+))")

Test = Callable[[JsonRecord], bool]


def search_tickets(desk: Desk, call: Call, ids: tuple[str, ...]) -> Answer:
    """Return 30 tickets that match, newest first; at most ten pages of them."""
    known_parameters(call, ("query", "page"))
    query, page = call.param("query") or "", whole(call, "page", 1, DEEPEST)
    if len(query) > LONGEST_QUERY or not (len(query) > 2 and query[0] == query[-1] == '"'):
        raise _bad("It should be a string in double quotes, of at most 512 characters")
    fits = _Reader(query[1:-1], _names(desk)).whole()
    matches = sorted((one for one in known(desk) if fits(one)), key=lambda one: str(one["created_at"]), reverse=True)
    on_page = matches[(page - 1) * SIZE : page * SIZE]
    results = [{name: one[name] for name in one if name not in ("stats", "attachments")} for one in on_page]
    return json_answer(200, {"total": len(matches), "results": results})


class _Reader:
    """Reads a query from left to right. AND binds tighter than OR."""

    def __init__(self, query: str, names: frozenset[str]) -> None:
        self._tokens: list[tuple[str, ...]] = []
        self._names = names
        place = 0
        while place < len(query.rstrip()):
            match = TOKEN.match(query, place)
            if match is None:
                raise _bad("It is not a query")
            self._tokens.append(match.groups(""))
            place = match.end()

    def whole(self) -> Test:
        """Return the test of the whole query."""
        test = self._either()
        if self._tokens:
            raise _bad("It is not a query")
        return test

    def _either(self) -> Test:
        tests = [self._both()]
        while self._tokens and self._tokens[0][3]:
            self._tokens.pop(0)
            tests.append(self._both())
        return lambda ticket: any(test(ticket) for test in tests)

    def _both(self) -> Test:
        tests = [self._one()]
        while self._tokens and self._tokens[0][2]:
            self._tokens.pop(0)
            tests.append(self._one())
        return lambda ticket: all(test(ticket) for test in tests)

    def _one(self) -> Test:
        if not self._tokens:
            raise _bad("It is not a query")
        opens, _, _, _, name, comparison, value = self._tokens.pop(0)
        if opens:
            test = self._either()
            if not self._tokens or not self._tokens.pop(0)[1]:
                raise _bad("It is not a query")
            return test
        if name not in self._names:
            raise _bad(f"Unexpected field {name}" if name else "It is not a query")
        return lambda ticket: _holds(ticket, name, comparison, value.strip("'"))


def _names(desk: Desk) -> frozenset[str]:
    return frozenset(NAMES) | {one["name"] for one in fields.custom_fields(desk, "ticket_fields")}


def _holds(ticket: JsonRecord, name: str, comparison: str, value: str) -> bool:
    if name == "tag":
        return value.lower() in (tag.lower() for tag in ticket["tags"])
    stored: Any = (
        ticket["custom_fields"].get(name) if name.startswith("cf_") else ticket.get(name.replace("agent", "responder"))
    )
    if value == "null":
        return stored is None
    if stored is None:
        return False
    text = str(stored).lower() if isinstance(stored, bool) else str(stored)
    if comparison:
        left, right = (
            (text[: len(value)], value) if name.endswith(("_at", "_by")) else (text.zfill(20), value.zfill(20))
        )
        return left >= right if comparison == ">" else left <= right
    return text.lower() == value.lower()


def _bad(message: str) -> Exception:
    return invalid([complaint("query", message, "invalid_value")])
