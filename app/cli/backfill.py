"""`lockstitch backfill`: start, follow, pause, resume and cancel backfills."""

from typing import Annotated, Final

from cyclopts import App, Parameter

from app.cli.commands import AGE, build, declare_action, operators
from app.cli.operators import prepare_actor
from app.cli.printing import Flag, Json, print_result
from app.cli.progress import FOLLOW, IS_WORKER_RUNNING, Followed, declare_status
from app.cli.tables import Cells, moment, print_table, span
from app.http.plurals import PLURAL, counted
from app.identifiers import new_run_id
from app.walks.backfill.manage import (
    cancel_backfill,
    list_backfills,
    pause_backfill,
    read_backfill,
    resume_backfill,
    start_backfill,
)
from app.walks.backfill.models import BackfillRequest, BackfillView
from app.walks.deps import BackfillDeps
from app.walks.models import ListedObject

COLUMNS: Final = ("backfill", "state", "records", "started", "time left")

backfill = App(name="backfill")
opened = operators(BackfillDeps)
ID = Parameter(name="ID", help="The id of the backfill, bf_….")
SINCE = Parameter(help=f"Only records that changed since then. {AGE}")
RATE = Parameter(help="The maximum of records per second. Without it, as the budget of the connection allows.")
DELIVER = Parameter(help="A subscription's id, or consumer:NAME, to get an event for each record. Repeat it for more.")


@backfill.command
def start(
    connection: Annotated[str, Parameter(name="CONNECTION", help="The connection to read.")],
    object: Annotated[ListedObject, Parameter(name="OBJECT", help="customer, order or ticket.")],
    /,
    *,
    since: Annotated[str | None, SINCE] = None,
    rate: Annotated[float | None, RATE] = None,
    deliver: Annotated[tuple[str, ...], DELIVER] = (),
    dry_run: Annotated[Flag, Parameter(help="Only count; store nothing.")] = False,
    follow: Annotated[Flag, FOLLOW] = False,
    json: Json = False,
) -> None:
    """Read all records of an object, and give them ids, links, match keys and last-seen states."""
    values = {"connection": connection, "object": object, "since": since, "rate": rate, "deliver": deliver or None}
    request = build(BackfillRequest, {**values, "dry_run": dry_run})
    begun = opened(lambda deps: start_backfill(deps, request, actor=prepare_actor(), correlation_id=new_run_id()))
    if follow:
        WORK.print(begun.id, follow=True, json=json)
        return
    number = PLURAL[begun.object] if begun.total is None else counted(begun.total, begun.object)
    print_result(begun, f"{begun.id} reads {number} of {begun.connection}.", json=json)


@declare_action(backfill, opened, pause_backfill, backfill_id=ID)
def pause(paused: BackfillView) -> str:
    """Pause a backfill after the page in progress. It keeps its position. Exits with 3 if it does not run."""
    return f"{paused.id} is paused after {counted(paused.records, 'record')}."


@declare_action(backfill, opened, resume_backfill, backfill_id=ID)
def resume(resumed: BackfillView) -> str:
    """Resume a paused backfill after its last page. Exits with 3 if it is not paused."""
    return f"{resumed.id} goes on after {counted(resumed.records, 'record')}."


@declare_action(backfill, opened, cancel_backfill, backfill_id=ID)
def cancel(cancelled: BackfillView) -> str:
    """Cancel a backfill. What it has stored stays. Exits with 3 if it has ended."""
    return f"{cancelled.id} is cancelled after {counted(cancelled.records, 'record')}."


def _row(state: BackfillView) -> Cells:
    counts = {"new": state.new, "differing": state.differing, "unreadable": state.unreadable}
    done = str(state.records) if state.total is None else f"{state.records}/{state.total}"
    return (
        f"{state.id}\n{state.connection} {PLURAL[state.object]}",
        state.state if state.failure is None else f"{state.state}\n{state.failure}",
        "\n".join((done, *(f"{count} {name}" for name, count in counts.items() if count))),
        moment(state.created_at).replace(" ", "\n"),
        "" if state.eta_seconds is None else span(state.eta_seconds),
    )


WORK: Final = Followed(
    opened=opened,
    read=read_backfill,
    show=lambda state: print_table(COLUMNS, [state], _row),
    progress=lambda state: (state.records, state.total),
    is_over=lambda state: state.ended_at is not None,
    doing="backfilling",
    command="backfill status",
    stuck=lambda state: "It is paused." if state.state == "paused" else IS_WORKER_RUNNING,
)
declare_status(backfill, WORK, list_backfills, COLUMNS, _row, none="No backfills.")
