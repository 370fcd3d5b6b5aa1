"""One call's view of the Freshdesk account: its state, the time, and its address."""

from datetime import UTC, datetime
from typing import Any

from emulators.freshdesk.errors import complaint, invalid, not_found
from emulators.http import Call
from emulators.state import JsonRecord, State

# Freshdesk's ids are 64-bit integers of eleven to twelve digits; tickets alone are numbered from 1.
FIRST_ID = 67_000_000_000_101
AGENT_ID = 67_000_000_000_001
SECOND_AGENT_ID = 67_000_000_000_002
GROUP_ID = 67_000_000_000_011
COMPANY_ID = 67_000_000_000_021


class Desk:
    """The context of a handler. `now` is in Unix seconds; the vendor reports times in whole seconds, UTC, with `Z`."""

    def __init__(self, state: State, now: float, base: str) -> None:
        """`base` is the URL of the account without a path."""
        self.state = state
        self.now = now
        self.base = base

    @property
    def stamp(self) -> str:
        """The time of this call in the vendor's form."""
        return iso(self.now)

    def new_id(self) -> int:
        """Return a new id for any object except a ticket."""
        return self.state.next_id("any", FIRST_ID)

    def must_get(self, object: str, id: str | int) -> JsonRecord:
        """Return the record. Raises the vendor's 404."""
        record = self.state.get(object, str(id))
        if record is None:
            raise not_found()
        return record

    def person(self, id: int) -> JsonRecord | None:
        """Return a contact or an agent."""
        return self.state.get("contacts", str(id)) or self.state.get("agents", str(id))


def iso(moment: float) -> str:
    """Return Unix seconds as `2026-05-06T08:46:13Z`."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def moment_of(text: str) -> str | None:
    """Return a caller's ISO 8601 time in the vendor's form; None for other text."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return iso((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


def body_of(call: Call) -> dict[str, Any]:
    """Return the JSON object of a write. 400 without one."""
    body = call.json() if call.body else None
    if not isinstance(body, dict):
        raise invalid([complaint("request", "It should be a JSON object", "invalid_json")])
    return body


def known_parameters(call: Call, names: tuple[str, ...]) -> None:
    """Refuse unknown query parameters, as Freshdesk does."""
    unknown = [name for name, _ in call.query if name not in names]
    if unknown:
        raise invalid([complaint(name, "Unexpected/invalid field in request", "invalid_field") for name in unknown])


def ensure(complaints: list[JsonRecord]) -> None:
    """Refuse with all complaints at once. Does nothing without any."""
    if complaints:
        raise invalid(complaints)
