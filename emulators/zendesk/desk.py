"""One call's view of the Zendesk account: its memory, the time, and where it is reached."""

from datetime import UTC, datetime
from typing import Any

from emulators.http import Call
from emulators.state import JsonRecord, State
from emulators.zendesk.errors import bad_attribute, not_found

# Zendesk's ids are 64-bit integers of 13 to 14 digits; tickets alone are numbered from 1.
FIRST_ID = 27_100_000_000_001
AGENT_ID = 27_000_000_000_001
GROUP_ID = 27_000_000_000_101
BRAND_ID = 27_000_000_000_201
FORM_ID = 27_000_000_000_301
ADMIN_ROLE_ID = 27_000_000_000_601


class Desk:
    """What a handler works with. `now` is in Unix seconds; the vendor shows times in whole seconds, UTC, with `Z`."""

    def __init__(self, state: State, now: float, base: str) -> None:
        """`base` is the URL of the account up to and including `/api/v2`."""
        self.state = state
        self.now = now
        self.base = base

    @property
    def stamp(self) -> str:
        """The time of this call as the vendor writes it."""
        return iso(self.now)

    def new_id(self) -> int:
        """An id for anything but a ticket; they come out of one series, as the vendor's do."""
        return self.state.next_id("any", FIRST_ID)

    def url(self, path: str) -> str:
        """The API's address of a record."""
        return f"{self.base}/{path}.json"

    def must_get(self, object: str, id: str | int) -> JsonRecord:
        """The record, or the vendor's 404."""
        record = self.state.get(object, str(id))
        if record is None:
            raise not_found()
        return record


def iso(moment: float) -> str:
    """Unix seconds as `2026-05-06T08:46:13Z`."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def body_of(call: Call, name: str) -> dict[str, Any]:
    """The object under `name` in the JSON body, as every write wraps its record. 400 when there is no object."""
    body = call.json()
    inner = body.get(name) if isinstance(body, dict) else None
    if not isinstance(inner, dict):
        raise bad_attribute(name, "an object")
    return inner


def whole_number(text: str | None, default: int, *, high: int) -> int:
    """A number from the query, held between 1 and `high`; `default` when absent or no number."""
    if text is None or not text.isdecimal():
        return default
    return min(max(int(text), 1), high)
