"""One call's view of the Zendesk account: its state, the time, and its address."""

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
    """The context of a handler. `now` is in Unix seconds; the vendor reports times in whole seconds, UTC, with `Z`."""

    def __init__(self, state: State, now: float, base: str) -> None:
        """`base` is the URL of the account up to and including `/api/v2`."""
        self.state = state
        self.now = now
        self.base = base

    @property
    def stamp(self) -> str:
        """The time of this call in the vendor's form."""
        return iso(self.now)

    def new_id(self) -> int:
        """Return a new id for any object except a ticket. As at the vendor, all share one series."""
        return self.state.next_id("any", FIRST_ID)

    def url(self, path: str) -> str:
        """Return the API's URL of a record."""
        return f"{self.base}/{path}.json"

    def must_get(self, object: str, id: str | int) -> JsonRecord:
        """Return the record. Raises the vendor's 404."""
        record = self.state.get(object, str(id))
        if record is None:
            raise not_found()
        return record


def iso(moment: float) -> str:
    """Return Unix seconds as `2026-05-06T08:46:13Z`."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def body_of(call: Call, name: str) -> dict[str, Any]:
    """Return the object under `name` in the JSON body, the form of every write. 400 without one."""
    body = call.json()
    inner = body.get(name) if isinstance(body, dict) else None
    if not isinstance(inner, dict):
        raise bad_attribute(name, "an object")
    return inner


def whole_number(text: str | None, default: int, *, high: int) -> int:
    """Return a number of the query, limited to 1 to `high`; `default` if it is absent or no number."""
    if text is None or not text.isdecimal():
        return default
    return min(max(int(text), 1), high)
