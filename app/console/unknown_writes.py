"""Undecided writes: what was sent, what the vendor has now, and the decision."""

from typing import Final

import msgspec

from app.console.pages import NextPage, View, Visit, action, page
from app.errors import InvalidField, NotFound, StateConflict
from app.http.decode_body import decode_patch
from app.vendors.connections import OBJECTS
from app.writes import operations
from app.writes.deps import WriteDeps
from app.writes.for_operators import Resolution
from app.writes.idempotency import Writers
from app.writes.operation_view import state_of
from app.writes.undecided import read_undecided

WRITES: Final = "/console/writes"
ON_A_PAGE: Final = 50
CHECK_SECONDS: Final = 20.0
OUTCOMES: Final = {
    "unknown": "The vendor was asked again, and the outcome is still unknown.",
    "succeeded": "The vendor was asked again: the write is done.",
    "failed": "The vendor was asked again: the write did not happen.",
}
UNDER_WAY: Final = "The vendor was asked again, and the write goes on."


@page(WRITES)
async def list_writes(visit: Visit) -> View:
    """Show operations of unknown outcome, newest first."""
    listed = await operations.list_operations(
        visit.deps(WriteDeps),
        state="unknown",
        objects=OBJECTS,
        caller=visit.caller,
        after=visit.after("op_.+"),
        limit=ON_A_PAGE,
    )
    return View("writes.html", writes=listed.data, following=listed.next_cursor)


@page("/console/writes/{id}")
async def show_write(visit: Visit) -> View:
    """Show one. With `?remote_id=`, compare that record of the vendor with what was sent."""
    return await _view(visit, visit.query.get("remote_id"))


@action("/console/writes/{id}/check")
async def check_write(visit: Visit) -> NextPage | View:
    """Ask the vendor once more. A write that is decided is shown, and says by whom."""
    try:
        operation = await operations.check_operation(
            visit.deps(WriteDeps),
            visit.deps(Writers),
            visit.path("id"),
            wait=CHECK_SECONDS,
            caller=visit.caller,
            objects=OBJECTS,
        )
    except StateConflict as error:
        return await _view(visit, None, wrong=error.detail, status=error.status)
    return NextPage(f"{WRITES}/{operation.id}", OUTCOMES.get(operation.state, UNDER_WAY))


@action("/console/writes/{id}/resolve")
async def resolve_write(visit: Visit) -> NextPage | View:
    """Record the decision. A record that the vendor does not have is shown as wrong, and decides nothing."""
    remote_id = visit.form.get("remote_id", "").strip() or None
    fields = {"outcome": visit.form.get("outcome"), "remote_id": remote_id}
    if fields["outcome"] == "failed":
        del fields["remote_id"]
    try:
        resolution = decode_patch(msgspec.json.encode(fields), Resolution)
        operation = await operations.resolve_unknown(
            visit.deps(WriteDeps), visit.path("id"), resolution, wait=None, caller=visit.caller, objects=OBJECTS
        )
    except (InvalidField, NotFound) as error:
        return await _view(visit, None, typed=remote_id, wrong=error.detail, status=error.status)
    return NextPage(f"{WRITES}/{operation.id}", f"Decided: the write {operation.state}.")


async def _view(
    visit: Visit, remote_id: str | None, *, typed: str | None = None, wrong: str | None = None, status: int = 200
) -> View:
    deps = visit.deps(WriteDeps)
    write = await read_undecided(deps, visit.path("id"), OBJECTS, visit.caller, remote_id=remote_id)
    state = state_of(write.operation)
    return View("write.html", status=status, here=f"{WRITES}/", write=write, state=state, typed=typed, wrong=wrong)
