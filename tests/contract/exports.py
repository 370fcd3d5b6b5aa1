"""Exports of an invented legacy system: build, send and follow them."""

from typing import Any, Final

import httpx

from tests.contract.callers import Caller, new_key
from tests.contract.waiting import TIMEOUT, until

LEGACY: Final = """
[connections.legacy]
vendor = "csv"

[connections.legacy.csv]
object = "customers"
key = "Customer No"
delimiter = ";"
decimal = ","
date_format = "%d.%m.%Y"
timezone = "Europe/Berlin"
constants = { kind = "person" }

[[connections.legacy.csv.columns]]
column = "Name"
field = "last_name"
required = true

[[connections.legacy.csv.columns]]
column = "E-mail"
field = "emails[0].address"

[[connections.legacy.csv.columns]]
column = "State"
field = "status"
type = "enum"
values = { A = "active", X = "blocked", E = "erasure_requested" }

[[connections.legacy.csv.columns]]
column = "Since"
field = "created_at"
type = "date"
"""
LAID: Final = LEGACY.replace("connections.legacy", "connections.laid")
"""The same for a connection with an export folder. The test adds the folder."""
HEADER: Final = "Customer No;Name;E-mail;State;Since"


def line(number: int, **changes: str) -> str:
    """Return the line of one customer. Different numbers give different customers."""
    cells = {
        "no": f"C{number:05d}",
        "name": f"Lee {number}",
        "email": f"ann.{number}@example.com",
        "state": "A",
        "since": "01.07.2026",
    }
    return ";".join((cells | changes).values())


def export(*lines: str) -> bytes:
    """Return a file of these rows."""
    return "\r\n".join(("\ufeff" + HEADER, *lines, "")).encode()


def send(caller: httpx.Client, content: bytes, *, key: str | None = None, **headers: str) -> httpx.Response:
    """Upload a file for `legacy`."""
    return caller.post(
        "/v1/uploads/legacy",
        content=content,
        headers={"idempotency-key": key or new_key(), "content-type": "text/csv"} | headers,
    )


def settled(caller: Caller, answer: httpx.Response) -> dict[str, Any]:
    """Return the upload of a 202 once every row is processed."""
    assert answer.status_code == 202, answer.text
    return await_rows(caller, answer.headers["location"])


def await_rows(caller: httpx.Client, path: str, timeout: float = TIMEOUT) -> dict[str, Any]:
    """Return the upload once every row is processed."""

    def look() -> dict[str, Any]:
        return caller.get(path).raise_for_status().json()

    return until(look, lambda upload: upload["state"] == "done", timeout=timeout)


def dead_letters(caller: httpx.Client, upload: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the upload's open dead letters in full, by row."""
    letters, cursor = [], None
    while True:
        query = {"correlation_id": upload["correlation_id"], "limit": "50"} | ({"cursor": cursor} if cursor else {})
        page = caller.get("/ops/dead-letters", params=query).raise_for_status().json()
        letters += [caller.get(f"/ops/dead-letters/{one['id']}").raise_for_status().json() for one in page["data"]]
        cursor = page["next_cursor"]
        if cursor is None:
            return sorted(letters, key=lambda letter: letter["payload"]["payload"]["row"])


def events(caller: httpx.Client, connection: str = "legacy") -> list[dict[str, Any]]:
    """Return every event of a connection, oldest first."""
    own_events: list[dict[str, Any]] = []
    after: str | None = None
    while True:
        query = {"type": "customer.*", "limit": "250"} | ({"after": after} if after else {})
        page = caller.get("/v1/events", params=query).raise_for_status().json()
        own_events += [event for event in page["data"] if event["connection"] == connection]
        if not page["has_more"]:
            return own_events
        after = page["data"][-1]["id"]
