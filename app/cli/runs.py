"""`lockstitch runs`: list runs that failed, and show what happened in one."""

import asyncio
import os
import sys
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Final

from cyclopts import App, Parameter
from msgspec import Struct

from app.cli.commands import PAGING, check_limit, declare_list, operators
from app.cli.database import find_settings, with_database
from app.cli.exits import INTERRUPTED, usage
from app.cli.printing import Flag, Json, say, write_json
from app.cli.tables import Cells, moment, print_table
from app.http.paging import Page
from app.monitoring.deps import FailureDeps
from app.monitoring.failure_models import Failure, FailureFilter, FailurePosition, FailureState
from app.monitoring.failures import list_failures
from app.monitoring.runs import RunReport, RunStep, read_whole_run, without_repetitions
from app.monitoring.store.runs import PostgresRuns
from app.postgres.database import Database
from canonical.parts import Instant

MOST_STEPS: Final = 1000
POLL_SECONDS: Final = 1.0

runs = App(name="runs")
ID = Parameter(name="ID", help="The correlation id: the X-Correlation-ID of a call or of its answer.")


class RunFilter(Struct, frozen=True, kw_only=True):
    """Which runs."""

    failed: bool = False
    """The default: a run is listed for each failed or unknown write, and each dead letter."""
    state: FailureState | None = None
    """Only in this state. Without it, all but closed dead letters."""
    connection: str | None = None
    """Only at this connection."""
    object: str | None = None
    """Only of this object."""
    key: str | None = None
    """Only writes with the API key of this name."""
    find: str = ""
    """Only about this order number, e-mail address, canonical id or connection:record."""
    since: Instant | None = None
    """Only at this time or later."""


async def _list(deps: FailureDeps, which: RunFilter, *, after: str | None, limit: int) -> Page:
    filters = FailureFilter(state=which.state, connection=which.connection, object=which.object, key=which.key)
    place = None if after is None else _place_of(after)
    rows = await list_failures(deps, filters, which.find, after=place, limit=limit + 1)
    recent = [one for one in rows if which.since is None or one.at >= which.since]
    page, more = recent[:limit], len(recent) > limit
    cursor = f"{page[-1].at.isoformat()}/{page[-1].id}" if more else None
    return Page(data=page, next_cursor=cursor, has_more=more)


def _place_of(cursor: str) -> FailurePosition:
    at, _, identifier = cursor.partition("/")
    try:
        return FailurePosition(at=datetime.fromisoformat(at), id=identifier)
    except ValueError:
        usage(f"--cursor {cursor}: must be the cursor of a list.")


@declare_list(runs, operators(FailureDeps), _list, ("run, part", "at", "what", "why"), none="No matching failures.")
def list_row(failure: Failure) -> Cells:
    """List runs in which something failed, newest first, and why."""
    record = " ".join(filter(None, (failure.object, failure.remote_id)))
    why = failure.why or "" if failure.path is None else f"{failure.why}\nat {failure.path}"
    return (
        f"{failure.correlation_id}\n{failure.id}",
        moment(failure.at).replace(" ", "\n"),
        "\n".join(filter(None, (failure.what, f"{record} at {failure.connection}".strip()))),
        f"{failure.state}\n{why}",
    )


@runs.command
def show(
    correlation_id: Annotated[str, ID],
    /,
    *,
    limit: Annotated[int, PAGING["limit"]] = MOST_STEPS,
    follow: Annotated[Flag, Parameter(help="Print further steps as they happen, until Ctrl-C.")] = False,
    json: Json = False,
) -> None:
    """Show the steps of a run, oldest first, and the URL of its trace."""
    check_limit(limit)
    settings = find_settings(os.environ)

    async def read(database: Database) -> RunReport:
        return await read_whole_run(
            PostgresRuns(database),
            correlation_id,
            trace_url=settings.trace_url,
            responsible=settings.responsible,
            limit=limit,
        )

    async def watch(database: Database) -> None:
        printed = 0
        while True:
            report = await read(database)
            if len(report.data) > printed:
                _print(report.data[printed:], header=printed == 0)
                sys.stdout.flush()
                printed = len(report.data)
            await asyncio.sleep(POLL_SECONDS)

    if follow:
        try:
            with_database(watch)
        except KeyboardInterrupt:
            sys.exit(INTERRUPTED)
    report = with_database(read)
    if json:
        write_json(report)
        return
    _print(report.data, header=True)
    say(*(f"Responsible: {one}" for one in report.responsible))
    say(f"Trace: {report.trace_url}")
    if report.has_more:
        sys.stderr.write("There are more steps: raise --limit.\n")


def _print(steps: Sequence[RunStep], *, header: bool) -> None:
    print_table(("at (UTC)", "kind", "what happened") if header else ("", "", ""), without_repetitions(steps), _row)


def _row(step: RunStep) -> Cells:
    return f"{step.at:%Y-%m-%d %H:%M:%S.%f}"[:-3], step.kind, step.sentence
