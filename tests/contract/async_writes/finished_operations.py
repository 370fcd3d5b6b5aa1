"""Events, callbacks and audit entries of finished operations."""

from typing import Any, Final

from tests.contract.callers import Caller
from tests.contract.facade import Facade
from tests.contract.waiting import until
from tests.emulators.receiver import Received, Receiver

CONTACTS: Final = "/crm/v3/objects/contacts"
LATER: Final = {"prefer": "respond-async"}


def called_at(receiver: Receiver, path: str) -> Received:
    """Return the one Event POSTed to this path. Copies of it may arrive."""
    (only,) = until(lambda: {one.headers["webhook-id"]: one for one in list(receiver.got) if one.path == path}).values()
    return only


def finished(caller: Caller, operation_id: str, count: int = 1) -> list[dict[str, Any]]:
    """Wait for `count` `operation.finished` Events of an operation."""
    return until(
        lambda: [event for event in announcements(caller) if event["data"]["id"] == operation_id],
        lambda events: len(events) >= count,
    )


def announcements(caller: Caller) -> list[dict[str, Any]]:
    """Read all `operation.finished` Events, page by page."""
    events: list[dict[str, Any]] = []
    path: str | None = "/v1/events?type=operation.finished&limit=250"
    while path is not None:
        page = caller.get(path).json()
        events += page["data"]
        path = f"/v1/events?type=operation.finished&limit=250&after={page['next_cursor']}" if page["has_more"] else None
    return events


def audit_of(facade: Facade, operation_id: str) -> list[str]:
    rows = facade.sql("SELECT type FROM audit_event WHERE subject = $1 ORDER BY id", operation_id)
    return [row["type"] for row in rows]
