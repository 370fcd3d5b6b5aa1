"""Side-loading: `include=users,groups,organizations` adds the records that a page refers to."""

from collections.abc import Iterable
from typing import Any

from emulators.http import Call
from emulators.state import JsonRecord
from emulators.zendesk.desk import Desk
from emulators.zendesk.paging import Extra

REFERENCES = {
    "users": ("requester_id", "submitter_id", "assignee_id", "author_id"),
    "groups": ("group_id",),
    "organizations": ("organization_id",),
}
LISTS = {"users": ("collaborator_ids", "follower_ids", "email_cc_ids")}


def side_loads(desk: Desk, call: Call) -> Extra | None:
    """Return the function that adds the requested side-loads to a page, or None if the caller requests none."""
    requested = [name.strip() for name in (call.param("include") or "").split(",")]
    wanted = [name for name in requested if name in REFERENCES]
    if not wanted:
        return None

    def extra(records: list[JsonRecord]) -> dict[str, Any]:
        return {name: _referred(desk, name, records) for name in wanted}

    return extra


def _referred(desk: Desk, object: str, records: list[JsonRecord]) -> list[JsonRecord]:
    ids = dict.fromkeys(id for record in records for id in _ids(object, record) if id is not None)
    read = (desk.state.get(object, str(id)) for id in ids)
    return [record for record in read if record is not None]


def _ids(object: str, record: JsonRecord) -> Iterable[int | None]:
    for name in REFERENCES[object]:
        yield record.get(name)
    for name in LISTS.get(object, ()):
        yield from record.get(name) or ()
